package pass_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/faultendpoint"
	"github.com/dandyroll/dandyroll/endpoint/memendpoint"
	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store/memstore"
	"github.com/dandyroll/dandyroll/watermark"
)

// everyPolicy carries over whatever can be.
func everyPolicy() pass.Policies {
	return pass.ForAllKinds(pass.Policy{
		OnUpdate: pass.ReplaceUpdated, OnDelete: pass.RemoveDeleted, OnMove: pass.FollowMoved, OnFlags: pass.MergeFlags,
	})
}

func removing() pass.Options {
	return pass.Options{Policies: pass.ForAllKinds(pass.Policy{OnDelete: pass.RemoveDeleted})}
}

func replacing() pass.Options {
	return pass.Options{Policies: pass.ForAllKinds(pass.Policy{OnUpdate: pass.ReplaceUpdated})}
}

func following() pass.Options {
	return pass.Options{Policies: pass.ForAllKinds(pass.Policy{OnMove: pass.FollowMoved})}
}

func merging() pass.Options {
	return pass.Options{Policies: pass.ForAllKinds(pass.Policy{OnFlags: pass.MergeFlags})}
}

func adopting() pass.Options {
	return pass.Options{Policies: pass.ForAllKinds(pass.Policy{Adopt: pass.AdoptByIdentity})}
}

// migrated is a pair with trashes, of which eight mails in the inbox were migrated.
func migrated(t *testing.T) (w *world, refs []string) {
	t.Helper()
	w = withTrash(t)
	w.must(w.src.CreateFolder("Work"))
	refs = w.deliver(8, inbox)
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 8, Migrated: 8})
	return w, refs
}

// Policies that an endpoint cannot support are refused before anything is written, each by name.

func TestOnUpdateIsRefusedWithoutChangeDetection(t *testing.T) {
	w, _ := migrated(t)
	w.srcOpts.Quirks.NoVersions = true
	w.refused(replacing(), pass.ErrInvalid, "OnUpdate (Policies[mail], ", "FullCompare")
}

func TestOnFlagsIsRefusedWithoutFlags(t *testing.T) {
	w, _ := migrated(t)
	w.srcOpts.Quirks.NoFlags = true
	w.refused(merging(), pass.ErrInvalid, "OnFlags (Policies[mail], ", "the source cannot tell")
	w.srcOpts.Quirks.NoFlags, w.dstOpts.Quirks.NoFlags = false, true
	w.refused(merging(), pass.ErrInvalid, "OnFlags (Policies[mail], ", "the destination cannot change")
}

func TestPoliciesThatRemoveAreRefusedWithoutDelete(t *testing.T) {
	w, _ := migrated(t)
	w.dstOpts.Quirks.NoDelete = true
	o := pass.Options{Policies: everyPolicy()}
	w.refused(o, pass.ErrInvalid, "OnUpdate (", "OnDelete (", "OnMove (", "the destination cannot remove single items")
}

func TestPoliciesThatRemoveAreRefusedWithoutExactBytes(t *testing.T) {
	w, _ := migrated(t)
	w.dstOpts.Quirks.Rewrite = true
	o := pass.Options{Policies: everyPolicy()}
	w.refused(o, pass.ErrInvalid, "OnUpdate (", "OnDelete (", "OnMove (", "byte for byte")
}

// otherIdentity identifies items in a way of its own.
type otherIdentity struct{ endpoint.Driver }

func (d otherIdentity) Capabilities(ctx context.Context) (endpoint.Capabilities, error) {
	caps, err := d.Driver.Capabilities(ctx)
	caps.Identity = "other/1"
	return caps, err
}

func TestAdoptIsRefusedBetweenOtherIdentities(t *testing.T) {
	w, _ := migrated(t)
	before := w.state()
	p := w.open()
	p.Source = endpoint.New(otherIdentity{p.Source.Driver()})
	_, err := w.engine().Run(t.Context(), p, adopting())
	if err == nil || !strings.Contains(err.Error(), "Adopt (Policies[mail], ") {
		t.Errorf("err %v", err)
	}
	w.isStill(before)
}

// A policy of a kind that the source does not have is not refused.
func TestPolicyOfAnAbsentKindIsNotRefused(t *testing.T) {
	w, _ := migrated(t)
	w.srcOpts.Quirks.NoVersions = true
	w.srcOpts.Quirks.Kinds = []endpoint.Kind{endpoint.Mail}
	o := pass.Options{Policies: pass.Policies{endpoint.Event: {OnUpdate: pass.ReplaceUpdated}}}
	want(t, w.run(o), pass.Counts{Listed: 8, Already: 8})
}

func TestFullCompareFindsUpdatesWithoutChangeDetection(t *testing.T) {
	w := withTrash(t)
	w.srcOpts.Quirks.NoVersions = true
	ref := w.deliverEvent("1", "lunch", inbox)
	w.deliverEvent("2", "dinner", inbox)
	w.run(pass.Options{})
	w.must(w.src.Update([]string{inbox}, ref, meeting("1", "late lunch")))
	o := replacing()
	o.FullCompare = true
	want(t, w.run(o), pass.Counts{Listed: 2, Already: 2, Updated: 1})
	want(t, w.run(o), pass.Counts{Listed: 2, Already: 2})
	w.holds(1, "Trash")
	w.holds(2, inbox)
}

// OnDelete never acts on what it does not know for certain, nor on too much at once.

func TestOnDeleteRemovesNothingAfterAnIncompleteListing(t *testing.T) {
	w, refs := migrated(t)
	w.deliver(1, "Work")
	w.run(pass.Options{})
	w.must(w.src.Delete([]string{inbox}, refs[0]))
	w.deliver(1, "Work")
	p := w.open()
	p.Source = w.denying(p.Source, "Work")
	r, err := w.engine().Run(t.Context(), p, removing())
	w.must(err)
	want(t, r, pass.Counts{Listed: 9, Already: 7, Failed: 2, HeldBack: 1})
	if len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "could not be looked into") {
		t.Errorf("warnings %q", r.Warnings)
	}
	w.holds(8, inbox)
	want(t, w.run(removing()), pass.Counts{Listed: 9, Already: 8, Migrated: 1, Removed: 1})
}

func TestOnDeleteRemovesNothingAfterAListingThatBroke(t *testing.T) {
	w, refs := migrated(t)
	w.must(w.src.Delete([]string{inbox}, refs[0]))
	plan, err := faultendpoint.Parse("before damaged on method=refs folder=INBOX at=5; before damaged on method=list folder=INBOX at=5")
	w.must(err)
	p := w.open()
	p.Source = faultendpoint.Wrap(p.Source, "src", faultendpoint.NewProcess(plan, nil))
	r, err := w.engine().Run(t.Context(), p, removing())
	w.must(err)
	want(t, r, pass.Counts{Listed: 7, Failed: 7})
	w.holds(8, inbox)
	want(t, w.run(removing()), pass.Counts{Listed: 7, Already: 7, Removed: 1})
}

func TestOnDeleteStopsAtTheShareOfAFolder(t *testing.T) {
	w, refs := migrated(t)
	for _, ref := range refs[:3] {
		w.must(w.src.Delete([]string{inbox}, ref))
	}
	r := w.run(removing())
	want(t, r, pass.Counts{Listed: 5, Already: 5, HeldBack: 3})
	if len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "more than 25 % of a folder's items") {
		t.Errorf("warnings %q", r.Warnings)
	}
	w.holds(8, inbox)
	o := removing()
	o.MaxDeleteShare = 0.375
	want(t, w.run(o), pass.Counts{Listed: 5, Already: 5, Removed: 3})
	w.holds(5, inbox)
}

func TestOnDeleteStopsWhereAllOfAFolderIsGone(t *testing.T) {
	w, _ := migrated(t)
	w.deliver(2, "Work")
	w.run(pass.Options{})
	w.must(w.src.DeleteFolder("Work"))
	want(t, w.run(removing()), pass.Counts{Listed: 8, Already: 8, HeldBack: 2})
	w.holds(2, "Work")
	o := removing()
	o.MaxDeleteShare = 1
	want(t, w.run(o), pass.Counts{Listed: 8, Already: 8, Removed: 2})
	w.holds(0, "Work")
}

func TestOnDeleteWaitsAfterAChangeOfValidity(t *testing.T) {
	w, refs := migrated(t)
	w.must(w.src.Delete([]string{inbox}, refs[0]))
	w.must(w.src.ChangeValidity(inbox))
	r := w.run(removing())
	want(t, r, pass.Counts{Listed: 7, Already: 7, HeldBack: 1})
	if len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "references of a folder of the source became void") {
		t.Errorf("warnings %q", r.Warnings)
	}
	w.holds(8, inbox)
	want(t, w.run(removing()), pass.Counts{Listed: 7, Already: 7, Removed: 1})
}

// What is touched needs both our mark and the record of it.

func TestForgedMarkIsNotRemoved(t *testing.T) {
	w, refs := migrated(t)
	copied := w.dst.Messages(inbox)[0]
	forged := copied.Mark.Marks[0]
	forged.MAC[0] ^= 1
	_, err := w.dst.Deliver([]string{inbox}, memendpoint.Message{Body: []byte(watermark.Field + ": " + forged.String() + "\r\n\r\nx")})
	w.must(err)
	w.must(w.src.Delete([]string{inbox}, refs[0]))
	want(t, w.run(removing()), pass.Counts{Listed: 7, Already: 7, Removed: 1})
	if !slices.ContainsFunc(w.dst.Messages(inbox), func(m memendpoint.Stored) bool {
		return slices.Contains(m.Mark.Marks, forged)
	}) {
		t.Error("an item with a forged mark was removed")
	}
}

// A mark that was copied onto another mail makes two holders; without the first, the bytes differ.
func TestCopiedMarkIsAConflict(t *testing.T) {
	for _, alone := range []bool{false, true} {
		w, refs := migrated(t)
		mark := w.dst.Messages(inbox)[0].Mark.Marks[0]
		_, err := w.dst.Deliver([]string{inbox}, memendpoint.Message{Body: append(watermark.Prefix(mark, []byte("Subject: x\r\n\r\n")), "Subject: x\r\n\r\n"...)})
		w.must(err)
		if alone {
			w.must(w.dst.Delete([]string{inbox}, w.destRefs(inbox)[0]))
		}
		w.must(w.src.Delete([]string{inbox}, refs[0]))
		held := w.destRefs(inbox)
		want(t, w.run(removing()), pass.Counts{Listed: 7, Already: 7, Conflicts: 1})
		if !slices.Equal(w.destRefs(inbox), held) {
			t.Errorf("alone %v: something was removed", alone)
		}
	}
}

func TestItemWithoutItsMarkIsAConflict(t *testing.T) {
	w, refs := migrated(t)
	there := w.dst.Messages(inbox)[0]
	_, bare, _ := bytes.Cut(there.Body, []byte("\r\n"))
	w.must(w.dst.Update([]string{inbox}, there.Ref, bare)) // its user took the mark away
	w.must(w.src.Delete([]string{inbox}, refs[0]))
	want(t, w.run(removing()), pass.Counts{Listed: 7, Already: 7, Conflicts: 1})
	o := removing()
	o.FullScan = true // finds that the mark is gone
	want(t, w.run(o), pass.Counts{Listed: 7, Already: 7})
	w.holds(8, inbox)
}

// After a loss of the database the marks are known again, but not what was written under them.
func TestMarkWithoutDigestIsAConflictUntilAVerify(t *testing.T) {
	w, refs := migrated(t)
	w.store = memstore.New()
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 8, Already: 8, Healed: 8})
	w.must(w.src.Delete([]string{inbox}, refs[0]))
	r := w.run(removing())
	want(t, r, pass.Counts{Listed: 7, Already: 7, Conflicts: 1})
	if !strings.Contains(r.Conflicts[0].Reason, "a Verify pass finds out") {
		t.Errorf("conflicts %+v", r.Conflicts)
	}
	w.run(pass.Options{Kind: pass.Verify})
	w.must(w.src.Delete([]string{inbox}, refs[1]))
	want(t, w.run(removing()), pass.Counts{Listed: 6, Already: 6, Removed: 1, Conflicts: 1})
}

// changesThere is what a user may do at the destination to the first mail of the inbox.
func changesThere() map[string]func(*world, memendpoint.Stored) {
	return map[string]func(*world, memendpoint.Stored){
		"edited": func(w *world, m memendpoint.Stored) {
			w.must(w.dst.Update([]string{inbox}, m.Ref, append(m.Body, "my note\r\n"...)))
		},
		"flagged": func(w *world, m memendpoint.Stored) {
			w.must(w.dst.SetFlags([]string{inbox}, m.Ref, endpoint.IsFlagged))
		},
		"moved": func(w *world, m memendpoint.Stored) {
			w.must(w.dst.CreateFolder("Mine"))
			_, err := w.dst.Move([]string{inbox}, m.Ref, []string{"Mine"})
			w.must(err)
		},
		"copied": func(w *world, m memendpoint.Stored) {
			w.must(w.dst.CreateFolder("Mine"))
			_, err := w.dst.Copy([]string{inbox}, m.Ref, []string{"Mine"})
			w.must(err)
		},
		"doubled": func(w *world, m memendpoint.Stored) {
			_, err := w.dst.Copy([]string{inbox}, m.Ref, []string{inbox})
			w.must(err)
		},
	}
}

func TestChangedAtTheDestinationIsAConflict(t *testing.T) {
	sources := map[string]struct {
		do   func(*world, string)
		o    pass.Options
		want pass.Counts
	}{
		"deleted": {
			func(w *world, ref string) { w.must(w.src.Delete([]string{inbox}, ref)) },
			removing(),
			pass.Counts{Listed: 7, Already: 7, Conflicts: 1},
		},
		"moved": {
			func(w *world, ref string) {
				_, err := w.src.Move([]string{inbox}, ref, []string{"Work"})
				w.must(err)
			},
			following(),
			pass.Counts{Listed: 8, Already: 7, Migrated: 1, Conflicts: 1},
		},
		"updated": {
			func(w *world, ref string) {
				body := w.src.Messages(inbox)[0].Body
				w.must(w.src.Update([]string{inbox}, ref, append(body, "more\r\n"...)))
			},
			replacing(),
			pass.Counts{Listed: 8, Already: 8, Conflicts: 1},
		},
	}
	for there, change := range changesThere() {
		for here, source := range sources {
			t.Run(here+" and "+there, func(t *testing.T) {
				w, refs := migrated(t)
				change(w, w.dst.Messages(inbox)[0])
				source.do(w, refs[0])
				before := contents(w.dst)
				r := w.run(source.o)
				want(t, r, source.want)
				if len(r.Conflicts) != 1 || r.Conflicts[0].Folder != inbox || r.Conflicts[0].Reason == "" {
					t.Errorf("conflicts %+v", r.Conflicts)
				}
				for name, items := range before {
					for _, m := range items {
						if !slices.ContainsFunc(w.dst.Messages(strings.Split(name, "/")...), func(s memendpoint.Stored) bool { return s.Ref == m.Ref }) {
							t.Errorf("%s: an item was taken away", name)
						}
					}
				}
			})
		}
	}
}

func TestRemovedGoesToTheTrash(t *testing.T) {
	w, refs := migrated(t)
	w.must(w.src.Delete([]string{inbox}, refs[0]))
	w.run(removing())
	w.holds(7, inbox)
	w.holds(1, "Trash")
}

func TestRemovedWithoutATrashIsGone(t *testing.T) {
	w := newWorld(t)
	refs := w.deliver(8, inbox)
	w.run(pass.Options{})
	w.must(w.src.Delete([]string{inbox}, refs[0]))
	want(t, w.run(removing()), pass.Counts{Listed: 7, Already: 7, Removed: 1})
	w.same(inbox)
}

// The copy that we put into the trash ourselves does not stand for the item.
func TestItemRemovedByPolicyComesAgainWhenPutBack(t *testing.T) {
	w, refs := migrated(t)
	w.must(w.src.CreateFolder("Aside"))
	_, err := w.src.Move([]string{inbox}, refs[0], []string{"Aside"})
	w.must(err)
	o := removing()
	want(t, w.run(o), pass.Counts{Listed: 8, Already: 7, Migrated: 1, Removed: 1})
	w.holds(1, "Trash")
	back, err := w.src.Move([]string{"Aside"}, w.src.Messages("Aside")[0].Ref, []string{inbox})
	w.must(err)
	o.MaxDeleteShare = 1
	want(t, w.run(o), pass.Counts{Listed: 8, Already: 7, Migrated: 1, Removed: 1})
	w.same(inbox)
	want(t, w.run(o), pass.Counts{Listed: 8, Already: 8})
	w.must(w.src.Delete([]string{inbox}, back))
	want(t, w.run(o), pass.Counts{Listed: 7, Already: 7, Removed: 1})
	w.same(inbox)
}

// What a user moved to the trash himself stays there.
func TestItemTrashedByItsUserDoesNotComeBack(t *testing.T) {
	w, _ := migrated(t)
	_, err := w.dst.Move([]string{inbox}, w.destRefs(inbox)[0], []string{"Trash"})
	w.must(err)
	want(t, w.run(pass.Options{Policies: everyPolicy()}), pass.Counts{Listed: 8, Already: 8})
	w.holds(7, inbox)
}

func TestRenamedFolderIsFollowed(t *testing.T) {
	w, _ := migrated(t)
	w.deliver(3, "Work")
	w.run(pass.Options{})
	w.must(w.src.RenameFolder([]string{"Work"}, []string{"Labour"}))
	want(t, w.run(following()), pass.Counts{Listed: 11, Already: 8, Migrated: 3, Followed: 3})
	w.same("Labour")
	w.holds(0, "Work")
	want(t, w.run(following()), pass.Counts{Listed: 11, Already: 11})
}

// A copy is no move: the item is still where it was.
func TestCopiedItemIsNotFollowed(t *testing.T) {
	w, refs := migrated(t)
	_, err := w.src.Copy([]string{inbox}, refs[0], []string{"Work"})
	w.must(err)
	want(t, w.run(following()), pass.Counts{Listed: 9, Already: 8, Migrated: 1})
	w.holds(8, inbox)
}

func TestDeletedFlagIsNeverCarriedOver(t *testing.T) {
	w, refs := migrated(t)
	w.must(w.src.SetFlags([]string{inbox}, refs[0], endpoint.Deleted, endpoint.Seen))
	w.must(w.src.SetFlags([]string{inbox}, refs[1], endpoint.Deleted))
	want(t, w.run(merging()), pass.Counts{Listed: 8, Already: 8, Merged: 1})
	if m := w.dst.Messages(inbox); fmt.Sprint(m[0].Flags, m[1].Flags) != `[\Seen] []` {
		t.Errorf("flags %v and %v", m[0].Flags, m[1].Flags)
	}
}

// What changed at the source since the last time is carried over; what the user of the destination
// changed stays.
func TestFlagsAreMergedThreeWay(t *testing.T) {
	w := newWorld(t)
	ref, err := w.src.Deliver([]string{inbox}, memendpoint.Message{Body: []byte("Subject: x\r\n\r\n"), Flags: []endpoint.Flag{endpoint.Seen, "old"}})
	w.must(err)
	w.run(pass.Options{})
	there := w.destRefs(inbox)[0]
	w.must(w.dst.SetFlags([]string{inbox}, there, "old", endpoint.IsFlagged))   // unread, and flagged
	w.must(w.src.SetFlags([]string{inbox}, ref, endpoint.Seen, "new", "other")) // without old
	want(t, w.run(merging()), pass.Counts{Listed: 1, Already: 1, Merged: 1})
	have := w.dst.Messages(inbox)[0].Flags
	slices.Sort(have)
	if fmt.Sprint(have) != `[\Flagged new other]` {
		t.Errorf("flags %v", have)
	}
	want(t, w.run(merging()), pass.Counts{Listed: 1, Already: 1})
}

func TestAdoptedItemStandsForOneOnly(t *testing.T) {
	w := newWorld(t)
	for range 3 {
		w.deliverText(twin, inbox)
	}
	for range 2 {
		_, err := w.dst.Deliver([]string{inbox}, memendpoint.Message{Body: []byte(twin)})
		w.must(err)
	}
	want(t, w.run(adopting()), pass.Counts{Listed: 3, Already: 2, Adopted: 2, Migrated: 1})
	w.holds(3, inbox)
	w.deliverText(twin, inbox)
	want(t, w.run(adopting()), pass.Counts{Listed: 4, Already: 3, Adopted: 2, Migrated: 1})
	w.holds(4, inbox)
}

func TestAdoptedItemIsNeverTouched(t *testing.T) {
	w := withTrash(t)
	refs := w.deliver(3, inbox)
	for _, m := range w.src.Messages(inbox) {
		_, err := w.dst.Deliver([]string{inbox}, memendpoint.Message{Body: m.Body})
		w.must(err)
	}
	want(t, w.run(adopting()), pass.Counts{Listed: 3, Already: 3, Adopted: 3})
	before := contents(w.dst)
	w.must(w.src.Delete([]string{inbox}, refs[0]))
	w.must(w.src.SetFlags([]string{inbox}, refs[1], endpoint.Seen))
	w.must(w.src.Update([]string{inbox}, refs[2], append(w.src.Messages(inbox)[1].Body, 'x')))
	o := pass.Options{Policies: everyPolicy(), MaxDeleteShare: 1}
	want(t, w.run(o), pass.Counts{Listed: 2, Already: 2, Adopted: 2})
	if fmt.Sprint(contents(w.dst)) != fmt.Sprint(before) {
		t.Error("an adopted item was touched")
	}
}

// Marks of another key are no reason to refuse a mailbox whose items are adopted.
func TestForeignMarksAreAdopted(t *testing.T) {
	w := newWorld(t)
	w.deliver(3, inbox)
	w.run(pass.Options{})
	w.key, w.store = watermark.NewKey(), memstore.New()
	w.refusedByScan(pass.Options{}, pass.ErrForeignMarks)
	want(t, w.run(adopting()), pass.Counts{Listed: 3, Already: 3, Adopted: 3})
	w.holds(3, inbox)
	w.deliver(1, inbox)
	want(t, w.run(adopting()), pass.Counts{Listed: 4, Already: 3, Adopted: 3, Migrated: 1})
}

// A filter that leaves out folders makes it impossible to know what is gone.
func TestFilterThatDisablesAPolicySaysSo(t *testing.T) {
	cases := []struct {
		name string
		o    pass.Options
		says []string
		want pass.Counts
	}{
		{
			"a folder",
			pass.Options{Policies: everyPolicy(), Select: pass.Selection{Exclude: []pass.Pattern{"Work"}}},
			[]string{"OnDelete has no effect", "OnMove has no effect"},
			pass.Counts{Listed: 8, Already: 7, Filtered: 1},
		},
		{
			"date of sending",
			pass.Options{Policies: removing().Policies, Select: pass.Selection{Since: day(-3000), DateField: pass.BySent}},
			[]string{"date of sending, which is not known of deleted items: OnDelete has no effect"},
			pass.Counts{Listed: 8, Already: 8},
		},
		{
			"size",
			pass.Options{Policies: removing().Policies, Select: pass.Selection{MaxSize: 1 << 20}},
			[]string{"leaves out items by kind, date or size"},
			pass.Counts{Listed: 8, Already: 8, Removed: 1},
		},
		{
			"kind of pass",
			pass.Options{Policies: everyPolicy(), Kind: pass.Trial},
			[]string{"OnUpdate has no effect", "OnDelete has no effect", "OnMove has no effect", "OnFlags has no effect"},
			pass.Counts{Listed: 8, Already: 8},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w, refs := migrated(t)
			w.deliver(1, "Work")
			w.run(pass.Options{})
			w.must(w.src.Delete([]string{inbox}, refs[0]))
			pf, err := w.engine().Check(t.Context(), w.open(), c.o)
			w.must(err)
			r := w.run(c.o)
			want(t, r, c.want)
			for _, text := range c.says {
				if !strings.Contains(strings.Join(pf.Warnings, "\n"), text) || !strings.Contains(strings.Join(r.Warnings, "\n"), text) {
					t.Errorf("nothing says %q: preflight %q, report %q", text, pf.Warnings, r.Warnings)
				}
			}
		})
	}
}
