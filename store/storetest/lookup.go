package storetest

import (
	"sync"
	"testing"

	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/watermark"
)

// testLookup looks up records after many commits: new ones, replaced ones, forgotten ones, and some
// that never were.
func testLookup(t *testing.T, l store.Ledger) {
	const commits, size = 10, 300
	want := map[string]store.Record{}
	for n := range commits {
		b := numbered("INBOX", n*size, size)
		b.Records = append(b.Records, sample("Sent", n))
		for i := range n { // some of those before, anew
			r := sample("INBOX", i*size)
			r.Status, r.Size = store.Failed, int64(n)
			b.Records = append(b.Records, r)
		}
		gone := sample("INBOX", n*size+1)
		commit(t, l, b)
		commit(t, l, store.Batch{Forget: []store.Record{gone}})
		for _, r := range b.Records {
			want[recordKey(r)] = r
		}
		delete(want, recordKey(gone))
	}
	var ids []watermark.ID
	for n := commits*size + 100; n >= 0; n-- { // the last hundred are unknown
		ids = append(ids, id(n))
	}
	ids = append(ids, ids[:500]...) // and some are asked for twice
	for _, folder := range []string{"INBOX", "Sent", "Unknown"} {
		expectLookup(t, l, folder, ids, want)
		expectLookup(t, l, folder, ids[len(ids)/2:][:7], want)
		expectLookup(t, l, folder, nil, want)
	}
	if firstError(l.Lookup(ended(t), "INBOX", ids)) == nil {
		t.Error("Lookup under an ended context yields no error")
	}
	for _, err := range l.Lookup(t.Context(), "INBOX", ids) {
		if err != nil {
			t.Errorf("lookup: %v", err)
		}
		break // and the ledger goes on
	}
	commit(t, l, numbered("INBOX", 0, 1))
	closed(t, l)
	wantError(t, "Lookup in a closed ledger", firstError(l.Lookup(t.Context(), "INBOX", ids)), store.ErrClosed)
}

// expectLookup compares what a ledger finds with those records of a folder that there are.
func expectLookup(t *testing.T, l store.Ledger, folder string, ids []watermark.ID, all map[string]store.Record) {
	t.Helper()
	have := collect(t, l.Lookup(t.Context(), folder, ids), recordKey)
	want := map[string]store.Record{}
	for _, id := range ids {
		key := recordKey(store.Record{Folder: folder, ID: id})
		if r, ok := all[key]; ok {
			want[key] = r
		}
	}
	if len(have) != len(want) {
		t.Errorf("%d records of %q are found, want %d", len(have), folder, len(want))
	}
	for key, r := range have {
		if r != want[key] {
			t.Errorf("%s is found as %+v, want %+v", key, r, want[key])
		}
	}
}

// testLookupWhole looks records up while they are committed.
func testLookupWhole(t *testing.T, l store.Ledger) {
	const batches, size = 20, 50
	var ids []watermark.ID
	for n := range batches * size {
		ids = append(ids, id(n))
	}
	var writer sync.WaitGroup
	defer writer.Wait()
	writer.Go(func() {
		for i := range batches {
			if err := l.Commit(t.Context(), numbered("INBOX", i*size, size)); err != nil {
				t.Errorf("commit: %v", err)
			}
		}
	})
	for n := 0; n < len(ids) && !t.Failed(); {
		n = count(t, l.Lookup(t.Context(), "INBOX", ids))
		if n%size != 0 {
			t.Errorf("%d records are found: part of a batch (S3)", n)
		}
	}
}
