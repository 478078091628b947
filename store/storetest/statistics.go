package storetest

import (
	"testing"

	"github.com/dandyroll/dandyroll/store"
)

func testResetStatistics(t *testing.T, c Config) {
	dir := t.TempDir()
	s := open(t, c, dir)
	_, err := s.ResetStatistics(t.Context(), "none")
	wantError(t, "reset the statistics of no pair", err, store.ErrPair)
	want, batch := sampleContents()
	for _, pair := range []string{"pair", "other"} {
		l := ledgerOf(t, s, pair)
		commit(t, l, batch)
		commit(t, l, store.Batch{Pass: &store.Pass{Kind: "delta"}})
		closed(t, l)
	}
	for _, passes := range []int{2, 0} {
		if n, err := s.ResetStatistics(t.Context(), "pair"); n != passes || err != nil {
			t.Errorf("%d passes are forgotten (%v), want %d", n, err, passes)
		}
		wantPasses(t, s, "pair", 0)
		wantPasses(t, s, "other", 2)
		l := ledgerOf(t, s, "pair")
		expect(t, l, want, sampleFolders()...)
		closed(t, l)
	}
	if c.Persistent {
		closed(t, s)
		s = open(t, c, dir)
	}
	wantPasses(t, s, "pair", 0)
	l := ledgerOf(t, s, "pair")
	expect(t, l, want, sampleFolders()...)
	commit(t, l, store.Batch{Pass: &store.Pass{Kind: "delta"}})
	closed(t, l)
	wantPasses(t, s, "pair", 1)
}

func wantPasses(t *testing.T, s store.Store, pair string, want int) {
	t.Helper()
	if n := count(t, s.History(t.Context(), pair)); n != want {
		t.Errorf("pair %q has a history of %d passes, want %d", pair, n, want)
	}
}
