package imapendpoint

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/internal/delayproxy"
	"github.com/dandyroll/dandyroll/internal/imapscript"
)

const testPassword = "s3cret-of-ann"

// wireConfig is a configuration for a scripted server.
func wireConfig(t testing.TB, addr string, change func(*Config)) *Config {
	t.Helper()
	c := Config{Addr: addr, Security: Plaintext, Username: "ann@example.org", Password: testPassword, Timeout: 10 * time.Second}
	if change != nil {
		change(&c)
	}
	cfg, err := c.complete()
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// wireSession connects to a scripted server.
func wireSession(t testing.TB, addr string, change func(*Config)) *session {
	t.Helper()
	s, err := connect(t.Context(), wireConfig(t, addr, change), new(meter))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.kill)
	return s
}

// noLeaks fails the test if goroutines of it are left when all of its other cleanups are done.
func noLeaks(t *testing.T) {
	t.Helper()
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		deadline := time.Now().Add(5 * time.Second)
		for runtime.NumGoroutine() > before {
			if time.Now().After(deadline) {
				var stacks [64 << 10]byte
				t.Errorf("goroutines leaked:\n%s", stacks[:runtime.Stack(stacks[:], true)])
				return
			}
			time.Sleep(time.Millisecond)
		}
	})
}

func wantCode(t *testing.T, err error, code endpoint.Code) {
	t.Helper()
	if got := endpoint.CodeOf(err); err == nil || got != code {
		t.Errorf("error is %v (code %v), want code %v", err, got, code)
	}
}

// letter is a message as it was fetched.
type letter struct {
	uid   uint32
	date  time.Time
	flags []string
	body  string
}

// fetchAll fetches the open folder. The answers need have no more than UID and body.
func fetchAll(ctx context.Context, s *session) (list []letter, err error) {
	err = s.guard(ctx, func() error {
		list, err = fetchOver(s)
		return err
	})
	return list, err
}

func fetchOver(s *session) (list []letter, err error) {
	var body []byte
	f := &fetching{
		items: fetchItems{received: true, size: true, section: "[]"}, sizeOptional: true,
		section: func(r io.Reader, _ int64) (err error) {
			body = nil
			if r != nil {
				body, err = io.ReadAll(r)
			}
			return err
		},
	}
	f.done = func(m *fetched) { list = append(list, letter{m.uid, m.received, m.flags, string(body)}) }
	err = s.awaitFetch(s.wire.send("UID FETCH", "1:* "+f.items.text()), f, nil)
	return list, err
}

// TestFact4OddReplies has a server answer a FETCH or LIST in each of the ways that were seen to break
// clients. Each must be borne, or end in an error with a code, soon.
func TestFact4OddReplies(t *testing.T) {
	const (
		fetch = "UID FETCH"
		list  = "LIST"
	)
	good := `* 1 FETCH (UID 1 FLAGS (\Seen) INTERNALDATE "01-Feb-2003 04:05:06 +0000" RFC822.SIZE 3 BODY[] {3}` + "\r\nabc)\r\n"
	tests := []struct {
		name, command, reply string
		bad                  bool // ends the connection
	}{
		{"vanished", fetch, "* VANISHED 3:5\r\n" + good, false},
		{"lsub", fetch, `* LSUB () "/" x` + "\r\n" + good, false},
		{"xlist with literal", fetch, "* XLIST () \"/\" {3}\r\na b\r\n" + good, false},
		{"keep-alive of Zimbra", fetch, "* NOOP\r\n" + good, false},
		{"empty line", fetch, "\r\n" + good, false},
		{"unexpected continuation", fetch, "+ idling\r\n" + good, false},
		{"untagged status", fetch, "* OK still here\r\n* NO [ALERT] full\r\n* OK [Error=\"a ] b\"] x\r\n* OK [open\r\n" + good, false},
		{"capability", fetch, "* CAPABILITY IMAP4rev2 ( x\r\n" + good, false},
		{"two spaces", fetch, "*  1  FETCH  ( UID  1  FLAGS ( \\Seen ) BODY[]  {3}\r\nabc )\r\n", false},
		{"no space before list", fetch, "* 1 FETCH(UID 1 BODY[] {3}\r\nabc)\r\n", false},
		{"no space before literal", fetch, "* 1 FETCH (UID 1 BODY[]{3}\r\nabc)\r\n", false},
		{"bare LF", fetch, "* 1 FETCH (UID 1 BODY[] {3}\nabc)\n", false},
		{"lower case", fetch, "* 1 fetch (uid 1 body[] {3}\r\nabc)\r\n", false},
		{"unknown item", fetch, "* 1 FETCH (UID 1 X-GM-MSGID 12 EMAILID (M1) SAVEDATE NIL X {2}\r\nqq Y (a {1}\r\n) \"(\") BODY[] {3}\r\nabc)\r\n", false},
		{"bracket in flag", fetch, "* 1 FETCH (UID 1 FLAGS (\\Seen a]b) BODY[] {3}\r\nabc)\r\n", false},
		{"quoted flag", fetch, "* 1 FETCH (UID 1 FLAGS (\"x\" \\Seen) BODY[] {3}\r\nabc)\r\n", false},
		{"no flags", fetch, "* 1 FETCH (UID 1 FLAGS NIL BODY[] {3}\r\nabc)\r\n", false},
		{"day zero", fetch, "* 1 FETCH (UID 1 INTERNALDATE \"00-Jan-2003 04:05:06 +0000\" BODY[] {3}\r\nabc)\r\n", false},
		{"no date", fetch, "* 1 FETCH (UID 1 INTERNALDATE NIL BODY[] {3}\r\nabc)\r\n", false},
		{"zone by name", fetch, "* 1 FETCH (UID 1 INTERNALDATE \"01-Jan-2003 04:05:06 GMT\" BODY[] {3}\r\nabc)\r\n", false},
		{"year one", fetch, "* 1 FETCH (UID 1 INTERNALDATE \"01-Jan-0001 00:00:00 +0000\" BODY[] {3}\r\nabc)\r\n", false},
		{"negative size", fetch, "* 1 FETCH (UID 1 RFC822.SIZE -1 BODY[] {3}\r\nabc)\r\n", false},
		{"bad envelope", fetch, "* 1 FETCH (UID 1 ENVELOPE (((( BODY[] {3}\r\nabc)\r\n", true},
		{"quoted body", fetch, "* 1 FETCH (UID 1 BODY[] \"abc\")\r\n", false},
		{"endless quote", fetch, "* 1 FETCH (UID 1 BODY[] \"abc)\r\n", true},
		{"literal is cut off", fetch, "* 1 FETCH (UID 1 BODY[] {9}\r\nabc", true},
		{"literal beyond all bounds", fetch, "* 1 FETCH (UID 1 FLAGS {99999999}\r\n", true},
		{"flags in a literal", fetch, "* 1 FETCH (UID 1 FLAGS {3}\r\na b BODY[] {3}\r\nabc)\r\n", false},
		{"response without end", fetch, "* 1 FETCH (UID 1\r\n", true},
		{"foreign tag", fetch, "T999 OK done\r\n", true},
		{"junk", fetch, "\x00\xff\x16\x03\x01 junk\r\n", true},
		{"long line", fetch, "* LIST " + strings.Repeat("x", maxLine+10) + "\r\n", true},
		{"hangs up", fetch, "* BYE [UNAVAILABLE] later\r\n", true},
		{"spaces in LIST", list, "* LIST  ( \\HasNoChildren   \\Sent ) \"/\"  \"a  b\"\r\n", false},
		{"8-bit name", list, "* LIST () \"/\" \"Entw\xc3\xbcrfe\"\r\n", true},
		{"open bracket", list, "* LIST () \"/\" \"never closed\r\n", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			noLeaks(t)
			m := imapscript.Model{Hook: func(c *imapscript.Conn, cmd imapscript.Command) bool {
				if cmd.Name != tt.command {
					return false
				}
				c.SendRaw(tt.reply)
				if tt.bad {
					c.Drop()
				} else {
					c.Reply(cmd, "OK done")
				}
				return true
			}}
			m.Add("INBOX", "abc")
			srv := imapscript.Start(t, m.Serve)
			s := wireSession(t, srv.Addr, nil)
			start := time.Now()
			checkOddReply(t, s, tt.command == list, tt.bad)
			if d := time.Since(start); d > 5*time.Second {
				t.Errorf("took %v", d)
			}
		})
	}
}

func checkOddReply(t *testing.T, s *session, list, bad bool) {
	t.Helper()
	if _, err := s.selectFolder(t.Context(), "INBOX", true); err != nil {
		t.Fatal(err)
	}
	var got []string
	var err error
	if list {
		l := &listing{}
		if err = s.command(t.Context(), `LIST "" "*"`, l.untagged); err == nil {
			err = l.err
		}
		for _, e := range l.entries {
			got = append(got, e.wire)
		}
	} else {
		var msgs []letter
		msgs, err = fetchAll(t.Context(), s)
		for _, m := range msgs {
			got = append(got, m.body)
		}
	}
	if bad {
		if code := endpoint.CodeOf(err); code != endpoint.Damaged && code != endpoint.Unavailable {
			t.Errorf("error is %v, want Damaged or Unavailable", err)
		}
		return
	}
	want := []string{"abc"}
	if list {
		want = []string{"a  b"}
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
	if err := s.command(t.Context(), "NOOP", nil); err != nil {
		t.Errorf("the session is of no use any more: %v", err)
	}
}

// TestFact2Silence has a server that is silent for too long.
func TestFact2Silence(t *testing.T) {
	noLeaks(t)
	m := imapscript.Model{Hook: func(c *imapscript.Conn, cmd imapscript.Command) bool {
		if cmd.Name == "NOOP" {
			c.Wait() // never answers
		}
		return false
	}}
	m.Add("INBOX", "a", "b")
	srv := imapscript.Start(t, m.Serve)
	s := wireSession(t, srv.Addr, func(c *Config) { c.Timeout = 300 * time.Millisecond })
	if _, err := s.selectFolder(t.Context(), "INBOX", true); err != nil {
		t.Fatal(err)
	}
	if msgs, err := fetchAll(t.Context(), s); err != nil || len(msgs) != 2 {
		t.Fatalf("fetched %d messages, %v", len(msgs), err)
	}
	start := time.Now()
	err := s.command(t.Context(), "NOOP", nil)
	wantCode(t, err, endpoint.Unavailable)
	if !strings.Contains(err.Error(), "Config.Timeout") || time.Since(start) > 5*time.Second {
		t.Errorf("after %v: %v", time.Since(start), err)
	}
	if s.alive() {
		t.Error("the connection outlived the silence")
	}
}

func TestFact2CancelEndsTheConnection(t *testing.T) {
	uses := map[string]func(context.Context, *session) error{
		"command": func(ctx context.Context, s *session) error { return s.command(ctx, "NOOP", nil) },
		"literal": func(ctx context.Context, s *session) error {
			_, err := fetchAll(ctx, s)
			return err
		},
	}
	for name, use := range uses {
		t.Run(name, func(t *testing.T) {
			noLeaks(t)
			ctx, cancel := context.WithCancel(t.Context())
			m := imapscript.Model{Hook: func(c *imapscript.Conn, cmd imapscript.Command) bool {
				switch cmd.Name {
				case "UID FETCH":
					c.SendRaw("* 1 FETCH (UID 1 BODY[] {100}\r\nhalf of it")
					fallthrough
				case "NOOP":
					cancel()
					c.Wait()
				}
				return false
			}}
			srv := imapscript.Start(t, m.Serve)
			s := wireSession(t, srv.Addr, nil)
			if err := use(ctx, s); !errors.Is(err, context.Canceled) {
				t.Errorf("error is %v", err)
			}
			if s.alive() {
				t.Error("the connection is still there")
			}
		})
	}
}

// TestFact2SecretsStayOutOfTheLog runs everything that carries a secret or content with the wire
// log on.
func TestFact2SecretsStayOutOfTheLog(t *testing.T) {
	var log bytes.Buffer
	m := imapscript.Model{Password: testPassword}
	m.Add("Private", "Subject: salary\r\n\r\n")
	srv := imapscript.Start(t, m.Serve)
	s := wireSession(t, srv.Addr, func(c *Config) {
		c.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	if _, err := s.selectFolder(t.Context(), "Private", false); err != nil {
		t.Fatal(err)
	}
	if _, err := fetchAll(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	results := sendAll(t.Context(), s, "Private", []appendMessage{textMessage("Subject: secret\r\n\r\n")})
	if results[0].err != nil {
		t.Fatal(results[0].err)
	}
	s.kill()
	for _, secret := range []string{testPassword, "ann", "Private", "salary", "secret"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
	for _, name := range []string{"LOGIN", "EXAMINE", "SELECT", "UID FETCH", "APPEND", "FETCH", "OK"} {
		if name != "EXAMINE" && !strings.Contains(log.String(), name) {
			t.Errorf("the log lacks %q:\n%s", name, log.String())
		}
	}
}

// TestFact2Counters compares the counters with what the server saw.
func TestFact2Counters(t *testing.T) {
	m := imapscript.Model{}
	m.Add("INBOX", strings.Repeat("x", 1000))
	srv := imapscript.Start(t, m.Serve)
	var count meter
	s, err := connect(t.Context(), wireConfig(t, srv.Addr, nil), &count)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.kill)
	if _, err := s.selectFolder(t.Context(), "INBOX", true); err != nil {
		t.Fatal(err)
	}
	before := count.wire()
	if _, err := fetchAll(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	after := count.wire()
	if after.Commands != int64(len(srv.Commands())) || after.Commands != before.Commands+1 {
		t.Errorf("%d commands counted, the server saw %q", after.Commands, srv.Commands())
	}
	if got := after.Received - before.Received; got < 1000 || got > 1300 {
		t.Errorf("%d bytes received", got)
	}
	if got := after.Sent - before.Sent; got < 20 || got > 200 {
		t.Errorf("%d bytes sent", got)
	}
}

// TestRoundTrip holds that no answer is taken to be faster than the network.
func TestRoundTrip(t *testing.T) {
	m := imapscript.Model{}
	m.Add("INBOX", "x")
	srv := imapscript.Start(t, m.Serve)
	const trip = 30 * time.Millisecond
	proxy, err := delayproxy.Start(t.Context(), delayproxy.Config{Target: srv.Addr, Delay: trip / 2})
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	measure := func(addr string) time.Duration {
		var count meter
		s, err := connect(t.Context(), wireConfig(t, addr, nil), &count)
		if err != nil {
			t.Fatal(err)
		}
		defer s.kill()
		for _, err := range s.pipeline(t.Context(), []string{"NOOP", "NOOP", "NOOP"}, nil) {
			if err != nil {
				t.Error(err)
			}
		}
		s.wire.mention("NOOP", "")
		if _, err := s.selectFolder(t.Context(), "INBOX", true); err != nil {
			t.Error(err)
		}
		return count.wire().RoundTrip
	}
	if far, near := measure(proxy.Addr()), measure(srv.Addr); far < trip || near <= 0 || near >= trip {
		t.Errorf("round trips of %v and %v, want %v and less", far, near, trip)
	}
}

// TestFact2CapabilityFilter proves that the session knows what the server offers and the configuration
// does not hide, and that a folder name goes out in modified UTF-7 even if the server has IMAP4rev2: nobody
// enabled that.
func TestFact2CapabilityFilter(t *testing.T) {
	created := ""
	m := imapscript.Model{
		Capabilities: "IMAP4rev1 IMAP4rev2 UTF8=ACCEPT LITERAL+ UIDPLUS MOVE",
		Hook: func(_ *imapscript.Conn, cmd imapscript.Command) bool {
			if cmd.Name == "CREATE" {
				created = cmd.Args
			}
			return false
		},
	}
	srv := imapscript.Start(t, m.Serve)
	s := wireSession(t, srv.Addr, func(c *Config) { c.HideCapabilities = []string{"move"} })
	for name, want := range map[string]bool{"literal+": true, "IMAP4rev2": true, "UIDPLUS": true, "MOVE": false} {
		if s.has(name) != want {
			t.Errorf("has(%q) is %v", name, !want)
		}
	}
	if _, err := openAt(t, srv.Addr).CreateFolder(t.Context(), endpoint.Folder{Path: []string{"Entwürfe"}}); err != nil {
		t.Error(err)
	}
	if created != `"Entw&APw-rfe"` {
		t.Errorf("the folder was named %q", created)
	}
}

func TestCommand(t *testing.T) {
	m := imapscript.Model{Hook: func(c *imapscript.Conn, cmd imapscript.Command) bool {
		switch cmd.Name {
		case "LSUB":
			c.SendRaw("* LSUB () \"/\" {3}\r\na\"b\r\n* BYE-BYE\r\n*  LSUB () \"/\" {3}\r\na\r\n\r\n")
			c.Reply(cmd, "OK done")
		case "CREATE":
			c.Reply(cmd, "NO [ALREADYEXISTS] ann@example.org has one")
		default:
			return false
		}
		return true
	}}
	srv := imapscript.Start(t, m.Serve)
	s := wireSession(t, srv.Addr, nil)
	if err := s.command(t.Context(), "NOOP", nil); err != nil { // takes the answer to ID along
		t.Fatal(err)
	}
	var lines []string
	if err := s.command(t.Context(), `LSUB "" "*"`, func(b []byte) { lines = append(lines, string(b)) }); err != nil {
		t.Fatal(err)
	}
	want := []string{`* LSUB () "/" "a\"b"`, "* BYE-BYE", "*  LSUB () \"/\" {3}\r\na\r\n"}
	if !slices.Equal(lines, want) {
		t.Errorf("got %q, want %q", lines, want)
	}
	err := s.command(t.Context(), `CREATE "x"`, nil)
	wantCode(t, err, endpoint.Exists)
	if strings.Contains(err.Error(), "ann") {
		t.Errorf("the error quotes the server: %v", err)
	}
	wantCode(t, s.command(t.Context(), "NOOP\r\nx DELETE INBOX", nil), endpoint.Invalid)
}

func TestSelectFolder(t *testing.T) {
	m := imapscript.Model{Hook: func(c *imapscript.Conn, cmd imapscript.Command) bool {
		if cmd.Name != "SELECT" || cmd.Strings()[0] != "odd" {
			return false
		}
		c.Send("*  3   EXISTS", "* OK [UIDVALIDITY 99999999999] x", `* ok [permanentflags (\Seen a]b \*)]`, "* OK [UIDNEXT 7] x")
		c.Reply(cmd, "OK [READ-ONLY] done")
		return true
	}}
	m.Add("INBOX", "a", "b")
	srv := imapscript.Start(t, m.Serve)
	s := wireSession(t, srv.Addr, nil)
	got, err := s.selectFolder(t.Context(), "INBOX", false)
	if err != nil || got.readOnly || got.messages != 2 || got.validity != 1 || got.uidNext != 3 || !got.permanentSet {
		t.Errorf("INBOX: %+v, %v", got, err)
	}
	got, err = s.selectFolder(t.Context(), "odd", false)
	if err != nil || !got.readOnly || got.messages != 3 || got.validity != 0 || got.uidNext != 7 ||
		!slices.Equal(got.permanentFlags, []string{`\Seen`, "a]b", `\*`}) {
		t.Errorf("odd: %+v, %v", got, err)
	}
	_, err = s.selectFolder(t.Context(), "missing", false)
	wantCode(t, err, endpoint.NotFound)
	if s.current != nil {
		t.Error("a folder is taken to be open after a refused SELECT")
	}
}

func TestQuoteString(t *testing.T) {
	if got, err := quoteString(`a "b" \c`); err != nil || got != `"a \"b\" \\c"` {
		t.Errorf("got %s, %v", got, err)
	}
	for _, s := range []string{"a\rb", "a\nb", "a\x00b", "\xc3\xbc"} {
		_, err := quoteString(s)
		wantCode(t, err, endpoint.Invalid)
	}
}

func TestStatusCodes(t *testing.T) {
	tests := []struct {
		line  string
		code  endpoint.Code
		after time.Duration
	}{
		{"a NO [OVERQUOTA] full", endpoint.OverQuota, 0},
		{"a NO [OVERQUOTA] Account exceeded command or bandwidth limits", endpoint.Throttled, 0},
		{"a NO Request is throttled. Suggested Backoff Time: 299609 milliseconds", endpoint.Throttled, 299609 * time.Millisecond},
		{"a NO [THROTTLED] Backoff time: 999999999 seconds", endpoint.Throttled, time.Hour},
		{"* BYE Too many connections", endpoint.Throttled, 0},
		{"* BYE Session expired, please login again", endpoint.Unavailable, 0},
		{"a NO [TRYCREATE] x", endpoint.NotFound, 0},
		{"a NO [TOOBIG] x", endpoint.TooLarge, 0},
		{"a NO [LIMIT] x", endpoint.TooLarge, 0},
		{"a NO [LIMIT] Maximum number of connections from user+IP exceeded", endpoint.Throttled, 0},
		{"a NO [OVERQUOTA] Too many messages", endpoint.OverQuota, 0},
		{"a NO [NOPERM] x", endpoint.Denied, 0},
		{"a NO [UNAVAILABLE] x", endpoint.Unavailable, 0},
		{"a NO [INUSE] x", endpoint.Unavailable, 0},
		{"a NO [Error=\"x ] y\"] quota", endpoint.OverQuota, 0},
		{"a NO", endpoint.Rejected, 0},
		{"a BAD User is authenticated but not connected.", endpoint.Unavailable, 0},
	}
	for _, tt := range tests {
		s, ok := parseStatus([]byte(tt.line))
		err := s.err()
		if !ok || endpoint.CodeOf(err) != tt.code || endpoint.RetryAfterOf(err) != tt.after {
			t.Errorf("%s: %v, after %v", tt.line, err, endpoint.RetryAfterOf(err))
		}
	}
}

func TestClassifyHidesAddresses(t *testing.T) {
	_, err := new(net.Dialer).DialContext(t.Context(), "tcp", "127.0.0.1:1")
	wantCode(t, classify(err), endpoint.Unavailable)
	wantCode(t, classify(os.ErrDeadlineExceeded), endpoint.Unavailable)
	wantCode(t, classify(&net.DNSError{Name: "mx.example.org", IsNotFound: true}), endpoint.Unavailable)
	if text := classify(&net.DNSError{Name: "mx.example.org"}).Error(); strings.Contains(text, "example") {
		t.Errorf("the text names the host: %s", text)
	}
	if err := classify(context.Canceled); !errors.Is(err, context.Canceled) || endpoint.CodeOf(err) != endpoint.Unknown {
		t.Errorf("a cancelled context became %v", err)
	}
}
