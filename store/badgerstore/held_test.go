package badgerstore

import (
	"encoding/binary"
	"errors"
	"testing"

	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/watermark"
)

// fill commits records of one folder.
func fill(t *testing.T, l *ledger, n int) {
	t.Helper()
	for first := 0; first < n; first += store.MaxBatch {
		var b store.Batch
		for i := first; i < min(first+store.MaxBatch, n); i++ {
			var id watermark.ID
			binary.BigEndian.PutUint32(id[:], uint32(i)) //nolint:gosec // a small number
			b.Records = append(b.Records, store.Record{Folder: "INBOX", ID: id, Status: store.Settled, Version: "a version of some length"})
		}
		if err := l.Commit(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
}

// TestHeld reads folders that are shown as they were held when they were verified, and one that is too large for
// that: everything is there, once, and again.
func TestHeld(t *testing.T) {
	for _, n := range []int{0, 1, chunk - 1, chunk, 3*chunk + 7, 30_000} {
		dir := t.TempDir()
		s, l := opened(t, dir)
		fill(t, l, n)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		_, l = opened(t, dir)
		for range 2 {
			seen := map[watermark.ID]bool{}
			for _, r := range read(t, l.Records(t.Context(), "INBOX")) {
				seen[r.ID] = true
			}
			if len(seen) != n {
				t.Errorf("of %d records %d are shown", n, len(seen))
			}
		}
	}
}

// TestHeldEndsWithItsStore closes the store in the middle of what is held.
func TestHeldEndsWithItsStore(t *testing.T) {
	s, l := opened(t, t.TempDir())
	fill(t, l, 3*chunk)
	n := 0
	for _, err := range l.Records(t.Context(), "INBOX") {
		if n++; n == 1 {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if err != nil && !errors.Is(err, store.ErrClosed) {
			t.Errorf("err %v", err)
		}
	}
	if n > chunk+1 {
		t.Errorf("a closed store showed %d records", n)
	}
}
