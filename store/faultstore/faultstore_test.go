package faultstore_test

import (
	"errors"
	"testing"

	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/store/faultstore"
	"github.com/dandyroll/dandyroll/store/memstore"
	"github.com/dandyroll/dandyroll/store/storetest"
)

// Without a plan, a store that is wrapped is as good as the one beneath.
func TestStore(t *testing.T) {
	storetest.Run(t, storetest.Config{Open: func(testing.TB, string) (store.Store, error) {
		return faultstore.Wrap(memstore.New(), faultstore.NewProcess(nil, nil)), nil
	}})
}

// record is a batch with one record.
func record() store.Batch {
	return store.Batch{Records: []store.Record{{Folder: "INBOX", Status: store.Settled}}}
}

// records counts what is in the ledger of a pair, without faults.
func records(t *testing.T, s *memstore.Store) int {
	t.Helper()
	l, err := s.Clone().Open(t.Context(), "pair")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, stat := range l.Stats() {
		n += stat.Records
	}
	return n
}

func open(t *testing.T, s store.Store) store.Ledger {
	t.Helper()
	l, err := s.Open(t.Context(), "pair")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func wrap(t *testing.T, plan string) (*memstore.Store, store.Store, *faultstore.Process) {
	t.Helper()
	p, err := faultstore.Parse(plan)
	if err != nil {
		t.Fatal(err)
	}
	process, mem := faultstore.NewProcess(p, nil), memstore.New()
	return mem, faultstore.Wrap(mem, process), process
}

func TestCommit(t *testing.T) {
	for _, test := range []struct {
		plan string
		want error
		kept int
	}{
		{"before no-space on method=commit", store.ErrNoSpace, 0},
		{"after fenced on method=commit", store.ErrFenced, 1},
		{"crash-before on method=commit", faultstore.ErrCrashed, 0},
		{"crash-after on method=commit", faultstore.ErrCrashed, 1},
	} {
		mem, s, process := wrap(t, test.plan)
		l := open(t, s)
		if err := l.Commit(t.Context(), record()); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", test.plan, err)
		}
		if n := records(t, mem); n != test.kept || process.Fired() != 1 {
			t.Errorf("%s: %d records, %d fired", test.plan, n, process.Fired())
		}
		if crashed := errors.Is(l.Close(), faultstore.ErrCrashed); crashed != process.Crashed() {
			t.Errorf("%s: closed after a crash: %v", test.plan, crashed)
		}
	}
}

// Each code is one error of package store; other words are none.
func TestCodes(t *testing.T) {
	for code, want := range map[string]error{
		"busy": store.ErrBusy, "damaged": store.ErrDamaged, "format": store.ErrFormat, "no-space": store.ErrNoSpace,
		"key": store.ErrKey, "fenced": store.ErrFenced, "closed": store.ErrClosed,
	} {
		_, s, _ := wrap(t, "before "+code+" on method=open")
		if _, err := s.Open(t.Context(), "pair"); !errors.Is(err, want) {
			t.Errorf("%s: %v", code, err)
		}
	}
	_, s, _ := wrap(t, "before")
	if _, err := s.Open(t.Context(), "pair"); err == nil || errors.Is(err, store.ErrClosed) {
		t.Errorf("no code: %v", err)
	}
}

func TestReset(t *testing.T) {
	mem, s, _ := wrap(t, "after on method=reset nth=1; before on method=rebind")
	l := open(t, s)
	if err := errors.Join(l.Commit(t.Context(), record()), l.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Reset(t.Context(), "pair", store.ResetAll, true); err != nil {
		t.Errorf("a dry reset has no effect that could be lost: %v", err)
	}
	if _, err := s.Reset(t.Context(), "pair", store.ResetAll, false); err != nil {
		t.Errorf("the second call: %v", err)
	}
	if n := records(t, mem); n != 0 {
		t.Errorf("%d records", n)
	}
	if err := s.Rebind(t.Context(), "pair", store.Binding{1}, store.Binding{2}); err == nil {
		t.Error("rebound")
	}
}

func TestResetStatistics(t *testing.T) {
	for _, test := range []struct {
		plan string
		left int
	}{
		{"before on method=reset-statistics", 1},
		{"crash-before on method=reset-statistics folder=pair", 1},
		{"after on method=reset-statistics", 0},
	} {
		mem, s, process := wrap(t, test.plan)
		l := open(t, s)
		if err := errors.Join(l.Commit(t.Context(), store.Batch{Pass: &store.Pass{}}), l.Close()); err != nil {
			t.Fatal(err)
		}
		if _, err := s.ResetStatistics(t.Context(), "pair"); err == nil || process.Fired() != 1 {
			t.Errorf("%s: %v, %d fired", test.plan, err, process.Fired())
		}
		n := 0
		for _, err := range mem.History(t.Context(), "pair") {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		if n != test.left {
			t.Errorf("%s: %d passes are left, want %d", test.plan, n, test.left)
		}
	}
}

func TestSequences(t *testing.T) {
	_, s, process := wrap(t, "before damaged on method=records at=1 nth=2; before damaged on method=sightings folder=INBOX")
	l := open(t, s)
	if err := l.Commit(t.Context(), record()); err != nil {
		t.Fatal(err)
	}
	for call := 1; call <= 2; call++ {
		for _, err := range l.Records(t.Context(), store.AllFolders) {
			if errors.Is(err, store.ErrDamaged) != (call == 2) {
				t.Errorf("call %d: %v", call, err)
			}
		}
	}
	for _, err := range l.Sightings(t.Context(), "INBOX") {
		if !errors.Is(err, store.ErrDamaged) {
			t.Error(err)
		}
	}
	if process.Fired() != 2 {
		t.Errorf("%d fired", process.Fired())
	}
}
