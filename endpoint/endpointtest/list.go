package endpointtest

import (
	"slices"

	"github.com/dandyroll/dandyroll/endpoint"
)

func listClauses() []clause {
	return []clause{
		{"E06", "ListIsStable", "List yields every item once, in one order", testList},
		{"E06", "RefsAreThoseOfList", "Refs yields the references of List, in its order", testRefs},
		{"E06", "ExpungedWhileListing", "an item that goes while the folder is listed harms no other", testExpunged},
		{"E07", "ListSinceState", "List and Marks since a State yield every item that came since", testSince},
		{"E08", "States", "a State is equal exactly as long as nothing came or went", testStates},
		{"E08", "NoStates", "without Capabilities.States no listed folder has one", testNoStates},
		{"E40", "StatesSince", "State since a State is equal exactly as long as nothing came or went", testStatesSince},
		{"E40", "ExpiredStates", "a State that expired is another, and everything came since it", testExpiredStates},
		{"E42", "StayedItems", "what Stayed tells of was there at the first state, and is at the second", testStayed},
		{"E09", "ChangedValidity", "once a Validity changed, references and states of the old one are Stale", testChangedValidity},
		{"E10", "CallsFromLoops", "any method may be called from the body of a loop", testCallsFromLoops},
		{"E11", "LeavingLoops", "a loop that is left early leaves the session usable", testLeavingLoops},
	}
}

func itemRefs(items []endpoint.Item) []string {
	var refs []string
	for _, it := range items {
		refs = append(refs, it.Ref)
	}
	return refs
}

func testList(s *scene) {
	f := s.workFolder()
	want := s.deliver(work(), 0, 30)
	items := all(s, s.box.List(s.Context(), f, ""))
	got := itemRefs(items)
	if again := itemRefs(all(s, s.box.List(s.Context(), f, ""))); !slices.Equal(again, got) {
		s.Errorf("items come as %q, then as %q", got, again)
	}
	if other := itemRefs(all(s, s.open().List(s.Context(), f, ""))); !slices.Equal(other, got) {
		s.Errorf("items come as %q, in another session as %q", got, other)
	}
	for _, it := range items {
		if it.Kind != endpoint.Mail || it.Identity == "" || it.Marks.Fields() != 0 || !it.Received.IsZero() && !it.Received.Equal(someTime()) {
			s.Errorf("item is %+v", it)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		s.Errorf("items are %q, want %q", got, want)
	}
}

func testRefs(s *scene) {
	f := s.workFolder()
	if got := all(s, s.box.Refs(s.Context(), f)); len(got) != 0 {
		s.Errorf("an empty folder has items %q", got)
	}
	refs := s.deliver(work(), 0, 12)
	for _, i := range []int{0, 5, 11} {
		s.fixture.Delete(work(), refs[i])
	}
	want := itemRefs(all(s, s.box.List(s.Context(), f, "")))
	if got := all(s, s.box.Refs(s.Context(), f)); !slices.Equal(got, want) || len(got) != 9 {
		s.Errorf("Refs yields %q, List %q, want 9", got, want)
	}
}

func testExpunged(s *scene) {
	f := s.workFolder()
	refs := s.deliver(work(), 0, 10)
	var got []string
	for it, err := range s.box.List(s.Context(), f, "") {
		if err != nil {
			s.Fatal(err)
		}
		if got = append(got, it.Ref); len(got) == 1 {
			s.fixture.Delete(work(), refs[9])
		}
	}
	if len(got) == 10 { // listed before it went
		got = got[:9]
	}
	if !slices.Equal(got, refs[:9]) {
		s.Errorf("items are %q, want %q", got, refs[:9])
	}
}

func testSince(s *scene) {
	s.workFolder()
	s.deliver(work(), 0, 5)
	f, since := s.folder(s.box, work()), s.state(s.box, "")
	if since == "" {
		s.Skip("Capabilities.States and StateSince are false, or the folder has no state")
	}
	// One goes and several come, so that counting is not enough.
	s.fixture.Delete(work(), all(s, s.box.Refs(s.Context(), f))[2])
	added := s.deliver(work(), 100, 3)
	if len(s.caps.Write[endpoint.Mail]) > 0 {
		s.mustPut(f, s.mails(2)...)
		if got := len(s.sightings(s.box, f, since)); got != 2 {
			s.Errorf("Marks since the state yields %d marked items, want 2", got)
		}
	}
	whole := all(s, s.box.Refs(s.Context(), f))
	added = append(added, whole[4+3:]...)
	for _, box := range []*endpoint.Mailbox{s.box, s.open()} {
		got := itemRefs(all(s, box.List(s.Context(), f, since)))
		s.wantSince(got, whole, added)
	}
	if got := itemRefs(all(s, s.box.List(s.Context(), f, ""))); !slices.Equal(got, whole) {
		s.Errorf("List from the beginning yields %q, want %q", got, whole)
	}
}

// wantSince checks a listing since a state against the whole folder and what came.
func (s *scene) wantSince(got, whole, added []string) {
	s.Helper()
	for _, ref := range added {
		if !slices.Contains(got, ref) {
			s.Errorf("List since the state yields %q, without the new item %s", got, ref)
		}
	}
	last := -1
	for _, ref := range got {
		i := slices.Index(whole, ref)
		if i <= last {
			s.Errorf("List since the state yields %q, out of the order %q", got, whole)
			return
		}
		last = i
	}
}

func testStates(s *scene) {
	if !s.caps.States {
		s.Skip("Capabilities.States is false")
	}
	s.changeStates()
}

// testStayed compares each state that the folder has had with each later one.
func testStayed(s *scene) {
	s.workFolder()
	if s.state(s.box, "") == "" {
		s.Skip("Capabilities.States and StateSince are false, or the folder has no state")
	}
	s.fixture.CreateFolder("Other")
	type moment struct {
		state string
		refs  []string
	}
	var moments []moment
	var came []string
	note := func() {
		moments = append(moments, moment{s.state(s.box, ""), s.refs()})
	}
	for _, step := range []func(){
		func() {},
		func() { came = s.deliver(work(), 0, 4) },
		func() { came = append(came, s.deliver(work(), 4, 2)...) },
		func() { s.fixture.Delete(work(), came[1]) },
		func() { came = append(came, s.deliver(work(), 6, 1)...) },
		func() { s.fixture.Delete(work(), came[0]); came = append(came, s.deliver(work(), 7, 1)...) },
		func() { s.fixture.Move(work(), came[2], []string{"Other"}) },
		func() { s.fixture.Delete(work(), s.deliver(work(), 8, 1)[0]) },
		func() { came = append(came, s.deliver(work(), 9, 3)...) },
	} {
		step()
		note()
	}
	for i, first := range moments {
		for _, last := range moments[i:] {
			s.wantStayed(first.state, last.state, came, first.refs, last.refs)
		}
	}
	if stayed := s.box.Stayed("what?", moments[0].state); stayed != nil {
		s.Error("Stayed tells something of a state that is none")
	}
}

// wantStayed checks what Stayed tells of two states, of all items that ever were there: those that were there at
// the first state are there at the second.
func (s *scene) wantStayed(first, last string, ever, then, now []string) {
	s.Helper()
	stayed := s.box.Stayed(first, last)
	if stayed == nil {
		return // which is always allowed
	}
	for _, ref := range then {
		if !slices.Contains(now, ref) {
			s.Errorf("Stayed tells of a folder with %q that nothing left it, and there are %q", then, now)
		}
	}
	for _, ref := range ever {
		if stayed(ref) && !slices.Contains(then, ref) && slices.Contains(now, ref) {
			s.Errorf("Stayed tells that item %s was in a folder with %q", ref, then)
		}
	}
}

func (s *scene) refs() []string {
	s.Helper()
	return all(s, s.box.Refs(s.Context(), s.folder(s.box, work())))
}

func testStatesSince(s *scene) {
	if !s.caps.StateSince {
		s.Skip("Capabilities.StateSince is false")
	}
	s.changeStates()
}

// changeStates has items come and go, and checks the State after each step.
func (s *scene) changeStates() {
	s.Helper()
	f := s.workFolder()
	s.fixture.CreateFolder("Other")
	last := s.state(s.box, "")
	seen := map[string]string{last: "making the folder"}
	var refs []string
	steps := []struct {
		name string
		do   func()
	}{
		{"a delivery", func() { refs = s.deliver(work(), 0, 3) }},
		{"a deletion", func() { s.fixture.Delete(work(), refs[0]) }},
		{"a delivery that makes up for it", func() { s.deliver(work(), 3, 1) }},
		{"a move away", func() { s.fixture.Move(work(), refs[1], []string{"Other"}) }},
		{"a deletion and a delivery", func() { s.fixture.Delete(work(), refs[2]); s.deliver(work(), 4, 1) }},
		{"a put", func() {
			if len(s.caps.Write[endpoint.Mail]) > 0 {
				s.mustPut(f, s.mails(1)...)
			} else {
				s.deliver(work(), 5, 1)
			}
		}},
	}
	for _, step := range steps {
		step.do()
		state := s.state(s.box, last)
		if before, known := seen[state]; known || state == "" {
			s.Errorf("the state %q after %s is that after %s", state, step.name, before)
		}
		seen[state] = step.name
		s.look(s.box, s.folder(s.box, work()))
		if again := s.state(s.open(), state); again != state {
			s.Errorf("after %s the state is %q, and %q when nothing but reading happened", step.name, state, again)
		}
		last = state
	}
}

// look does all that a source is asked for.
func (s *scene) look(box *endpoint.Mailbox, f endpoint.Folder) {
	s.Helper()
	refs := all(s, box.Refs(s.Context(), f))
	all(s, box.List(s.Context(), f, ""))
	all(s, box.List(s.Context(), f, f.State))
	if s.caps.StateSince {
		if _, err := box.State(s.Context(), f, ""); err != nil {
			s.Errorf("State: %v", err)
		}
	}
	all(s, box.Marks(s.Context(), f, ""))
	s.read(box, f, refs...)
	if s.caps.Flags {
		all(s, box.Flags(s.Context(), f, nil))
	}
	if s.caps.Find {
		all(s, box.Find(s.Context(), f, "1@example.org"))
	}
}

func testNoStates(s *scene) {
	if s.caps.States {
		s.Skip("Capabilities.States is true")
	}
	s.workFolder()
	s.deliver(work(), 0, 1)
	for _, f := range all(s, s.box.Folders(s.Context())) {
		if f.State != "" {
			s.Errorf("folder %q has the state %q", f.Path, f.State)
		}
	}
}

func testExpiredStates(s *scene) {
	if !s.caps.StateSince {
		s.Skip("Capabilities.StateSince is false")
	}
	f := s.workFolder()
	s.deliver(work(), 0, 3)
	if len(s.caps.Write[endpoint.Mail]) > 0 {
		s.mustPut(f, s.mails(2)...)
	}
	old := s.state(s.box, "")
	if expirer, ok := s.fixture.(Expirer); !ok || !expirer.ExpireStates() {
		s.Skip("the fixture cannot make states expire")
	}
	now := s.state(s.box, old)
	if now == old || now == "" {
		s.Errorf("since the expired state %q, the state is %q", old, now)
	}
	if again := s.state(s.open(), now); again != now {
		s.Errorf("the state was %q and is %q, and nothing happened", now, again)
	}
	whole := all(s, s.box.Refs(s.Context(), f))
	if got := itemRefs(all(s, s.box.List(s.Context(), f, old))); !slices.Equal(got, whole) {
		s.Errorf("List since an expired state yields %q, want %q", got, whole)
	}
	if got, want := len(s.sightings(s.box, f, old)), len(s.sightings(s.box, f, "")); got != want {
		s.Errorf("Marks since an expired state yields %d items, want %d", got, want)
	}
}

func testChangedValidity(s *scene) {
	s.workFolder()
	s.deliver(work(), 0, 3)
	old, state := s.folder(s.box, work()), s.state(s.box, "")
	refs := all(s, s.box.Refs(s.Context(), old))
	if !s.fixture.ChangeValidity(work()) {
		s.Skip("the fixture cannot change a validity")
	}
	now := s.folder(s.box, work())
	if newer := s.state(s.box, ""); now.Validity == old.Validity || newer != "" && newer == state {
		s.Errorf("validity was %q and is %q, state was %q and is %q", old.Validity, now.Validity, state, newer)
	}
	if s.caps.StateSince {
		_, err := s.box.State(s.Context(), old, state)
		s.wantCode("State", err, endpoint.Stale)
	}
	_, list := collect(s, s.box.List(s.Context(), old, ""))
	_, listed := collect(s, s.box.Refs(s.Context(), old))
	_, marks := collect(s, s.box.Marks(s.Context(), old, ""))
	_, read := collect(s, s.box.Read(s.Context(), old, refs, endpoint.ReadOptions{Memory: 1 << 16}))
	for name, err := range map[string]error{"List": list, "Refs": listed, "Marks": marks, "Read": read} {
		s.wantCode(name, err, endpoint.Stale)
	}
	if got := len(all(s, s.box.List(s.Context(), now, ""))); got != 3 {
		s.Errorf("the folder has %d items under its new validity, want 3", got)
	}
	if state == "" {
		return
	}
	// A state of another validity is no position: all or nothing.
	if items, err := collect(s, s.box.List(s.Context(), now, state)); err != nil {
		s.wantCode("List since a state of the old validity", err, endpoint.Stale)
	} else if len(items) != 3 {
		s.Errorf("List since a state of the old validity yields %d items, want 3 or Stale", len(items))
	}
}

func testCallsFromLoops(s *scene) {
	f := s.workFolder()
	s.fixture.CreateFolder("Target")
	target := s.folder(s.box, []string{"Target"})
	s.deliver(work(), 0, 2)
	rounds := 0
	inside := func() {
		rounds++
		all(s, s.box.Folders(s.Context()))
		s.look(s.box, f)
		if len(s.caps.Write[endpoint.Mail]) > 0 {
			s.mustPut(target, s.mails(1)...)
		}
		if s.caps.CreateFolder {
			if _, err := s.box.CreateFolder(s.Context(), target); err != nil {
				s.Error(err)
			}
		}
	}
	eachFirst(s, s.box.Folders(s.Context()), inside)
	eachFirst(s, s.box.List(s.Context(), f, ""), inside)
	eachFirst(s, s.box.Refs(s.Context(), f), inside)
	eachFirst(s, s.box.Read(s.Context(), f, all(s, s.box.Refs(s.Context(), f)), endpoint.ReadOptions{Memory: 1 << 16}), inside)
	if len(s.caps.Write[endpoint.Mail]) > 0 {
		eachFirst(s, s.box.Put(s.Context(), target, s.mails(2)), inside)
		eachFirst(s, s.box.Marks(s.Context(), target, ""), inside)
		// One put a round, and the two whose results were ranged over.
		if got, want := len(s.sightings(s.open(), target, "")), rounds+2; got != want {
			s.Errorf("%d marked items, want %d", got, want)
		}
	}
}

// eachFirst ranges over a whole sequence and calls a function from the first two bodies of the
// loop.
func eachFirst[T any](s *scene, seq func(func(T, error) bool), call func()) {
	s.Helper()
	n := 0
	for _, err := range seq {
		if err != nil {
			s.Errorf("the sequence ends with an error: %v", err)
			return
		}
		if n++; n <= 2 {
			call()
		}
	}
	if n == 0 {
		s.Error("the sequence is empty")
	}
}

func testLeavingLoops(s *scene) {
	f := s.workFolder()
	s.deliver(work(), 0, 5)
	refs := all(s, s.box.Refs(s.Context(), f))
	for range 2 * s.caps.Concurrency { // so that a connection that is kept is missed
		first(s, s.box.Folders(s.Context()))
		first(s, s.box.List(s.Context(), f, ""))
		first(s, s.box.Refs(s.Context(), f))
		first(s, s.box.Read(s.Context(), f, refs, endpoint.ReadOptions{Memory: 1 << 16}))
	}
	if len(s.caps.Write[endpoint.Mail]) > 0 {
		for range 2 * s.caps.Concurrency {
			first(s, s.box.Put(s.Context(), f, s.mails(3)))
			s.settle()
			first(s, s.box.Marks(s.Context(), f, ""))
		}
		s.mustPut(f, s.mails(1)...)
	}
	s.look(s.box, s.folder(s.box, work()))
}
