package endpointtest

import (
	"fmt"
	"slices"

	"github.com/dandyroll/dandyroll/endpoint"
)

func findClauses() []clause {
	return []clause{
		{"E37", "FindByMessageID", "Find yields exactly the items with that Message-ID", testFind},
		{"E37", "FindByUID", "Find yields exactly the items with that UID where they are no mail", testFindUID},
	}
}

// messageIDs are identifiers of which one is part of another, or is a pattern, or ends a quoted
// string or a command.
func messageIDs() []string {
	return []string{
		"1@example.org", "11@example.org", "1@example.orgs", "A@example.org", "a@example.org", "*@example.org", "%@example.org",
		`"q"@example.org`, `b\@example.org`, "(c)@example.org", "{3}@example.org", "NIL", "d'@example.org", "e+$&@example.org",
	}
}

func testFind(s *scene) {
	if !s.caps.Find {
		s.Skip("Capabilities.Find is false")
	}
	f := s.workFolder()
	g := s.guard()
	deliver := func(header string) string {
		return s.fixture.Deliver(work(), Message{Body: []byte(header + "From: ann@example.org\r\n\r\nMessage-ID: <body@example.org>\r\n"), Received: someTime()})
	}
	want := map[string][]string{"body@example.org": nil, "absent@example.org": nil, "example.org": nil, "": nil, "<>": nil}
	for _, id := range messageIDs() {
		want[id] = []string{deliver(fmt.Sprintf("Message-ID: <%s>\r\n", id))}
	}
	want["1@example.org"] = append(want["1@example.org"], deliver("Subject: twin\r\nmessage-id:\r\n <1@example.org> \r\n"))
	deliver("Message-ID: <other@example.org>\r\nIn-Reply-To: <1@example.org>\r\nReferences: <1@example.org>\r\nSubject: <1@example.org>\r\n")
	deliver("")
	want["x\r\na1 CREATE "+Pwned] = nil
	want["x\" \r\na1 CREATE "+Pwned+"\r\n"] = nil
	want["nul\x00@\xff"] = nil
	for id, refs := range want {
		s.wantFound(f, id, refs)
		s.wantFound(f, "<"+id+">", refs)
	}
	s.wantGuarded(g)
}

// wantFound checks what Find yields, in whatever order.
func (s *scene) wantFound(f endpoint.Folder, id string, want []string) {
	s.Helper()
	got := slices.Sorted(slices.Values(all(s, s.box.Find(s.Context(), f, id))))
	if !slices.Equal(got, slices.Sorted(slices.Values(want))) {
		s.Errorf("Find of %q yields %q, want %q", id, got, want)
	}
}

func testFindUID(s *scene) {
	if !s.caps.Find || !s.caps.CreateFolder {
		s.Skip("Capabilities.Find or CreateFolder is false")
	}
	tried := 0
	for _, kind := range []endpoint.Kind{endpoint.Event, endpoint.Contact, endpoint.Task, endpoint.Journal} {
		for _, format := range s.caps.Write[kind] {
			body := sample(kind, format)
			if body == nil {
				continue // a format of this endpoint's own
			}
			tried++
			f := s.folderOf(kind)
			s.mustPut(f, endpoint.Put{Mark: s.mark(), Kind: kind, Content: endpoint.Bytes(format, body)})
			s.wantFound(f, sampleUID, all(s, s.box.Refs(s.Context(), f)))
			s.wantFound(f, sampleUID[:len(sampleUID)-1], nil)
		}
	}
	if tried == 0 {
		s.Skip("Capabilities.Write has mail only")
	}
}
