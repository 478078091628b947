package badgerstore

import (
	"testing"

	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/watermark"
)

// TestPieces has Badger opened again while a folder is verified and while it is shown, though commits go on
// elsewhere: everything is there, once.
func TestPieces(t *testing.T) {
	const n = 30_000 // more than is held
	dir := t.TempDir()
	s, l := opened(t, dir)
	fill(t, l, n)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, l = opened(t, dir)
	before := s.db
	used(s)
	seen := map[watermark.ID]bool{}
	for r, err := range l.Records(t.Context(), "INBOX") {
		if err != nil {
			t.Fatal(err)
		}
		if len(seen)%10_000 == 0 {
			if s.db == before {
				t.Errorf("Badger was not renewed before record %d", len(seen))
			}
			before = s.db
			used(s)
			if err := l.Commit(t.Context(), store.Batch{Pass: &store.Pass{}}); err != nil {
				t.Fatal(err)
			}
		}
		seen[r.ID] = true
	}
	if len(seen) != n {
		t.Errorf("of %d records %d are shown", n, len(seen))
	}
}

// TestPiecesWait reads two folders at once, between which Badger cannot be opened again: neither begins again and
// again to read.
func TestPiecesWait(t *testing.T) {
	s, l := opened(t, t.TempDir())
	if err := l.Commit(t.Context(), resetBatchOf(1000)); err != nil {
		t.Fatal(err)
	}
	l.verified[part{kindSighting, l.nameOf("INBOX")}] = true
	l.verified[part{kindRecord, l.nameOf("INBOX")}] = true
	other, _, err := l.openFolder(t.Context(), kindSighting, "INBOX")
	if err != nil {
		t.Fatal(err)
	}
	defer other.close()
	from, _, err := l.openFolder(t.Context(), kindRecord, "INBOX")
	if err != nil {
		t.Fatal(err)
	}
	defer from.close()
	first := from.(*pieces).cursor
	used(s)
	for range 3 {
		if _, err := from.next(); err != nil {
			t.Fatal(err)
		}
	}
	if from.(*pieces).cursor != first {
		t.Error("a reading began again for nothing")
	}
}
