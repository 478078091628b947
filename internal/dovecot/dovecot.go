// Package dovecot starts private Dovecot IMAP servers for tests and measurements.
//
// A server has its own configuration, users, mail, ports on the loopback interface and log, all in
// one temporary directory, and neither reads nor touches a Dovecot that the machine may run
// besides. It runs as root, then serving mail as an unprivileged user, and as any other user.
//
// Tests use [Start], and [Require] decides what a machine without Dovecot does; programs use [Launch].
// The package needs Dovecot 2.3 with its
// IMAP part: on Debian and Ubuntu the package dovecot-imapd.
package dovecot

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// User is an account of a server.
type User struct{ Name, Password string }

// Config says how a server behaves. The zero value is a server that is good for most tests.
type Config struct {
	// Format is how mail is stored: "maildir", "sdbox" or "mdbox"; empty means "maildir".
	//
	// Maildir is laid out as Maildir++, which keeps no folder name with a dot unless the dot is
	// the separator.
	Format string

	// Separator stands between the parts of a folder's name: "/" or "."; empty means "/".
	Separator string

	// Prefix is what the names of all folders but INBOX begin with, such as "INBOX."; its last
	// character must be the separator.
	Prefix string

	// Quota is the room of each user in bytes; 0 means no limit.
	Quota int64

	// Users are the accounts; empty means "ann" with the password "secret".
	Users []User

	// MaxUserIPConnections is how many connections one user may have; 0 means 10, Dovecot's own
	// default.
	MaxUserIPConnections int

	// DisablePlaintext refuses to authenticate before STARTTLS. [Server.Addr] is then an address
	// (127.0.0.2) that Dovecot does not take for its own client's, which works on Linux.
	DisablePlaintext bool

	// NoFsync stores mail without waiting for the disk, for tests with many messages.
	NoFsync bool

	// Dir is where the server makes its directory; empty means os.TempDir. It must be short, for the
	// path of a socket has at most 108 bytes, and Dovecot's unprivileged users must be able to pass it.
	Dir string

	// ExtraConfig is appended to the configuration file as it is.
	ExtraConfig string
}

// Server is a running Dovecot. Stop, Kill, Restart and Doveadm report failures to the test that started
// it, and are for tests only.
type Server struct {
	t      testing.TB // nil with Launch
	config Config
	dir    string
	ports  ports
	pool   *x509.CertPool
	proc   *process
}

// startTime bounds how long a server may take to greet, and to be gone.
const startTime = 30 * time.Second

// Start starts a server, waits until it greets, and stops it at the end of the test. If the test
// failed, the server's log is printed.
//
// Where there is no Dovecot, it does as [Require] does.
func Start(t testing.TB, c Config) *Server {
	t.Helper()
	Require(t)
	s := &Server{t: t, config: c.withDefaults()}
	t.Cleanup(s.cleanup)
	if err := s.create(); err != nil {
		t.Fatalf("dovecot: %v", err)
	}
	if err := s.launch(t.Context()); err != nil {
		t.Fatalf("dovecot: %v\n%s", err, s.Log())
	}
	return s
}

// Launch starts a server outside of a test, and waits until it greets. The caller closes it.
func Launch(ctx context.Context, c Config) (*Server, error) {
	if ok, reason := Available(); !ok { //nolint:contextcheck // a question about the machine belongs to no caller
		return nil, errors.New(reason)
	}
	s := &Server{config: c.withDefaults()}
	err := s.create()
	if err == nil {
		err = s.launch(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("dovecot: %w\n%s", err, s.Log()), s.Close())
	}
	return s, nil
}

// Close ends a server that was started by [Launch], and removes its directory with all its mail.
func (s *Server) Close() error {
	var err error
	if s.proc != nil {
		err = s.proc.end(syscall.SIGKILL, startTime) // nobody needs what it would still write
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

func (c Config) withDefaults() Config {
	if c.Format == "" {
		c.Format = "maildir"
	}
	if c.Separator == "" {
		c.Separator = "/"
	}
	if len(c.Users) == 0 {
		c.Users = []User{{Name: "ann", Password: "secret"}}
	}
	if c.MaxUserIPConnections == 0 {
		c.MaxUserIPConnections = 10
	}
	return c
}

// create makes the directory of the server and everything in it that outlives a restart.
func (s *Server) create() error {
	dir, err := os.MkdirTemp(s.config.Dir, "dovecot-") // short: a socket's path has at most 108 bytes
	if err != nil {
		return err
	}
	s.dir = dir
	if err := os.Chmod(dir, 0o755); err != nil { // Dovecot's unprivileged users pass through it
		return err
	}
	if s.pool, err = writeCertificate(dir); err != nil {
		return err
	}
	return errors.Join(s.writeUsers(), s.makeMailRoot())
}

// launch starts the process, with other ports where somebody else was quicker to take the chosen
// ones.
func (s *Server) launch(ctx context.Context) error {
	for attempt := 1; ; attempt++ {
		var err error
		if s.ports, err = freePorts(ctx, s.host()); err != nil {
			return err
		}
		if err := s.writeConfig(); err != nil {
			return err
		}
		err = s.run(ctx)
		if err == nil || attempt == 5 || !strings.Contains(s.Log(), "Address already in use") {
			return err
		}
	}
}

// run starts the process and waits until it greets.
func (s *Server) run(ctx context.Context) error {
	proc, err := startProcess(context.WithoutCancel(ctx), s.configFile())
	if err != nil {
		return err
	}
	s.proc = proc
	return proc.waitGreeting(s.Addr(), startTime)
}

// Addr returns the host and port of the plain listener, which offers STARTTLS.
func (s *Server) Addr() string { return net.JoinHostPort(s.host(), s.ports.plain) }

// TLSAddr returns the host and port of the listener that speaks TLS from the first byte.
func (s *Server) TLSAddr() string { return net.JoinHostPort(s.host(), s.ports.tls) }

// CertPool returns the authority that signed the server's certificate, which is valid for the
// host of [Server.Addr] and for "localhost".
func (s *Server) CertPool() *x509.CertPool { return s.pool }

// Dir returns the directory that holds one home directory for each user.
func (s *Server) Dir() string { return filepath.Join(s.dir, "mail") }

// PID returns the ID of the process that is the parent of all others of the server. It changes with a
// restart.
func (s *Server) PID() int { return s.proc.cmd.Process.Pid }

// Log returns what the server has logged so far.
func (s *Server) Log() string {
	text, err := os.ReadFile(s.logFile())
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err.Error()
	}
	return string(text)
}

// Stop ends the server and its connections, and waits until it is gone. Its mail and ports stay
// its own, so that [Server.Restart] can follow.
func (s *Server) Stop() {
	s.t.Helper()
	s.end(syscall.SIGTERM)
}

// Kill is Stop without notice, as in a crash of the server.
func (s *Server) Kill() {
	s.t.Helper()
	s.end(syscall.SIGKILL)
}

func (s *Server) end(with syscall.Signal) {
	s.t.Helper()
	if s.proc == nil {
		return
	}
	if err := s.proc.end(with, startTime); err != nil {
		s.t.Errorf("dovecot: %v\n%s", err, s.Log())
	}
}

// Restart ends the server, if it runs, and starts it again with the same mail and addresses.
func (s *Server) Restart() {
	s.t.Helper()
	s.Stop()
	if err := s.run(s.t.Context()); err != nil {
		s.t.Fatalf("dovecot: restart: %v\n%s", err, s.Log())
	}
}

// Doveadm runs the administration tool against this server and returns what it printed, for
// example s.Doveadm("mailbox", "update", "-u", "ann", "--uid-validity", "7", "INBOX").
func (s *Server) Doveadm(args ...string) (string, error) {
	tool, err := findProgram("doveadm")
	if err != nil {
		return "", err
	}
	out, err := exec.CommandContext(s.t.Context(), tool, append([]string{"-c", s.configFile()}, args...)...).CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("doveadm %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return string(out), nil
}

func (s *Server) cleanup() {
	s.Kill() // nobody needs what it would still write
	if s.t.Failed() {
		s.t.Logf("log of Dovecot:\n%s", s.Log())
	}
	if err := os.RemoveAll(s.dir); err != nil {
		s.t.Errorf("dovecot: %v", err)
	}
}

// host returns the address that the server listens on. Dovecot regards a client whose address
// equals its own as secure; 127.0.0.2 is one that Linux never chooses for a client.
func (s *Server) host() string {
	if s.config.DisablePlaintext {
		return "127.0.0.2"
	}
	return "127.0.0.1"
}

type ports struct{ plain, tls string }

// freePorts returns two ports that nobody listened on a moment ago.
func freePorts(ctx context.Context, host string) (ports, error) {
	var found [2]string
	for i := range found {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(host, "0"))
		if err != nil {
			return ports{}, err
		}
		defer func() { _ = l.Close() }() // both stay open until both are known
		if _, found[i], err = net.SplitHostPort(l.Addr().String()); err != nil {
			return ports{}, err
		}
	}
	return ports{plain: found[0], tls: found[1]}, nil
}
