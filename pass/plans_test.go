package pass_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/memendpoint"
	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store"
)

// lived is a pair that was migrated, and on whose both sides users went on working since: one of
// each change that a pass may find.
func lived(t *testing.T) *world {
	t.Helper()
	w := withTrash(t)
	w.dstOpts.Quirks.MaxItem = 1000
	w.must(w.src.CreateFolder("Work"))
	w.must(w.src.CreateFolder("Calendar"))
	here := w.deliver(12, inbox)
	w.deliver(2, "Work")
	event := w.deliverEvent("1", "lunch", "Calendar")
	w.deliverText("Subject: large\r\n\r\n"+fmt.Sprintf("%2000d", 1), inbox)
	_, err := w.try(t.Context(), pass.Options{})
	w.must(err)
	w.dstOpts.Quirks.MaxItem = 0

	w.deliver(2, inbox)
	_, err = w.src.Move([]string{inbox}, here[0], []string{"Work"})
	w.must(err)
	w.must(w.src.Delete([]string{inbox}, here[1]))
	w.must(w.src.Delete([]string{inbox}, here[2]))
	w.must(w.src.SetFlags([]string{inbox}, here[3], endpoint.Seen))
	w.must(w.src.SetFlags([]string{inbox}, here[4], endpoint.Seen))
	w.must(w.src.Update([]string{"Calendar"}, event, meeting("1", "late lunch")))
	_, err = w.dst.Deliver([]string{inbox}, memendpoint.Message{Body: w.src.Messages(inbox)[len(w.src.Messages(inbox))-1].Body})
	w.must(err)

	there := w.destRefs(inbox)
	w.must(w.dst.SetFlags([]string{inbox}, there[1], endpoint.IsFlagged)) // which is gone at the source
	w.must(w.dst.Delete([]string{inbox}, there[5]))
	body := w.dst.Messages(inbox)[6].Body
	w.must(w.dst.Update([]string{inbox}, there[7], body[:len(body)-3]))
	return w
}

// A plan of any kind, with any policies, says exactly what the pass then does, folder by folder, and
// writes nothing anywhere.
func TestPlanPredictsThePass(t *testing.T) {
	everything := everyPolicy()
	for kind, p := range everything {
		p.Adopt = pass.AdoptByIdentity
		everything[kind] = p
	}
	cases := map[string]pass.Options{
		"auto": {}, "full": {Kind: pass.Full}, "delta": {Kind: pass.Delta}, "resume": {Kind: pass.Resume},
		"prestage":        {Kind: pass.PreStage, PreStage: pass.PreStaging{Before: time.Date(2026, 1, 1, 0, 5, 0, 0, time.UTC)}},
		"retry":           {Kind: pass.RetryFailed},
		"rebuild":         {Kind: pass.Rebuild},
		"trial":           {Kind: pass.Trial, Trial: pass.TrialLimits{Items: 11}},
		"verify":          {Kind: pass.Verify},
		"repair missing":  {Kind: pass.Verify, Verify: pass.Verification{Repair: pass.RepairMissing}},
		"repair partial":  {Kind: pass.Verify, Verify: pass.Verification{Repair: pass.RepairPartial}},
		"verify a sample": {Kind: pass.Verify, Verify: pass.Verification{Sample: 40, Seed: 7}},
		"update":          replacing(),
		"delete":          removing(),
		"move":            following(),
		"flags":           merging(),
		"adopt":           adopting(),
		"everything":      {Policies: everything, MaxDeleteShare: 0.5},
		"held back":       {Policies: everyPolicy(), MaxDeleteShare: 0.01},
		"compare":         {Policies: replacing().Policies, FullCompare: true},
		"filters":         {Select: pass.Selection{Since: time.Date(2026, 1, 1, 0, 5, 0, 0, time.UTC), Exclude: []pass.Pattern{"Work"}}},
	}
	for name, o := range cases {
		t.Run(name, func(t *testing.T) {
			w := lived(t)
			before := w.state()
			plan, err := w.engine().Plan(t.Context(), w.open(), o)
			w.must(err)
			w.isStill(before)
			if !plan.DryRun || !plan.Closes() {
				t.Errorf("plan %+v", plan)
			}
			done := w.run(o)
			for i := range plan.Folders { // what it does not know beforehand
				plan.Folders[i].Bytes, done.Folders[i].Bytes = 0, 0
			}
			if have, said := fmt.Sprintf("%+v", done.Folders), fmt.Sprintf("%+v", plan.Folders); have != said {
				t.Errorf("the pass did\n%s\nthe plan said\n%s", have, said)
			}
			if have, said := fmt.Sprintf("%+v", done.Conflicts), fmt.Sprintf("%+v", plan.Conflicts); have != said {
				t.Errorf("conflicts\n%s\nthe plan said\n%s", have, said)
			}
			if have, said := fmt.Sprintf("%+v", done.Verified), fmt.Sprintf("%+v", plan.Verified); have != said {
				t.Errorf("verified\n%s\nthe plan said\n%s", have, said)
			}
		})
	}
}

// A reset, too, says beforehand what it forgets, and a plan after it what comes of that.
func TestResetSaysBeforehandWhatItForgets(t *testing.T) {
	w := emptied(t)
	w.run(pass.Options{})
	before := w.state()
	n, err := w.store.Reset(t.Context(), w.pair, store.ResetAll, true)
	w.must(err)
	w.isStill(before)
	again, err := w.store.Reset(t.Context(), w.pair, store.ResetAll, false)
	w.must(err)
	if n != again || n.Removed != 10 {
		t.Errorf("said %+v, did %+v", n, again)
	}
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 10, Migrated: 10})
}
