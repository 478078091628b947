package pass_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/memendpoint"
	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store/memstore"
	"github.com/dandyroll/dandyroll/watermark"
)

func verifying(r pass.Repair) pass.Options {
	return pass.Options{Kind: pass.Verify, Verify: pass.Verification{Repair: r}}
}

// found checks what a Verify pass found, but for the list of findings.
func found(t *testing.T, r *pass.Report, v pass.Verified) {
	t.Helper()
	have := *r.Verified
	have.Findings = nil
	if fmt.Sprintf("%+v", have) != fmt.Sprintf("%+v", v) {
		t.Errorf("verified\n have %+v\n want %+v\nfindings %+v", have, v, r.Verified.Findings)
	}
}

// finding checks that one item differs, and how.
func finding(t *testing.T, r *pass.Report, what string, differs ...string) {
	t.Helper()
	all := r.Verified.Findings
	if len(all) != 1 || all[0].Folder != inbox || all[0].ID != "1" || all[0].What != what || !slices.Equal(all[0].Differs, differs) {
		t.Errorf("findings %+v, want one of %s %v", all, what, differs)
	}
}

func TestVerifyFindsEverythingPresent(t *testing.T) {
	w, _ := migrated(t)
	before := w.state()
	r := w.run(verifying(pass.RepairPartial))
	want(t, r, pass.Counts{Listed: 8, Already: 8})
	found(t, r, pass.Verified{Sample: 100, Checked: 8, Present: 8})
	if after := w.state(); fmt.Sprint(after.destination) != fmt.Sprint(before.destination) {
		t.Error("the destination was changed")
	}
}

func TestVerifyFindsTheMissing(t *testing.T) {
	w, _ := migrated(t)
	w.must(w.dst.Delete([]string{inbox}, w.destRefs(inbox)[0]))
	r := w.run(verifying(pass.RepairNone))
	want(t, r, pass.Counts{Listed: 8, Already: 7, RemovedAtDestination: 1})
	found(t, r, pass.Verified{Sample: 100, Checked: 8, Present: 7, Missing: 1})
	finding(t, r, "missing")
	w.holds(7, inbox)
	r = w.run(verifying(pass.RepairMissing))
	found(t, r, pass.Verified{Sample: 100, Checked: 8, Present: 7, Missing: 1, Repaired: 1})
	w.same(inbox)
	found(t, w.run(verifying(pass.RepairMissing)), pass.Verified{Sample: 100, Checked: 8, Present: 8})
}

func TestVerifyFindsTheAltered(t *testing.T) {
	w, _ := migrated(t)
	m := w.dst.Messages(inbox)[0]
	body := slices.Concat(watermark.Prefix(m.Mark.Marks[0], m.Body), bytes.ReplaceAll(m.Body[bytes.IndexByte(m.Body, '\n')+1:], []byte("body"), []byte("soul")))
	w.must(w.dst.Update([]string{inbox}, m.Ref, body))
	r := w.run(verifying(pass.RepairPartial))
	found(t, r, pass.Verified{Sample: 100, Checked: 8, Present: 7, Altered: 1})
	finding(t, r, "altered", "bytes")
	if !bytes.Equal(w.dst.Messages(inbox)[0].Body, body) {
		t.Error("an altered item was touched")
	}
}

func TestVerifyFindsFlagsThatChanged(t *testing.T) {
	w, _ := migrated(t)
	w.must(w.dst.SetFlags([]string{inbox}, w.destRefs(inbox)[0], endpoint.Seen))
	r := w.run(verifying(pass.RepairPartial))
	found(t, r, pass.Verified{Sample: 100, Checked: 8, Present: 7, Altered: 1, FlagsOnly: 1})
	finding(t, r, "altered", "flags")
}

func TestVerifyFindsADateThatChanged(t *testing.T) {
	w, _ := migrated(t)
	m := w.dst.Messages(inbox)[0]
	w.must(w.dst.Delete([]string{inbox}, m.Ref))
	_, err := w.dst.Deliver([]string{inbox}, memendpoint.Message{Body: m.Body, Received: m.Received.Add(time.Hour)})
	w.must(err)
	r := w.run(verifying(pass.RepairNone))
	found(t, r, pass.Verified{Sample: 100, Checked: 8, Present: 7, Altered: 1})
	finding(t, r, "altered", "date")
}

// An event was made when it was made there: no destination can be told otherwise.
func TestVerifyAsksForTheDatesOfMailOnly(t *testing.T) {
	w := newWorld(t)
	w.deliverEvent("1", "lunch", inbox)
	w.run(pass.Options{})
	m := w.dst.Messages(inbox)[0]
	w.must(w.dst.Delete([]string{inbox}, m.Ref))
	_, err := w.dst.Deliver([]string{inbox}, memendpoint.Message{Kind: m.Kind, Body: m.Body, Received: m.Received.Add(time.Hour)})
	w.must(err)
	found(t, w.run(verifying(pass.RepairNone)), pass.Verified{Sample: 100, Checked: 1, Present: 1})
}

func TestVerifyFindsThePartial(t *testing.T) {
	w, _ := migrated(t)
	m := w.dst.Messages(inbox)[0]
	w.must(w.dst.Update([]string{inbox}, m.Ref, m.Body[:len(m.Body)-5]))
	for _, repair := range []pass.Repair{pass.RepairNone, pass.RepairMissing} {
		r := w.run(verifying(repair))
		found(t, r, pass.Verified{Sample: 100, Checked: 8, Present: 7, Partial: 1})
		finding(t, r, "partial", "size")
	}
	found(t, w.run(verifying(pass.RepairPartial)), pass.Verified{Sample: 100, Checked: 8, Present: 7, Partial: 1, Repaired: 1})
	w.same(inbox)
	w.holds(1, "Trash") // the broken one
	found(t, w.run(verifying(pass.RepairPartial)), pass.Verified{Sample: 100, Checked: 8, Present: 8})
}

func TestVerifyFindsTheMoved(t *testing.T) {
	w, _ := migrated(t)
	w.must(w.dst.CreateFolder("Mine"))
	_, err := w.dst.Move([]string{inbox}, w.destRefs(inbox)[0], []string{"Mine"})
	w.must(err)
	r := w.run(verifying(pass.RepairPartial))
	want(t, r, pass.Counts{Listed: 8, Already: 8})
	found(t, r, pass.Verified{Sample: 100, Checked: 8, Present: 7, Moved: 1})
	finding(t, r, "moved")
	w.holds(7, inbox)
}

func TestVerifyOfWhatTheSourceHasNoMore(t *testing.T) {
	w, refs := migrated(t)
	w.must(w.src.Delete([]string{inbox}, refs[0]))
	w.must(w.src.Delete([]string{inbox}, refs[1]))
	w.must(w.dst.Delete([]string{inbox}, w.destRefs(inbox)[0]))
	r := w.run(verifying(pass.RepairPartial))
	want(t, r, pass.Counts{Listed: 8, Already: 7, RemovedAtDestination: 1})
	found(t, r, pass.Verified{Sample: 100, Checked: 8, Present: 7, Missing: 1})
	finding(t, r, "missing")
}

// Without the database nobody knows what was sent, until the source is asked.
func TestVerifyLearnsAfterALostDatabase(t *testing.T) {
	w, refs := migrated(t)
	w.store = memstore.New()
	w.must(w.src.Delete([]string{inbox}, refs[0]))
	w.run(pass.Options{})
	found(t, w.run(verifying(pass.RepairNone)), pass.Verified{Sample: 100, Checked: 7, Present: 7})
	reads := w.src.Counts().Reads
	m := w.dst.Messages(inbox)[1]
	w.must(w.dst.Update([]string{inbox}, m.Ref, m.Body[:len(m.Body)-5]))
	found(t, w.run(verifying(pass.RepairNone)), pass.Verified{Sample: 100, Checked: 7, Present: 6, Partial: 1})
	if after := w.src.Counts().Reads; after != reads {
		t.Errorf("the source was asked for %d items again", after-reads)
	}
}

// What was altered while nobody knew the digest stays unknown, and is not called present without a word.
func TestVerifySaysWhatItCannotCompare(t *testing.T) {
	w, _ := migrated(t)
	w.store = memstore.New()
	w.run(pass.Options{})
	m := w.dst.Messages(inbox)[0]
	w.must(w.dst.Update([]string{inbox}, m.Ref, append(m.Body, "more\r\n"...)))
	r := w.run(verifying(pass.RepairPartial))
	if r.Verified.Unknown != 1 {
		t.Errorf("%+v", r.Verified)
	}
}

func TestVerifySampleIsChosenByItsSeed(t *testing.T) {
	w := withTrash(t)
	w.deliver(200, inbox)
	w.run(pass.Options{})
	for _, ref := range w.destRefs(inbox) {
		w.must(w.dst.SetFlags([]string{inbox}, ref, endpoint.Seen)) // so that the findings list the sample
	}
	sample := func(seed uint64) *pass.Verified {
		return w.run(pass.Options{Kind: pass.Verify, Verify: pass.Verification{Sample: 25, Seed: seed}}).Verified
	}
	first, again, other := sample(1), sample(1), sample(2)
	if first.Checked < 25 || first.Checked > 75 {
		t.Errorf("25 %% of 200 items are %d", first.Checked)
	}
	if fmt.Sprint(first) != fmt.Sprint(again) {
		t.Error("the same seed chose other items")
	}
	if fmt.Sprint(first.Findings) == fmt.Sprint(other.Findings) {
		t.Error("another seed chose the same items")
	}
	chosen := sample(0)
	if chosen.Seed == 0 || fmt.Sprint(sample(chosen.Seed)) != fmt.Sprint(chosen) {
		t.Errorf("the seed %d that the pass reports is not the one that chose", chosen.Seed)
	}
	r := w.run(pass.Options{Kind: pass.Verify, Verify: pass.Verification{Sample: 25, Seed: 1}})
	want(t, r, pass.Counts{Listed: 200, Already: first.Checked, Filtered: 200 - first.Checked})
}
