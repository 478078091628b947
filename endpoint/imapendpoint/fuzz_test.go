package imapendpoint

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

func seedReplies(f *testing.F) {
	f.Helper()
	for _, s := range []string{
		"* 1 FETCH (UID 1 FLAGS (\\Seen) INTERNALDATE \"01-Feb-2003 04:05:06 +0000\" RFC822.SIZE 3 BODY[] {3}\r\nabc)\r\nT1 OK done\r\n",
		"* 1 FETCH (X (a {1}\r\n) \"(\") BODY[HEADER.FIELDS (A B)]<0> ~{3}\r\nabc)\r\nT1 OK done\r\n",
		"* LIST (\\Sent) \"/\" {3}\r\na b\r\n* SEARCH 1 2 3\r\n* ESEARCH (TAG \"T1\") UID ALL 1:3\r\nT1 OK done\r\n",
		"* OK [CAPABILITY IMAP4rev2\r\n+ idling\r\n\r\n* BYE x\r\nT1 NO [X \"]\"] y\r\n",
		"* 1 FETCH (BODY[] \"T1 OK\r\nT1 OK done\r\n",
		"* 1 FETCH (UID 1 BODY[] {9999999999999}\r\nabc",
		"* 1 FETCH (BODY[HEADER.FIELDS (\"a]\" \"b\")] NIL\r\nT1 OK done\r\n",
		"T1 OK [open\r\n", "* OK [COPYUID 1\r\nT1 OK [APPENDUID x] y\r\n", "{5}\r\n", "* {5}\r\nabcde\r\n",
	} {
		f.Add([]byte(s))
	}
}

// FuzzFrame proves that the framer ends, keeps every byte of a literal, and holds to its bounds.
func FuzzFrame(f *testing.F) {
	seedReplies(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		frames := newFramer(bytes.NewReader(data))
		taken := 0
		for {
			s, err := frames.next()
			if err != nil {
				return
			}
			if len(s.text) > maxLine {
				t.Fatalf("a line of %d bytes", len(s.text))
			}
			taken += len(s.text)
			if s.literal >= 0 {
				n, err := io.Copy(io.Discard, frames)
				if err == nil && n != s.literal {
					t.Fatalf("a literal of %d bytes was announced, %d came", s.literal, n)
				}
				taken += int(n)
			}
			if taken > len(data) {
				t.Fatalf("%d bytes out of %d", taken, len(data))
			}
		}
	})
}

// FuzzFetch gives a FETCH whatever a server may say, and proves that it ends, that nothing panics, and
// that no body is longer than what was said.
func FuzzFetch(f *testing.F) {
	seedReplies(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		data = bytes.ReplaceAll(data, []byte("T1 "), []byte("D1 "))
		c := newConn(&deafConn{r: bytes.NewReader(data)}, 20*time.Millisecond, new(meter))
		s := newSession(newWire(c, nil), capabilities{"ESEARCH": true})
		defer s.kill()
		list, err := fetchOver(s)
		total := 0
		for _, m := range list {
			if total += len(m.body); m.uid == 0 {
				t.Errorf("%q made a message without UID", data)
			}
		}
		if total > len(data) {
			t.Errorf("%q made %d bytes", data, total)
		}
		if err == nil && !s.alive() {
			t.Error("the connection ended without an error")
		}
	})
}

// deafConn says what it was told to and hears nothing.
type deafConn struct {
	net.Conn
	r *bytes.Reader
}

func (c *deafConn) Read(p []byte) (int, error)       { return c.r.Read(p) }
func (c *deafConn) Write(p []byte) (int, error)      { return len(p), nil }
func (c *deafConn) Close() error                     { return nil }
func (c *deafConn) SetReadDeadline(time.Time) error  { return nil }
func (c *deafConn) SetWriteDeadline(time.Time) error { return nil }

// FuzzCapabilities proves that whatever a server lists, what counts as a capability is an atom in upper
// case.
func FuzzCapabilities(f *testing.F) {
	for _, s := range []string{"IMAP4rev1 IMAP4rev2 LITERAL+", "imap4REV2 utf8=accept", "A\tB C]", "\x00 ] ( LITERAL-", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, list string) {
		for name := range parseCapabilities(list) {
			if !isAtom(name) || name != strings.ToUpper(name) {
				t.Errorf("%q is taken for a capability", name)
			}
		}
	})
}

// FuzzStatus proves that any line makes a status or none, and that its error says nothing that the
// server wrote.
func FuzzStatus(f *testing.F) {
	f.Add([]byte("a NO [OVERQUOTA x] y"))
	f.Add([]byte("* ok [a \"]\" (b)] c"))
	f.Fuzz(func(t *testing.T, line []byte) {
		s, ok := parseStatus(line)
		if !ok || s.tag == "+" {
			return
		}
		if errors.Is(s.err(), os.ErrInvalid) || s.retryAfter() < 0 || s.retryAfter() > time.Hour {
			t.Errorf("%q waits for %v", line, s.retryAfter())
		}
	})
}
