package pass_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/memendpoint"
	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/store/memstore"
)

// aged delivers a mail that came some time ago, and says that it was sent at another.
func (w *world) aged(received, sent time.Duration, path ...string) {
	w.t.Helper()
	w.delivers++
	now := time.Now()
	_, err := w.src.Deliver(path, memendpoint.Message{
		Received: now.Add(-received),
		Body:     fmt.Appendf(nil, "Date: %s\r\nSubject: %d\r\n\r\nx\r\n", now.Add(-sent).Format(time.RFC1123Z), w.delivers),
	})
	w.must(err)
}

const days = 24 * time.Hour

// archive is a mailbox with three mails older than 90 days, two younger ones and an appointment.
func archive(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	for _, age := range []time.Duration{400, 200, 91, 89, 1} {
		w.aged(age*days, age*days, inbox)
	}
	w.deliverEvent("1", "lunch", inbox)
	return w
}

func TestPreStageThenFullMovesNothingTwice(t *testing.T) {
	w := archive(t)
	want(t, w.run(pass.Options{Kind: pass.PreStage}), pass.Counts{Listed: 6, Migrated: 3, Filtered: 3, OutOfWindow: 2})
	want(t, w.run(pass.Options{Kind: pass.PreStage}), pass.Counts{Listed: 6, Already: 3, Filtered: 3, OutOfWindow: 2})
	want(t, w.run(pass.Options{Kind: pass.Full}), pass.Counts{Listed: 6, Already: 3, Migrated: 3})
	if puts := w.dst.Counts().Puts; puts != 6+1 {
		t.Errorf("%d items were written, the canary among them", puts)
	}
	w.quiet(pass.Counts{Listed: 6, Already: 6})
}

func TestPreStageTakesMailOnly(t *testing.T) {
	w := archive(t)
	w.run(pass.Options{Kind: pass.PreStage, PreStage: pass.PreStaging{Age: time.Second}})
	for _, m := range w.dst.Messages(inbox) {
		if m.Kind != endpoint.Mail {
			t.Errorf("a pre-stage brought an item of kind %v", m.Kind)
		}
	}
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 6, Already: 5, Migrated: 1})
}

func TestPreStageStatesItsWindow(t *testing.T) {
	w := archive(t)
	var told []pass.Window
	puts := -1
	began := time.Now()
	r := w.run(pass.Options{Kind: pass.PreStage, PreStage: pass.PreStaging{Age: 30 * days}, Observer: func(ev pass.Event) {
		if e, ok := ev.(pass.WindowFixed); ok {
			told, puts = append(told, e.Window), w.dst.Counts().Puts
		}
	}})
	switch {
	case r.Window == nil || len(told) != 1 || puts != 0:
		t.Fatalf("window %v, told %v after %d items", r.Window, told, puts)
	case !told[0].Before.Equal(r.Window.Before), !r.Window.Since.IsZero(), r.Window.Field != "received", r.Window.LeftOut != 1:
		t.Errorf("window %+v, told %+v", r.Window, told)
	}
	if edge := r.Window.Before.Add(30 * days); edge.Before(began) || edge.After(r.Finished) {
		t.Errorf("a pass that began at %v takes what is older than %v", began, r.Window.Before)
	}
	if text := r.String(); !strings.Contains(text, "only items received before "+r.Window.Before.UTC().Format(time.RFC3339)+"; 1 left out") {
		t.Error(text)
	}
}

// An item that grows old enough while the pass waits stays left out.
func TestPreStageWindowIsFrozen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := archive(t)
		w.dstOpts.Quirks.Throttle = func(call int) time.Duration {
			if call == 2 {
				return 5 * days
			}
			return 0
		}
		began := time.Now()
		r := w.run(pass.Options{Kind: pass.PreStage, StartAt: began.Add(3 * time.Hour)})
		want(t, r, pass.Counts{Listed: 6, Migrated: 3, Filtered: 3, OutOfWindow: 2})
		if waited := time.Since(began); waited < 5*days {
			t.Errorf("the pass waited %v only", waited)
		}
		if from := began.Add(3*time.Hour - 90*days); !r.Window.Before.Equal(from) {
			t.Errorf("window %v, want it to end at %v", r.Window, from)
		}
	})
}

func TestPreStageByDateOfSending(t *testing.T) {
	w := newWorld(t)
	w.aged(1*days, 300*days, inbox) // brought here lately by another migration
	w.aged(300*days, 1*days, inbox)
	w.deliver(1, inbox) // without a date of sending
	r := w.run(pass.Options{Kind: pass.PreStage, PreStage: pass.PreStaging{DateField: pass.BySent}})
	want(t, r, pass.Counts{Listed: 3, Migrated: 2, Filtered: 1, OutOfWindow: 1})
	if r.Window.Field != "sent" {
		t.Errorf("window %+v", r.Window)
	}
	for _, body := range w.bodies(inbox) {
		if body == string(w.src.Messages(inbox)[1].Body) {
			t.Error("the mail that was sent yesterday came")
		}
	}
}

func TestPreStageBefore(t *testing.T) {
	w := archive(t)
	before := time.Now().Add(-100 * days)
	r := w.run(pass.Options{Kind: pass.PreStage, PreStage: pass.PreStaging{Before: before}})
	want(t, r, pass.Counts{Listed: 6, Migrated: 2, Filtered: 4, OutOfWindow: 3})
	if !r.Window.Before.Equal(before) {
		t.Errorf("window %v", r.Window)
	}
}

// The dates of the selection give way to those of the pre-stage; the rest of it holds.
func TestPreStageOverridesTheDatesOfTheSelection(t *testing.T) {
	w := archive(t)
	w.must(w.src.CreateFolder("Junk"))
	w.aged(300*days, 300*days, "Junk")
	o := pass.Options{Kind: pass.PreStage, Select: pass.Selection{
		Since: time.Now().Add(-100 * days), DateField: pass.BySent, Exclude: []pass.Pattern{"Junk"},
	}}
	want(t, w.run(o), pass.Counts{Listed: 7, Migrated: 3, Filtered: 4, OutOfWindow: 2})
}

func TestPreStageRefusesOtherKinds(t *testing.T) {
	w := archive(t)
	w.refused(pass.Options{Kind: pass.PreStage, Select: pass.Selection{Kinds: []endpoint.Kind{endpoint.Mail, endpoint.Event}}},
		pass.ErrInvalid, "Select.Kinds: a PreStage migrates mail only, not event")
}

// failing is a pair of whose five mails one is too large for the destination.
func failing(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.dstOpts.Quirks.MaxItem = 1000
	w.deliver(4, inbox)
	w.deliverText("Subject: large\r\n\r\n"+strings.Repeat("x", 2000), inbox)
	r, err := w.try(t.Context(), pass.Options{})
	w.must(err)
	want(t, r, pass.Counts{Listed: 5, Migrated: 4, Failed: 1})
	return w
}

func TestFailedItemComesInTheNextDelta(t *testing.T) {
	w := failing(t)
	w.dstOpts.Quirks.MaxItem = 0
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 5, Migrated: 1, Already: 4})
	w.same(inbox)
}

func TestRetryFailedTakesOnlyFailures(t *testing.T) {
	w := failing(t)
	w.dstOpts.Quirks.MaxItem = 0
	w.deliver(2, inbox)
	retry := pass.Options{Kind: pass.RetryFailed}
	want(t, w.run(retry), pass.Counts{Listed: 1, Migrated: 1})
	w.refused(retry, pass.ErrNothingFailed, "every item of the last pass was migrated")
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 7, Migrated: 2, Already: 5})
	w.same(inbox)
}

func TestRetryFailedThatFailsAgainCanBeRepeated(t *testing.T) {
	w := failing(t)
	for range 2 {
		r, err := w.try(t.Context(), pass.Options{Kind: pass.RetryFailed})
		w.must(err)
		want(t, r, pass.Counts{Listed: 1, Failed: 1})
	}
	w.dstOpts.Quirks.MaxItem = 0
	want(t, w.run(pass.Options{Kind: pass.RetryFailed}), pass.Counts{Listed: 1, Migrated: 1})
}

func TestRetryFailedClosesWhatVanished(t *testing.T) {
	w := failing(t)
	w.must(w.src.CreateFolder("Gone"))
	w.deliverText("Subject: large\r\n\r\n"+strings.Repeat("y", 2000), "Gone")
	_, err := w.try(t.Context(), pass.Options{})
	w.must(err)
	w.must(w.src.Delete([]string{inbox}, w.src.Messages(inbox)[4].Ref))
	w.must(w.src.DeleteFolder("Gone"))
	retry := pass.Options{Kind: pass.RetryFailed}
	want(t, w.run(retry), pass.Counts{Listed: 2, Vanished: 2})
	w.refused(retry, pass.ErrNothingFailed, "")
}

func TestRetryFailedIsRefusedAfterACut(t *testing.T) {
	w := failing(t)
	w.deliver(10, inbox)
	w.cut(pass.Options{}, 3)
	w.refused(pass.Options{Kind: pass.RetryFailed}, pass.ErrNothingFailed, "did not come to its end")
}

func TestRetryFailedIsRefusedWithoutFailures(t *testing.T) {
	w := filled(t)
	w.refused(pass.Options{Kind: pass.RetryFailed}, pass.ErrNothingFailed, "")
}

// cut runs a pass that ends after some windows of one item.
func (w *world) cut(o pass.Options, after int) *pass.Report {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	o.Window, o.Folders = 1, 1
	o.Observer = func(ev pass.Event) {
		if _, ok := ev.(pass.WindowDone); ok {
			if after--; after == 0 {
				cancel()
			}
		}
	}
	r, err := w.try(ctx, o)
	if !errors.Is(err, context.Canceled) || r.Complete {
		w.t.Fatalf("the pass was not cut: %v", err)
	}
	return r
}

func TestStartAfterCompletionMovesNothing(t *testing.T) {
	w := filled(t)
	w.quiet(pass.Counts{Listed: 10, Already: 10})
	want(t, w.run(pass.Options{Kind: pass.Full}), pass.Counts{Listed: 10, Already: 10})
}

func TestResumeAfterCompletionDoesNothing(t *testing.T) {
	w := filled(t)
	w.deliver(2, inbox)
	before := w.state()
	r, err := w.try(t.Context(), pass.Options{Kind: pass.Resume})
	w.must(err)
	want(t, r, pass.Counts{})
	if len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "nothing to resume") {
		t.Errorf("warnings %q", r.Warnings)
	}
	w.isStill(before)
}

func TestResumeGoesOnAfterACut(t *testing.T) {
	w := newWorld(t)
	w.deliver(10, inbox)
	w.cut(pass.Options{}, 4)
	want(t, w.run(pass.Options{Kind: pass.Resume}), pass.Counts{Listed: 10, Already: 4, Migrated: 6})
	w.same(inbox)
}

// emptied is a pair whose user removed everything at the destination.
func emptied(t *testing.T) *world {
	t.Helper()
	w := filled(t)
	for _, path := range w.dst.FolderPaths() {
		for _, ref := range w.destRefs(path...) {
			w.must(w.dst.Delete(path, ref))
		}
	}
	return w
}

func TestEmptiedTargetStaysEmptyOnADelta(t *testing.T) {
	w := emptied(t)
	w.quiet(pass.Counts{Listed: 10, RemovedAtDestination: 10})
	w.quiet(pass.Counts{Listed: 10, RemovedAtDestination: 10})
	w.holds(0, inbox)
}

func TestEmptiedTargetFillsOnAReset(t *testing.T) {
	w := emptied(t)
	w.run(pass.Options{})
	n, err := w.store.Reset(t.Context(), w.pair, store.ResetAll, false)
	w.must(err)
	if n.Records != 10 || n.Removed != 10 {
		t.Errorf("the reset forgot %+v", n)
	}
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 10, Migrated: 10})
	w.same(inbox)
	w.same("Work")
	w.quiet(pass.Counts{Listed: 10, Already: 10})
}

func TestEmptiedTargetFillsOnARebuild(t *testing.T) {
	w := emptied(t)
	want(t, w.run(pass.Options{Kind: pass.Rebuild}), pass.Counts{Listed: 10, Migrated: 10})
	w.same(inbox)
	w.same("Work")
	w.quiet(pass.Counts{Listed: 10, Already: 10})
}

// twice checks that a folder of the destination has everything of the source exactly two times.
func (w *world) twice(path ...string) {
	w.t.Helper()
	var source []string
	for _, m := range w.src.Messages(path...) {
		source = append(source, string(m.Body), string(m.Body))
	}
	slices.Sort(source)
	if !slices.Equal(w.bodies(path...), source) {
		w.t.Errorf("%v: the destination has %d items, not each of %d twice", path, len(w.bodies(path...)), len(source)/2)
	}
}

func TestRebuildIntoAFullTargetDoublesExactlyOnce(t *testing.T) {
	w := filled(t)
	r := w.run(pass.Options{Kind: pass.Rebuild})
	want(t, r, pass.Counts{Listed: 10, Migrated: 10, Duplicates: 10})
	if r.Generation != 2 {
		t.Errorf("generation %d", r.Generation)
	}
	w.twice(inbox)
	w.twice("Work")
	w.quiet(pass.Counts{Listed: 10, Already: 10})
}

func TestRebuildThatWasCutGoesOnWithoutDoubles(t *testing.T) {
	for _, kind := range []pass.Kind{pass.Rebuild, pass.Auto, pass.Full, pass.Resume} {
		t.Run(kind.String(), func(t *testing.T) {
			w := filled(t)
			w.cut(pass.Options{Kind: pass.Rebuild}, 4)
			want(t, w.run(pass.Options{Kind: kind}), pass.Counts{Listed: 10, Already: 4, Migrated: 6, Duplicates: 6})
			w.twice(inbox)
			w.twice("Work")
			w.quiet(pass.Counts{Listed: 10, Already: 10})
			// One that came to its end is not gone on with: the next is another.
			want(t, w.run(pass.Options{Kind: pass.Rebuild}), pass.Counts{Listed: 10, Migrated: 10, Duplicates: 10})
		})
	}
}

func TestTrialTakesAFewOfEachFolderAndTheWholeTree(t *testing.T) {
	w := newWorld(t)
	w.must(w.src.CreateFolder("Work", "2026"))
	w.must(w.src.CreateFolder("Empty"))
	w.deliver(12, inbox)
	w.deliver(3, "Work", "2026")
	w.deliverText("Subject: large\r\n\r\n"+strings.Repeat("x", 6_000_000), "Work")
	want(t, w.run(pass.Options{Kind: pass.Trial}), pass.Counts{Listed: 16, Migrated: 13, Filtered: 3})
	if len(w.dst.FolderPaths()) != 4 {
		t.Errorf("folders %v", w.dst.FolderPaths())
	}
	newest := w.src.Messages(inbox)[11]
	if !slices.Contains(w.bodies(inbox), string(newest.Body)) {
		t.Error("the newest mail is not among them")
	}
	few := pass.Options{Kind: pass.Trial, Trial: pass.TrialLimits{Items: 11, MaxSize: 7_000_000}}
	want(t, w.run(few), pass.Counts{Listed: 16, Already: 13, Migrated: 2, Filtered: 1})
}

func TestTrialRecordsCount(t *testing.T) {
	w := newWorld(t)
	w.deliver(12, inbox)
	w.run(pass.Options{Kind: pass.Trial})
	want(t, w.run(pass.Options{Kind: pass.Trial}), pass.Counts{Listed: 12, Already: 10, Filtered: 2})
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 12, Already: 10, Migrated: 2})
	w.same(inbox)
}

func TestDomainSwitchMovesNothingTwice(t *testing.T) {
	w := filled(t)
	w.srcOpts.Account, w.dstOpts.Account = "ann@contoso.example", "ann@fabrikam.example"
	w.quiet(pass.Counts{Listed: 10, Already: 10})
	w.deliver(1, inbox)
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 11, Already: 10, Migrated: 1})
	w.same(inbox)
}

// Under another address the same references may name other items: nothing tells that they do not.
func TestDomainSwitchTrustsNoReferences(t *testing.T) {
	for _, rebind := range []bool{false, true} {
		w := newWorld(t)
		w.must(w.src.CreateFolder("Work"))
		w.deliver(3, inbox)
		w.deliver(2, "Work")
		w.run(pass.Options{})
		old := w.src
		w.src, w.srcOpts.Account = memendpoint.NewServer(), "ann@contoso.example"
		w.must(w.src.CreateFolder("Work"))
		w.deliver(1, inbox)
		for _, m := range old.Messages(inbox) {
			_, err := w.src.Deliver([]string{inbox}, memendpoint.Message{Body: m.Body, Received: m.Received})
			w.must(err)
		}
		w.deliver(1, "Work")
		for _, m := range old.Messages("Work") {
			_, err := w.src.Deliver([]string{"Work"}, memendpoint.Message{Body: m.Body, Received: m.Received})
			w.must(err)
		}
		if rebind {
			_, err := w.engine().Rebind(t.Context(), w.open(), false)
			w.must(err)
		}
		plan, err := w.engine().Plan(t.Context(), w.open(), pass.Options{})
		w.must(err)
		want(t, plan, pass.Counts{Listed: 7, Already: 5, Migrated: 2})
		part := pass.Options{Select: pass.Selection{Include: []pass.Pattern{inbox}}}
		want(t, w.run(part), pass.Counts{Listed: 7, Already: 3, Migrated: 1, Filtered: 3})
		want(t, w.run(pass.Options{}), pass.Counts{Listed: 7, Already: 6, Migrated: 1})
		w.same(inbox)
		w.same("Work")
	}
}

func TestMailboxWithContentIsNotTouched(t *testing.T) {
	w := withTrash(t)
	w.must(w.dst.CreateFolder("Work"))
	w.must(w.src.CreateFolder("Work"))
	w.deliver(3, inbox)
	w.deliver(2, "Work")
	for _, path := range [][]string{{inbox}, {"Work"}, {"Trash"}} {
		for _, m := range w.src.Messages(inbox)[:2] { // also ones that are the same as at the source
			_, err := w.dst.Deliver(path, memendpoint.Message{Body: m.Body, Flags: []endpoint.Flag{endpoint.Seen}})
			w.must(err)
		}
	}
	before := contents(w.dst)
	everything := pass.ForAllKinds(pass.Policy{
		OnUpdate: pass.ReplaceUpdated, OnDelete: pass.RemoveDeleted, OnMove: pass.FollowMoved, OnFlags: pass.MergeFlags,
	})
	for _, o := range []pass.Options{{}, {Kind: pass.Rebuild}, {Policies: everything, MaxDeleteShare: 1}} {
		w.run(o)
		w.must(w.src.Delete([]string{inbox}, w.src.Messages(inbox)[0].Ref))
		for name, items := range contents(w.dst) {
			for _, was := range before[name] {
				if !slices.ContainsFunc(items, func(m memendpoint.Stored) bool { return reflect.DeepEqual(m, was) }) {
					t.Errorf("%s: an item of the mailbox's own was changed or removed", name)
				}
			}
		}
	}
}

func TestStartAtCanBeCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.deliver(3, inbox)
		ctx, cancel := context.WithCancel(t.Context())
		var told []time.Time
		at := time.Now().Add(8 * time.Hour)
		time.AfterFunc(time.Hour, cancel)
		r, err := w.try(ctx, pass.Options{StartAt: at, Observer: func(ev pass.Event) {
			if e, ok := ev.(pass.Scheduled); ok {
				told = append(told, e.At)
			}
		}})
		if !errors.Is(err, context.Canceled) || r.Complete || len(told) != 1 || !told[0].Equal(at) {
			t.Errorf("err %v, told %v", err, told)
		}
		if s, d := w.src.Counts(), w.dst.Counts(); s.Calls+d.Calls > 0 {
			t.Errorf("the mailboxes were called before the time: %+v %+v", s, d)
		}
		if passes, err := w.passes(); err == nil {
			t.Errorf("the pair has a history of %d passes", passes)
		}
	})
}

// passes returns how many passes the history of the pair has.
func (w *world) passes() (n int, err error) {
	for _, err := range w.store.History(w.t.Context(), w.pair) {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

func TestStartAtWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.deliver(3, inbox)
		began := time.Now()
		want(t, w.run(pass.Options{StartAt: began.Add(8 * time.Hour)}), pass.Counts{Listed: 3, Migrated: 3})
		if waited := time.Since(began); waited < 8*time.Hour {
			t.Errorf("it began after %v", waited)
		}
		past := time.Now()
		w.run(pass.Options{StartAt: past.Add(-time.Hour)})
		if waited := time.Since(past); waited > time.Minute {
			t.Errorf("a time in the past was waited for: %v", waited)
		}
	})
}

func TestPauseHaltsAndGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.deliver(10, inbox)
		var pause pass.Pause
		var told []bool
		windows := 0
		type ended struct {
			report *pass.Report
			err    error
		}
		done := make(chan ended)
		go func() {
			r, err := w.try(t.Context(), pass.Options{Window: 2, Folders: 1, Pause: &pause, Observer: func(ev pass.Event) {
				switch e := ev.(type) {
				case pass.Paused:
					told = append(told, e.Held)
				case pass.WindowDone:
					if windows++; windows == 2 {
						pause.Hold()
						pause.Hold() // once more is no more
					}
				}
			}})
			done <- ended{r, err}
		}()
		synctest.Wait() // until it halts
		w.holds(4, inbox)
		pause.Release()
		end := <-done
		w.must(end.err)
		want(t, end.report, pass.Counts{Listed: 10, Migrated: 10})
		if !slices.Equal(told, []bool{true, false}) {
			t.Errorf("told %v", told)
		}
	})
}

func TestPausedPassCanBeStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.deliver(10, inbox)
		var pause pass.Pause
		pause.Hold()
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Hour, cancel)
		r, err := w.try(ctx, pass.Options{Pause: &pause})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("err %v", err)
		}
		want(t, r, pass.Counts{Listed: 10, Deferred: 10})
		want(t, w.run(pass.Options{}), pass.Counts{Listed: 10, Migrated: 10})
	})
}

func TestTrustedDatabaseSparesTheScan(t *testing.T) {
	w := filled(t)
	w.deliver(2, inbox)
	for _, ref := range w.destRefs(inbox)[:1] {
		w.must(w.dst.Delete([]string{inbox}, ref)) // of which it does not know
	}
	before := w.dst.Counts()
	want(t, w.run(pass.Options{TrustDatabase: true}), pass.Counts{Listed: 12, Already: 10, Migrated: 2})
	if after := w.dst.Counts(); after.MarkScans != before.MarkScans || after.RefLists != before.RefLists {
		t.Errorf("the destination was scanned: %+v, before %+v", after, before)
	}
}

// A database that knows nothing is not trusted: everything would be written twice.
func TestTrustedDatabaseThatWasLostScans(t *testing.T) {
	w := filled(t)
	w.store = memstore.New()
	want(t, w.run(pass.Options{TrustDatabase: true}), pass.Counts{Listed: 10, Already: 10, Healed: 10})
}

// What a pass was writing when it was cut is looked for, whatever the database is trusted with.
func TestTrustedDatabaseAfterACutScans(t *testing.T) {
	w := filled(t)
	w.doubt(w.src.Messages(inbox)[0].Ref)
	want(t, w.run(pass.Options{TrustDatabase: true}), pass.Counts{Listed: 10, Already: 9, Migrated: 1, Recovered: 1})
	w.same(inbox)
}

// A reset forgets what the last scan found: what it forgot besides would be written twice.
func TestTrustedDatabaseAfterAResetScans(t *testing.T) {
	w := filled(t)
	_, err := w.store.Reset(t.Context(), w.pair, store.Filter{Folders: []string{"Work"}}, false)
	w.must(err)
	want(t, w.run(pass.Options{TrustDatabase: true}), pass.Counts{Listed: 10, Already: 10, Healed: 4})
	w.same("Work")
}

// doubt makes the ledger say of a migrated item of the inbox that it was to be written when its pass
// was cut.
func (w *world) doubt(ref string) {
	w.t.Helper()
	l, err := w.store.Open(w.t.Context(), w.pair)
	w.must(err)
	defer func() { w.must(l.Close()) }()
	for r, err := range l.Records(w.t.Context(), inbox) {
		if w.must(err); r.Ref == ref {
			r.Status = store.Intent
			w.must(l.Commit(w.t.Context(), store.Batch{Records: []store.Record{r}}))
			return
		}
	}
	w.t.Fatalf("no record of %s", ref)
}

func TestFolderThatCannotBeOpenedFailsAlone(t *testing.T) {
	w := newWorld(t)
	w.must(w.src.CreateFolder("Secret"))
	w.deliver(2, inbox)
	w.deliver(3, "Secret")
	p := w.open()
	p.Source = w.denying(p.Source, "Secret")
	r, err := w.engine().Run(t.Context(), p, pass.Options{})
	w.must(err)
	want(t, r, pass.Counts{Listed: 5, Migrated: 2, Failed: 3})
	if len(r.Failures) != 1 || r.Failures[0].Folder != "Secret" || r.Failures[0].Code != "denied" || !r.Closes() {
		t.Errorf("failures %+v", r.Failures)
	}
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 5, Already: 2, Migrated: 3})
}

func TestResetStatisticsLeavesTheRecords(t *testing.T) {
	w := filled(t)
	before, err := w.passes()
	w.must(err)
	n, err := w.store.ResetStatistics(t.Context(), w.pair)
	w.must(err)
	if n != before || n == 0 {
		t.Errorf("%d passes were forgotten, of %d", n, before)
	}
	if n, err = w.passes(); n != 0 || err != nil {
		t.Errorf("%d passes are left, %v", n, err)
	}
	w.quiet(pass.Counts{Listed: 10, Already: 10})
}

// A pass that was refused did nothing, so that what may come after the last one still may.
func TestRefusedPassIsNoPass(t *testing.T) {
	refusals := map[string]struct {
		o    pass.Options
		with func(*world)
		err  error
	}{
		"options":      {pass.Options{Window: -1}, func(*world) {}, pass.ErrInvalid},
		"capabilities": {replacing(), func(w *world) { w.srcOpts.Quirks.NoVersions = true }, pass.ErrInvalid},
		"types":        {pass.Options{OnTypeChange: pass.RefuseType}, func(w *world) { w.dstOpts.Type = "other" }, pass.ErrTypeChange},
		"mailbox": {pass.Options{}, func(w *world) {
			w.dst, w.dstOpts.Account = memendpoint.NewServer(), "bob@new.example"
		}, pass.ErrOtherMailbox},
		"same mailbox": {pass.Options{}, func(w *world) {
			w.srcOpts.Type, w.srcOpts.Account = w.dstOpts.Type, w.dstOpts.Account
		}, pass.ErrSameMailbox},
		"folders": {pass.Options{MapFolder: func(endpoint.Folder, []string) []string { return []string{"One"} }}, func(w *world) {
			w.must(w.src.CreateFolder("Work"))
		}, pass.ErrCollision},
	}
	for name, c := range refusals {
		t.Run(name, func(t *testing.T) {
			w := failing(t)
			before := *w
			c.with(w)
			if _, err := w.try(t.Context(), c.o); !errors.Is(err, c.err) || !errors.Is(err, pass.ErrRefused) {
				t.Errorf("err %v", err)
			}
			w.src, w.dst, w.srcOpts, w.dstOpts = before.src, before.dst, before.srcOpts, before.dstOpts
			w.dstOpts.Quirks.MaxItem = 0
			want(t, w.run(pass.Options{Kind: pass.RetryFailed}), pass.Counts{Listed: 1, Migrated: 1})
		})
	}
}
