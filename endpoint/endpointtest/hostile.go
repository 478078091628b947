package endpointtest

import (
	"slices"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
)

func hostileClauses() []clause {
	return []clause{
		{"E20", "HostileFlags", "no flag makes a put fail, harms another item or is executed", testHostileFlags},
		{"E20", "HostileDates", "no time of receipt makes a put fail, harms another item or is executed", testHostileDates},
		{"E20", "HostileTogether", "nothing in flags, dates and bodies is executed", testHostileTogether},
	}
}

// guarded is what nothing hostile may change.
type guarded struct {
	folders []string
	inbox   []Message
}

// guard puts something into INBOX and notes what there is.
func (s *scene) guard() guarded {
	s.Helper()
	for i := range 2 {
		s.fixture.Deliver(inbox(), Message{Body: message(i), Received: someTime()})
	}
	return guarded{s.paths(), s.fixture.Messages(inbox())}
}

// wantGuarded checks that nothing but one folder changed.
func (s *scene) wantGuarded(g guarded) {
	s.Helper()
	if got := s.paths(); !slices.Equal(got, g.folders) {
		s.Errorf("folders are %s, were %s", got, g.folders)
	}
	s.wantMessages(inbox(), g.inbox)
}

func testHostileFlags(s *scene) {
	s.writes()
	f := s.workFolder()
	g := s.guard()
	var items []endpoint.Put
	for _, flag := range HostileFlags() {
		it := s.mail(oddCommands()[0].Bytes)
		it.Flags = []endpoint.Flag{endpoint.Seen, flag, endpoint.IsFlagged}
		items = append(items, it)
	}
	everything := s.mail(oddCommands()[1].Bytes)
	everything.Flags = HostileFlags()
	items = append(items, everything, s.mail(message(5)))
	results := s.mustPut(f, items...)
	for i, m := range s.written(f, items) {
		s.wantFlags(m.Flags, items[i], results[items[i].Mark])
	}
	s.wantGuarded(g)
}

func testHostileDates(s *scene) {
	s.writes()
	f := s.workFolder()
	g := s.guard()
	var items []endpoint.Put
	for _, at := range HostileDates() {
		it := s.mail(oddCommands()[0].Bytes)
		it.Received = at
		items = append(items, it)
	}
	s.mustPut(f, items...)
	for i, m := range s.written(f, items) {
		at := items[i].Received
		// Servers have no time before 1970 and, some of them, none to come.
		if s.caps.Received && at.Unix() > 0 && at.Before(time.Now()) && !m.Received.Equal(at.Truncate(time.Second)) {
			s.Errorf("received %v, another client sees %v", at, m.Received)
		}
	}
	s.wantGuarded(g)
}

func testHostileTogether(s *scene) {
	s.writes()
	f := s.workFolder()
	g := s.guard()
	flags, dates := HostileFlags(), HostileDates()
	var items []endpoint.Put
	for i, b := range s.hostileBodies() {
		if len(b.Bytes) > 100_000 {
			continue // their size has no part in this, and costs time
		}
		it := s.mail(b.Bytes)
		it.Flags, it.Received = flags[i%len(flags):][:1], dates[i%len(dates)]
		items = append(items, it)
	}
	results := s.mustPut(f, items...)
	for i, m := range s.written(f, items) {
		s.wantFlags(m.Flags, items[i], results[items[i].Mark])
	}
	if got := len(s.fixture.Messages(work())); got != len(items) {
		s.Errorf("%d items are there, want %d", got, len(items))
	}
	s.wantGuarded(g)
}
