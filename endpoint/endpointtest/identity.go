package endpointtest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dandyroll/dandyroll/endpoint"
)

func identityClauses() []clause {
	return []clause{
		{"E12", "IdentityStays", "an item has one Identity in every session and under every Validity", testIdentityStays},
		{"E12", "Twins", "with Capabilities.Identity equal messages have an equal Identity, else no two items share one", testTwins},
		{"E12", "DifferentMessages", "messages that differ in what no server rewrites differ in Identity", testDifferent},
		{"E12", "NoHeaderIsNeeded", "every message has an Identity, whatever its header", testNoHeader},
	}
}

func (s *scene) identities(box *endpoint.Mailbox) []string {
	s.Helper()
	var list []string
	for _, it := range all(s, box.List(s.Context(), s.folder(box, work()), "")) {
		list = append(list, it.Identity)
	}
	return list
}

func testIdentityStays(s *scene) {
	s.workFolder()
	s.deliver(work(), 0, 5)
	want := s.identities(s.box)
	if got := s.identities(s.open()); !slices.Equal(got, want) {
		s.Errorf("identities are %q in another session, want %q", got, want)
	}
	s.fixture.Deliver(work(), Message{Body: message(5), Flags: []endpoint.Flag{endpoint.Seen}, Received: someTime()})
	if got := s.identities(s.box); !slices.Equal(got[:5], want) {
		s.Errorf("identities are %q after one more item came, want %q", got[:5], want)
	}
	want = s.identities(s.box)
	if !s.fixture.ChangeValidity(work()) {
		return
	}
	if got := s.identities(s.open()); !slices.Equal(got, want) {
		s.Errorf("identities are %q under another validity, want %q", got, want)
	}
}

func testTwins(s *scene) {
	s.workFolder()
	s.deliver(work(), 7, 1)
	s.deliver(work(), 8, 1)
	// The same message again, at another time and with other flags.
	s.fixture.Deliver(work(), Message{Body: message(7), Flags: []endpoint.Flag{endpoint.Seen}, Received: someTime().AddDate(1, 0, 0)})
	got := s.identities(s.box)
	if len(got) != 3 || got[0] == got[1] || got[1] == got[2] || (got[0] == got[2]) != (s.caps.Identity != "") {
		s.Errorf("with Capabilities.Identity %q, two equal messages and another one between them have the identities %q", s.caps.Identity, got)
	}
}

func testDifferent(s *scene) {
	s.workFolder()
	fields := map[string]string{
		"Message-ID": "<1@example.org>", "Date": "Mon, 7 Feb 1994 21:52:25 -0800", "From": "ann@example.org",
		"To": "bob@example.org", "Subject": "lunch",
	}
	names := []string{"Message-ID", "Date", "From", "To", "Subject"}
	build := func(change, leave string) []byte {
		var b strings.Builder
		for _, name := range names {
			value := fields[name]
			if name == change {
				value = strings.Replace(value, "1", "2", 1) + "x"
			}
			if name != leave {
				fmt.Fprintf(&b, "%s: %s\r\n", name, value)
			}
		}
		return []byte(b.String() + "\r\nbody\r\n")
	}
	var made []string
	deliver := func(name string, body []byte) {
		made = append(made, name)
		s.fixture.Deliver(work(), Message{Body: body, Received: someTime()})
	}
	deliver("whole", build("", ""))
	for _, name := range names {
		deliver("other "+name, build(name, ""))
		deliver("no "+name, build("", name))
	}
	deliver("other subject without Message-ID", build("Subject", "Message-ID"))
	got := s.identities(s.box)
	if len(got) != len(made) {
		s.Fatalf("%d items, want %d", len(got), len(made))
	}
	for i, id := range got {
		if j := slices.Index(got, id); j != i {
			s.Errorf("messages %q and %q have one identity", made[j], made[i])
		}
	}
}

func testNoHeader(s *scene) {
	s.workFolder()
	delivered := 0
	for _, b := range s.hostileBodies() {
		if s.fixture.Deliver(work(), Message{Body: b.Bytes, Received: someTime()}) != "" {
			delivered++
		}
	}
	want := s.identities(s.box)
	if slices.Contains(want, "") || len(want) != delivered {
		s.Errorf("%d items have the identities %q", delivered, want)
	}
	if got := s.identities(s.open()); !slices.Equal(got, want) {
		s.Errorf("identities are %q in another session, want %q", got, want)
	}
}
