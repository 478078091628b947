package memstore_test

import (
	"testing"

	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/store/memstore"
	"github.com/dandyroll/dandyroll/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, storetest.Config{
		Open: func(testing.TB, string) (store.Store, error) { return memstore.New(), nil },
	})
}

func TestCloneHoldsWhatWasCommitted(t *testing.T) {
	s := memstore.New()
	ledger, err := s.Open(t.Context(), "pair")
	if err != nil {
		t.Fatal(err)
	}
	first := store.Batch{
		Records:   []store.Record{{Folder: "INBOX", Status: store.Settled}},
		Sightings: []store.Sighting{{Folder: "INBOX", Ref: "1"}},
		Pass:      &store.Pass{Kind: "full"},
	}
	if err := ledger.Commit(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	clone := s.Clone()
	later := store.Batch{Forget: first.Records, Unsee: first.Sightings}
	if err := ledger.Commit(t.Context(), later); err != nil {
		t.Fatal(err)
	}
	copied, err := clone.Open(t.Context(), "pair") // not busy, though the original is
	if err != nil {
		t.Fatal(err)
	}
	records, sightings := 0, 0
	for _, err := range copied.Records(t.Context(), store.AllFolders) {
		if err != nil {
			t.Fatal(err)
		}
		records++
	}
	for _, err := range copied.Sightings(t.Context(), "INBOX") {
		if err != nil {
			t.Fatal(err)
		}
		sightings++
	}
	if records != 1 || sightings != 1 {
		t.Errorf("the clone has %d records and %d sightings, want those of the first commit", records, sightings)
	}
}

// A pass has the number of no pass that was forgotten.
func TestNumbersGoOn(t *testing.T) {
	s := memstore.New()
	for range 2 {
		ledger, err := s.Open(t.Context(), "pair")
		if err != nil {
			t.Fatal(err)
		}
		if err := ledger.Commit(t.Context(), store.Batch{Pass: &store.Pass{}}); err != nil {
			t.Fatal(err)
		}
		if err := ledger.Close(); err != nil {
			t.Fatal(err)
		}
		var last uint64
		for pass, err := range s.History(t.Context(), "pair") {
			if err != nil {
				t.Fatal(err)
			}
			last = pass.Number
		}
		if n, err := s.ResetStatistics(t.Context(), "pair"); n != 1 || err != nil {
			t.Fatalf("%d passes are forgotten (%v), want 1", n, err)
		}
		s = s.Clone()
		if last == 2 {
			return
		}
	}
	t.Error("the pass after the first one, which is forgotten, is not the second")
}
