package storetest

import (
	"context"
	"iter"
	"sync"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/watermark"
)

func testNewPair(t *testing.T, c Config) {
	l := ledgerOf(t, start(t, c), "new")
	expect(t, l, contents{Meta: store.Meta{Generation: 1}}, "INBOX")
	closed(t, l)
	if err := l.Close(); err != nil {
		t.Errorf("closing a ledger twice: %v", err)
	}
}

func testPersistence(t *testing.T, c Config) {
	dir := t.TempDir()
	s := open(t, c, dir)
	want, batch := sampleContents()
	l := ledgerOf(t, s, "pair")
	commit(t, l, batch)
	expect(t, l, want, sampleFolders()...)
	closed(t, l)

	l = ledgerOf(t, s, "pair")
	expect(t, l, want, sampleFolders()...)
	if !c.Persistent {
		return
	}
	closed(t, s) // with the ledger still open
	s = open(t, c, dir)
	expect(t, ledgerOf(t, s, "pair"), want, sampleFolders()...)
}

// testAtomicity commits batches of a constant size while another goroutine counts.
func testAtomicity(t *testing.T, c Config) {
	const batches, size = 20, 50
	l := ledgerOf(t, start(t, c), "pair")
	done := make(chan struct{})
	var reader sync.WaitGroup
	reader.Go(func() {
		for finished := false; !finished; {
			select {
			case <-done:
				finished = true
			default:
			}
			n := 0
			for _, err := range l.Records(t.Context(), store.AllFolders) {
				if err != nil {
					t.Errorf("read during commits: %v", err)
					return
				}
				n++
			}
			if n%size != 0 {
				t.Errorf("%d records can be seen: part of a batch (S3)", n)
				return
			}
		}
	})
	for i := range batches {
		b := numbered("INBOX", i*size, size/2)
		b.Records = append(b.Records, numbered("Sent", i*size, size/2).Records...)
		commit(t, l, b)
	}
	close(done)
	reader.Wait()
}

func testFailedCommit(t *testing.T, c Config) {
	s := start(t, c)
	l := ledgerOf(t, s, "pair")
	want, batch := sampleContents()
	commit(t, l, batch)

	tooLarge := numbered("INBOX", 100, store.MaxBatch)
	tooLarge.Meta = &store.Meta{Generation: 9}
	wantError(t, "a batch of MaxBatch+1 (S7)", l.Commit(t.Context(), tooLarge), store.ErrTooLarge)
	other := numbered("INBOX", 100, 1)
	wantError(t, "an ended context (S11)", l.Commit(ended(t), other), context.Canceled)
	expect(t, l, want, sampleFolders()...)
	closed(t, l)
	wantError(t, "a closed ledger", l.Commit(t.Context(), other), store.ErrClosed)
	expect(t, ledgerOf(t, s, "pair"), want, sampleFolders()...)
}

func testMaxBatch(t *testing.T, c Config) {
	l := ledgerOf(t, start(t, c), "pair")
	b := numbered("INBOX", 0, store.MaxBatch)
	for i := range b.Records {
		b.Records[i].Ref = b.Records[i].ID.String() + longText(150) // as long as Microsoft Graph's
	}
	commit(t, l, b)
	if n := count(t, l.Records(t.Context(), "INBOX")); n != store.MaxBatch {
		t.Errorf("%d of %d records of a batch are there", n, store.MaxBatch)
	}
	commit(t, l, store.Batch{Forget: b.Records})
	if n := count(t, l.Records(t.Context(), "INBOX")); n != 0 {
		t.Errorf("%d records are there after a batch that forgets all", n)
	}
	b.Records = append(b.Records, sample("INBOX", -1))
	wantError(t, "a batch of MaxBatch+1", l.Commit(t.Context(), b), store.ErrTooLarge)
}

func testBusy(t *testing.T, c Config) {
	dir := t.TempDir()
	s := open(t, c, dir)
	l := ledgerOf(t, s, "pair")
	_, err := s.Open(t.Context(), "pair")
	wantError(t, "open an open pair", err, store.ErrBusy)
	_, err = s.Reset(t.Context(), "pair", store.ResetAll, false)
	wantError(t, "reset an open pair", err, store.ErrBusy)
	_, err = s.ResetStatistics(t.Context(), "pair")
	wantError(t, "reset the statistics of an open pair", err, store.ErrBusy)
	wantError(t, "rebind an open pair", s.Rebind(t.Context(), "pair", store.Binding{}, store.Binding{}), store.ErrBusy)
	closed(t, ledgerOf(t, s, "other"))
	closed(t, l)
	closed(t, ledgerOf(t, s, "pair"))
	if !c.Persistent {
		return
	}
	second, err := c.Open(t, dir)
	if err == nil { // a store that is shared locks the pair
		defer func() { _ = second.Close() }()
		ledgerOf(t, s, "pair")
		_, err = second.Open(t.Context(), "pair")
	}
	wantError(t, "open from a second store", err, store.ErrBusy)
}

func testNewerFormat(t *testing.T, c Config) {
	if c.Newer == nil {
		t.Skip("the store has no format (Config.Newer is nil)")
	}
	dir := t.TempDir()
	s := open(t, c, dir)
	closed(t, ledgerOf(t, s, "pair"))
	closed(t, s)
	c.Newer(t, dir)
	for range 2 { // refusing must not change what made it refuse
		_, err := c.Open(t, dir)
		wantError(t, "open a newer format", err, store.ErrFormat)
	}
}

func testDamage(t *testing.T, c Config) {
	if c.Damage == nil {
		t.Skip("the store cannot be damaged (Config.Damage is nil)")
	}
	dir := t.TempDir()
	s := open(t, c, dir)
	l := ledgerOf(t, s, "pair")
	for i := range 10 {
		commit(t, l, numbered("INBOX", i*100, 100))
	}
	closed(t, s)
	c.Damage(t, dir)
	s, err := c.Open(t, dir)
	if err == nil {
		defer func() { _ = s.Close() }()
		l, err = s.Open(t.Context(), "pair")
	}
	if err != nil {
		wantError(t, "open a database that lost a commit", err, store.ErrDamaged)
		return
	}
	all := numbered("INBOX", 0, 1000).Records
	ids := make([]watermark.ID, 0, len(all))
	for _, r := range all {
		ids = append(ids, r.ID)
	}
	wantDamaged(t, "Lookup", l.Lookup(t.Context(), "INBOX", ids))
	wantDamaged(t, "Records of a folder", l.Records(t.Context(), "INBOX"))
	wantDamaged(t, "Records", l.Records(t.Context(), store.AllFolders))
}

// wantDamaged reads a sequence that must not yield anything but its error.
func wantDamaged(t *testing.T, doing string, seq iter.Seq2[store.Record, error]) {
	t.Helper()
	for r, err := range seq {
		if err == nil {
			t.Errorf("%s of a database that lost a commit yields %s", doing, r.ID)
			return
		}
	}
	wantError(t, doing, firstError(seq), store.ErrDamaged)
}

func testContext(t *testing.T, c Config) {
	s := start(t, c)
	l := ledgerOf(t, s, "pair")
	want, batch := sampleContents()
	wantError(t, "commit", l.Commit(ended(t), batch), context.Canceled)
	expect(t, l, contents{Meta: store.Meta{Generation: 1}}, sampleFolders()...)
	commit(t, l, batch)
	if firstError(l.Records(ended(t), store.AllFolders)) == nil {
		t.Error("Records under an ended context yields no error")
	}
	closed(t, l)
	if _, err := s.Open(ended(t), "pair"); err == nil {
		t.Error("Open under an ended context succeeds")
	}
	if _, err := s.Reset(ended(t), "pair", store.ResetAll, false); err == nil {
		t.Error("Reset under an ended context succeeds")
	}
	if _, err := s.ResetStatistics(ended(t), "pair"); err == nil {
		t.Error("ResetStatistics under an ended context succeeds")
	}
	wantPasses(t, s, "pair", 1)
	if err := s.Rebind(ended(t), "pair", store.Binding{7}, store.Binding{8}); err == nil {
		t.Error("Rebind under an ended context succeeds")
	}
	expect(t, ledgerOf(t, s, "pair"), want, sampleFolders()...)
}

func testDeadline(t *testing.T, c Config) {
	l := ledgerOf(t, start(t, c), "pair")
	deadline := l.Deadline()
	if deadline.IsZero() {
		commit(t, l, numbered("INBOX", 0, 1))
		return
	}
	<-time.After(time.Until(deadline))
	wantError(t, "commit after the deadline", l.Commit(t.Context(), numbered("INBOX", 0, 1)), store.ErrFenced)
}

func testPairs(t *testing.T, c Config) {
	s := start(t, c)
	if ids := pairIDs(t, s); len(ids) != 0 {
		t.Errorf("a new store knows pairs %q", ids)
	}
	for _, name := range []string{"b", "", "a\x00", "a", "ü", "\xff"} {
		l := ledgerOf(t, s, name)
		commit(t, l, store.Batch{Meta: &store.Meta{Generation: 2, Profile: []byte(name + "!")}})
		closed(t, l)
	}
	if ids := pairIDs(t, s); len(ids) != 6 {
		t.Errorf("6 pairs are listed as %q", ids)
	}
	for p, err := range s.Pairs(t.Context()) {
		if err != nil || string(p.Meta.Profile) != p.ID+"!" || p.Meta.Generation != 2 {
			t.Errorf("pair %q has meta %+v (%v)", p.ID, p.Meta, err)
		}
	}
}

func testHistory(t *testing.T, c Config) {
	s := start(t, c)
	wantError(t, "history of no pair", firstError(s.History(t.Context(), "none")), store.ErrPair)
	l := ledgerOf(t, s, "pair")
	for n := range 3 {
		commit(t, l, store.Batch{Pass: &store.Pass{Kind: "delta", Started: at(int64(n))}})
	}
	commit(t, l, store.Batch{Pass: &store.Pass{Number: 2, Kind: "full", Complete: true, Report: []byte{1}}})
	commit(t, l, store.Batch{Pass: &store.Pass{Kind: "verify"}})
	closed(t, l)
	var kinds []string
	for p, err := range s.History(t.Context(), "pair") {
		if err != nil {
			t.Fatalf("history: %v", err)
		}
		if kinds = append(kinds, p.Kind); p.Number != uint64(len(kinds)) {
			t.Errorf("pass %d of the history has number %d", len(kinds), p.Number)
		}
	}
	want := []string{"delta", "full", "delta", "verify"}
	if len(kinds) != len(want) {
		t.Fatalf("history is %q, want %q", kinds, want)
	}
	for i := range want {
		if kinds[i] != want[i] {
			t.Fatalf("history is %q, want %q", kinds, want)
		}
	}
}

func testRebind(t *testing.T, c Config) {
	s := start(t, c)
	wantError(t, "rebind no pair", s.Rebind(t.Context(), "none", store.Binding{}, store.Binding{}), store.ErrPair)
	l := ledgerOf(t, s, "pair")
	want, batch := sampleContents()
	commit(t, l, batch)
	closed(t, l)
	if err := s.Rebind(t.Context(), "pair", store.Binding{7}, store.Binding{8}); err != nil {
		t.Fatalf("rebind: %v", err)
	}
	want.Meta.Source, want.Meta.Destination = store.Binding{7}, store.Binding{8}
	expect(t, ledgerOf(t, s, "pair"), want, sampleFolders()...)
}

func testClosed(t *testing.T, c Config) {
	s := start(t, c)
	l := ledgerOf(t, s, "pair")
	commit(t, l, numbered("INBOX", 0, 1000))
	var during error
	for _, err := range l.Records(t.Context(), store.AllFolders) {
		if err != nil {
			during = err
			break
		}
		closed(t, s) // the sequence may end with an error, or with what it has at hand
	}
	if during != nil {
		wantError(t, "Records while the store closes", during, store.ErrClosed)
	}
	if err := s.Close(); err != nil {
		t.Errorf("closing a store twice: %v", err)
	}
	_, err := s.Open(t.Context(), "pair")
	wantError(t, "Open", err, store.ErrClosed)
	_, err = s.Reset(t.Context(), "pair", store.ResetAll, true)
	wantError(t, "Reset", err, store.ErrClosed)
	_, err = s.ResetStatistics(t.Context(), "pair")
	wantError(t, "ResetStatistics", err, store.ErrClosed)
	wantError(t, "Rebind", s.Rebind(t.Context(), "pair", store.Binding{}, store.Binding{}), store.ErrClosed)
	wantError(t, "Pairs", firstError(s.Pairs(t.Context())), store.ErrClosed)
	wantError(t, "History", firstError(s.History(t.Context(), "pair")), store.ErrClosed)
	wantError(t, "Commit", l.Commit(t.Context(), numbered("INBOX", 0, 1)), store.ErrClosed)
	wantError(t, "Records", firstError(l.Records(t.Context(), store.AllFolders)), store.ErrClosed)
	if err := l.Close(); err != nil {
		t.Errorf("closing a ledger after its store: %v", err)
	}
}
