package badgerstore

import (
	"errors"
	"fmt"
	"iter"
	"sync"
	"testing"

	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/watermark"
)

// read reads a sequence that must not fail.
func read[T any](t *testing.T, seq iter.Seq2[T, error]) (all []T) {
	t.Helper()
	for value, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, value)
	}
	return all
}

// wantDamaged reads a sequence that must fail before it shows anything.
func wantDamaged[T any](t *testing.T, what string, seq iter.Seq2[T, error]) {
	t.Helper()
	for value, err := range seq {
		if !errors.Is(err, store.ErrDamaged) {
			t.Errorf("%s: have %+v (%v), want ErrDamaged", what, value, err)
		}
		return
	}
	t.Errorf("%s: nothing is there, want ErrDamaged", what)
}

// TestSmallEntryIsLost takes one entry of each small kind away, behind the back of the sums. The
// pair does not open.
func TestSmallEntryIsLost(t *testing.T) {
	for _, k := range smallKinds() {
		s, l := opened(t, t.TempDir())
		b := resetBatchOf(10)
		b.Records[0].Flags, b.Records[0].Validity = `(\Seen)`, "7"
		if err := l.Commit(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		if err := l.Commit(t.Context(), store.Batch{Unscan: b.Folders[:1], Sightings: b.Sightings[:5]}); err != nil {
			t.Fatal(err)
		}
		if err := l.commit(func(c *change) { c.setReset([]byte{resetScans}) }); err != nil {
			t.Fatal(err)
		}
		if err := s.deleteKeys([][]byte{firstKey(t, s, l.state.tag.key(k))}); err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Open(t.Context(), "pair"); !errors.Is(err, store.ErrDamaged) {
			t.Errorf("without an entry of kind %d: have error %v, want ErrDamaged", k, err)
		}
	}
}

// damagedPart returns a ledger whose INBOX has 99 records and 100 sightings, and whose Sent has one
// record, after something was done to it behind the back of the sums.
func damagedPart(t *testing.T, do func(*Store, *state)) (*Store, *ledger) {
	t.Helper()
	s, l := opened(t, t.TempDir())
	b := resetBatchOf(100)
	b.Pass = &store.Pass{Kind: "full"}
	if err := l.Commit(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	do(s, l.state)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return s, openedPair(t, s, "pair")
}

// TestPartIsDamaged loses or changes a record or sighting. The pair opens, and whoever asks for
// anything of that part of that folder is told, first of all.
func TestPartIsDamaged(t *testing.T) {
	for name, do := range map[string]func(*Store, []byte) error{
		"lost": func(s *Store, key []byte) error { return s.deleteKeys([][]byte{key}) },
		"older": func(s *Store, key []byte) error { // one that was replaced since
			old := encodeRecord(store.Record{Status: store.Failed}, sharedNumbers{epoch: 1, validity: 1})
			return s.setEntries([]entry{{key, old}})
		},
		"one too many": func(s *Store, key []byte) error {
			value, err := s.lookup(key)
			if err != nil {
				return err
			}
			key[len(key)-1] ^= 0x80
			return s.setEntries([]entry{{key, value}})
		},
	} {
		t.Run("record "+name, func(t *testing.T) { testDamagedRecord(t, do) })
		t.Run("sighting "+name, func(t *testing.T) { testDamagedSighting(t, do) })
	}
}

func testDamagedRecord(t *testing.T, do func(*Store, []byte) error) {
	t.Helper()
	s, l := damagedPart(t, func(s *Store, st *state) {
		prefix := st.tag.numbered(kindRecord, st.names.numbers["INBOX"])
		if err := do(s, firstKey(t, s, prefix)); err != nil {
			t.Fatal(err)
		}
	})
	for range 2 { // what was found once is not forgotten
		wantDamaged(t, "Records", l.Records(t.Context(), "INBOX"))
		wantDamaged(t, "Records of all", l.Records(t.Context(), store.AllFolders))
		for _, r := range resetBatchOf(100).Records[:5] {
			wantDamaged(t, "Lookup", l.Lookup(t.Context(), "INBOX", []watermark.ID{r.ID}))
		}
		wantDamaged(t, "Lookup of an unknown record", l.Lookup(t.Context(), "INBOX", []watermark.ID{{15: 0xff}}))
	}
	if n := len(read(t, l.Records(t.Context(), "Sent"))); n != 1 {
		t.Errorf("another folder has %d records, want 1", n)
	}
	if n := len(read(t, l.Sightings(t.Context(), "INBOX"))); n != 100 {
		t.Errorf("the folder has %d sightings, want 100", n)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, dry := range []bool{true, false} {
		if _, err := s.Reset(t.Context(), "pair", store.ResetAll, dry); !errors.Is(err, store.ErrDamaged) {
			t.Errorf("Reset (dry: %v): have error %v, want ErrDamaged", dry, err)
		}
	}
}

func testDamagedSighting(t *testing.T, do func(*Store, []byte) error) {
	t.Helper()
	_, l := damagedPart(t, func(s *Store, st *state) {
		if err := do(s, firstKey(t, s, st.prefixOf(part{kindSighting, st.names.numbers["INBOX"]}))); err != nil {
			t.Fatal(err)
		}
	})
	wantDamaged(t, "Sightings", l.Sightings(t.Context(), "INBOX"))
	if n := len(read(t, l.Records(t.Context(), store.AllFolders))); n != 100 {
		t.Errorf("there are %d records, want 100", n)
	}
}

// TestPassIsLost takes a pass away.
func TestPassIsLost(t *testing.T) {
	s, l := damagedPart(t, func(s *Store, st *state) {
		if err := s.deleteKeys([][]byte{st.tag.pass(1)}); err != nil {
			t.Fatal(err)
		}
	})
	wantDamaged(t, "History", s.History(t.Context(), "pair"))
	if n := len(read(t, l.Records(t.Context(), "INBOX"))); n != 99 {
		t.Errorf("there are %d records, want 99", n)
	}
}

// TestFoldersAreReadAtOnce reads many folders for the first time, each in a goroutine of its own.
func TestFoldersAreReadAtOnce(t *testing.T) {
	dir := t.TempDir()
	s, l := opened(t, dir)
	var b store.Batch
	for n := range 200 {
		b.Records = append(b.Records, store.Record{
			Folder: fmt.Sprint(n % 20), ID: watermark.ID{byte(n)}, Status: store.Settled,
			Types: watermark.Types{Source: "imap", Destination: "imap"}, Generation: 1,
		})
	}
	if err := l.Commit(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, l = opened(t, dir)
	var readers sync.WaitGroup
	for n := range 20 {
		readers.Go(func() {
			count := 0
			for _, err := range l.Records(t.Context(), fmt.Sprint(n)) {
				if count++; err != nil {
					t.Error(err)
				}
			}
			if count != 10 {
				t.Errorf("folder %d has %d records, want 10", n, count)
			}
		})
	}
	readers.Wait()
}
