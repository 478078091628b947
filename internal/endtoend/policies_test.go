package endtoend_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/dandyroll/dandyroll/pass"
)

func removing() pass.Options  { return policy(pass.Policy{OnDelete: pass.RemoveDeleted}) }
func following() pass.Options { return policy(pass.Policy{OnMove: pass.FollowMoved}) }
func merging() pass.Options   { return policy(pass.Policy{OnFlags: pass.MergeFlags}) }
func adopting() pass.Options  { return policy(pass.Policy{Adopt: pass.AdoptByIdentity}) }

// TestPolicies is each policy between two servers, with its guards.
func TestPolicies(t *testing.T) {
	tell(t, []chapter{
		{"deleted item goes to the trash", func(town *town) {
			w := town.migrated()
			w.a.Expunge("INBOX", w.here("INBOX")[:2]...)
			want(w.t, w.planned(removing()), pass.Counts{Listed: 6, Already: 6, Removed: 2})
			w.same("INBOX")
			w.holds("Trash", 2)
			w.quiet(removing(), pass.Counts{Listed: 6, Already: 6})
		}},
		{"deleted item is gone where there is no trash", func(town *town) {
			w := town.world()
			w.run(pass.Options{})
			w.a.Expunge("INBOX", w.here("INBOX")[0])
			want(w.t, w.planned(removing()), pass.Counts{Listed: 7, Already: 7, Removed: 1})
			w.same("INBOX")
			if all := w.everything(); strings.Count(all, "It is number") != 7 {
				w.t.Errorf("the destination has\n%s", all)
			}
		}},
		{"on delete stops at the share of a folder", func(town *town) {
			w := town.migrated()
			w.a.Expunge("INBOX", w.here("INBOX")[:3]...)
			w.quiet(removing(), pass.Counts{Listed: 5, Already: 5, HeldBack: 3})
			o := removing()
			o.MaxDeleteShare = 0.5
			want(w.t, w.planned(o), pass.Counts{Listed: 5, Already: 5, Removed: 3})
		}},
		{"on delete removes nothing after an incomplete listing", func(town *town) {
			w := town.migrated()
			w.a.Expunge("INBOX", w.here("INBOX")[0])
			w.deliver("Work", 1)
			r := w.faulty("before denied on side=src method=list folder=Work; before denied on side=src method=refs folder=Work", removing())
			want(w.t, r, pass.Counts{Listed: 8, Already: 7, Failed: 1, HeldBack: 1})
			w.holds("INBOX", 8)
		}},
		{"on delete waits after a change of validity", func(town *town) {
			w := town.migrated()
			w.a.Expunge("INBOX", w.here("INBOX")[0])
			_, err := w.src.Doveadm("mailbox", "update", "-u", w.name, "--uid-validity", "4000000000", "INBOX")
			w.must(err)
			want(w.t, w.run(removing()), pass.Counts{Listed: 7, Already: 7, HeldBack: 1})
			w.holds("INBOX", 8)
			want(w.t, w.planned(removing()), pass.Counts{Listed: 7, Already: 7, Removed: 1})
		}},
		{"mark without digest is a conflict until a verify", func(town *town) {
			w := town.migrated()
			w.must(os.RemoveAll(w.state))
			w.run(pass.Options{})
			w.a.Expunge("INBOX", w.here("INBOX")[0])
			w.quiet(removing(), pass.Counts{Listed: 7, Already: 7, Conflicts: 1})
			w.run(pass.Options{Kind: pass.Verify})
			w.a.Expunge("INBOX", w.here("INBOX")[0])
			want(w.t, w.planned(removing()), pass.Counts{Listed: 6, Already: 6, Removed: 1, Conflicts: 1})
		}},
		{"forged mark is not removed", func(town *town) {
			w := town.migrated()
			line, _, _ := strings.Cut(string(w.b.Messages("INBOX")[0].Body), "\r\n")
			forged := line[:len(line)-1] + map[bool]string{true: "b", false: "a"}[strings.HasSuffix(line, "a")]
			w.b.Append("INBOX", nil, "", []byte(forged+"\r\nSubject: forged\r\n\r\nx\r\n"))
			w.a.Expunge("INBOX", w.here("INBOX")[0])
			want(w.t, w.planned(removing()), pass.Counts{Listed: 7, Already: 7, Removed: 1})
			if !strings.Contains(w.everything(), "Subject: forged") {
				w.t.Error("an item with a forged mark was removed")
			}
		}},
		{"mail that its user redirected is a conflict", func(town *town) {
			w := town.migrated()
			first := w.b.Messages("INBOX")[0]
			w.b.Append("INBOX", nil, "", append([]byte("Resent-From: ann@new.example\r\n"), first.Body...))
			w.b.Expunge("INBOX", first.UID)
			w.a.Expunge("INBOX", w.here("INBOX")[0])
			w.quiet(removing(), pass.Counts{Listed: 7, Already: 7, Conflicts: 1})
			w.holds("INBOX", 8)
		}},
		{"changed at the destination is a conflict", conflicts},
		{"item removed by policy comes again when put back", putBack},
		{"moved item is followed", func(town *town) {
			w := town.migrated()
			w.a.Move("INBOX", w.here("INBOX")[0], "Work")
			want(w.t, w.planned(following()), pass.Counts{Listed: 8, Already: 7, Migrated: 1, Followed: 1})
			w.same("INBOX")
			w.same("Work")
			w.holds("Trash", 1)
			w.quiet(following(), pass.Counts{Listed: 8, Already: 8})
		}},
		{"renamed folder is followed", func(town *town) {
			w := town.migrated()
			w.deliver("Work", 3)
			w.run(pass.Options{})
			w.a.Rename("Work", "Labour")
			want(w.t, w.planned(following()), pass.Counts{Listed: 11, Already: 8, Migrated: 3, Followed: 3})
			w.same("Labour")
			w.holds("Work", 0)
		}},
		{"copied item is not followed", func(town *town) {
			w := town.migrated()
			w.a.Copy("INBOX", w.here("INBOX")[0], "Work")
			want(w.t, w.planned(following()), pass.Counts{Listed: 9, Already: 8, Migrated: 1})
			w.holds("INBOX", 8)
		}},
		{"flags are merged three-way", flagsAreMerged},
		{"on update is refused without change detection", func(town *town) {
			w := town.migrated()
			w.refused(policy(pass.Policy{OnUpdate: pass.ReplaceUpdated}), pass.ErrInvalid, "OnUpdate (Policies[mail]): ", "FullCompare")
			o := policy(pass.Policy{OnUpdate: pass.ReplaceUpdated})
			o.FullCompare = true
			w.quiet(o, pass.Counts{Listed: 8, Already: 8})
		}},
		{"items there are adopted, never two to one", func(town *town) {
			w := town.world()
			messages := w.a.Messages("INBOX")
			for range 2 { // a twin at the source, and one of the three is there
				w.a.Append("INBOX", nil, messages[0].InternalDate, messages[0].Body)
			}
			for _, m := range messages[:4] {
				w.b.Append("INBOX", nil, m.InternalDate, m.Body)
			}
			want(w.t, w.planned(adopting()), pass.Counts{Listed: 10, Already: 4, Adopted: 4, Migrated: 6})
			w.holds("INBOX", 10)
			w.quiet(adopting(), pass.Counts{Listed: 10, Already: 10, Adopted: 4})
			before := w.b.Messages("INBOX")
			w.a.Expunge("INBOX", messages[1].UID)
			o := removing()
			o.MaxDeleteShare = 1
			w.run(o) // what is adopted is never touched
			if !slices.EqualFunc(w.b.Messages("INBOX"), before, sameMessage) {
				w.t.Error("an adopted message was touched")
			}
		}},
		{"filter that disables a policy says so", func(town *town) {
			w := town.migrated()
			w.a.Expunge("INBOX", w.here("INBOX")[0])
			o := removing()
			o.Select.Exclude = []pass.Pattern{"Work"}
			r := w.planned(o)
			want(w.t, r, pass.Counts{Listed: 7, Already: 7})
			if len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "OnDelete has no effect") {
				w.t.Errorf("warnings %q", r.Warnings)
			}
		}},
		{"wrong patterns are refused", func(town *town) {
			w := town.migrated()
			w.refused(pass.Options{Select: pass.Selection{Include: []pass.Pattern{"Wrok"}, Exclude: []pass.Pattern{"Jnuk"}}},
				pass.ErrInvalid, `Select.Include: "Wrok"`, `Select.Exclude: "Jnuk"`)
		}},
	})
}

// conflicts are messages that are gone at the source, and that the user of the destination flagged,
// moved or copied.
func conflicts(town *town) {
	w := town.migrated()
	there := w.there("INBOX")
	w.b.Create("INBOX.Mine")
	w.b.StoreFlags("INBOX", there[0], "+FLAGS", `\Flagged`)
	w.b.Move("INBOX", there[1], "INBOX.Mine")
	w.b.Copy("INBOX", there[2], "INBOX.Mine")
	w.a.Expunge("INBOX", w.here("INBOX")[:3]...)
	o := removing()
	o.MaxDeleteShare = 1
	w.quiet(o, pass.Counts{Listed: 5, Already: 5, Conflicts: 3})
	reasons := fmt.Sprint(w.plan(o).Conflicts)
	for _, text := range []string{"flags were changed", "moved to another folder", "several copies"} {
		if !strings.Contains(reasons, text) {
			w.t.Errorf("no conflict says %q: %s", text, reasons)
		}
	}
}

// putBack removes an item by policy and returns it to its folder at the source: the copy in the
// trash, which we put there, does not stand for it.
func putBack(town *town) {
	w := town.migrated()
	message := w.a.Messages("INBOX")[0]
	w.a.Expunge("INBOX", message.UID)
	want(w.t, w.run(removing()), pass.Counts{Listed: 7, Already: 7, Removed: 1})
	w.a.Append("INBOX", nil, message.InternalDate, message.Body)
	want(w.t, w.planned(removing()), pass.Counts{Listed: 8, Already: 7, Migrated: 1})
	w.same("INBOX")
	w.holds("Trash", 1)
	w.quiet(removing(), pass.Counts{Listed: 8, Already: 8})
}

// flagsAreMerged changes flags on both sides. \Deleted is never carried over.
func flagsAreMerged(town *town) {
	w := town.migrated()
	here, there := w.here("INBOX"), w.there("INBOX")
	w.a.StoreFlags("INBOX", here[0], "+FLAGS", `\Seen`, "Projekt")
	w.a.StoreFlags("INBOX", here[1], "+FLAGS", `\Deleted`, `\Answered`)
	w.a.StoreFlags("INBOX", here[2], "+FLAGS", `\Deleted`)
	w.b.StoreFlags("INBOX", there[0], "+FLAGS", `\Flagged`)
	want(w.t, w.planned(merging()), pass.Counts{Listed: 8, Already: 8, Merged: 2})
	w.b.StoreFlags("INBOX", there[0], "-FLAGS", `\Seen`) // unread again, which stays so
	w.a.StoreFlags("INBOX", here[0], "-FLAGS", "Projekt")
	want(w.t, w.planned(merging()), pass.Counts{Listed: 8, Already: 8, Merged: 1})
	m := w.b.Messages("INBOX")
	if have := fmt.Sprint(m[0].Flags, m[1].Flags, m[2].Flags); have != `[\Flagged] [\Answered] []` {
		w.t.Errorf("flags %s", have)
	}
	w.quiet(merging(), pass.Counts{Listed: 8, Already: 8})
}
