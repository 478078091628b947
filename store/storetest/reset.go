package storetest

import (
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/store"
)

// resetBatch is a ledger of which a filter selects any part. Records 0 to 5 are settled, and all
// but 4 and 5 still at the destination.
func resetBatch() store.Batch {
	b := numbered("INBOX", 0, 4)
	b.Records = append(b.Records, numbered("Sent", 4, 2).Records...)
	failed, intent, bare := sample("INBOX", 6), sample("Sent", 7), sample("INBOX", 8)
	failed.Status, intent.Status = store.Failed, store.Intent
	bare.Status, bare.Received = store.Originated, time.Time{}
	removed, adopted := sample("INBOX", 9), sample("INBOX", 10)
	removed.Status, adopted.Status = store.Removed, store.Adopted
	b.Records = append(b.Records, failed, intent, bare, removed, adopted)
	for i := range 4 {
		b.Sightings = append(b.Sightings, store.Sighting{Folder: "Moved", Ref: id(i).String(), ID: id(i)})
	}
	b.Folders = []store.Folder{{Side: store.Source, Name: "INBOX"}, {Side: store.Destination, Name: "INBOX"}}
	b.Meta = &store.Meta{Generation: 3, Types: sampleTypes(), Source: store.Binding{1}, Rebuilding: true, Profile: []byte("kept")}
	b.Pass = &store.Pass{Kind: "full"}
	return b
}

func testReset(t *testing.T, c Config) {
	received := sample("", 2).Received
	for _, test := range []struct {
		name   string
		filter store.Filter
		want   store.Forgotten
	}{
		{"all", store.ResetAll, store.Forgotten{Records: 11, Settled: 6, Failed: 1, Intents: 1, Adopted: 1, Removed: 2}},
		{"a folder", store.Filter{Folders: []string{"Sent"}}, store.Forgotten{Records: 3, Settled: 2, Intents: 1, Removed: 2}},
		{"no folder", store.Filter{Folders: []string{}}, store.Forgotten{}},
		{"a kind", store.Filter{Kinds: []uint8{1}}, store.Forgotten{Records: 4, Settled: 2, Intents: 1, Adopted: 1, Removed: 1}},
		{"failed", store.Filter{Statuses: []store.Status{store.Failed}}, store.Forgotten{Records: 1, Failed: 1}},
		{"taken away", store.Filter{Statuses: []store.Status{store.Removed}}, store.Forgotten{Records: 1}},
		{"adopted", store.Filter{Statuses: []store.Status{store.Adopted}}, store.Forgotten{Records: 1, Adopted: 1}},
		{"removed", store.Filter{Removed: true}, store.Forgotten{Records: 2, Settled: 2, Removed: 2}},
		{"since", store.Filter{Since: received}, store.Forgotten{Records: 9, Settled: 4, Failed: 1, Intents: 1, Adopted: 1, Removed: 2}},
		{"before", store.Filter{Before: received}, store.Forgotten{Records: 3, Settled: 2}},
	} {
		t.Run(test.name, func(t *testing.T) { testFilter(t, c, test.filter, test.want) })
	}
	t.Run("large", func(t *testing.T) { testLargeReset(t, c) })
	t.Run("twice", func(t *testing.T) { testResetTwice(t, c) })
	t.Run("no pair", func(t *testing.T) {
		_, err := start(t, c).Reset(t.Context(), "none", store.ResetAll, false)
		wantError(t, "reset no pair", err, store.ErrPair)
	})
}

func testFilter(t *testing.T, c Config, filter store.Filter, want store.Forgotten) {
	s := start(t, c)
	batch := resetBatch()
	l := ledgerOf(t, s, "pair")
	commit(t, l, batch)
	closed(t, l)
	left := contentsOf(*batch.Meta, batch)

	reset(t, s, filter, true, want)
	l = ledgerOf(t, s, "pair")
	expect(t, l, left, "Moved")
	closed(t, l)

	reset(t, s, filter, false, want)
	for _, r := range batch.Records {
		if filter.Matches(r, r.ID == id(0) || r.ID == id(1) || r.ID == id(2) || r.ID == id(3)) {
			delete(left.Records, recordKey(r))
		}
	}
	left.Folders, left.Sightings = nil, nil
	l = ledgerOf(t, s, "pair")
	expect(t, l, left, "Moved")
	closed(t, l)
	if n := count(t, s.History(t.Context(), "pair")); n != 1 {
		t.Errorf("a reset leaves %d passes of the history, of 1", n)
	}
}

func reset(t *testing.T, s store.Store, filter store.Filter, dry bool, want store.Forgotten) {
	t.Helper()
	have, err := s.Reset(t.Context(), "pair", filter, dry)
	if err != nil {
		t.Fatalf("reset: %v", err)
	}
	if have != want {
		t.Errorf("reset (dry: %v) reports %+v, want %+v", dry, have, want)
	}
}

// testLargeReset resets more than fits in a batch.
func testLargeReset(t *testing.T, c Config) {
	const batches = 3
	s := start(t, c)
	l := ledgerOf(t, s, "pair")
	for i := range batches {
		b := numbered("INBOX", i*store.MaxBatch, store.MaxBatch)
		commit(t, l, b)
		var seen store.Batch
		for _, r := range b.Records {
			seen.Sightings = append(seen.Sightings, store.Sighting{Folder: "INBOX", Ref: r.Ref, ID: r.ID})
		}
		commit(t, l, seen)
	}
	closed(t, l)
	const all = batches * store.MaxBatch
	reset(t, s, store.ResetAll, false, store.Forgotten{Records: all, Settled: all})
	l = ledgerOf(t, s, "pair")
	expect(t, l, contents{Meta: store.Meta{Generation: 1}}, "INBOX")
}

// testResetTwice resets again before the destination is scanned again.
func testResetTwice(t *testing.T, c Config) {
	s := start(t, c)
	l := ledgerOf(t, s, "pair")
	commit(t, l, resetBatch())
	closed(t, l)
	reset(t, s, store.Filter{Removed: true}, false, store.Forgotten{Records: 2, Settled: 2, Removed: 2})
	reset(t, s, store.Filter{Removed: true}, false, store.Forgotten{})
	reset(t, s, store.ResetAll, true, store.Forgotten{Records: 9, Settled: 4, Failed: 1, Intents: 1, Adopted: 1})
}
