package badgerstore_test

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/dandyroll/dandyroll/internal/prove"
	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/store/badgerstore"
	"github.com/dandyroll/dandyroll/watermark"
)

// fixture is a database with fixtureRecords in each pair, in three states: closed in order,
// killed with a log that is not in a table yet, and killed with a table that the seal does not
// know yet. The older one was closed in order in the middle of its making.
type fixture struct {
	key                            watermark.Key
	older, closed, logged, flushed string
}

const (
	fixtureBatches = 6
	fixtureSize    = 500
	fixtureRecords = fixtureBatches * fixtureSize
)

func newFixture(t *testing.T, key watermark.Key) fixture {
	t.Helper()
	f := fixture{key: key, older: t.TempDir(), closed: t.TempDir(), logged: t.TempDir(), flushed: t.TempDir()}
	dir := t.TempDir()
	for n := range fixtureBatches {
		s := fillFixture(t, dir, key, n)
		if n == fixtureBatches-1 {
			copyOpen(t, dir, f.logged) // as a kill at this moment leaves it
			copyOpen(t, dir, f.flushed)
		}
		if err := s.Close(); err != nil { // with a table for each batch
			t.Fatal(err)
		}
		if n == fixtureBatches/2 {
			copyTree(t, dir, f.older)
		}
	}
	copyTree(t, dir, f.closed)
	c := startChild(t, "hold", f.flushed, keyText(key))
	if line := c.line(); line != "flushed" {
		t.Fatalf("the child said %q: %s", line, c.stderr)
	}
	c.kill()
	return f
}

// fillFixture commits a batch to each pair of a store that it leaves open.
func fillFixture(t *testing.T, dir string, key watermark.Key, n int) *badgerstore.Store {
	t.Helper()
	s, err := badgerstore.Open(dir, &badgerstore.Options{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	for _, pair := range pairsOfFixture() {
		l, err := s.Open(t.Context(), pair)
		if err != nil {
			t.Fatal(err)
		}
		b := batchOf(n, fixtureSize)
		b.Pass = nil
		for i := range b.Records {
			b.Records[i] = recordOf(n*fixtureSize + i)
		}
		for range 2 { // and another commit, that is smaller
			if err := l.Commit(t.Context(), b); err != nil {
				t.Fatal(err)
			}
			b = store.Batch{Pass: &store.Pass{Kind: "full"}}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func copyTree(t testing.TB, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// copyOpen copies the directory of an open store as it is at one moment: while Badger draws tables
// together, it begins again.
func copyOpen(t testing.TB, from, to string) {
	t.Helper()
	for {
		before := listing(t, from)
		err := os.CopyFS(to, os.DirFS(from))
		if err == nil && listing(t, from) == before {
			return
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		if err := os.RemoveAll(to); err != nil {
			t.Fatal(err)
		}
	}
}

// listing shows which files a directory has, and how large they are.
func listing(t testing.TB, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // gone since its directory was read
		}
		if err != nil || entry.IsDir() {
			return err
		}
		if info, err := entry.Info(); err == nil {
			fmt.Fprintln(&b, path, info.Size())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// damage is one thing that can happen to a state directory.
type damage struct {
	name   string
	do     func(dir string) error
	always bool
}

// damageCount is how many damages to each state TestProveDamage picks.
//
//nolint:gochecknoglobals // a flag of the test binary
var damageCount = flag.Int("damages", prove.Scale(20, 200), "number of damages to each database, 0 for all (some 6,000)")

// TestProveDamage damages databases in many ways and opens them in another process. It must never
// crash, and never know less than was committed without saying so (S10).
func TestProveDamage(t *testing.T) {
	var tried, wrong int
	for name, key := range keys() {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, key)
			foreign := newFixture(t, watermark.NewKey())
			for state, dir := range map[string]string{"closed": f.closed, "logged": f.logged, "flushed": f.flushed} {
				t.Run(state, func(t *testing.T) {
					damages := append(fileDamages(t, dir), exchanges(t, dir, f, foreign)...)
					damages = some(damages)
					tried += len(damages)
					wrong += testDamages(t, f, dir, damages)
				})
			}
		})
	}
	prove.Record(t, "damages to a state directory", prove.Figures{Tried: tried, Unexplained: wrong})
}

// some picks damages by chance, and the classics always.
func some(damages []damage) []damage {
	if *damageCount == 0 {
		return damages
	}
	rand.Shuffle(len(damages), func(i, j int) { damages[i], damages[j] = damages[j], damages[i] })
	left := *damageCount
	if testing.Short() {
		left = 1
	}
	return slices.DeleteFunc(damages, func(d damage) bool {
		left--
		return left < 0 && !d.always
	})
}

// testDamages returns how many damages did not end as they must.
func testDamages(t *testing.T, f fixture, pristine string, damages []damage) (wrong int) {
	t.Helper()
	verdicts := map[string]int{}
	var c *child
	for _, d := range append([]damage{{name: "nothing", do: func(string) error { return nil }}}, damages...) {
		dir := filepath.Join(t.TempDir(), "state")
		copyTree(t, pristine, dir)
		if err := d.do(dir); err != nil {
			t.Fatalf("%s: %v", d.name, err)
		}
		if c == nil {
			c = startChild(t, "verify", keyText(f.key), strconv.Itoa(fixtureRecords))
		}
		if _, err := fmt.Fprintln(c.stdin, dir); err != nil {
			t.Fatal(err)
		}
		verdict := c.line()
		switch {
		case verdict == "":
			_ = c.cmd.Wait()
			t.Errorf("%s: the process ended: %.2000s", d.name, c.stderr)
			c = nil
			wrong++
		case verdict != "whole" && verdict != "damaged" && verdict != "key":
			t.Errorf("%s: %s", d.name, verdict)
			wrong++
		case d.name == "nothing" && verdict != "whole":
			t.Fatalf("without damage, the database is %s", verdict)
		}
		verdicts[verdict]++
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d damages: %v", len(damages), verdicts)
	return wrong
}

// offsets are places in a file of a size: its ends, and others by chance.
func offsets(size int64) []int64 {
	all := []int64{0, 5, 9, 17, size / 2, size - 1, size - 5, size - 9, size - 30}
	for range 10 {
		all = append(all, rand.Int64N(size))
	}
	var within []int64
	for _, offset := range all {
		if offset >= 0 && offset < size {
			within = append(within, offset)
		}
	}
	return within
}

// fileDamages are the damages to each file by itself.
func fileDamages(t *testing.T, dir string) []damage {
	t.Helper()
	var all []damage
	for _, path := range allFiles(t, dir) {
		size := usedSize(t, filepath.Join(dir, path))
		all = append(all,
			damage{path + " removed", func(dir string) error { return os.RemoveAll(filepath.Join(dir, path)) }, true},
			damage{path + " cut by 5 bytes", truncate(path, max(size-5, 0)).do, true},
			damage{path + " with a tail", change(path, func(data []byte) []byte {
				return append(data, "tail of another file"...)
			}), false},
			truncate(path, 0),
		)
		if size == 0 {
			continue
		}
		for _, offset := range offsets(size) {
			all = append(all,
				flip(path, offset, byte(1)<<rand.IntN(8)),
				flip(path, offset, 0xff),
				truncate(path, offset),
				zero(path, offset),
			)
		}
	}
	return all
}

// usedSize is the size of a file without the zeros at its end.
func usedSize(t *testing.T, path string) int64 {
	t.Helper()
	return int64(len(strings.TrimRight(string(readFile(t, path)), "\x00")))
}

func allFiles(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		all = append(all, name)
		return err
	})
	if err != nil || len(all) < 4 {
		t.Fatalf("files of the database: %q, %v", all, err)
	}
	return all
}

func truncate(path string, size int64) damage {
	return damage{fmt.Sprintf("%s cut to %d bytes", path, size), func(dir string) error {
		return os.Truncate(filepath.Join(dir, path), size)
	}, false}
}

func flip(path string, offset int64, bits byte) damage {
	return damage{fmt.Sprintf("%s at %d flipped by %#x", path, offset, bits), change(path, func(data []byte) []byte {
		data[offset] ^= bits
		return data
	}), false}
}

// zero clears a page, as a disk may that was cut from its power.
func zero(path string, offset int64) damage {
	return damage{fmt.Sprintf("%s zero from %d", path, offset), change(path, func(data []byte) []byte {
		clear(data[offset:min(offset+4096, int64(len(data)))])
		return data
	}), false}
}

func change(path string, do func([]byte) []byte) func(dir string) error {
	return func(dir string) error {
		data, err := os.ReadFile(filepath.Join(dir, path))
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, path), do(data), 0o600)
	}
}

// exchanges are the damages by files that are whole, but of another time or database.
func exchanges(t *testing.T, dir string, f, foreign fixture) []damage {
	t.Helper()
	all := []damage{
		replace("", f.older, "older state, all of it but the seal", "seal"),
		replace("", foreign.closed, "another database, all of it but the seal", "seal"),
		replace("", foreign.closed, "another database"),
		{"db removed", func(dir string) error { return os.RemoveAll(filepath.Join(dir, "db")) }, true},
	}
	for _, from := range []struct{ name, dir string }{
		{"older", f.older}, {"closed", f.closed}, {"logged", f.logged}, {"flushed", f.flushed}, {"foreign", foreign.logged},
	} {
		if from.dir == dir {
			continue
		}
		for _, path := range allFiles(t, from.dir) {
			all = append(all, replace(path, from.dir, from.name+" "+path))
		}
	}
	return all
}

// replace puts a file, or everything, from another state directory in the place of what is there.
func replace(path, from, name string, except ...string) damage {
	return damage{name, func(dir string) error {
		if path != "" {
			data, err := os.ReadFile(filepath.Join(from, path))
			return errors.Join(err, os.WriteFile(filepath.Join(dir, path), data, 0o600))
		}
		aside := dir + ".aside"
		err := errors.Join(os.Rename(dir, aside), os.CopyFS(dir, os.DirFS(from)))
		for _, name := range except {
			err = errors.Join(err, os.Rename(filepath.Join(aside, name), filepath.Join(dir, name)))
		}
		return errors.Join(err, os.RemoveAll(aside))
	}, path == ""}
}
