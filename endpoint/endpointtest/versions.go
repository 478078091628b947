package endpointtest

import (
	"bytes"
	"slices"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
)

func versionClauses() []clause {
	return []clause{
		{"E38", "Versions", "what changes the content of an item changes its Version, and List since the State before yields it", testVersions},
		{"E38", "NoVersions", "without Capabilities.Versions no item has one", testNoVersions},
		{"E39", "Sent", "Item.Sent is the time in the Date field, zero where there is none that can be read", testSent},
	}
}

// update has the other client change the body of an item, if it can.
func (s *scene) update(ref string) bool {
	s.Helper()
	changer, ok := s.fixture.(Changer)
	if !ok {
		s.Skip("the fixture is no Changer")
	}
	messages := s.fixture.Messages(work())
	i := slices.IndexFunc(messages, func(m Message) bool { return m.Ref == ref })
	return changer.Update(work(), ref, append(bytes.Clone(messages[i].Body), "changed\r\n"...))
}

// items lists the folder work, by reference.
func (s *scene) items(box *endpoint.Mailbox, since string) map[string]endpoint.Item {
	s.Helper()
	items := make(map[string]endpoint.Item)
	for _, it := range all(s, box.List(s.Context(), s.folder(box, work()), since)) {
		items[it.Ref] = it
	}
	return items
}

func testVersions(s *scene) {
	if !s.caps.Versions {
		s.Skip("Capabilities.Versions is false")
	}
	s.workFolder()
	refs := s.deliver(work(), 0, 4)
	for range 2 {
		before, since, was := s.folder(s.box, work()), s.state(s.box, ""), s.items(s.box, "")
		if !s.update(refs[1]) {
			s.Skip("the fixture cannot change the content of an item")
		}
		after, state, is := s.folder(s.box, work()), s.state(s.box, since), s.items(s.open(), "")
		if state != "" && state == since || after.Validity != before.Validity {
			s.Errorf("a change of content leads from state %q to %q, from validity %q to %q", since, state, before.Validity, after.Validity)
		}
		for _, ref := range refs {
			changed := is[ref].Version != was[ref].Version
			if changed != (ref == refs[1]) || is[ref].Version == "" || is[ref].Identity != was[ref].Identity {
				s.Errorf("item %s was %+v and is %+v", ref, was[ref], is[ref])
			}
		}
		if it, listed := s.items(s.box, since)[refs[1]]; !listed || it.Version != is[refs[1]].Version {
			s.Errorf("since the state before, List yields %+v for the item that changed", it)
		}
	}
	if got := s.read(s.box, s.folder(s.box, work()), refs[1])[refs[1]]; got.Err != nil || !bytes.HasSuffix(got.bytes, []byte("changed\r\nchanged\r\n")) {
		s.Errorf("Read yields %q, %v for the item that changed", got.bytes, got.Err)
	}
}

func testNoVersions(s *scene) {
	if s.caps.Versions {
		s.Skip("Capabilities.Versions is true")
	}
	s.workFolder()
	s.deliver(work(), 0, 1)
	for _, it := range s.items(s.box, "") {
		if it.Version != "" {
			s.Errorf("item %s has the version %q", it.Ref, it.Version)
		}
	}
}

func testSent(s *scene) {
	s.workFolder()
	at := time.Date(1994, time.February, 8, 5, 52, 25, 0, time.UTC)
	want := map[string]time.Time{}
	for header, sent := range map[string]time.Time{
		"Date: Mon, 7 Feb 1994 21:52:25 -0800\r\n":          at,
		"DATE: 8 Feb 1994 05:52:25 +0000\r\n":               at,
		"Date:\r\n Tue, 8 Feb 1994\r\n\t05:52:25 GMT\r\n":   at,
		"Date: Mon, 07 Feb 1994 21:52:25 -0800 (PST)\r\n":   at,
		"Date: yesterday\r\n":                               {},
		"Date:\r\n":                                         {},
		"Date: Mon, 77 Feb 1994 21:52:25 -0800\r\n":         {},
		"Resent-Date: Mon, 7 Feb 1994 21:52:25 -0800\r\n":   {},
		"Subject: Date: Mon, 7 Feb 1994 21:52:25 -0800\r\n": {},
		"": {},
	} {
		body := header + "From: ann@example.org\r\n\r\nDate: Mon, 7 Feb 1994 21:52:25 -0800\r\n"
		want[s.fixture.Deliver(work(), Message{Body: []byte(body), Received: someTime()})] = sent
	}
	items := s.items(s.box, "")
	for ref, sent := range want {
		if got := items[ref].Sent; !got.Equal(sent) || got.IsZero() != sent.IsZero() {
			s.Errorf("item %s was sent at %v, want %v", ref, got, sent)
		}
	}
}
