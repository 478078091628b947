package pass_test

import (
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dandyroll/dandyroll/endpoint/faultendpoint"
	"github.com/dandyroll/dandyroll/endpoint/memendpoint"
	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/store/memstore"
)

// deliverTo has the user of a mailbox put a mail into it.
func (w *world) deliverTo(s *memendpoint.Server, text string, path ...string) {
	w.t.Helper()
	_, err := s.Deliver(path, memendpoint.Message{Body: []byte(text)})
	w.must(err)
}

func TestPurgeRemovesOnlyOurOwn(t *testing.T) {
	w := withTrash(t)
	w.deliver(5, inbox)
	w.run(pass.Options{})
	for _, s := range []string{"theirs 1", "theirs 2"} {
		w.deliverTo(w.dst, "Message-ID: <"+s+"@new.example>\r\n\r\n"+s+"\r\n", inbox)
	}
	refs := w.destRefs(inbox)
	w.must(w.dst.Update([]string{inbox}, refs[4], append(w.dst.Messages(inbox)[4].Body, "edited"...)))
	plan, err := w.engine().PlanPurge(t.Context(), w.open())
	w.must(err)
	if plan.Items != 4 || len(plan.Conflicts) != 1 || plan.Removed != 0 || len(w.dst.Messages(inbox)) != 7 {
		t.Fatalf("%+v", plan)
	}
	if _, err := w.engine().Purge(t.Context(), w.open(), strings.Repeat("0", 32)); !errors.Is(err, pass.ErrConfirm) || !errors.Is(err, pass.ErrRefused) {
		t.Errorf("purge with another confirmation: %v", err)
	}
	done, err := w.engine().Purge(t.Context(), w.open(), plan.Confirm)
	w.must(err)
	if !done.Complete || done.Removed != 4 || len(w.dst.Messages(inbox)) != 3 || len(w.dst.Messages("Trash")) != 4 {
		t.Errorf("%+v", done)
	}
	again, err := w.engine().PlanPurge(t.Context(), w.open())
	w.must(err)
	if again.Items != 0 {
		t.Errorf("left: %+v", again)
	}
	// Starting over: what was purged comes again, what is still there does not.
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 5, Already: 1, Migrated: 4})
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 5, Already: 5})
}

func TestPurgeSaysThatItCannotTellWithoutExactBytes(t *testing.T) {
	w := newWorld(t)
	w.deliver(1, inbox)
	w.dstOpts.Quirks.Rewrite = true
	w.run(pass.Options{})
	plan, err := w.engine().PlanPurge(t.Context(), w.open())
	w.must(err)
	if plan.Items != 0 || len(plan.Conflicts) != 1 || !strings.Contains(plan.Conflicts[0].Reason, "byte for byte") {
		t.Errorf("%+v", plan)
	}
}

// An item of which nobody knows what was written, for its destination denied that it was, may be its
// user's by now.
func TestPurgeLeavesWhatItDoesNotKnow(t *testing.T) {
	w := newWorld(t)
	w.deliver(3, inbox)
	rules, err := faultendpoint.Parse("item-after rejected on side=dst method=put folder=INBOX at=2 nth=1")
	w.must(err)
	p := w.open()
	p.Destination = faultendpoint.Wrap(p.Destination, "dst", faultendpoint.NewProcess(rules, nil))
	r, err := w.engine().Run(t.Context(), p, pass.Options{})
	w.must(err)
	want(t, r, pass.Counts{Listed: 3, Migrated: 2, Failed: 1})
	purge := func(items int, conflicts ...string) {
		t.Helper()
		plan, err := w.engine().PlanPurge(t.Context(), w.open())
		w.must(err)
		var reasons []string
		for _, c := range plan.Conflicts {
			reasons = append(reasons, c.Reason)
		}
		if plan.Items != items || !slices.Equal(reasons, conflicts) {
			t.Errorf("have %+v\nwant %d items, conflicts %q", plan, items, conflicts)
		}
	}
	purge(2, "no pass has seen since that it was written after all; run one, and then a Verify pass")
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 3, Already: 3, Healed: 1})
	purge(2, "the database does not know what was written; a Verify pass finds out")
	w.run(pass.Options{Kind: pass.Verify})
	purge(3)
}

func TestRebindAfterDomainSwitch(t *testing.T) {
	w := filled(t)
	w.srcOpts.Account, w.dstOpts.Account = "ann@older.example", "ann@newer.example"
	fit, err := w.engine().Rebind(t.Context(), w.open(), false)
	w.must(err)
	if *fit != (pass.Fit{Records: 10, Settled: 10, Found: 10, SourceKnown: 10, SourceFound: 10}) {
		t.Errorf("%+v", fit)
	}
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 10, Already: 10})
	other := newWorld(t)
	other.store, other.key = w.store, w.key
	other.deliver(3, inbox)
	fit, err = other.engine().Rebind(t.Context(), other.open(), false)
	if !errors.Is(err, pass.ErrNoFit) || fit.Found != 0 {
		t.Errorf("other mailboxes: %+v, %v", fit, err)
	}
}

// TestRebindAfterRefusedPass tries another mailbox with a pass first: what that saw there must not
// make it the mailbox of the pair.
func TestRebindAfterRefusedPass(t *testing.T) {
	w := filled(t)
	other := newWorld(t)
	other.src, other.store, other.key = w.src, w.store, w.key
	other.dstOpts.Account = "bob@new.example"
	if _, err := other.engine().Run(t.Context(), other.open(), pass.Options{}); !errors.Is(err, pass.ErrOtherMailbox) {
		t.Fatal(err)
	}
	fit, err := other.engine().Rebind(t.Context(), other.open(), false)
	if !errors.Is(err, pass.ErrNoFit) || *fit != (pass.Fit{Records: 10, Settled: 10, SourceKnown: 10, SourceFound: 10}) {
		t.Errorf("%+v, %v", fit, err)
	}
}

func TestExplain(t *testing.T) {
	w := withTrash(t)
	w.deliver(3, inbox)
	w.run(pass.Options{})
	refs := w.destRefs(inbox)
	w.must(w.dst.Delete([]string{inbox}, refs[0]))
	_, err := w.dst.Move([]string{inbox}, refs[1], []string{"Trash"})
	w.must(err)
	w.deliver(1, inbox)
	for id, part := range map[string]string{"<1@old.example>": "removed it", "2@old.example": "trash", "3@old.example": "is at the destination", "4@old.example": "next pass"} {
		all, err := w.engine().Explain(t.Context(), w.open(), pass.Question{MessageID: id})
		w.must(err)
		if len(all) != 1 || !strings.Contains(all[0].Reason, part) {
			t.Errorf("%s: %+v", id, all)
		}
	}
}

func TestPlanReset(t *testing.T) {
	w := filled(t)
	for _, ref := range w.destRefs(inbox)[:4] {
		w.must(w.dst.Delete([]string{inbox}, ref))
	}
	r, err := w.engine().PlanReset(t.Context(), w.open(), pass.Options{}, store.ResetAll)
	w.must(err)
	want(t, r, pass.Counts{Listed: 10, Already: 6, Migrated: 4, Healed: 6})
	_, err = w.store.Reset(t.Context(), w.pair, store.ResetAll, false)
	w.must(err)
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 10, Already: 6, Migrated: 4, Healed: 6})
}

func TestAnotherPairIsAnotherMigration(t *testing.T) {
	w := filled(t)
	w.pair = "ann again"
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 10, Migrated: 10})
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 10, Already: 10})
	w.pair = "ann"
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 10, Already: 10})
	if n := len(w.dst.Messages(inbox)); n != 12 {
		t.Errorf("%d items in the inbox, of two migrations of 6", n)
	}
}

func TestDeltaMonthsLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := filled(t)
		time.Sleep(200 * 24 * time.Hour)
		w.deliver(1, inbox)
		want(t, w.run(pass.Options{}), pass.Counts{Listed: 11, Already: 10, Migrated: 1})
	})
}

// What was scanned for marks of other types says nothing of those that count now.
func TestTrustedDatabaseAfterOtherTypesScans(t *testing.T) {
	w := filled(t)
	w.dstOpts.Type = "other"
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 10, Migrated: 10, Voided: 10})
	w.dstOpts.Type = "dst"
	want(t, w.run(pass.Options{TrustDatabase: true}), pass.Counts{Listed: 10, Already: 10, Voided: 10})
}

// An item that the last scan saw counts as migrated, though the database was lost and a filter kept
// its record from being made.
func TestTrustedDatabaseKnowsWhatWasSeen(t *testing.T) {
	w := filled(t)
	w.store = memstore.New()
	want(t, w.run(pass.Options{Select: pass.Selection{Include: []pass.Pattern{"Work"}}}),
		pass.Counts{Listed: 10, Already: 4, Healed: 4, Filtered: 6})
	w.must(w.dst.Delete([]string{inbox}, w.destRefs(inbox)[0]))
	want(t, w.run(pass.Options{TrustDatabase: true}), pass.Counts{Listed: 10, Already: 10, Healed: 6})
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 10, Already: 9, RemovedAtDestination: 1})
}

// A pass that is cut in its scan after a reset leaves folders that were never scanned.
func TestTrustedDatabaseWithAFolderNeverScannedScans(t *testing.T) {
	w := filled(t)
	l, err := w.store.Open(t.Context(), w.pair)
	w.must(err)
	records, err := collectAll(l.Records(t.Context(), "Work"))
	w.must(err)
	w.must(l.Commit(t.Context(), store.Batch{
		Forget: records, Unscan: []store.Folder{{Side: store.Destination, Name: "Work"}, {Side: store.Source, Name: "Work"}},
	}))
	w.must(l.Close())
	want(t, w.run(pass.Options{TrustDatabase: true}), pass.Counts{Listed: 10, Already: 10, Healed: 4})
}

func collectAll[T any](seq iter.Seq2[T, error]) ([]T, error) {
	var all []T
	for v, err := range seq {
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}
