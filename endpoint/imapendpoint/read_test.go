package imapendpoint

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/internal/dovecot"
	"github.com/dandyroll/dandyroll/internal/imapscript"
)

func TestReadOnDovecot(t *testing.T) {
	m, raw := openDovecot(t, dovecot.Config{})
	raw.Append("INBOX", []string{`\Seen`, `\Flagged`, "$Forwarded"}, "04-Mar-2003 05:06:07 +0000", []byte(message(1)))
	big := message(2) + strings.Repeat("0123456789abcdef0123456789abcdef0123456789abcdef\r\n", 20000)
	raw.Append("INBOX", nil, "", []byte(big))
	bodies := read(t, m, folder(t, m, "INBOX"), "1", "2", "3", "x", "0", "01")
	if b := bodies["1"]; b.text != message(1) || !slices.Equal(b.Flags, []endpoint.Flag{"$Forwarded", `\Flagged`, `\Seen`}) ||
		!b.Received.Equal(time.Date(2003, time.March, 4, 5, 6, 7, 0, time.UTC)) {
		t.Errorf("first body is %+v", b)
	}
	if bodies["2"].text != big {
		t.Error("the big body differs")
	}
	for ref, code := range map[string]endpoint.Code{"3": endpoint.NotFound, "x": endpoint.Invalid, "0": endpoint.Invalid, "01": endpoint.Invalid} {
		if got := endpoint.CodeOf(bodies[ref].Err); got != code {
			t.Errorf("body %s: %v, want code %v", ref, bodies[ref].Err, code)
		}
	}
}

// TestFact6WhatDovecotServes reads odd bytes twice, puts what was served into another folder, and
// compares with what was served, which is not always what was once stored.
func TestFact6WhatDovecotServes(t *testing.T) {
	for _, format := range []string{"maildir", "sdbox"} {
		t.Run(format, func(t *testing.T) {
			m, raw := openDovecot(t, dovecot.Config{Format: format})
			raw.Create("copy")
			texts := []string{
				"Subject: bare\n\nline feeds\n", "Subject: lone\rreturn\r\n\r\nx\r", "Subject: no end", "no header\r\n",
				"From ann Mon Feb  7 1994\r\nSubject: mbox\r\n\r\nx", " leading: blank\r\n\r\nx", "\r\nno header\r\n",
				"Subject: 8-bit \xff\x00\r\n\r\n\x00\xfe", message(1), "Subject: dots\r\n\r\n.\r\n..\r\n", "a: b\r\n\r\n\r\n\r\n",
			}
			for _, text := range texts {
				raw.Append("INBOX", nil, "", []byte(text))
			}
			source := folder(t, m, "INBOX")
			served := read(t, m, source, all(t, m.Refs(t.Context(), source))...)
			var puts []endpoint.Put
			for i := range texts {
				puts = append(puts, testPut(i, served[fmt.Sprint(i+1)].text))
			}
			copied := folder(t, m, "copy")
			for _, r := range all(t, m.Put(t.Context(), copied, puts)) {
				if r.Err != nil {
					t.Fatal(r.Err)
				}
			}
			back := read(t, m, copied, all(t, m.Refs(t.Context(), copied))...)
			for i := range texts {
				ref := fmt.Sprint(i + 1)
				if want := stamped(i, served[ref].text); back[ref].text != want {
					t.Errorf("put %q, read %q", want, back[ref].text)
				}
			}
			if got := served["1"].text; got != strings.ReplaceAll(texts[0], "\n", "\r\n") {
				t.Errorf("bare line feeds are served as %q", got)
			}
		})
	}
}

// TestFact5LiteralSize has a server state a wrong RFC822.SIZE.
func TestFact5LiteralSize(t *testing.T) {
	for _, stated := range []int{0, 3, 1 << 30} {
		model := &imapscript.Model{Hook: fetchHook(func(cmd imapscript.Command, uid uint32) string {
			if strings.Contains(cmd.Args, "BODY") {
				return fmt.Sprintf("UID %d FLAGS () INTERNALDATE %q BODY[] %s", uid, "04-Mar-2003 05:06:07 +0000", imapscript.Literal(message(int(uid))))
			}
			return fmt.Sprintf("UID %d RFC822.SIZE %d", uid, stated)
		})}
		model.Add("INBOX", message(1), message(2))
		m := openScript(t, model)
		bodies := read(t, m, folder(t, m, "INBOX"), "1", "2")
		for uid, ref := range []string{"", "1", "2"} {
			if uid > 0 && bodies[ref].text != message(uid) {
				t.Errorf("with RFC822.SIZE %d, body %s is %+v", stated, ref, bodies[ref])
			}
		}
	}
}

// TestReadNothing has a server deliver nothing for a message.
func TestReadNothing(t *testing.T) {
	for literal, size := range map[string]int{"NIL": 5, `""`: 5, "{0}\r\n": 5, "{0}": 0} {
		asked := 0
		model := &imapscript.Model{Hook: fetchHook(func(cmd imapscript.Command, uid uint32) string {
			asked++
			return fmt.Sprintf("UID %d FLAGS () RFC822.SIZE %d INTERNALDATE %q BODY[] %s", uid, size, "04-Mar-2003 05:06:07 +0000", strings.TrimSuffix(literal, "{0}")+strings.Repeat("{0}\r\n", strings.Count(literal, "{0}")))
		})}
		model.Add("INBOX", message(1))
		m := openScript(t, model)
		b := read(t, m, folder(t, m, "INBOX"), "1")["1"]
		if size == 0 && b.Err != nil {
			t.Errorf("an empty message: %v", b.Err)
		}
		if size > 0 && (endpoint.CodeOf(b.Err) != endpoint.Damaged || asked < 2) {
			t.Errorf("%q for a message of %d bytes: %v after %d tries, want Damaged after two or more", literal, size, b.Err, asked)
		}
	}
}

func TestReadFormats(t *testing.T) {
	model := &imapscript.Model{}
	model.Add("INBOX", message(1))
	m := openScript(t, model)
	f := folder(t, m, "INBOX")
	for format, want := range map[endpoint.Format]error{endpoint.RFC822: nil, "application/x-other": endpoint.ErrUnsupported} {
		opts := endpoint.ReadOptions{Formats: map[endpoint.Kind][]endpoint.Format{endpoint.Mail: {format}}}
		if err := failure(m.Read(t.Context(), f, []string{"1"}, opts)); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", format, err, want)
		}
	}
}

// TestReadIntoMissingDirectory fails once, and not once for each message.
func TestReadIntoMissingDirectory(t *testing.T) {
	model := &imapscript.Model{}
	model.Add("INBOX", message(1), message(2))
	m := openScript(t, model)
	opts := endpoint.ReadOptions{TempDir: "/nonexistent/dandyroll"}
	err := failure(m.Read(t.Context(), folder(t, m, "INBOX"), []string{"1", "2"}, opts))
	if endpoint.CodeOf(err) != endpoint.Invalid {
		t.Errorf("%v, want Invalid", err)
	}
}
