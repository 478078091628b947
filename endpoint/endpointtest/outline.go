package endpointtest

import (
	"slices"

	"github.com/dandyroll/dandyroll/endpoint"
)

func outlineClauses() []clause {
	return []clause{
		{"E41", "Outline", "Outline yields the items of List, in its order, with the same Ref, Kind and Received", testOutline},
		{"E41", "OutlineSinceState", "Outline since a State yields every item that came since", testOutlineSince},
		{"E41", "IdentitiesOfBodies", "Read tells of each item the Identity that List does", testBodyIdentities},
		{"E41", "NoOutlines", "without Capabilities.Outlines, and of items that are gone, Read tells no Identity", testNoBodyIdentities},
	}
}

// outlines skips the case of a driver that has none.
func (s *scene) outlines() {
	s.Helper()
	if !s.caps.Outlines {
		s.Skip("Capabilities.Outlines is false")
	}
}

func testOutline(s *scene) {
	s.outlines()
	f := s.workFolder()
	if got := all(s, s.box.Outline(s.Context(), f, "")); len(got) != 0 {
		s.Errorf("an empty folder has items %+v", got)
	}
	refs := s.deliver(work(), 0, 12)
	s.deliver(work(), 3, 2) // twins
	for _, i := range []int{0, 5, 11} {
		s.fixture.Delete(work(), refs[i])
	}
	list := all(s, s.box.List(s.Context(), f, ""))
	f = s.folder(s.box, work())
	foreseeing := s.open()
	foreseeing.ForeseeOutlines(s.Context(), []endpoint.Folder{f})
	for _, box := range []*endpoint.Mailbox{s.box, s.open(), foreseeing, foreseeing} {
		got := all(s, box.Outline(s.Context(), f, ""))
		if !slices.EqualFunc(got, list, func(a, b endpoint.Item) bool {
			return a.Ref == b.Ref && a.Kind == b.Kind && a.Received.Equal(b.Received)
		}) || len(got) != 11 {
			s.Errorf("Outline yields %+v, List %+v, want 11", got, list)
		}
	}
	foreseeing.ForeseeOutlines(s.Context(), []endpoint.Folder{f})
	s.deliver(work(), 20, 1)
	f = s.folder(foreseeing, work())
	if got := all(s, foreseeing.Outline(s.Context(), f, "")); len(got) != 12 {
		s.Errorf("an outline that was foreseen by an older listing yields %+v, want 12", got)
	}
	if !s.fixture.ChangeValidity(work()) {
		return
	}
	_, err := collect(s, s.box.Outline(s.Context(), f, ""))
	s.wantCode("Outline of an old validity", err, endpoint.Stale)
}

func testOutlineSince(s *scene) {
	s.outlines()
	f := s.workFolder()
	s.deliver(work(), 0, 5)
	since := s.state(s.box, "")
	if since == "" {
		s.Skip("Capabilities.States and StateSince are false, or the folder has no state")
	}
	s.fixture.Delete(work(), all(s, s.box.Refs(s.Context(), f))[2])
	added := s.deliver(work(), 100, 3)
	whole := all(s, s.box.Refs(s.Context(), f))
	s.wantSince(itemRefs(all(s, s.box.Outline(s.Context(), f, since))), whole, added)
}

// testBodyIdentities compares identities told in both ways, of ordinary messages, twins, large ones and hostile ones, in memory and not.
func testBodyIdentities(s *scene) {
	s.outlines()
	f := s.workFolder()
	s.deliver(work(), 0, 5)
	s.deliver(work(), 2, 2)
	bodies := [][]byte{large(10, 200_000)}
	for _, b := range s.hostileBodies() {
		bodies = append(bodies, b.Bytes)
	}
	for _, b := range bodies {
		s.fixture.Deliver(work(), Message{Body: b, Received: someTime()})
	}
	want := map[string]string{}
	var refs []string
	for _, it := range all(s, s.box.List(s.Context(), f, "")) {
		want[it.Ref] = it.Identity
		refs = append(refs, it.Ref)
	}
	for _, memory := range []int64{0, 64 << 20} {
		for _, b := range all(s, s.box.Read(s.Context(), f, refs, endpoint.ReadOptions{Memory: memory, TempDir: s.TempDir()})) {
			if content := s.content(b.Content); b.Err == nil && b.Identity != want[b.Ref] {
				s.Errorf("item %s, %.100q: Read tells the identity %q, List %q", b.Ref, content, b.Identity, want[b.Ref])
			}
		}
	}
}

func testNoBodyIdentities(s *scene) {
	f := s.workFolder()
	refs := s.deliver(work(), 0, 2)
	s.fixture.Delete(work(), refs[1])
	for ref, b := range s.read(s.box, f, refs...) {
		if told := b.Identity != ""; told != (s.caps.Outlines && b.Err == nil) {
			s.Errorf("with Capabilities.Outlines %v, the body of item %s (error %v) has the identity %q", s.caps.Outlines, ref, b.Err, b.Identity)
		}
	}
}
