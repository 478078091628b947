package imapendpoint

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/internal/dovecot"
)

// dovecotSession logs in as the account that the harness makes.
func dovecotSession(t *testing.T, addr string, change func(*Config)) *session {
	t.Helper()
	return wireSession(t, addr, func(c *Config) {
		c.Username, c.Password = "ann", "secret"
		if change != nil {
			change(c)
		}
	})
}

func folderNames(t *testing.T, s *session) []string {
	t.Helper()
	var names []string
	l := &listing{}
	if err := s.command(t.Context(), `LIST "" "*"`, l.untagged); err != nil || l.err != nil {
		t.Fatal(err, l.err)
	}
	for _, e := range l.entries {
		names = append(names, e.wire)
	}
	return names
}

// TestFact1InjectionDovecot has a real server refuse an APPEND with BAD, whose message holds
// commands. The control sends the same without our precautions, and is executed.
func TestFact1InjectionDovecot(t *testing.T) {
	srv := dovecot.Start(t, dovecot.Config{})
	keyword := strings.Repeat("k", 3000) // an atom that Dovecot refuses
	flags := []string{`\Recent`, `\Custom`, keyword}
	for i, flag := range flags {
		name := fmt.Sprintf("Pwned%d", i)
		body := strings.ReplaceAll(hostileBody, "Pwned", name)
		t.Run(name, func(t *testing.T) {
			s := dovecotSession(t, srv.Addr(), nil)
			results := sendAll(t.Context(), s, "INBOX", []appendMessage{textMessage("ok"), textMessage(body, flag), textMessage(body, flag)})
			if results[0].err != nil {
				t.Fatal(results[0].err)
			}
			for _, r := range results[1:] {
				if code := endpoint.CodeOf(r.err); code != endpoint.Invalid && code != endpoint.Rejected && code != endpoint.Unavailable {
					t.Errorf("result is %v", r.err)
				}
			}
			if slices.Contains(folderNames(t, dovecotSession(t, srv.Addr(), nil)), name) {
				t.Error("the message was executed")
			}
		})
	}
	control := dovecotSession(t, srv.Addr(), nil)
	_ = control.wire.begin("APPEND")
	if _, err := fmt.Fprintf(control.wire.out, "APPEND INBOX (%s) {%d+}\r\n%s\r\n", flags[0], len(hostileBody), hostileBody); err != nil {
		t.Fatal(err)
	}
	if err := control.wire.flush(); err != nil {
		t.Fatal(err)
	}
	for range 6 { // the answer to ID comes first
		line, err := control.wire.response()
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(string(line), "x1 OK") {
			return
		}
	}
	t.Error("the control was not executed: this test proves nothing")
}

// TestFact3Dovecot sends messages in one go to a real server and reads them back.
func TestFact3Dovecot(t *testing.T) {
	srv := dovecot.Start(t, dovecot.Config{})
	for _, hidden := range [][]string{nil, {"LITERAL+"}} {
		t.Run(fmt.Sprint(hidden), func(t *testing.T) {
			s := dovecotSession(t, srv.Addr(), func(c *Config) { c.HideCapabilities = hidden })
			if err := s.command(t.Context(), `CREATE "`+fmt.Sprint("box", len(hidden))+`"`, nil); err != nil {
				t.Fatal(err)
			}
			folder, err := s.selectFolder(t.Context(), fmt.Sprint("box", len(hidden)), false)
			if err != nil {
				t.Fatal(err)
			}
			bodies := make([]string, 100)
			msgs := make([]appendMessage, len(bodies))
			for i := range msgs {
				bodies[i] = fmt.Sprintf("Subject: %d\r\n\r\n%s\r\n", i, strings.Repeat("x", i*i*10))
				msgs[i] = textMessage(bodies[i], `\Seen`)
			}
			uids := map[uint32]int{}
			for i, r := range sendAll(t.Context(), s, folder.name, msgs) {
				if r.err != nil || r.validity != folder.validity {
					t.Fatalf("message %d: %+v", i, r)
				}
				uids[r.uid] = i
			}
			msgsBack, err := fetchAll(t.Context(), s)
			if err != nil || len(msgsBack) != len(bodies) || len(uids) != len(bodies) {
				t.Fatalf("%d messages of %d UIDs, %v", len(msgsBack), len(uids), err)
			}
			for _, m := range msgsBack {
				i := uids[m.uid]
				if got := m.body; got != bodies[i] {
					t.Errorf("message %d came back with %d bytes, want %d", i, len(got), len(bodies[i]))
				}
				if !m.date.Equal(msgs[i].date) {
					t.Errorf("message %d came back with date %v", i, m.date)
				}
			}
		})
	}
}

func TestDovecotConnections(t *testing.T) {
	srv := dovecot.Start(t, dovecot.Config{MaxUserIPConnections: 2})
	secure := func(c *Config) { c.TLS = dovecotTLS(srv) }
	pools := map[string]*pool{
		"TLS":      testPool(t, srv.TLSAddr(), func(c *Config) { c.Security = TLS; secure(c) }),
		"STARTTLS": testPool(t, srv.Addr(), func(c *Config) { c.Security = StartTLS; secure(c) }),
	}
	for name, p := range pools {
		t.Run(name, func(t *testing.T) {
			p.cfg.Username, p.cfg.Password = "ann", "secret"
			a, err := p.acquire(t.Context(), anyFolder)
			if err != nil {
				t.Fatal(err)
			}
			b, err := p.acquire(t.Context(), anyFolder)
			if err != nil {
				t.Fatal(err)
			}
			got := make(chan *session)
			go func() {
				c, err := p.acquire(t.Context(), anyFolder)
				if err != nil {
					t.Error(err)
				}
				got <- c
			}()
			<-p.shrunk(t)
			p.release(a)
			if <-got != a {
				t.Error("the pool did not go back to two connections")
			}
			p.release(b)
			if err := p.close(); err != nil {
				t.Error(err)
			}
			awaitLogout(t, srv)
		})
	}
	cfg := wireConfig(t, srv.Addr(), func(c *Config) { c.Username, c.Password = "ann", "wrong" })
	_, err := connect(t.Context(), cfg, new(meter))
	wantCode(t, err, endpoint.Unauthenticated)
}

func dovecotTLS(srv *dovecot.Server) *tls.Config {
	return &tls.Config{RootCAs: srv.CertPool(), MinVersion: tls.VersionTLS12}
}

// awaitLogout waits until the server has noticed that its clients left, and counts them no more.
func awaitLogout(t *testing.T, srv *dovecot.Server) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if out, err := srv.Doveadm("who", "-1"); err == nil && !strings.Contains(out, "ann") {
			return
		}
	}
	t.Error("the server still counts connections that are closed")
}
