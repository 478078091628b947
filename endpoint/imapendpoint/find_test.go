package imapendpoint

import (
	"errors"
	"strings"
	"testing"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/internal/dovecot"
	"github.com/dandyroll/dandyroll/internal/imapscript"
)

// TestFind finds messages by identifiers that their senders chose with care.
func TestFind(t *testing.T) {
	m, raw := openDovecot(t, dovecot.Config{Format: "sdbox"})
	for _, header := range []string{
		"Message-ID: <a@example.org>",
		"message-id:\r\n\t<a@example.org> ",
		"Message-ID: a@example.org",
		"Message-ID: <A@example.org>",
		"Message-ID: <aa@example.org>",
		"In-Reply-To: <a@example.org>\r\nReferences: <a@example.org>\r\nSubject: Message-ID: <a@example.org>",
		`Message-ID: <"q\" UID 1:* x"@[127.0.0.1]>`,
		"Message-ID: <%d{5+}*)(@x>",
		"Message-ID: <\xe4\xff@x>",
		"Message-ID: <long" + strings.Repeat("x", 5000) + "@x>",
		"Message-ID: <fol\r\n ded@x>",
		"Message-ID: <>",
		"Message-ID:",
		"Subject: none",
		"Message-ID: <b@x>\r\nMessage-ID: <c@x>",
		"Subject: body\r\n\r\nMessage-ID: <a@example.org>",
	} {
		raw.Append("INBOX", nil, "", []byte(header+"\r\n\r\ntext\r\n"))
	}
	raw.Append("INBOX", nil, "", []byte(stamped(1, "Message-ID: <a@example.org>\r\n\r\n")))
	f := folder(t, m, "INBOX")
	for id, want := range map[string]string{
		"<a@example.org>":             "1 2 3 17",
		"a@example.org":               "1 2 3 17",
		" <a@example.org>\r\n":        "1 2 3 17",
		"A@example.org":               "4",
		"a@example.or":                "",
		"@":                           "",
		`"q\" UID 1:* x"@[127.0.0.1]`: "7",
		"<%d{5+}*)(@x>":               "8",
		"\xe4\xff@x":                  "9",
		"<long" + strings.Repeat("x", 5000) + "@x>": "10",
		"<folded@x>":           "11",
		"c@x":                  "15",
		"":                     "",
		"<>":                   "",
		"x\r\nA1 DELETE INBOX": "",
		"\x00":                 "",
	} {
		if got := strings.Join(all(t, m.Find(t.Context(), f, id)), " "); got != want {
			t.Errorf("%.40q finds %q, want %q", id, got, want)
		}
	}
	f.Validity = "1"
	if err := failure(m.Find(t.Context(), f, "a@example.org")); !errors.Is(err, endpoint.ErrStale) {
		t.Errorf("another validity: %v", err)
	}
}

// TestFindIsWhole does not say that a message is not there while there is one that it cannot look at.
func TestFindIsWhole(t *testing.T) {
	model := modelOf(9)
	model.Hook = fetchHook(func(cmd imapscript.Command, uid uint32) string {
		if uid == 5 {
			return "DROP"
		}
		return respond(cmd, uid)
	})
	m := openScript(t, model)
	f := folder(t, m, "INBOX")
	if err := failure(m.Find(t.Context(), f, "7@example.org")); !errors.Is(err, endpoint.ErrDamaged) {
		t.Errorf("error %v, want Damaged", err)
	}
}
