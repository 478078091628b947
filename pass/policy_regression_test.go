package pass_test

import (
	"context"
	"strings"
	"testing"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/memendpoint"
	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/store/memstore"
)

// Faults that the models found, each in the shortest history that shows it.

func TestRebuildAfterTheDatabaseForgotOne(t *testing.T) {
	w := newWorld(t)
	w.deliver(3, inbox)
	w.run(pass.Options{})
	w.run(pass.Options{Kind: pass.Rebuild})
	w.store = memstore.New()
	r := w.run(pass.Options{Kind: pass.Rebuild})
	if r.Generation != 3 || r.Totals.Migrated != 3 {
		t.Errorf("generation %d\n%v", r.Generation, r)
	}
}

func TestDatabaseIsNotTrustedAfterAReset(t *testing.T) {
	w := newWorld(t)
	w.deliver(3, inbox)
	w.deliverEvent("1", "lunch", inbox)
	w.run(pass.Options{})
	_, err := w.store.Reset(t.Context(), w.pair, store.Filter{Kinds: []uint8{uint8(endpoint.Mail)}}, false)
	w.must(err)
	want(t, w.run(pass.Options{TrustDatabase: true}), pass.Counts{Listed: 4, Already: 4, Healed: 3})
}

// What such a pass wrote is there for the next one, too.
func TestTrustedPassesFollowEachOther(t *testing.T) {
	w := newWorld(t)
	w.deliver(2, inbox)
	w.run(pass.Options{})
	w.deliver(1, inbox)
	want(t, w.run(pass.Options{TrustDatabase: true}), pass.Counts{Listed: 3, Already: 2, Migrated: 1})
	want(t, w.run(pass.Options{TrustDatabase: true}), pass.Counts{Listed: 3, Already: 3})
}

func TestUpdateIsNotForgottenWhileAnotherKindIsReplaced(t *testing.T) {
	w := newWorld(t)
	mail, event := pass.Policies{endpoint.Mail: {OnUpdate: pass.ReplaceUpdated}}, pass.Policies{endpoint.Event: {OnUpdate: pass.ReplaceUpdated}}
	ref := w.deliverEvent("1", "lunch", inbox)
	w.run(pass.Options{Policies: mail})
	w.must(w.src.Update([]string{inbox}, ref, meeting("1", "late lunch")))
	want(t, w.run(pass.Options{Policies: mail}), pass.Counts{Listed: 1, Already: 1})
	want(t, w.run(pass.Options{Policies: event}), pass.Counts{Listed: 1, Already: 1, Updated: 1})
}

// Of a folder that the source has no more, too.
func TestItemThatItsUserMovedIsNotRemoved(t *testing.T) {
	w := withTrash(t)
	w.must(w.src.CreateFolder("Old"))
	w.must(w.dst.CreateFolder("Mine"))
	w.deliver(2, "Old")
	w.run(pass.Options{})
	_, err := w.dst.Move([]string{"Old"}, w.destRefs("Old")[0], []string{"Mine"})
	w.must(err)
	w.must(w.src.DeleteFolder("Old"))
	o := pass.Options{Policies: pass.ForAllKinds(pass.Policy{OnDelete: pass.RemoveDeleted}), MaxDeleteShare: 1}
	want(t, w.run(o), pass.Counts{Removed: 1, Conflicts: 1})
}

func TestPlanCountsAllMoves(t *testing.T) {
	w := newWorld(t)
	w.must(w.src.CreateFolder("Work"))
	w.deliver(3, inbox)
	w.run(pass.Options{})
	for _, m := range w.src.Messages(inbox) {
		_, err := w.src.Move([]string{inbox}, m.Ref, []string{"Work"})
		w.must(err)
	}
	follow := pass.Options{Window: 1, Policies: pass.ForAllKinds(pass.Policy{OnMove: pass.FollowMoved})}
	plan, err := w.engine().Plan(t.Context(), w.open(), follow)
	w.must(err)
	want(t, plan, pass.Counts{Listed: 3, Migrated: 3, Followed: 3})
}

func TestVerifyThatIsStoppedCloses(t *testing.T) {
	w := newWorld(t)
	w.deliver(5, inbox)
	w.run(pass.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := w.try(ctx, pass.Options{Kind: pass.Verify, Observer: func(ev pass.Event) {
		if p, ok := ev.(pass.PhaseStarted); ok && p.Phase == pass.Verifying {
			cancel()
		}
	}})
	if err == nil || r.Complete || r.Totals.Deferred != 5 {
		t.Errorf("%v\n%v", err, r)
	}
}

// A request that was refused is no pass that was cut.
func TestRefusedRequestIsNoPass(t *testing.T) {
	w := newWorld(t)
	w.deliverText("Subject: too big\r\n\r\n"+strings.Repeat("x", 3000), inbox)
	w.dstOpts.Quirks.MaxItem = 2000
	w.run(pass.Options{})
	if _, err := w.try(t.Context(), pass.Options{Kind: pass.RetryFailed, Select: pass.Selection{Include: []pass.Pattern{"No such"}}}); err == nil {
		t.Error("a pattern that names no folder")
	}
	w.dstOpts = memendpoint.Options{Type: "dst", Account: w.dstOpts.Account}
	want(t, w.run(pass.Options{Kind: pass.RetryFailed}), pass.Counts{Listed: 1, Migrated: 1})
}
