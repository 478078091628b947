package pass_test

import (
	"context"
	"iter"
	"sync/atomic"
	"testing"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store"
)

// countingStore counts what is read of its ledgers item by item, and how often.
type countingStore struct {
	store.Store
	read, calls atomic.Int64
}

type countingLedger struct {
	store.Ledger
	*countingStore
}

func (s *countingStore) Open(ctx context.Context, pair string) (store.Ledger, error) {
	l, err := s.Store.Open(ctx, pair)
	return &countingLedger{l, s}, err
}

func (l *countingLedger) Close() error { return l.Ledger.Close() }

func (l *countingLedger) Records(ctx context.Context, folder string) iter.Seq2[store.Record, error] {
	return counted(l.Ledger.Records(ctx, folder), &l.read, &l.calls)
}

func (l *countingLedger) Sightings(ctx context.Context, folder string) iter.Seq2[store.Sighting, error] {
	return counted(l.Ledger.Sightings(ctx, folder), &l.read, &l.calls)
}

func counted[T any](seq iter.Seq2[T, error], n, calls *atomic.Int64) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		calls.Add(1)
		for v, err := range seq {
			n.Add(1)
			if !yield(v, err) {
				return
			}
		}
	}
}

// counting runs a plain delta, and returns how many records and sightings it read.
func (w *world) counting(counts pass.Counts) int64 {
	w.t.Helper()
	return w.countingStore(counts).read.Load()
}

func (w *world) countingStore(counts pass.Counts) *countingStore {
	w.t.Helper()
	s := &countingStore{Store: w.store}
	r, err := w.over(s).Run(w.t.Context(), w.open(), pass.Options{})
	w.must(err)
	want(w.t, r, counts)
	return s
}

// A folder in which nothing happened costs the same whatever it holds: none of its records and sightings
// is read.
func TestUnchangedFoldersCostNothing(t *testing.T) {
	w := filled(t)
	if n := w.counting(pass.Counts{Listed: 10, Already: 10}); n > 0 {
		t.Errorf("a delta with nothing new read %d records and sightings", n)
	}
	w.must(w.dst.Delete([]string{inbox}, w.destRefs(inbox)[0]))
	if n := w.counting(pass.Counts{Listed: 10, Already: 9, RemovedAtDestination: 1}); n == 0 {
		t.Error("a delta after a change at the destination looked at nothing")
	}
	if n := w.counting(pass.Counts{Listed: 10, Already: 9, RemovedAtDestination: 1}); n > 0 {
		t.Errorf("the delta after that one read %d records and sightings", n)
	}
}

// What is remembered of a folder that did not change goes with anything that it rests on.
func TestSummariesDoNotOutlive(t *testing.T) {
	all := pass.Counts{Listed: 10, Already: 10}
	for name, sc := range map[string]struct {
		change func(*world)
		want   pass.Counts
	}{
		"reset": {func(w *world) {
			_, err := w.store.Reset(w.t.Context(), w.pair, store.ResetAll, false)
			w.must(err)
		}, pass.Counts{Listed: 10, Already: 10, Healed: 10}},
		"reset of a folder": {func(w *world) {
			_, err := w.store.Reset(w.t.Context(), w.pair, store.Filter{Folders: []string{"Work"}}, false)
			w.must(err)
		}, pass.Counts{Listed: 10, Already: 10, Healed: 4}},
		"folder becomes the trash": {func(w *world) { w.must(w.dst.SetRole(endpoint.Trash, "Work")) }, all},
		"folder of its own":        {func(w *world) { w.must(w.dst.CreateFolder("Own")) }, all},
		"other generation": {func(w *world) {
			l, err := w.store.Open(w.t.Context(), w.pair)
			w.must(err)
			meta := l.Meta()
			meta.Generation++
			w.must(l.Commit(w.t.Context(), store.Batch{Meta: &meta}))
			w.must(l.Close())
		}, pass.Counts{Listed: 10, Migrated: 10, Duplicates: 10}},
		"purge": {func(w *world) {
			plan, err := w.engine().PlanPurge(w.t.Context(), w.open())
			w.must(err)
			_, err = w.engine().Purge(w.t.Context(), w.open(), plan.Confirm)
			w.must(err)
		}, pass.Counts{Listed: 10, Migrated: 10}},
	} {
		t.Run(name, func(t *testing.T) {
			w := filled(t)
			if n := w.counting(all); n > 0 {
				t.Fatalf("there are no summaries: %d records and sightings are read", n)
			}
			sc.change(w)
			if n := w.countingStore(sc.want).calls.Load(); n == 0 {
				t.Error("nothing was looked at")
			}
		})
	}
}

// A pass that was cut after it began to change records must not leave a summary that it rests on.
func TestSummaryIsGoneBeforeRecordsChange(t *testing.T) {
	for n := int64(1); ; n++ {
		w := filled(t)
		w.must(w.dst.Delete([]string{inbox}, w.destRefs(inbox)[0]))
		counts := pass.Counts{Listed: 10, Already: 9, RemovedAtDestination: 1}
		_ = w.counting(counts)
		cut := &cutStore{Store: w.store, n: n, after: true}
		_, err := w.over(cut).Run(t.Context(), w.open(), pass.Options{
			Kind: pass.Verify, Verify: pass.Verification{Repair: pass.RepairMissing},
		})
		if cut.seen.Load() < n {
			w.must(err)
			break
		}
		have, err := w.engine().Plan(t.Context(), w.open(), pass.Options{})
		w.must(err)
		full, err := w.engine().Plan(t.Context(), w.open(), pass.Options{FullScan: true})
		w.must(err)
		if have.Totals != full.Totals {
			t.Errorf("cut at commit %d: by what is remembered\n%+v\nwant\n%+v", n, have.Totals, full.Totals)
		}
	}
}
