package endpointtest

import (
	"slices"

	"github.com/dandyroll/dandyroll/endpoint"
)

func deleteClauses() []clause {
	return []clause{
		{"E34", "DeleteForGood", "Delete takes exactly the named items out of the folder", testDeleteForGood},
		{"E34", "DeleteToTrash", "what is deleted is in the folder with role Trash afterwards, marks and all", testDeleteToTrash},
		{"E34", "DeleteUnderChangedValidity", "references of another Validity delete nothing", testDeleteStale},
	}
}

// deletes skips the case where no item can be deleted.
func (s *scene) deletes() {
	s.Helper()
	if !s.caps.Delete {
		s.Skip("Capabilities.Delete is false")
	}
}

// testDeleteForGood deletes in a mailbox without trash, or else in the trash.
func testDeleteForGood(s *scene) {
	s.deletes()
	path := work()
	if f, there := s.trash(); there {
		path = f.Path
	} else {
		s.workFolder()
	}
	f := s.folder(s.box, path)
	refs := s.deliver(path, 0, 6)
	marked := s.fixture.Deliver(path, Message{Body: message(6), Flags: []endpoint.Flag{endpoint.Deleted}, Received: someTime()})
	s.fixture.Delete(path, refs[4])
	before := s.fixture.Messages(path)

	codes := s.delete(f, refs[3], refs[4], refs[0], "4294967295", "x\r\ny")
	for _, ref := range []string{refs[0], refs[3]} {
		if err := codes[ref]; err != nil {
			s.Errorf("deleting an item: %v", err)
		}
	}
	s.wantCode("deleting an item that is gone", codes[refs[4]], endpoint.NotFound)
	s.wantCode("deleting an item that never was", codes["4294967295"], endpoint.NotFound, endpoint.Invalid)
	s.wantCode("deleting what is no reference", codes["x\r\ny"], endpoint.NotFound, endpoint.Invalid)
	left := []string{refs[1], refs[2], refs[5], marked}
	s.wantMessages(path, slices.DeleteFunc(before, func(m Message) bool { return !slices.Contains(left, m.Ref) }))
	for _, box := range []*endpoint.Mailbox{s.box, s.open()} {
		total := 0
		for _, g := range all(s, box.Folders(s.Context())) {
			total += len(all(s, box.Refs(s.Context(), g)))
		}
		if got := all(s, box.Refs(s.Context(), f)); !slices.Equal(got, left) || total != len(left) {
			s.Errorf("Refs yields %q, want %q; all folders have %d items", got, left, total)
		}
	}
	if s.delete(f); len(s.fixture.Messages(path)) != len(left) {
		s.Error("deleting no item deletes one")
	}
}

// delete deletes items, and returns one answer for each, by reference.
func (s *scene) delete(f endpoint.Folder, refs ...string) map[string]error {
	s.Helper()
	return s.answers(refs, all(s, s.box.Delete(s.Context(), f, refs)))
}

// answers checks that there is one result for each reference.
func (s *scene) answers(refs []string, results []endpoint.Result) map[string]error {
	s.Helper()
	codes := make(map[string]error)
	for _, r := range results {
		if _, twice := codes[r.Ref]; twice || !slices.Contains(refs, r.Ref) {
			s.Errorf("a result for item %q too much", r.Ref)
		}
		codes[r.Ref] = r.Err
		s.wantDecent("result", r.Err)
	}
	if len(codes) != len(refs) {
		s.Errorf("results for %d items, want %d", len(codes), len(refs))
	}
	return codes
}

// bodiesOf returns the bodies of messages, in one order.
func bodiesOf(all []Message) []string {
	var bodies []string
	for _, m := range all {
		bodies = append(bodies, string(m.Body))
	}
	slices.Sort(bodies)
	return bodies
}

func testDeleteToTrash(s *scene) {
	s.deletes()
	s.writes()
	trash := s.makeTrash()
	f := s.workFolder()
	items := s.mails(3)
	s.mustPut(f, items...)
	s.fixture.Deliver(work(), Message{Body: message(6), Flags: []endpoint.Flag{endpoint.Deleted}, Received: someTime()})
	before := s.fixture.Messages(work())
	marked := s.sightings(s.box, f, "")
	gone := []string{marked[items[0].Mark].Ref, marked[items[2].Mark].Ref}
	isGone := func(m Message) bool { return slices.Contains(gone, m.Ref) }
	for ref, err := range s.delete(f, gone...) {
		if err != nil {
			s.Errorf("deleting item %s: %v", ref, err)
		}
	}
	s.settle()
	s.wantMessages(work(), slices.DeleteFunc(slices.Clone(before), isGone))
	found := s.sightings(s.open(), trash, "")
	for _, it := range []endpoint.Put{items[0], items[2]} {
		if _, there := found[it.Mark]; !there {
			s.Errorf("the trash has %d marks, and not that of a deleted item", len(found))
		}
	}
	there := s.fixture.Messages(trash.Path)
	was := slices.DeleteFunc(slices.Clone(before), func(m Message) bool { return !isGone(m) })
	if len(there) != 2 || len(found) != 2 || !slices.Equal(bodiesOf(there), bodiesOf(was)) {
		s.Errorf("the trash has %d marks in %+v, want the deleted items", len(found), there)
		return
	}
	if err := s.delete(trash, there[0].Ref)[there[0].Ref]; err != nil || len(s.fixture.Messages(trash.Path)) != 1 {
		s.Errorf("deleting an item of the trash: %v, and it has %+v", err, s.fixture.Messages(trash.Path))
	}
}

func testDeleteStale(s *scene) {
	s.deletes()
	f := s.workFolder()
	refs := s.deliver(work(), 0, 3)
	if !s.fixture.ChangeValidity(work()) {
		s.Skip("the fixture cannot change a validity")
	}
	_, err := collect(s, s.box.Delete(s.Context(), f, refs))
	s.wantCode("Delete", err, endpoint.Stale)
	if got := len(s.fixture.Messages(work())); got != 3 {
		s.Errorf("%d items are there, want 3", got)
	}
}
