package badgerstore

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/dandyroll/dandyroll/store"
)

// used makes the store believe that it did much.
func used(s *Store) { s.work.Store(renewAfter) }

// TestRenew renews Badger after a commit and after a sequence, and looks that nothing is lost, also
// by a kill afterwards.
func TestRenew(t *testing.T) {
	dir := t.TempDir()
	s, l := opened(t, dir)
	before := s.db
	used(s)
	if err := l.Commit(t.Context(), resetBatchOf(100)); err != nil {
		t.Fatal(err)
	}
	if s.db == before || s.work.Load() != 0 {
		t.Error("Badger was not renewed by a commit")
	}
	before = s.db
	used(s)
	if n := len(read(t, l.Records(t.Context(), store.AllFolders))); n != 100 {
		t.Errorf("%d records, want 100", n)
	}
	if s.db == before {
		t.Error("Badger was not renewed by a sequence")
	}
	if err := l.Commit(t.Context(), store.Batch{Forget: resetBatchOf(10).Records}); err != nil {
		t.Fatal(err)
	}
	for _, ledger := range []*ledger{l, second(crashed(t, dir))} {
		if n := len(read(t, ledger.Records(t.Context(), store.AllFolders))); n != 90 {
			t.Errorf("%d records, want 90", n)
		}
	}
}

func second(_ *Store, l *ledger) *ledger { return l }

// TestRenewWaits changes from within the loop over a sequence what that reads: it is not disturbed.
func TestRenewWaits(t *testing.T) {
	s, l := opened(t, t.TempDir())
	if err := l.Commit(t.Context(), resetBatchOf(1000)); err != nil {
		t.Fatal(err)
	}
	read(t, l.Records(t.Context(), "INBOX")) // verified, so that the next sequence reads while it goes on
	before, n, all := s.db, 0, resetBatchOf(1000).Records
	for _, err := range l.Records(t.Context(), "INBOX") {
		if err != nil {
			t.Fatal(err)
		}
		if n%300 == 0 {
			used(s)
			if err := l.Commit(t.Context(), store.Batch{Forget: all[len(all)-1-n:]}); err != nil {
				t.Fatal(err)
			}
			if s.db != before {
				t.Fatal("Badger was renewed under a sequence")
			}
		}
		n++
	}
	if n != 999 {
		t.Errorf("%d records, want 999", n)
	}
	if s.db == before {
		t.Error("Badger was not renewed after the sequence")
	}
}

// TestRenewFails lets Badger not open again. What was accepted is there for the next store.
func TestRenewFails(t *testing.T) {
	dir := t.TempDir()
	aside := filepath.Join(dir, "aside")
	s, l := opened(t, dir)
	opts := s.db.Opts()
	if err := l.Commit(t.Context(), resetBatchOf(100)); err != nil {
		t.Fatal(err)
	}
	s.life.Lock()
	s.failed = s.closeBadger()
	if err := os.Rename(opts.Dir, aside); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(opts.Dir, nil, 0o600); err != nil { // no directory
		t.Fatal(err)
	}
	s.failed = s.openAgain(opts)
	s.life.Unlock()
	if s.failed == nil {
		t.Fatal("Badger opens a file")
	}
	if err := l.Commit(t.Context(), resetBatchOf(1)); err == nil || errors.Is(err, store.ErrDamaged) {
		t.Errorf("commit to a store without Badger: %v", err)
	}
	if err := s.Close(); err == nil {
		t.Error("a store that failed closes in silence")
	}
	if err := errors.Join(os.Remove(opts.Dir), os.Rename(aside, opts.Dir)); err != nil {
		t.Fatal(err)
	}
	_, l = opened(t, dir)
	if n := len(read(t, l.Records(t.Context(), store.AllFolders))); n != 100 {
		t.Errorf("%d records, want 100", n)
	}
}
