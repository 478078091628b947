package memendpoint

import (
	"slices"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
)

func TestFind(t *testing.T) {
	t.Parallel()
	s := NewServer()
	mb := s.Open(nil)
	for _, header := range []string{"Message-ID: <a@x>", "message-id :\r\n <a@\r\n\tx> ", "Message-ID: <A@x>", "Message-ID:", "Subject: <a@x>", "Message-ID: a*\"@x"} {
		deliver(t, s, Message{Body: []byte(header + "\r\n\r\nMessage-ID: <b@x>\r\n")}, "INBOX")
	}
	deliver(t, s, Message{Kind: endpoint.Note, Body: []byte("Message-ID: <a@x>\r\n\r\n")}, "INBOX")
	deliver(t, s, Message{Kind: endpoint.Contact, Body: []byte(plainCard)}, "INBOX")
	deliver(t, s, Message{Kind: endpoint.Event, Body: []byte(calendar("VEVENT"))}, "INBOX")
	for id, want := range map[string][]string{
		"<a@x>": {"1", "2", "7"}, " a@x\r\n": {"1", "2", "7"}, "A@x": {"3"}, "b@x": nil, "": nil, "<>": nil, "a*\"@x": {"6"},
		"card-1": {"8"}, "<uid-1>": {"9"}, "uid": nil,
	} {
		if got := all(t, mb.Find(t.Context(), folderAt(t, mb, "INBOX"), id)); !slices.Equal(got, want) {
			t.Errorf("%q: found %q, want %q", id, got, want)
		}
	}
}

func TestSent(t *testing.T) {
	t.Parallel()
	at := time.Date(1994, 2, 8, 5, 52, 25, 0, time.UTC)
	for name, test := range map[string]struct {
		kind endpoint.Kind
		body string
		want time.Time
	}{
		"usual":      {endpoint.Mail, "Date: Mon, 7 Feb 1994 21:52:25 -0800\r\n\r\n", at},
		"note":       {endpoint.Note, "date: 8 Feb 1994 05:52:25 +0000\r\n\r\n", at},
		"folded":     {endpoint.Mail, "Subject: x\r\nDate: Mon, 7 Feb 1994\r\n 21:52:25 -0800 (PST)\r\n\r\n", at},
		"none":       {endpoint.Mail, "Subject: x\r\n\r\nDate: Mon, 7 Feb 1994 21:52:25 -0800\r\n", time.Time{}},
		"unreadable": {endpoint.Mail, "Date: yesterday\r\nDate: Mon, 7 Feb 1994 21:52:25 -0800\r\n\r\n", time.Time{}},
		"event":      {endpoint.Event, "Date: Mon, 7 Feb 1994 21:52:25 -0800\r\n\r\n", time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := NewServer()
			deliver(t, s, Message{Kind: test.kind, Body: []byte(test.body)}, "INBOX")
			mb := s.Open(nil)
			if got := all(t, mb.List(t.Context(), folderAt(t, mb, "INBOX"), ""))[0].Sent; !got.Equal(test.want) {
				t.Errorf("sent %v, want %v", got, test.want)
			}
		})
	}
}
