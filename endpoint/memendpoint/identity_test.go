package memendpoint

import (
	"strings"
	"testing"

	"github.com/dandyroll/dandyroll/endpoint"
)

func TestIdentityOfMail(t *testing.T) {
	t.Parallel()
	base := "From: Ann <ann@old.example>\r\nTo: bob@old.example\r\nCc: eve@old.example\r\n" +
		"Date: Thu, 1 Jan 2026 00:00:00 +0000\r\nSubject: a long subject\r\nMessage-ID: <1@x>\r\n\r\nbody\r\n"
	id := identify(endpoint.Mail, []byte(base))
	same := map[string]string{
		"folded":               strings.Replace(base, "long subject", "long\r\n\tsubject", 1),
		"lone line feeds":      strings.ReplaceAll(base, "\r\n", "\n"),
		"another trace":        "Received: by x; Thu, 1 Jan 2026 00:00:00 +0000\r\n" + base,
		"name in other case":   strings.Replace(base, "Message-ID:", "MESSAGE-Id :", 1),
		"another order":        strings.Replace("Subject: a long subject\r\n"+base, "\r\nSubject: a long subject\r\n", "\r\n", 1),
		"field within content": strings.Replace(base, "\r\n\r\n", "\r\n\r\nSubject: another\r\n", 1),
	}
	for name, text := range same {
		if text == base || identify(endpoint.Mail, []byte(text)) != id {
			t.Errorf("%s: identity differs", name)
		}
	}
	for _, field := range []string{"From: Ann", "To: b", "Cc: e", "Date: T", "Subject: a", "Message-ID: <1"} {
		other := strings.Replace(base, field, field+"z", 1)
		if other == base || identify(endpoint.Mail, []byte(other)) == id {
			t.Errorf("%q is no part of the identity", field)
		}
	}
	if identify(endpoint.Note, []byte(base)) == id {
		t.Error("a note is a mail")
	}
}

func TestIdentityOfMungedBytes(t *testing.T) {
	t.Parallel()
	a := identify(endpoint.Mail, []byte("Subject: gr\xc3\xbc\xc3\x9fe \x00!\r\n\r\n"))
	b := identify(endpoint.Mail, []byte("Subject: gr?e\x80!\r\n\r\n"))
	if a != b {
		t.Error("8-bit and control characters that a server replaced make another item")
	}
}

func TestIdentityNeedsNoField(t *testing.T) {
	t.Parallel()
	seen := make(map[string]string)
	for _, body := range []string{"", "\r\n", "text only", "X-Odd: 1\r\n\r\nbody"} {
		id := identify(endpoint.Mail, []byte(body))
		if other, known := seen[id]; known || id == "" {
			t.Errorf("%q has the identity of %q", body, other)
		}
		seen[id] = body
	}
	if identify(endpoint.Event, []byte("BEGIN:VEVENT\nEND:VEVENT\n")) == identify(endpoint.Event, []byte("BEGIN:VEVENT\nX:1\nEND:VEVENT\n")) {
		t.Error("events without UID are one")
	}
}

func TestIdentityOfComponents(t *testing.T) {
	t.Parallel()
	event := func(lines ...string) string {
		return "BEGIN:VEVENT\r\n" + strings.Join(lines, "\r\n") + "\r\nEND:VEVENT\r\n"
	}
	id := func(body string) string { return identify(endpoint.Event, []byte(body)) }
	master, first, second := event("UID:a"), event("UID:a", "RECURRENCE-ID:1"), event("UID:a", "RECURRENCE-ID:2")
	if id(master) != id(master+first) || id(master) != id(first+master) {
		t.Error("overrides change the identity of what they override")
	}
	if id(master) == id(first) || id(first) == id(second) || id(first+second) != id(second+first) {
		t.Error("overrides alone are told apart by what they override, in any order")
	}
	alarm := event("BEGIN:VALARM", "UID:x", "RECURRENCE-ID:9", "END:VALARM", "UID;P=1:a")
	if id(alarm) != id(master) {
		t.Error("the UID of an alarm counts")
	}
	if id(event("UID:a")) == id(event("UID:b")) {
		t.Error("the UID does not count")
	}
	cards := []string{"BEGIN:VCARD\nUID:a\nFN:x\nEND:VCARD\n", "BEGIN:VCARD\nFN:y\nitem1.UID:a\nEND:VCARD\n"}
	if identify(endpoint.Contact, []byte(cards[0])) != identify(endpoint.Contact, []byte(cards[1])) {
		t.Error("more than its UID counts of a vCard")
	}
}
