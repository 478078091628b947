package imapendpoint

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/internal/imapscript"
)

func textMessage(body string, flags ...string) appendMessage {
	return appendMessage{
		flags: flags, date: time.Date(2003, 2, 1, 4, 5, 6, 0, time.UTC),
		open: func() (io.ReadCloser, int64, error) {
			return io.NopCloser(strings.NewReader(body)), int64(len(body)), nil
		},
	}
}

// testLimits are those of a Put that nobody has measured yet.
func testLimits() appendLimits {
	return appendLimits{batch: 64, batchBytes: 1 << 20, window: windowMessages, windowBytes: windowBytes}
}

// sendAll appends messages on one connection. What was not taken got the error that ended it.
func sendAll(ctx context.Context, s *session, wireName string, msgs []appendMessage) []appendResult {
	return sendWithin(ctx, s, wireName, testLimits(), msgs)
}

func sendWithin(ctx context.Context, s *session, wireName string, limits appendLimits, msgs []appendMessage) []appendResult {
	results := make([]appendResult, len(msgs))
	n := 0
	err := s.append(ctx, wireName, limits, func() *appendMessage {
		if n == len(msgs) {
			return nil
		}
		n++
		return &msgs[n-1]
	})
	for i := range msgs {
		if results[i] = msgs[i].result; i >= n {
			results[i].err = err
		}
	}
	return results
}

// hostileBody is a message whose sender wrote commands into it.
const hostileBody = "Subject: hello\r\n\r\nx1 CREATE Pwned\r\nx2 DELETE INBOX\r\n"

// TestFact1Injection has a server that refuses an APPEND with BAD and goes on to read the literal
// as commands, as real ones do. None may reach it, however the refusal comes about.
func TestFact1Injection(t *testing.T) {
	tests := []struct {
		name   string
		first  []appendMessage // taken before the refusals begin
		second []appendMessage
	}{
		{"at the first message", nil, []appendMessage{textMessage(hostileBody)}},
		{"at a flag that is new", []appendMessage{textMessage("ok")}, []appendMessage{textMessage(hostileBody, "$Label1")}},
		{"behind others", nil, []appendMessage{textMessage(hostileBody), textMessage(hostileBody), textMessage(hostileBody)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			noLeaks(t)
			var refuse bool
			m := imapscript.Model{BeforeLiteral: func(line string) string {
				if refuse && strings.Contains(line, "APPEND") {
					return "BAD Invalid flags"
				}
				return ""
			}}
			m.Add("INBOX")
			srv := imapscript.Start(t, m.Serve)
			s := wireSession(t, srv.Addr, nil)
			for _, r := range sendAll(t.Context(), s, "INBOX", tt.first) {
				if r.err != nil {
					t.Fatal(r.err)
				}
			}
			refuse = true
			results := sendAll(t.Context(), s, "INBOX", tt.second)
			wantCode(t, results[0].err, endpoint.Rejected)
			for _, r := range results[1:] {
				wantCode(t, r.err, endpoint.Unavailable)
			}
			if s.alive() {
				t.Error("the connection lives on after BAD")
			}
			srv.Close()
			if m.Folder("Pwned").Name != "" || m.Folder("INBOX").Name == "" {
				t.Error("the message was executed")
			}
			if names := srv.Commands(); slices.Contains(names, "CREATE") || slices.Contains(names, "DELETE") {
				t.Errorf("the server read %q", names)
			}
		})
	}
}

// TestFact1Refused proves that what a server could answer with BAD is never sent.
func TestFact1Refused(t *testing.T) {
	m := imapscript.Model{}
	m.Add("INBOX")
	srv := imapscript.Start(t, m.Serve)
	s := wireSession(t, srv.Addr, nil)
	bad := []appendMessage{}
	for _, flag := range []string{`\Recent`, `\Custom`, `\*`, "", "a b", "a]", "a)", "a\r\nx DELETE INBOX", "\"q\"", "ü", `\`, `\Seen x`} {
		bad = append(bad, textMessage(hostileBody, flag))
	}
	for _, year := range []int{-1, 1, 1960, 1969, 2106, 9999, 10000} {
		msg := textMessage(hostileBody)
		msg.date = time.Date(year, 6, 1, 0, 0, 0, 0, time.UTC)
		bad = append(bad, msg)
	}
	for i, r := range sendAll(t.Context(), s, "INBOX", bad) {
		if endpoint.CodeOf(r.err) != endpoint.Invalid {
			t.Errorf("message %d with flags %q and date %v: %v", i, bad[i].flags, bad[i].date, r.err)
		}
	}
	for _, r := range sendAll(t.Context(), s, "IN\r\nBOX", []appendMessage{textMessage("x")}) {
		wantCode(t, r.err, endpoint.Invalid)
	}
	if slices.Contains(srv.Commands(), "APPEND") {
		t.Error("an APPEND was sent")
	}
	good := []appendMessage{textMessage("x", `\Seen`, `\DELETED`, "$Forwarded", "NonJunk")}
	if r := sendAll(t.Context(), s, "INBOX", good); r[0].err != nil || r[0].uid != 1 || r[0].validity != 1 {
		t.Errorf("a good message: %+v", r[0])
	}
}

// TestFact3Pipeline proves that many messages are on their way before the first is answered, that
// order does not matter, and that what arrives is what was sent.
func TestFact3Pipeline(t *testing.T) {
	noLeaks(t)
	var mu sync.Mutex
	var waiting []imapscript.Command
	answered := 0
	m := imapscript.Model{Hook: func(c *imapscript.Conn, cmd imapscript.Command) bool {
		if cmd.Name != "APPEND" {
			return false
		}
		mu.Lock()
		defer mu.Unlock()
		if answered++; answered == 1 {
			c.Reply(cmd, "OK [APPENDUID 7 100] done") // the one that asks first
			return true
		}
		if waiting = append(waiting, cmd); len(waiting) < windowMessages {
			return true
		}
		slices.Reverse(waiting)
		for i, cmd := range waiting {
			c.Reply(cmd, fmt.Sprintf("OK [APPENDUID 7 %d] done", 200+i))
		}
		waiting = nil
		return true
	}}
	srv := imapscript.Start(t, m.Serve)
	s := wireSession(t, srv.Addr, nil)
	msgs := make([]appendMessage, 1+2*windowMessages)
	for i := range msgs {
		msgs[i] = textMessage(fmt.Sprintf("body %d", i), `\Seen`)
	}
	results := sendAll(t.Context(), s, "INBOX", msgs)
	for i, r := range results {
		want := uint32(200 + windowMessages - 1 - (i-1)%windowMessages)
		if i == 0 {
			want = 100
		}
		if r.err != nil || r.uid != want || r.validity != 7 {
			t.Errorf("message %d: %+v, want UID %d", i, r, want)
		}
	}
}

// TestFact3RefusalKeepsTheConnection proves that an ordinary NO costs one message, not the
// connection, at any size and with each kind of literal.
func TestFact3RefusalKeepsTheConnection(t *testing.T) {
	for _, caps := range []string{"IMAP4rev1", "IMAP4rev1 LITERAL-", "IMAP4rev1 LITERAL+"} {
		for _, size := range []int{0, 10, literalMinus, literalMinus + 1, windowBytes + 1} {
			t.Run(fmt.Sprint(caps, size), func(t *testing.T) {
				noLeaks(t)
				refuse := false
				m := imapscript.Model{Capabilities: caps, Hook: func(c *imapscript.Conn, cmd imapscript.Command) bool {
					if refuse && cmd.Name == "APPEND" {
						c.Reply(cmd, "NO [OVERQUOTA] full")
						return true
					}
					return false
				}}
				m.Add("INBOX")
				srv := imapscript.Start(t, m.Serve)
				s := wireSession(t, srv.Addr, nil)
				body := strings.Repeat("x", size)
				msgs := []appendMessage{textMessage(body), textMessage(body)}
				for range 2 {
					for _, r := range sendAll(t.Context(), s, "INBOX", msgs) {
						if r.err != nil {
							t.Fatal(r.err)
						}
					}
				}
				refuse = true
				for _, r := range sendAll(t.Context(), s, "INBOX", msgs) {
					wantCode(t, r.err, endpoint.OverQuota)
				}
				refuse = false
				r := sendAll(t.Context(), s, "INBOX", msgs)
				if r[0].err != nil || r[1].err != nil || r[1].uid != 6 {
					t.Errorf("after the refusal: %+v", r)
				}
				for i, msg := range m.Folder("INBOX").Messages {
					if msg.Body != body {
						t.Errorf("message %d has %d bytes, want %d", i, len(msg.Body), size)
					}
				}
			})
		}
	}
}

// TestRefusedBeforeTheLiteral has the server say NO instead of asking for the literal.
func TestRefusedBeforeTheLiteral(t *testing.T) {
	m := imapscript.Model{Capabilities: "IMAP4rev1", BeforeLiteral: func(line string) string {
		if strings.Contains(line, "missing") {
			return "NO [TRYCREATE] no such folder"
		}
		return ""
	}}
	m.Add("INBOX")
	srv := imapscript.Start(t, m.Serve)
	s := wireSession(t, srv.Addr, nil)
	for _, r := range sendAll(t.Context(), s, "missing", []appendMessage{textMessage("a"), textMessage("b")}) {
		wantCode(t, r.err, endpoint.NotFound)
	}
	if r := sendAll(t.Context(), s, "INBOX", []appendMessage{textMessage("a")}); r[0].err != nil {
		t.Error(r[0].err)
	}
}

// TestCutAppend drops the connection at each point of an APPEND. What cannot have been stored must
// say so, and what can must be in doubt.
func TestCutAppend(t *testing.T) {
	// More than the network buffers, so that the end of it cannot leave unless the server reads.
	body := strings.Repeat("y", 24<<20)
	tests := []struct {
		name          string
		script        func(c *imapscript.Conn)
		first, second endpoint.Code
	}{
		{"instead of the permission", func(c *imapscript.Conn) { c.Line() }, endpoint.Unavailable, endpoint.Unavailable},
		{"between permission and literal", func(c *imapscript.Conn) { c.Line(); c.Send("+ go") }, endpoint.Unavailable, endpoint.Unavailable},
		{"within the literal", func(c *imapscript.Conn) { c.Line(); c.Send("+ go"); c.Bytes(1000) }, endpoint.Unavailable, endpoint.Unavailable},
		{"after the message", func(c *imapscript.Conn) { c.Read() }, endpoint.InDoubt, endpoint.Unavailable},
		{"BYE after the message", func(c *imapscript.Conn) {
			c.Read()
			c.Send("* BYE Suggested Backoff Time: 5 seconds")
			c.Finish()
		}, endpoint.InDoubt, endpoint.Throttled},
		{"after the answer", func(c *imapscript.Conn) {
			cmd, _ := c.Read()
			c.Reply(cmd, "OK done")
			c.Line()
		}, endpoint.Unknown, endpoint.Unavailable},
		{"OK before the end", func(c *imapscript.Conn) {
			l, _ := c.Line()
			tag, _, _ := strings.Cut(l, " ")
			c.Send(tag + " OK done")
			c.Wait()
		}, endpoint.Damaged, endpoint.Damaged},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			noLeaks(t)
			srv := imapscript.Start(t, func(c *imapscript.Conn) {
				c.Send("* OK [CAPABILITY IMAP4rev1] hi")
				c.Accept("LOGIN")
				c.Accept("CAPABILITY")
				tt.script(c)
				c.Drop()
			})
			s := wireSession(t, srv.Addr, nil)
			results := sendAll(t.Context(), s, "INBOX", []appendMessage{textMessage(body), textMessage(body)})
			checkCut(t, results[0], tt.first)
			checkCut(t, results[1], tt.second)
			if s.alive() {
				t.Error("the connection is taken to be alive")
			}
		})
	}
}

// checkCut compares the code of a result; Unknown stands for a message that is stored.
func checkCut(t *testing.T, r appendResult, want endpoint.Code) {
	t.Helper()
	if got := endpoint.CodeOf(r.err); got != want || (r.err == nil) != (want == endpoint.Unknown) {
		t.Errorf("%v (code %v), want code %v", r.err, got, want)
	}
}

// TestAppendBody has bodies that fail. The literal was announced, so the connection must end, and
// the message must not be stored.
func TestAppendBody(t *testing.T) {
	broken := errors.New("disk on fire")
	bodies := map[string]struct {
		body func() (io.Reader, error)
		want error
		live bool
	}{
		"does not open": {func() (io.Reader, error) { return nil, broken }, broken, true},
		"fails halfway": {func() (io.Reader, error) {
			return io.MultiReader(strings.NewReader("half"), iotest.ErrReader(broken)), nil
		}, broken, false},
		"fails with its last bytes": {func() (io.Reader, error) {
			return iotest.DataErrReader(io.MultiReader(strings.NewReader("half"), iotest.ErrReader(broken))), nil
		}, broken, false},
		"is short":             {func() (io.Reader, error) { return strings.NewReader("short"), nil }, io.ErrUnexpectedEOF, false},
		"is short by one byte": {func() (io.Reader, error) { return strings.NewReader("123456789"), nil }, io.ErrUnexpectedEOF, false},
	}
	for name, tt := range bodies {
		t.Run(name, func(t *testing.T) {
			noLeaks(t)
			m := imapscript.Model{}
			m.Add("INBOX")
			srv := imapscript.Start(t, m.Serve)
			s := wireSession(t, srv.Addr, nil)
			bad := textMessage("0123456789")
			bad.open = func() (io.ReadCloser, int64, error) {
				body, err := tt.body()
				return io.NopCloser(body), 10, err
			}
			r := sendAll(t.Context(), s, "INBOX", []appendMessage{textMessage("good"), bad})
			if r[0].err != nil || !errors.Is(r[1].err, tt.want) || endpoint.CodeOf(r[1].err) == endpoint.InDoubt {
				t.Errorf("results are %v and %v", r[0].err, r[1].err)
			}
			if s.alive() != tt.live {
				t.Errorf("alive is %v", s.alive())
			}
			srv.Close()
			if n := len(m.Folder("INBOX").Messages); n != 1 {
				t.Errorf("%d messages are stored", n)
			}
		})
	}
}

func TestAppendCancelled(t *testing.T) {
	noLeaks(t)
	ctx, cancel := context.WithCancel(t.Context())
	m := imapscript.Model{Hook: func(c *imapscript.Conn, cmd imapscript.Command) bool {
		if cmd.Name == "APPEND" {
			cancel()
			c.Wait()
		}
		return false
	}}
	srv := imapscript.Start(t, m.Serve)
	s := wireSession(t, srv.Addr, nil)
	r := sendAll(ctx, s, "INBOX", []appendMessage{textMessage("a"), textMessage("b")})
	wantCode(t, r[0].err, endpoint.InDoubt)
	if errors.Is(r[0].err, context.Canceled) {
		t.Error("a message in doubt looks like one that was not sent")
	}
	if !errors.Is(r[1].err, context.Canceled) {
		t.Errorf("the second: %v", r[1].err)
	}
	for _, r := range sendAll(ctx, s, "INBOX", []appendMessage{textMessage("a")}) {
		if !errors.Is(r.err, context.Canceled) {
			t.Errorf("after the end: %v", r.err)
		}
	}
}

// TestAppendSlowServer proves that a server which takes a long message slowly is not silent.
func TestAppendSlowServer(t *testing.T) {
	const timeout = time.Second // a busy machine is no silent server
	srv := imapscript.Start(t, func(c *imapscript.Conn) {
		c.Send("* OK [CAPABILITY IMAP4rev1] hi")
		c.Accept("LOGIN")
		c.Accept("CAPABILITY")
		line, _ := c.Line()
		tag, _, _ := strings.Cut(line, " ")
		c.Send("+ go")
		for range 64 {
			c.Bytes(1 << 20)
			time.Sleep(timeout / 40) // the slowness is what is tested
		}
		c.Line()
		c.Send(tag + " OK done")
	})
	s := wireSession(t, srv.Addr, func(c *Config) { c.Timeout = timeout })
	start := time.Now()
	r := sendAll(t.Context(), s, "INBOX", []appendMessage{textMessage(strings.Repeat("x", 64<<20))})
	if r[0].err != nil {
		t.Error(r[0].err)
	}
	if d := time.Since(start); d < timeout {
		t.Errorf("took %v: proves nothing", d)
	}
}
