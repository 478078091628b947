package badgerstore

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/watermark"
)

// The directories in testdata were written by programs that knew only the first two formats. Both
// have three pairs: one with 60 records in three folders, of one of which the sightings were
// dropped; the same with a reset of "folder 1" that was cut; and one that was only opened. That of
// the second format is encrypted.

// oldStore opens a copy of an old database.
func oldStore(t *testing.T, name string) (s *Store, dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", name))); err != nil {
		t.Fatal(err)
	}
	return oldOpened(t, name, dir), dir
}

func oldOpened(t *testing.T, name, dir string) *Store {
	t.Helper()
	o := &Options{}
	if name == "second" {
		key, err := watermark.KeyFromBytes([]byte("an old database, under this key.."[:watermark.KeySize]))
		if err != nil {
			t.Fatal(err)
		}
		o.Key = key
	}
	s, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() }) // its error matters nowhere here
	return s
}

func openedPair(t *testing.T, s *Store, pair string) *ledger {
	t.Helper()
	l, err := s.Open(t.Context(), pair)
	if err != nil {
		t.Fatal(err)
	}
	return l.(*ledger)
}

// TestOldFormats opens old databases, twice: as they were, and as they are then.
func TestOldFormats(t *testing.T) {
	for name, format := range map[string]uint16{"first": firstFormat, "second": secondFormat} {
		t.Run(name, func(t *testing.T) {
			s, dir := oldStore(t, name)
			wantOldFormat(t, s, format)
			wantPassesOf(t, s, "pair", 2) // also before it is upgraded
			for range 2 {
				wantOldPairs(t, s, name)
				wantOldFormat(t, s, thirdFormat)
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				s = oldOpened(t, name, dir)
			}
		})
	}
}

func wantOldPairs(t *testing.T, s *Store, name string) {
	t.Helper()
	for _, pair := range []string{"pair", "cut", "empty"} {
		l := openedPair(t, s, pair)
		want := map[string]int{"folder 0": 20, "folder 1": 20, "folder 2": 20}
		sightings := map[string]int{"folder 0": 20, "folder 1": 20}
		passes := 2
		switch pair {
		case "cut":
			delete(want, "folder 1")
			clear(sightings)
		case "empty":
			clear(want)
			clear(sightings)
			passes = 0
		}
		for i := range 3 {
			folder := fmt.Sprint("folder ", i)
			wantRecords(t, l, folder, want[folder], name == "second")
			if n := len(read(t, l.Sightings(t.Context(), folder))); n != sightings[folder] {
				t.Errorf("%s: %d sightings of %s, want %d", pair, n, folder, sightings[folder])
			}
		}
		if n := stored(t, s, l.state.tag.key(kindSighting)); n != 20*len(sightings) {
			t.Errorf("%s: %d sightings are stored, want %d", pair, n, 20*len(sightings))
		}
		total := 0
		for _, stat := range l.Stats() {
			total += stat.Records
		}
		if total != 20*len(want) {
			t.Errorf("%s: statistics of %d records, want %d", pair, total, 20*len(want))
		}
		wantPassesOf(t, s, pair, passes)
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
}

func wantRecords(t *testing.T, l *ledger, folder string, want int, flags bool) {
	t.Helper()
	records := read(t, l.Records(t.Context(), folder))
	if len(records) != want {
		t.Errorf("%s has %d records, want %d", folder, len(records), want)
	}
	for _, r := range records {
		if r.Folder != folder || r.Validity != "1" || r.Types.Destination != "graph" || (r.Flags == `(\Seen)`) != flags {
			t.Errorf("record %+v of %s", r, folder)
		}
	}
}

func wantPassesOf(t *testing.T, s *Store, pair string, want int) {
	t.Helper()
	if passes := read(t, s.History(t.Context(), pair)); len(passes) != want {
		t.Errorf("pair %q has %d passes, want %d", pair, len(passes), want)
	}
}

func wantOldFormat(t *testing.T, s *Store, want uint16) {
	t.Helper()
	state, _, err := readSeal(s.dir, s.options.check())
	if err != nil || state.format != want {
		t.Errorf("the database has format %d (%v), want %d", state.format, err, want)
	}
}

// TestUpgradeIsCut kills an upgrade between its steps.
func TestUpgradeIsCut(t *testing.T) {
	s, dir := oldStore(t, "first")
	st, old, err := s.load("pair")
	if err != nil || !old {
		t.Fatalf("old: %v (%v)", old, err)
	}
	l := newLedger(s, st)
	if err := s.seal.raise(thirdFormat); err != nil {
		t.Fatal(err)
	}
	if err := s.setEntries(l.folderEntries()); err != nil {
		t.Fatal(err)
	}
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	wantOldPairs(t, oldOpened(t, "first", to), "first")
}

// TestOldDamage takes an entry away from an old pair, which is noticed before it is upgraded.
func TestOldDamage(t *testing.T) {
	s, dir := oldStore(t, "first")
	prefix := tagOf(s.secret, "pair").key(kindRecord)
	if err := s.deleteKeys([][]byte{firstKey(t, s, prefix)}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open(t.Context(), "pair"); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("have error %v, want ErrDamaged", err)
	}
	wantOldFormat(t, s, firstFormat)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := oldOpened(t, "first", dir).Open(t.Context(), "pair"); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("the next time: have error %v, want ErrDamaged", err)
	}
}

// firstKey returns the first stored key with a prefix.
func firstKey(t *testing.T, s *Store, prefix []byte) []byte {
	t.Helper()
	c, err := s.newCursor(prefix)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	entries, err := c.next()
	if err != nil || len(entries) == 0 {
		t.Fatalf("no entry (%v)", err)
	}
	return bytes.Clone(entries[0].key)
}

// TestFormatIsRaisedFirst lets the seal fail: Badger may not have what the seal does not announce.
func TestFormatIsRaisedFirst(t *testing.T) {
	s, dir := oldStore(t, "first")
	if err := s.seal.close(); err != nil { // as a failed write leaves it
		t.Fatal(err)
	}
	for range 2 {
		if _, err := s.Open(t.Context(), "pair"); err == nil {
			t.Error("a pair is upgraded without a seal")
		}
	}
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	s = oldOpened(t, "first", to)
	wantOldFormat(t, s, firstFormat)
	if n := stored(t, s, tagOf(s.secret, "pair").key(kindFolder)); n != 0 {
		t.Errorf("%d entries are there that the format does not know", n)
	}
}
