package imapendpoint

import (
	"fmt"
	"strings"
	"testing"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/endpointtest"
	"github.com/dandyroll/dandyroll/internal/dovecot"
	"github.com/dandyroll/dandyroll/internal/imapscript"
)

// oddHeaders are messages whose identity could come out differently from a listing than from the body.
func oddHeaders() []string {
	long := strings.Repeat("X-Filler: 0123456789 0123456789 0123456789 0123456789\r\n", 3000)
	return []string{
		message(1),
		"Subject: neither date nor identifier\r\n\r\nx\r\n",
		"Subject: neither\r\n\r\nand longer\r\n",
		long + message(2),
		"Subject: " + strings.Repeat("long ", 30000) + "\r\nMessage-ID: <behind@it>\r\n\r\nx\r\n",
		strings.Repeat("To: a@example.org\r\n", 5000) + message(3),
		"MESSAGE-id :\t<a@b>\r\nfrom:x\r\nFrom \t: y\r\nsubject:\r\n folded\r\n\t \r\n again\r\n\r\nx\r\n",
		"Message-ID\r\n: <a@b>\r\nDate\r\n\r\n",
		"Date: 8-bit \xfc\xe4 \x01\x7f\r\nSubject: =?utf-8?q?x?= \xff\xfe\r\n\r\n",
		"Subject: bare\nMessage-ID: <bare@lf>\n\nbody: no header\n",
		"Subject: no end",
		"Subject: a\r\n \r\n\r\nMessage-ID: <body@x>\r\n",
		"Subject: two\r\nsubject: of them\r\nCC: a\r\ncC: b\r\n\r\n",
		"Subject: lone \r return\r\rDate: none\r\n\r\r\n\r\n",
	}
}

// checkIdentities compares what List, Outline and Read tell of every message of a folder.
func checkIdentities(t *testing.T, m *endpoint.Mailbox, f endpoint.Folder) (listed int) {
	t.Helper()
	items := all(t, m.List(t.Context(), f, ""))
	outlines := all(t, m.Outline(t.Context(), f, ""))
	if len(outlines) != len(items) {
		t.Fatalf("%d items in the outline, %d listed", len(outlines), len(items))
	}
	bodies := read(t, m, f, all(t, m.Refs(t.Context(), f))...)
	for i, it := range items {
		o, b := outlines[i], bodies[it.Ref]
		if o.Ref != it.Ref || o.Kind != it.Kind || o.Size != it.Size || !o.Received.Equal(it.Received) {
			t.Errorf("listed as %+v, outlined as %+v", it, o)
		}
		if b.Err != nil || b.Identity != it.Identity || it.Identity == "" {
			t.Errorf("item %s has identity %s, its body %s, %v: %.100q", it.Ref, it.Identity, b.Identity, b.Err, b.text)
		}
	}
	return len(items)
}

// TestIdentityOfBodies holds clause E41 on messages that servers and parsers disagree about.
func TestIdentityOfBodies(t *testing.T) {
	for _, format := range []string{"maildir", "sdbox"} {
		m, raw := openDovecot(t, dovecot.Config{Format: format})
		n := 0
		for _, b := range endpointtest.HostileBodies() {
			if len(b.Bytes) > 0 {
				raw.Append("INBOX", nil, "", b.Bytes)
				n++
			}
		}
		for _, text := range oddHeaders() {
			raw.Append("INBOX", nil, "", []byte(text))
			n++
		}
		if got := checkIdentities(t, m, folder(t, m, "INBOX")); got != n {
			t.Errorf("%s: %d messages, want %d", format, got, n)
		}
	}
}

// TestIdentityOfPoisonedBodies has messages whose header cannot be asked for as a listing does, which must
// cost them nothing but dates.
func TestIdentityOfPoisonedBodies(t *testing.T) {
	for _, word := range []string{"HEADER.FIELDS", "HEADER", "INTERNALDATE", "FLAGS"} {
		model := &imapscript.Model{}
		for _, text := range oddHeaders() {
			model.Add("INBOX", text)
		}
		model.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
			if cmd.Name != "UID FETCH" || !strings.Contains(cmd.Args, word) {
				return false
			}
			set, _, _ := strings.Cut(cmd.Args, " ")
			c.SendRaw(fmt.Sprintf("* %d FETCH (UID %d ", expand(set)[0], expand(set)[0]))
			c.Drop()
			return true
		}
		m := openScript(t, model)
		f := folder(t, m, "INBOX")
		items := all(t, m.List(t.Context(), f, ""))
		bodies := read(t, m, f, all(t, m.Refs(t.Context(), f))...)
		for i, it := range items {
			// The model knows only headers that end in an empty line, and does not choose among their fields.
			text := oddHeaders()[i]
			if header, _, whole := strings.Cut(text, "\r\n\r\n"); !whole || word != "HEADER.FIELDS" && len(header) > maxHeader {
				continue
			}
			if b := bodies[it.Ref]; b.Err != nil || b.Identity != it.Identity {
				t.Errorf("%s: item %s has identity %s, its body %s, %v: %.100q", word, it.Ref, it.Identity, b.Identity, b.Err, b.text)
			}
		}
	}
}

// TestOutlineOfOddServers has servers that answer with less than was asked for, or break off.
func TestOutlineOfOddServers(t *testing.T) {
	for name, tt := range map[string]struct {
		answer func(cmd imapscript.Command, uid uint32) string
		size   int64 // of the second message
	}{
		"whole": {respond, int64(len(message(2)))},
		"no size": {func(_ imapscript.Command, uid uint32) string {
			return strings.Replace(respond(imapscript.Command{}, uid), "BODY", "X", 1)
		}, -1},
		"dropped": {func(cmd imapscript.Command, uid uint32) string {
			if uid == 2 {
				return "DROP"
			}
			return respond(cmd, uid)
		}, -1},
		"dropped with the size": {func(cmd imapscript.Command, uid uint32) string {
			if uid == 2 && strings.Contains(cmd.Args, "SIZE") {
				return "DROP"
			}
			return respond(cmd, uid)
		}, -1},
	} {
		model := modelOf(3)
		model.Hook = fetchHook(tt.answer)
		m := openScript(t, model)
		items := all(t, m.Outline(t.Context(), folder(t, m, "INBOX"), ""))
		if refs(items) != "1 2 3" || items[1].Size != tt.size || items[1].Kind != endpoint.Mail {
			t.Errorf("%s: outline is %+v", name, items)
		}
	}
}

// TestHeaderFilterInPieces cuts a message at every byte.
func TestHeaderFilterInPieces(t *testing.T) {
	for _, text := range oddHeaders()[6:] {
		want := newHeaderFilter()
		_, _ = want.Write([]byte(text))
		for cut := range len(text) {
			got := newHeaderFilter()
			for _, piece := range []string{text[:cut], text[cut:]} {
				_, _ = got.Write([]byte(piece))
			}
			if string(got.kept) != string(want.kept) {
				t.Fatalf("%q cut at %d keeps %q, want %q", text, cut, got.kept, want.kept)
			}
		}
		if got := identity(want.kept, 7); got != identity([]byte(text), 7) {
			t.Errorf("%q is another message by its filtered header %q", text, want.kept)
		}
	}
}
