package pass_test

import (
	"context"
	"fmt"
	"iter"
	"testing"
	"testing/synctest"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/faultendpoint"
	"github.com/dandyroll/dandyroll/pass"
)

// replaceUpdated has the source change three of four events that were migrated, and carries that over
// while calls fail by a plan.
func replaceUpdated(t *testing.T, plan string) (*world, *pass.Report, error) {
	t.Helper()
	w := withTrash(t)
	var refs []string
	for n := range 4 {
		refs = append(refs, w.deliverEvent(fmt.Sprint(n), "lunch", inbox))
	}
	w.run(pass.Options{})
	for n, ref := range refs[:3] {
		w.must(w.src.Update([]string{inbox}, ref, meeting(fmt.Sprint(n), "late lunch")))
	}
	rules, err := faultendpoint.Parse(plan)
	w.must(err)
	process := faultendpoint.NewProcess(rules, nil)
	p := w.open()
	p.Source, p.Destination = faultendpoint.Wrap(p.Source, "src", process), faultendpoint.Wrap(p.Destination, "dst", process)
	r, err := w.engine().Run(t.Context(), p, pass.Options{Policies: pass.ForAllKinds(pass.Policy{OnUpdate: pass.ReplaceUpdated})})
	if process.Fired() == 0 {
		t.Errorf("%s: no fault happened", plan)
	}
	return w, r, err
}

// A destination that is throttled is waited for, and gets each new copy once.
func TestThrottledReplacementIsWaitedFor(t *testing.T) {
	for _, plan := range []string{
		"before throttled 30s on side=dst method=put at=start nth=1",
		"before throttled 30s on side=dst method=put at=2 nth=1",
		"item throttled 30s on side=dst method=put at=1 nth=1",
		"item-after in-doubt on side=dst method=put at=1 nth=1; before throttled 30s on side=dst method=put at=3 nth=1",
	} {
		synctest.Test(t, func(t *testing.T) {
			w, r, err := replaceUpdated(t, plan)
			w.must(err)
			want(t, r, pass.Counts{Listed: 4, Already: 4, Updated: 3})
			if now, old := len(w.dst.Messages(inbox)), len(w.dst.Messages("Trash")); now != 4 || old != 3 {
				t.Errorf("%s: %d items, and %d old copies in the trash", plan, now, old)
			}
		})
	}
}

// An item that the destination refuses fails alone, and with a folder that it refuses all of it, but
// not the pass.
func TestRefusedReplacementFailsAlone(t *testing.T) {
	for plan, failed := range map[string]int{
		"item rejected on side=dst method=put at=1 nth=1":     1,
		"before denied on side=dst method=put at=start nth=1": 3,
	} {
		w, r, err := replaceUpdated(t, plan)
		w.must(err)
		want(t, r, pass.Counts{Listed: 4, Already: 4 - failed, Failed: failed, Updated: 3 - failed})
	}
}

// An item that was refused for now is tried again, whatever becomes of those after it.
func TestThrottledReplacementBesideALostOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, r, err := replaceUpdated(t, "item throttled 30s on side=dst method=put at=1 nth=1; before unavailable on side=dst method=put at=3 nth=1")
		w.must(err)
		want(t, r, pass.Counts{Listed: 4, Already: 3, Failed: 1, Updated: 2})
	})
}

// An item that cannot be read fails once, however often the others are read.
func TestUnreadableUpdateFailsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, r, err := replaceUpdated(t, "item damaged on side=src method=read at=1; before throttled 30s on side=src method=read at=3 nth=1")
		w.must(err)
		want(t, r, pass.Counts{Listed: 4, Already: 3, Failed: 1, Updated: 2})
	})
}

// chatty is a source that answers for items that nobody asked for.
type chatty struct{ endpoint.Driver }

func (d chatty) Read(ctx context.Context, f endpoint.Folder, refs []string, o endpoint.ReadOptions) iter.Seq2[endpoint.Body, error] {
	return func(yield func(endpoint.Body, error) bool) {
		if !yield(endpoint.Body{Ref: "no such item", Content: endpoint.Bytes(endpoint.RFC822, []byte("hello\r\n"))}, nil) {
			return
		}
		d.Driver.Read(ctx, f, refs, o)(yield)
	}
}

func TestAnswersThatNobodyAskedForAreDropped(t *testing.T) {
	w := newWorld(t)
	ref := w.deliverEvent("1", "lunch", inbox)
	run := func(o pass.Options, counts pass.Counts) {
		t.Helper()
		p := w.open()
		p.Source = endpoint.New(chatty{p.Source.Driver()})
		r, err := w.engine().Run(t.Context(), p, o)
		w.must(err)
		want(t, r, counts)
	}
	run(pass.Options{}, pass.Counts{Listed: 1, Migrated: 1})
	w.must(w.src.Update([]string{inbox}, ref, meeting("1", "late lunch")))
	run(pass.Options{Policies: pass.ForAllKinds(pass.Policy{OnUpdate: pass.ReplaceUpdated})}, pass.Counts{Listed: 1, Already: 1, Updated: 1})
}
