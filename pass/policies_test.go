package pass_test

import (
	"fmt"
	"testing"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/memendpoint"
	"github.com/dandyroll/dandyroll/pass"
)

// meeting is an event with a UID.
func meeting(uid, summary string) []byte {
	return fmt.Appendf(nil, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:%s\r\nSUMMARY:%s\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n", uid, summary)
}

func (w *world) deliverEvent(uid, summary string, path ...string) string {
	w.t.Helper()
	ref, err := w.src.Deliver(path, memendpoint.Message{Kind: endpoint.Event, Body: meeting(uid, summary)})
	w.must(err)
	return ref
}

// withTrash gives both mailboxes a trash.
func withTrash(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	for _, s := range []*memendpoint.Server{w.src, w.dst} {
		w.must(s.CreateFolder("Trash"))
		w.must(s.SetRole(endpoint.Trash, "Trash"))
	}
	return w
}

func TestUpdatedItemIsReplacedByPolicy(t *testing.T) {
	w := withTrash(t)
	ref := w.deliverEvent("1", "lunch", inbox)
	w.deliverEvent("2", "dinner", inbox)
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 2, Migrated: 2})
	w.must(w.src.Update([]string{inbox}, ref, meeting("1", "late lunch")))
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 2, Already: 2})
	replace := pass.Options{Policies: pass.ForAllKinds(pass.Policy{OnUpdate: pass.ReplaceUpdated})}
	want(t, w.run(replace), pass.Counts{Listed: 2, Already: 2, Updated: 1})
	want(t, w.run(replace), pass.Counts{Listed: 2, Already: 2})
	if n := len(w.dst.Messages("Trash")); n != 1 {
		t.Errorf("%d items in the trash", n)
	}
	if n := len(w.dst.Messages(inbox)); n != 2 {
		t.Errorf("%d items in the inbox", n)
	}
}

func TestDeletedItemIsRemovedByPolicy(t *testing.T) {
	w := withTrash(t)
	refs := w.deliver(8, inbox)
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 8, Migrated: 8})
	w.must(w.src.Delete([]string{inbox}, refs[0]))
	w.must(w.src.Delete([]string{inbox}, refs[1]))
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 6, Already: 6})
	remove := pass.Options{Policies: pass.ForAllKinds(pass.Policy{OnDelete: pass.RemoveDeleted})}
	want(t, w.run(remove), pass.Counts{Listed: 6, Already: 6, Removed: 2})
	want(t, w.run(remove), pass.Counts{Listed: 6, Already: 6})
	if n := len(w.dst.Messages("Trash")); n != 2 {
		t.Errorf("%d items in the trash", n)
	}
}

func TestMovedItemIsFollowedByPolicy(t *testing.T) {
	w := withTrash(t)
	w.must(w.src.CreateFolder("Work"))
	refs := w.deliver(4, inbox)
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 4, Migrated: 4})
	_, err := w.src.Move([]string{inbox}, refs[0], []string{"Work"})
	w.must(err)
	follow := pass.Options{Policies: pass.ForAllKinds(pass.Policy{OnMove: pass.FollowMoved})}
	want(t, w.run(follow), pass.Counts{Listed: 4, Already: 3, Migrated: 1, Followed: 1})
	want(t, w.run(follow), pass.Counts{Listed: 4, Already: 4})
	w.same(inbox)
	w.same("Work")
}

func TestFlagsAreMergedByPolicy(t *testing.T) {
	w := withTrash(t)
	refs := w.deliver(2, inbox)
	w.run(pass.Options{})
	w.must(w.src.SetFlags([]string{inbox}, refs[0], endpoint.Seen, endpoint.IsFlagged))
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 2, Already: 2})
	merge := pass.Options{Policies: pass.ForAllKinds(pass.Policy{OnFlags: pass.MergeFlags})}
	want(t, w.run(merge), pass.Counts{Listed: 2, Already: 2, Merged: 1})
	want(t, w.run(merge), pass.Counts{Listed: 2, Already: 2})
	if have := fmt.Sprint(w.dst.Messages(inbox)[0].Flags); have != `[\Flagged \Seen]` && have != `[\Seen \Flagged]` {
		t.Errorf("flags %s", have)
	}
}

func TestItemsThereAreAdoptedByPolicy(t *testing.T) {
	w := newWorld(t)
	w.deliver(3, inbox)
	w.srcOpts.Type, w.dstOpts.Type = "mem", "mem"
	for _, m := range w.src.Messages(inbox)[:2] {
		_, err := w.dst.Deliver([]string{inbox}, memendpoint.Message{Body: m.Body})
		w.must(err)
	}
	adopt := pass.Options{Policies: pass.ForAllKinds(pass.Policy{Adopt: pass.AdoptByIdentity})}
	want(t, w.run(adopt), pass.Counts{Listed: 3, Already: 2, Adopted: 2, Migrated: 1})
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 3, Already: 3, Adopted: 2})
}

func TestVerifyFindsAndRepairs(t *testing.T) {
	w := withTrash(t)
	w.deliver(6, inbox)
	w.run(pass.Options{})
	refs := w.destRefs(inbox)
	w.must(w.dst.Delete([]string{inbox}, refs[0]))
	body := w.dst.Messages(inbox)[0].Body
	w.must(w.dst.Update([]string{inbox}, refs[1], body[:len(body)-3]))
	w.must(w.dst.SetFlags([]string{inbox}, refs[2], endpoint.Seen))
	_, err := w.dst.Move([]string{inbox}, refs[3], []string{"Trash"})
	w.must(err)
	r := w.run(pass.Options{Kind: pass.Verify})
	have := *r.Verified
	have.Findings = nil
	if have := fmt.Sprintf("%+v", have); have != "{Sample:100 Seed:0 Checked:6 Present:2 Moved:1 Missing:1 Altered:1 FlagsOnly:1 Partial:1 Unknown:0 Repaired:0 Findings:[]}" {
		t.Errorf("%s", have)
	}
	r = w.run(pass.Options{Kind: pass.Verify, Verify: pass.Verification{Repair: pass.RepairPartial}})
	if r.Verified.Repaired != 2 {
		t.Errorf("%+v", r.Verified)
	}
	r = w.run(pass.Options{Kind: pass.Verify})
	if r.Verified.Missing+r.Verified.Partial != 0 {
		t.Errorf("%+v", r.Verified)
	}
}
