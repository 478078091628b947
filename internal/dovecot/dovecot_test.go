package dovecot

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// talk sends one command on a fresh connection after login, if user is not empty, and returns all
// that the server said.
func talk(t *testing.T, conn net.Conn, commands ...string) string {
	t.Helper()
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(startTime)); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(conn)
	said, err := r.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	for i, command := range commands {
		tag := fmt.Sprintf("a%d ", i)
		if _, err := fmt.Fprintf(conn, "%s%s\r\n", tag, command); err != nil {
			t.Fatal(err)
		}
		for line := ""; !strings.HasPrefix(line, tag); said += line {
			if line, err = r.ReadString('\n'); err != nil {
				t.Fatalf("after %q: %v", said, err)
			}
		}
	}
	return said
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func wantLine(t *testing.T, said, want string) {
	t.Helper()
	if !strings.Contains(said, want) {
		t.Errorf("the server did not say %q, but\n%s", want, said)
	}
}

func TestFormats(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"maildir", "sdbox", "mdbox"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			s := Start(t, Config{Format: format, NoFsync: true})
			said := talk(t, dial(t, s.Addr()), "LOGIN ann secret", "CREATE Trash", "SELECT Trash", `LIST "" *`)
			wantLine(t, said, "STARTTLS")
			wantLine(t, said, "a2 OK [READ-WRITE]")
			wantLine(t, said, `\Trash) "/" Trash`)
			if _, err := os.Stat(s.Dir() + "/ann/" + format); err != nil {
				t.Errorf("mail is not where Dir says: %v", err)
			}
		})
	}
}

func TestNamespace(t *testing.T) {
	t.Parallel()
	s := Start(t, Config{Separator: ".", Prefix: "INBOX."})
	said := talk(t, dial(t, s.Addr()), "LOGIN ann secret", "CREATE INBOX.a.b", `LIST "" *`, "NAMESPACE", "CREATE outside")
	wantLine(t, said, `"." INBOX.a.b`)
	wantLine(t, said, `NAMESPACE (("INBOX." "."))`)
	wantLine(t, said, "a4 NO")
}

func TestTLS(t *testing.T) {
	t.Parallel()
	s := Start(t, Config{})
	verified := &tls.Config{RootCAs: s.CertPool(), ServerName: "localhost"}
	wantLine(t, talk(t, tls.Client(dial(t, s.TLSAddr()), verified), "LOGIN ann secret"), "a0 OK")

	unknown := tls.Client(dial(t, s.TLSAddr()), &tls.Config{RootCAs: nil, ServerName: "localhost"})
	defer func() { _ = unknown.Close() }()
	if err := unknown.HandshakeContext(t.Context()); err == nil {
		t.Error("a client without the authority accepts the server's certificate")
	}
}

func TestDisablePlaintext(t *testing.T) {
	t.Parallel()
	s := Start(t, Config{DisablePlaintext: true})
	said := talk(t, dial(t, s.Addr()), "LOGIN ann secret")
	wantLine(t, said, "LOGINDISABLED")
	wantLine(t, said, "a0 NO [PRIVACYREQUIRED]")
	verified := &tls.Config{RootCAs: s.CertPool(), ServerName: "127.0.0.2"}
	wantLine(t, talk(t, tls.Client(dial(t, s.TLSAddr()), verified), "LOGIN ann secret"), "a0 OK")
}

func TestUsers(t *testing.T) {
	t.Parallel()
	s := Start(t, Config{Users: []User{{"bea@example.org", `a:b {c}"`}, {"cay", "x"}}})
	wantLine(t, talk(t, dial(t, s.Addr()), `LOGIN bea@example.org "a:b {c}\""`), "a0 OK")
	wantLine(t, talk(t, dial(t, s.Addr()), "LOGIN cay x"), "a0 OK")
	wantLine(t, talk(t, dial(t, s.Addr()), "LOGIN cay y"), "a0 NO [AUTHENTICATIONFAILED]")
}

func TestQuota(t *testing.T) {
	t.Parallel()
	s := Start(t, Config{Quota: 3000})
	body := strings.Repeat("x", 2000)
	put := fmt.Sprintf("APPEND INBOX {%d+}\r\n%s", len(body), body)
	said := talk(t, dial(t, s.Addr()), "LOGIN ann secret", put, put, "GETQUOTAROOT INBOX")
	wantLine(t, said, "a1 OK")
	wantLine(t, said, "a2 NO [OVERQUOTA]")
	wantLine(t, said, "* QUOTA")
}

func TestConnectionLimit(t *testing.T) {
	t.Parallel()
	s := Start(t, Config{MaxUserIPConnections: 1})
	_ = holdConnection(t, s)
	wantLine(t, talk(t, dial(t, s.Addr()), "LOGIN ann secret"), "a0 NO [LIMIT]")
}

func TestStopEndsConnections(t *testing.T) {
	t.Parallel()
	s := Start(t, Config{})
	conn := holdConnection(t, s)
	s.Stop()
	if err := conn.SetDeadline(time.Now().Add(startTime)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("a connection outlives the server")
	}
}

// holdConnection returns a connection that is logged in until the test ends.
func holdConnection(t *testing.T, s *Server) net.Conn {
	t.Helper()
	conn := dial(t, s.Addr())
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := fmt.Fprint(conn, "a LOGIN ann secret\r\n"); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(conn)
	for line := ""; !strings.HasPrefix(line, "a OK"); {
		var err error
		if line, err = r.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	return conn
}

func TestRestartKeepsMailAndAddress(t *testing.T) {
	t.Parallel()
	s := Start(t, Config{})
	addr := s.Addr()
	wantLine(t, talk(t, dial(t, addr), "LOGIN ann secret", "CREATE kept"), "a1 OK")

	s.Stop()
	if conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr); err == nil {
		_ = conn.Close()
		t.Error("a stopped server still accepts connections")
	}
	s.Restart()
	if s.Addr() != addr {
		t.Errorf("address %s became %s", addr, s.Addr())
	}
	wantLine(t, talk(t, dial(t, addr), "LOGIN ann secret", "SELECT kept"), "a1 OK")
}

func TestDoveadm(t *testing.T) {
	t.Parallel()
	s := Start(t, Config{})
	wantLine(t, talk(t, dial(t, s.Addr()), "LOGIN ann secret", "CREATE f"), "a1 OK")
	if _, err := s.Doveadm("mailbox", "update", "-u", "ann", "--uid-validity", "4711", "f"); err != nil {
		t.Fatal(err)
	}
	wantLine(t, talk(t, dial(t, s.Addr()), "LOGIN ann secret", "STATUS f (UIDVALIDITY)"), "UIDVALIDITY 4711")
	if out, err := s.Doveadm("mailbox", "status", "-u", "nobody", "messages", "f"); err == nil {
		t.Errorf("an unknown user gives no error but %q", out)
	}
}

func TestStopRemovesEverything(t *testing.T) {
	t.Parallel()
	var dir, addr string
	t.Run("server", func(t *testing.T) {
		s := Start(t, Config{})
		dir, addr = s.dir, s.Addr()
		if s.Log() == "" {
			t.Error("the log is empty")
		}
	})
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the server's directory is still there: %v", err)
	}
	if conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr); err == nil {
		_ = conn.Close()
		t.Error("the server still accepts connections")
	}
}

func TestBrokenConfigurationIsReported(t *testing.T) {
	t.Parallel()
	Require(t)
	s := &Server{t: t, config: Config{ExtraConfig: "no_such_setting = 1"}.withDefaults()}
	t.Cleanup(func() { _ = os.RemoveAll(s.dir) })
	if err := s.create(); err != nil {
		t.Fatal(err)
	}
	if err := s.launch(t.Context()); err == nil || !strings.Contains(err.Error(), "no_such_setting") {
		t.Errorf("launch does not name the wrong setting: %v", err)
	}
}
