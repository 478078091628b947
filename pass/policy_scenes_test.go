package pass_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/memendpoint"
	"github.com/dandyroll/dandyroll/pass"
)

// policyScene is a state of two mailboxes in which a pass with some options has work to do at what
// was migrated before.
type policyScene struct {
	scene
	options pass.Options
	// afterwards are the options of a pass that comes after one that ended.
	afterwards pass.Options
	// resume says that what a pass which was cut left open is brought by an ordinary one first.
	resume bool
}

// policyScenes has one for each policy, for all of them, for a Verify that repairs and a Rebuild.
func policyScenes() []policyScene {
	under := func(name string, p pass.Policy, set func(*stage)) policyScene {
		o := pass.Options{Policies: pass.ForAllKinds(p)}
		if p.OnDelete == pass.RemoveDeleted {
			o.MaxDeleteShare = 1
		}
		return policyScene{scene{name, set}, o, o, false}
	}
	all := pass.Policy{
		OnUpdate: pass.ReplaceUpdated, OnDelete: pass.RemoveDeleted, OnMove: pass.FollowMoved,
		OnFlags: pass.MergeFlags, Adopt: pass.AdoptByIdentity,
	}
	repair := pass.Options{Kind: pass.Verify, Verify: pass.Verification{Repair: pass.RepairPartial}}
	return []policyScene{
		under("replace", pass.Policy{OnUpdate: pass.ReplaceUpdated}, after(withBin, updateSome)),
		under("replace, no trash", pass.Policy{OnUpdate: pass.ReplaceUpdated}, after(noBin, updateSome)),
		under("remove", pass.Policy{OnDelete: pass.RemoveDeleted}, after(withBin, deleteSome)),
		under("remove, no trash", pass.Policy{OnDelete: pass.RemoveDeleted}, after(noBin, deleteSome)),
		under("follow", pass.Policy{OnMove: pass.FollowMoved}, after(withBin, moveSome)),
		under("follow, no trash", pass.Policy{OnMove: pass.FollowMoved}, after(noBin, moveSome)),
		under("merge", pass.Policy{OnFlags: pass.MergeFlags}, after(withBin, flagSome)),
		under("adopt", pass.Policy{Adopt: pass.AdoptByIdentity}, adoptSome),
		under("all policies", all, after(withBin, updateSome, deleteSome, moveSome, flagSome)),
		{scene{"verify repair", after(withBin, breakSome)}, repair, repair, true},
		{scene{"rebuild", after(withBin, breakSome)}, pass.Options{Kind: pass.Rebuild}, pass.Options{}, false},
	}
}

// after returns a scene in which things happen after a first pass.
func after(bin func(*stage), happens ...func(*stage)) func(*stage) {
	return func(s *stage) {
		bin(s)
		s.must(s.src.CreateFolder("Work"))
		s.must(s.src.CreateFolder("Lists"))
		s.deliver(8, inbox)
		s.deliver(5, "Work")
		s.deliver(2, "Lists")
		s.deliverText(twin, "Lists")
		s.deliverText(twin, "Lists")
		for n := range 4 {
			s.deliverEvent(fmt.Sprint(n), "lunch", inbox)
		}
		_, err := s.dst.Deliver([]string{inbox}, memendpoint.Message{Body: []byte("Subject: here before\r\n\r\nx")})
		s.must(err)
		s.run(pass.Options{Folders: 1})
		s.deliver(2, inbox)
		for _, happen := range happens {
			happen(s)
		}
	}
}

func noBin(*stage) {}

func withBin(s *stage) {
	s.must(s.dst.CreateFolder("Trash"))
	s.must(s.dst.SetRole(endpoint.Trash, "Trash"))
}

// updateSome changes items at the source, and one of them at the destination, too.
func updateSome(s *stage) {
	items := s.src.Messages(inbox)
	for _, n := range []int{0, 8, 9, 10} {
		changed := slices.Concat(items[n].Body, []byte("more\r\n"))
		if items[n].Kind == endpoint.Event {
			changed = bytes.Replace(items[n].Body, []byte("lunch"), []byte("late lunch"), 1)
		}
		s.must(s.src.Update([]string{inbox}, items[n].Ref, changed))
	}
	work := s.src.Messages("Work")[2]
	s.must(s.src.Update([]string{"Work"}, work.Ref, slices.Concat(work.Body, []byte("more\r\n"))))
	s.editAtTarget(string(items[10].Body), inbox)
}

// deleteSome deletes items at the source, and one of them was read at the destination.
func deleteSome(s *stage) {
	items := s.src.Messages(inbox)
	for _, n := range []int{1, 2, 3} {
		s.must(s.src.Delete([]string{inbox}, items[n].Ref))
	}
	s.must(s.src.Delete([]string{"Work"}, s.src.Messages("Work")[0].Ref))
	s.must(s.src.Delete([]string{"Lists"}, s.src.Messages("Lists")[3].Ref)) // one of two twins
	s.readAtTarget(string(items[2].Body), inbox)
}

// moveSome moves items at the source, renames a folder, and one of them was read at the destination.
func moveSome(s *stage) {
	items := s.src.Messages(inbox)
	for _, n := range []int{4, 5, 11} {
		_, err := s.src.Move([]string{inbox}, find(s.src, items[min(n, len(items)-1)].Body, inbox), []string{"Work"})
		s.must(err)
	}
	s.must(s.src.RenameFolder([]string{"Lists"}, []string{"Old lists"}))
	s.readAtTarget(string(items[5].Body), inbox)
}

// flagSome changes flags on both sides.
func flagSome(s *stage) {
	items := s.src.Messages(inbox)
	for i, m := range items[len(items)-7 : len(items)-2] {
		s.must(s.src.SetFlags([]string{inbox}, m.Ref, endpoint.Seen, endpoint.IsFlagged, "$work"))
		if i%2 == 0 {
			s.readAtTarget(string(m.Body), inbox)
		}
	}
}

// adoptSome lets another program bring some items before the first pass.
func adoptSome(s *stage) {
	s.must(s.src.CreateFolder("Lists"))
	s.deliver(6, inbox)
	s.deliverText(twin, "Lists")
	s.deliverText(twin, "Lists")
	s.must(s.dst.CreateFolder("Lists"))
	for path, n := range map[string]int{inbox: 4, "Lists": 1} {
		for _, m := range s.src.Messages(path)[:n] {
			_, err := s.dst.Deliver([]string{path}, memendpoint.Message{Body: m.Body, Received: m.Received})
			s.must(err)
		}
	}
}

// breakSome removes, shortens, moves and reads items at the destination.
func breakSome(s *stage) {
	s.run(pass.Options{Folders: 1})
	there := s.dst.Messages(inbox)
	s.must(s.dst.Delete([]string{inbox}, there[1].Ref))
	s.must(s.dst.Delete([]string{inbox}, there[2].Ref))
	for _, n := range []int{3, 4} {
		s.must(s.dst.Update([]string{inbox}, there[n].Ref, there[n].Body[:len(there[n].Body)-3]))
	}
	_, err := s.dst.Move([]string{inbox}, there[5].Ref, []string{"Work"})
	s.must(err)
	s.must(s.dst.SetFlags([]string{inbox}, there[6].Ref, endpoint.Seen))
	s.must(s.dst.Delete([]string{"Lists"}, s.dst.Messages("Lists")[3].Ref)) // one of two twins
}

// find returns the reference of the item with some content.
func find(s *memendpoint.Server, body []byte, path ...string) string {
	for _, m := range s.Messages(path...) {
		if bytes.Equal(m.Body, body) || unmarked(m) == string(body) {
			return m.Ref
		}
	}
	return ""
}

// copyAtTarget returns the copy of an item at the destination: the one with the same first line.
func (s *stage) copyAtTarget(body, path string) memendpoint.Stored {
	s.t.Helper()
	name := nameOf([]byte(body))
	for _, m := range s.dst.Messages(path) {
		if nameOf(m.Body) == name {
			return m
		}
	}
	s.t.Fatalf("no copy of %s at the destination", name)
	return memendpoint.Stored{}
}

func (s *stage) editAtTarget(body, path string) {
	s.t.Helper()
	m := s.copyAtTarget(body, path)
	s.must(s.dst.Update([]string{path}, m.Ref, bytes.Replace(m.Body, []byte("lunch"), []byte("no lunch"), 1)))
}

func (s *stage) readAtTarget(body, path string) {
	s.t.Helper()
	m := s.copyAtTarget(body, path)
	s.must(s.dst.SetFlags([]string{path}, m.Ref, endpoint.Seen, endpoint.Answered))
}

// nameOf returns the line by which its author names an item.
func nameOf(body []byte) string {
	for line := range strings.Lines(string(body)) {
		for _, field := range []string{"Message-ID:", "UID:", "Subject:"} {
			if strings.HasPrefix(line, field) {
				return strings.TrimSpace(line)
			}
		}
	}
	return string(body)
}

// Without faults, each of the passes does what its name says, and then has nothing left to do.
func TestPolicyScenes(t *testing.T) {
	for name, want := range map[string]string{
		"replace": "migrated 2, updated 4, conflicts 1", "replace, no trash": "migrated 2, updated 4, conflicts 1",
		"remove": "migrated 2, removed 4, conflicts 1", "remove, no trash": "migrated 2, removed 4, conflicts 1",
		"follow": "migrated 9, followed 6, conflicts 1", "follow, no trash": "migrated 9, followed 6, conflicts 1",
		"merge":         "migrated 2, merged 5",
		"adopt":         "migrated 3, adopted 5",
		"all policies":  "migrated 7, updated 3, followed 4, removed 4, merged 5, conflicts 3",
		"verify repair": "migrated 3, repaired 5",
		"rebuild":       "migrated 23, duplicates 20",
	} {
		i := slices.IndexFunc(policyScenes(), func(sc policyScene) bool { return sc.name == name })
		sc := policyScenes()[i]
		s := sc.build(t)
		r := s.run(sc.options)
		if have := summary(r); have != want {
			t.Errorf("%s: %s, want %s\n%v\n%v", name, have, want, r, r.Conflicts)
		}
	}
}

// summary names the counts of a report that are not of what was there already.
func summary(r *pass.Report) string {
	c := r.Totals
	var parts []string
	for _, part := range []struct {
		name string
		n    int
	}{
		{"migrated", c.Migrated},
		{"failed", c.Failed},
		{"healed", c.Healed},
		{"adopted", c.Adopted},
		{"updated", c.Updated},
		{"followed", c.Followed},
		{"duplicates", c.Duplicates},
		{"removed", c.Removed},
		{"held back", c.HeldBack},
		{"merged", c.Merged},
		{"conflicts", c.Conflicts},
	} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", part.name, part.n))
		}
	}
	if r.Verified != nil {
		parts = append(parts, fmt.Sprintf("repaired %d", r.Verified.Repaired))
	}
	return strings.Join(parts, ", ")
}
