package badgerstore_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/store/badgerstore"
	"github.com/dandyroll/dandyroll/watermark"
)

// filled returns the directory of a closed store with one pair.
func filled(t *testing.T, key watermark.Key, pair string, b store.Batch) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "a", "state")
	s, err := badgerstore.Open(dir, &badgerstore.Options{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	l, err := s.Open(t.Context(), pair)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Commit(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// snapshot maps the names of all files to their bytes.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, name := range allFiles(t, dir) {
		all[name] = string(readFile(t, filepath.Join(dir, name)))
	}
	return all
}

func TestOpenRefuses(t *testing.T) {
	key := watermark.NewKey()
	for _, test := range []struct {
		name   string
		made   watermark.Key
		opened badgerstore.Options
		want   error
	}{
		{"another key", key, badgerstore.Options{Key: watermark.NewKey()}, store.ErrKey},
		{"no key", key, badgerstore.Options{}, store.ErrKey},
		{"a key for a plain database", watermark.Key{}, badgerstore.Options{Key: key}, store.ErrKey},
		{"a full disk", key, badgerstore.Options{Key: key, MinFree: math.MaxInt64}, store.ErrNoSpace},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := filled(t, test.made, "pair", batchOf(1, 10))
			before := snapshot(t, dir)
			s, err := badgerstore.Open(dir, &test.opened)
			if err == nil {
				_ = s.Close()
			}
			if !errors.Is(err, test.want) {
				t.Errorf("have error %v, want %v", err, test.want)
			}
			after := snapshot(t, dir)
			delete(before, "lock")
			delete(after, "lock")
			if fmt.Sprint(before) != fmt.Sprint(after) {
				t.Error("the refused database was changed")
			}
		})
	}
}

func TestOpenRefusesToStartOnAFullDisk(t *testing.T) {
	dir := t.TempDir()
	if _, err := badgerstore.Open(dir, &badgerstore.Options{MinFree: math.MaxInt64}); !errors.Is(err, store.ErrNoSpace) {
		t.Fatalf("have error %v, want ErrNoSpace", err)
	}
	if names, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(names) != 1 {
		t.Errorf("there are %q, want nothing but the lock file (%v)", names, err)
	}
}

func TestBusyNamesTheHolder(t *testing.T) {
	dir := t.TempDir()
	c := startChild(t, "hold", dir, keyText(watermark.Key{}))
	if c.line() != "flushed" {
		t.Fatalf("the child does not hold the store: %s", c.stderr)
	}
	_, err := badgerstore.Open(dir, nil)
	if !errors.Is(err, store.ErrBusy) || !strings.Contains(err.Error(), fmt.Sprint(c.cmd.Process.Pid)) {
		t.Errorf("have error %v, want ErrBusy with process %d", err, c.cmd.Process.Pid)
	}
	if _, err := badgerstore.Discard(dir); !errors.Is(err, store.ErrBusy) {
		t.Errorf("Discard of an open store: have error %v, want ErrBusy", err)
	}
	c.kill()
	s, err := badgerstore.Open(dir, nil)
	if err != nil {
		t.Fatalf("after the holder was killed: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestBadDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	writeFile(t, file, nil)
	if _, err := badgerstore.Open(file, nil); err == nil {
		t.Error("a file is taken for a directory")
	}
	locked := filepath.Join(t.TempDir(), "locked")
	if err := os.Mkdir(locked, 0o500); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		t.Skip("running as root: every directory can be written")
	}
	if _, err := badgerstore.Open(locked, nil); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("a directory that cannot be written: have error %v", err)
	}
}

func TestStateDirectoryIsPrivate(t *testing.T) {
	dir := filled(t, watermark.Key{}, "pair", batchOf(1, 1))
	for _, path := range []string{dir, filepath.Join(dir, "db")} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s has mode %v, want 0700 (%v)", filepath.Base(path), info.Mode().Perm(), err)
		}
	}
}

// TestNothingReadable looks for what was stored in every file, while the log holds it and after a
// table does.
func TestNothingReadable(t *testing.T) {
	secrets := []string{"ann@source.example", "Geheimer Ordner", "ref-of-the-item", "validity-of-the-folder", "state-of-the-folder", "the profile"}
	batch := store.Batch{
		Meta:      &store.Meta{Generation: 1, Profile: []byte(secrets[5])},
		Records:   []store.Record{{Folder: secrets[1], Ref: secrets[2], Validity: secrets[3]}},
		Folders:   []store.Folder{{Side: store.Source, Name: secrets[1], State: secrets[4]}},
		Sightings: []store.Sighting{{Folder: secrets[1], Ref: secrets[2]}},
	}
	for name, key := range keys() {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s, err := badgerstore.Open(dir, &badgerstore.Options{Key: key})
			if err != nil {
				t.Fatal(err)
			}
			l, err := s.Open(t.Context(), secrets[0])
			if err != nil {
				t.Fatal(err)
			}
			if err := l.Commit(t.Context(), batch); err != nil {
				t.Fatal(err)
			}
			readable(t, dir, secrets, key.IsZero())
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			readable(t, dir, secrets, key.IsZero())
		})
	}
}

// readable checks whether each secret can be read in some file, which without a key it must: else
// the test would find nothing anywhere.
func readable(t *testing.T, dir string, secrets []string, want bool) {
	t.Helper()
	for _, secret := range secrets {
		found := false
		for _, data := range snapshot(t, dir) {
			found = found || bytes.Contains([]byte(data), []byte(secret))
		}
		if found != want {
			t.Errorf("%q can be read: %v, want %v", secret, found, want)
		}
	}
}

func TestDiscard(t *testing.T) {
	if _, err := badgerstore.Discard(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Discard of nothing: have error %v", err)
	}
	key := watermark.NewKey()
	dir := filled(t, key, "pair", batchOf(1, 10))
	if err := os.Remove(filepath.Join(dir, "seal")); err != nil {
		t.Fatal(err)
	}
	_, err := badgerstore.Open(dir, &badgerstore.Options{Key: key})
	if !errors.Is(err, store.ErrDamaged) || !strings.Contains(err.Error(), "badgerstore.Discard") {
		t.Errorf("have error %v, want ErrDamaged with the cure", err)
	}
	for n := 1; n <= 2; n++ { // the second time a whole one, for Discard does not ask
		moved, err := badgerstore.Discard(dir)
		if err != nil || moved != filepath.Join(dir, fmt.Sprint("damaged-", n)) {
			t.Fatalf("discarded to %q (%v)", moved, err)
		}
		if n == 1 && len(filesOf(t, moved, "*.sst")) == 0 {
			t.Error("the old database is not where Discard says")
		}
		s, err := badgerstore.Open(dir, &badgerstore.Options{Key: key})
		if err != nil {
			t.Fatalf("open after Discard: %v", err)
		}
		for p, err := range s.Pairs(t.Context()) {
			t.Errorf("the new database knows %q (%v)", p.ID, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestNoGoroutineStays opens and closes a store, and one that is refused.
func TestNoGoroutineStays(t *testing.T) {
	before := runtime.NumGoroutine()
	dir := filled(t, watermark.NewKey(), "pair", batchOf(1, 10))
	if _, err := badgerstore.Open(dir, nil); err == nil {
		t.Error("a database opens without its key")
	}
	deadline := time.Now().Add(10 * time.Second)
	for runtime.NumGoroutine() > before { // Badger's caches end theirs a moment after Close
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<16)
			t.Fatalf("goroutines stay:\n%s", stacks[:runtime.Stack(stacks, true)])
		}
		runtime.Gosched()
	}
}

func Example() {
	dir, err := os.MkdirTemp("", "state-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()

	key := watermark.NewKey() // a program keeps it: see watermark.LoadOrCreateKey
	db, err := badgerstore.Open(dir, &badgerstore.Options{Key: key})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = badgerstore.Open(dir, &badgerstore.Options{Key: key})
	fmt.Println("busy:", errors.Is(err, store.ErrBusy))
	if err := db.Close(); err != nil {
		fmt.Println(err)
	}
	_, err = badgerstore.Open(dir, &badgerstore.Options{Key: watermark.NewKey()})
	fmt.Println("another key:", errors.Is(err, store.ErrKey))
	// Output:
	// busy: true
	// another key: true
}
