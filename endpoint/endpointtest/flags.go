package endpointtest

import (
	"slices"

	"github.com/dandyroll/dandyroll/endpoint"
)

func flagClauses() []clause {
	return []clause{
		{"E35", "Flags", "Flags yields what Read would, of the named items or of all", testFlags},
		{"E35", "FlagStates", "with Capabilities.FlagStates, a change of flags changes the State", testFlagStates},
		{"E36", "SetFlags", "SetFlags adds and removes exactly the named flags", testSetFlags},
		{"E36", "HostileFlags", "flags that cannot be kept are passed over, and nothing is executed", testSetHostileFlags},
	}
}

// wantFlagsOf checks the flags of an item as another client sees them.
func (s *scene) wantFlagsOf(ref string, want ...endpoint.Flag) {
	s.Helper()
	messages := s.fixture.Messages(work())
	i := slices.IndexFunc(messages, func(m Message) bool { return m.Ref == ref })
	if i < 0 {
		s.Errorf("item %s is gone", ref)
		return
	}
	if got := flagsOf(messages[i].Flags); !slices.Equal(got, flagsOf(want)) {
		s.Errorf("item %s has the flags %q, want %q", ref, got, want)
	}
}

func testFlags(s *scene) {
	if !s.caps.Flags {
		s.Skip("Capabilities.Flags is false")
	}
	f := s.workFolder()
	var refs []string
	for i, flags := range [][]endpoint.Flag{
		nil, {endpoint.Seen}, {endpoint.Deleted}, {endpoint.IsFlagged, endpoint.Answered, endpoint.Draft}, {endpoint.Seen},
	} {
		refs = append(refs, s.fixture.Deliver(work(), Message{Body: message(i), Flags: flags, Received: someTime()}))
	}
	s.fixture.Delete(work(), refs[4])
	before := s.fixture.Messages(work())
	s.wantFlaggings(f, nil, refs[:4])
	s.wantFlaggings(f, []string{refs[3], refs[4], refs[1], "4294967294"}, []string{refs[1], refs[3]})
	s.wantFlaggings(f, []string{}, nil)
	s.wantMessages(work(), before)
}

// wantFlaggings checks that the flags of items, asked for in one way, are those that Read yields.
func (s *scene) wantFlaggings(f endpoint.Folder, asked, want []string) {
	s.Helper()
	bodies := s.read(s.box, f, want...)
	var got []string
	for _, g := range all(s, s.box.Flags(s.Context(), f, asked)) {
		got = append(got, g.Ref)
		if flags := bodies[g.Ref].Flags; !slices.Equal(flagsOf(g.Flags), flagsOf(flags)) {
			s.Errorf("item %s has the flags %q, Read says %q", g.Ref, g.Flags, flags)
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, slices.Sorted(slices.Values(want))) {
		s.Errorf("asked for %q, Flags yields items %q, want %q", asked, got, want)
	}
}

func testFlagStates(s *scene) {
	if !s.caps.FlagStates {
		s.Skip("Capabilities.FlagStates is false")
	}
	s.workFolder()
	ref := s.deliver(work(), 0, 2)[1]
	last := s.state(s.box, "")
	seen := map[string]bool{last: true}
	for _, c := range []endpoint.FlagChange{
		{Ref: ref, Add: []endpoint.Flag{endpoint.Seen}},
		{Ref: ref, Add: []endpoint.Flag{endpoint.IsFlagged}, Remove: []endpoint.Flag{endpoint.Seen}},
		{Ref: ref, Remove: []endpoint.Flag{endpoint.IsFlagged}},
	} {
		s.changeFlags(c)
		last = s.state(s.box, last)
		if seen[last] {
			s.Errorf("the state %q is one from before the change %+v", last, c)
		}
		seen[last] = true
	}
}

// changeFlags changes the flags of an item of the folder work, by the other client if it can, else
// by another session.
func (s *scene) changeFlags(c endpoint.FlagChange) {
	s.Helper()
	if changer, ok := s.fixture.(Changer); ok {
		changer.SetFlags(work(), c.Ref, c.Add...)
		return
	}
	if !s.caps.SetFlags {
		s.Skip("nobody can change flags: Capabilities.SetFlags is false, and the fixture is no Changer")
	}
	other := s.open()
	for _, r := range all(s, other.SetFlags(s.Context(), s.folder(other, work()), []endpoint.FlagChange{c})) {
		if r.Err != nil {
			s.Fatal(r.Err)
		}
	}
}

// setFlags changes flags, and returns one answer for each item, by reference.
func (s *scene) setFlags(f endpoint.Folder, changes ...endpoint.FlagChange) map[string]error {
	s.Helper()
	var refs []string
	for _, c := range changes {
		refs = append(refs, c.Ref)
	}
	return s.answers(refs, all(s, s.box.SetFlags(s.Context(), f, changes)))
}

func testSetFlags(s *scene) {
	if !s.caps.SetFlags {
		s.Skip("Capabilities.SetFlags is false")
	}
	f := s.workFolder()
	var refs []string
	for i := range 6 {
		flags := []endpoint.Flag{endpoint.Seen, endpoint.IsFlagged}
		refs = append(refs, s.fixture.Deliver(work(), Message{Body: message(i), Flags: flags, Received: someTime()}))
	}
	s.fixture.Delete(work(), refs[5])
	answers := s.setFlags(
		f,
		endpoint.FlagChange{Ref: refs[3], Remove: []endpoint.Flag{endpoint.Seen, endpoint.Draft}},
		endpoint.FlagChange{Ref: refs[0], Add: []endpoint.Flag{endpoint.Answered, endpoint.Seen}, Remove: []endpoint.Flag{endpoint.IsFlagged}},
		endpoint.FlagChange{Ref: refs[5], Add: []endpoint.Flag{endpoint.Draft}},
		endpoint.FlagChange{Ref: refs[1], Add: []endpoint.Flag{endpoint.Deleted}},
		endpoint.FlagChange{Ref: refs[4]},
	)
	for ref, err := range answers {
		if ref == refs[5] {
			s.wantCode("changing an item that is gone", err, endpoint.NotFound)
		} else if err != nil {
			s.Errorf("changing an item: %v", err)
		}
	}
	s.wantFlagsOf(refs[0], endpoint.Answered, endpoint.Seen)
	want := []endpoint.Flag{endpoint.IsFlagged, endpoint.Seen}
	if s.keepsDeleted(f) {
		want = append(want, endpoint.Deleted)
	}
	s.wantFlagsOf(refs[1], want...)
	s.wantFlagsOf(refs[2], endpoint.IsFlagged, endpoint.Seen)
	s.wantFlagsOf(refs[3], endpoint.IsFlagged)
	s.wantFlagsOf(refs[4], endpoint.IsFlagged, endpoint.Seen)
	s.setKeyword(f, refs[2])
}

// keepsDeleted reports whether the mailbox has the flag \Deleted: a put does not report it as dropped.
func (s *scene) keepsDeleted(f endpoint.Folder) bool {
	s.Helper()
	if len(s.caps.Write[endpoint.Mail]) == 0 {
		return true // nobody says otherwise
	}
	it := s.mail(message(9))
	it.Flags = []endpoint.Flag{endpoint.Deleted}
	return len(s.mustPut(f, it)[it.Mark].Dropped) == 0
}

// setKeyword adds a keyword to an item that is seen and flagged, and takes it away again.
func (s *scene) setKeyword(f endpoint.Folder, ref string) {
	s.Helper()
	want := []endpoint.Flag{endpoint.IsFlagged, endpoint.Seen}
	kept := want
	if s.caps.Keywords {
		kept = append(kept, "$Forwarded")
	}
	for _, step := range []struct {
		change endpoint.FlagChange
		want   []endpoint.Flag
	}{
		{endpoint.FlagChange{Ref: ref, Add: []endpoint.Flag{"$Forwarded"}}, kept},
		{endpoint.FlagChange{Ref: ref, Remove: []endpoint.Flag{"$Forwarded"}}, want},
	} {
		if err := s.setFlags(f, step.change)[ref]; err != nil {
			s.Errorf("changing a keyword: %v", err)
		}
		s.wantFlagsOf(ref, step.want...)
	}
}

func testSetHostileFlags(s *scene) {
	if !s.caps.SetFlags {
		s.Skip("Capabilities.SetFlags is false")
	}
	f := s.workFolder()
	g := s.guard()
	refs := s.deliver(work(), 0, len(HostileFlags())+1)
	var changes []endpoint.FlagChange
	for i, flag := range HostileFlags() {
		changes = append(changes, endpoint.FlagChange{
			Ref: refs[i], Add: []endpoint.Flag{endpoint.Answered, flag}, Remove: []endpoint.Flag{endpoint.IsFlagged, flag + "x"},
		})
	}
	for i, err := range s.setFlags(f, changes...) {
		if err != nil {
			s.Errorf("changing item %s: %v", i, err)
		}
	}
	messages := s.fixture.Messages(work())
	if len(messages) != len(refs) {
		s.Fatalf("%d items are there, want %d", len(messages), len(refs))
	}
	for i, m := range messages[:len(changes)] {
		if !slices.Contains(flagsOf(m.Flags), `\answered`) {
			s.Errorf("with %.40q, flags are %.40q, without %s", changes[i].Add, m.Flags, endpoint.Answered)
		}
	}
	s.wantFlagsOf(refs[len(changes)])
	s.wantGuarded(g)
}
