package endtoend_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dandyroll/dandyroll/internal/dovecot"
	"github.com/dandyroll/dandyroll/internal/imapraw"
	"github.com/dandyroll/dandyroll/pass"
)

// program is mailmove as a user runs it: a process.
type program struct {
	t    *testing.T
	path string
	dir  string
	from string
	to   string
	env  []string
}

// mailmove returns the program, pointed at the two servers of a world.
func (w *world) mailmove() *program {
	w.t.Helper()
	return &program{
		t: w.t, path: mailmovePath(w.t), dir: w.t.TempDir(), from: plain(w.src), to: plain(w.dst),
		env: append(os.Environ(), "MAILMOVE_FROM_PASSWORD=secret", "MAILMOVE_TO_PASSWORD=secret"),
	}
}

func plain(s *dovecot.Server) string { return "imap+plain://ann@" + s.Addr() }

func (p *program) command(args ...string) *exec.Cmd {
	args = append(args, "-from", p.from, "-to", p.to, "-state", filepath.Join(p.dir, "state"), "-key", filepath.Join(p.dir, "key"))
	c := exec.CommandContext(p.t.Context(), p.path, args...)
	c.Env = p.env
	return c
}

// run runs the program to its end.
func (p *program) run(args ...string) (status int, report pass.Report, stderr string) {
	p.t.Helper()
	c := p.command(append(args, "-json")...)
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Run(); err != nil && c.ProcessState == nil {
		p.t.Fatalf("mailmove did not run: %v", err)
	}
	status = c.ProcessState.ExitCode()
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		p.t.Errorf("stdout is not one JSON report: %v\n%s%s", err, out.String(), errs.String())
	}
	if text := out.String() + errs.String(); strings.Contains(text, "secret") {
		p.t.Errorf("a password in the output: %s", text)
	}
	return status, report, errs.String()
}

// killAt starts the program and kills it when the destination holds n messages.
func (p *program) killAt(n int, client *imapraw.Client, folder string, args ...string) {
	p.t.Helper()
	c := p.command(append(args, "-json")...)
	if err := c.Start(); err != nil {
		p.t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { _ = c.Wait(); close(done) }()
	for count(client, folder) < n {
		select {
		case <-done:
			p.t.Fatalf("mailmove ended before there were %d messages", n)
		default:
		}
	}
	if err := c.Process.Kill(); err != nil {
		p.t.Fatal(err)
	}
	<-done
}

// count is the number of messages of a folder.
func count(c *imapraw.Client, folder string) int {
	for _, r := range c.Cmd("STATUS %s (MESSAGES)", imapraw.QuoteFolder(folder)) {
		if _, rest, found := strings.Cut(r.Text, "(MESSAGES "); found {
			n := 0
			for _, digit := range rest {
				if digit < '0' || digit > '9' {
					break
				}
				n = 10*n + int(digit-'0')
			}
			return n
		}
	}
	return -1
}

// TestKilled kills the program three times in the middle. What it left is completed, exactly.
func TestKilled(t *testing.T) {
	w := newWorld(t)
	appendMany(w.a, "INBOX", newCorpus(), 600)
	p := w.mailmove()
	for _, n := range []int{50, 200, 400} {
		p.killAt(n, w.b, "INBOX")
	}
	status, r, stderr := p.run()
	if status != 0 || !r.Complete || r.Totals.Listed != 600 || r.Totals.Migrated+r.Totals.Already != 600 {
		t.Errorf("status %d, %+v\n%s", status, r.Totals, stderr)
	}
	w.same("INBOX")
	if status, r, _ = p.run(); status != 0 || r.Totals.Already != 600 {
		t.Errorf("another pass: status %d, %+v", status, r.Totals)
	}
}

// TestFullMailbox stops when the destination is full, and goes on when there is room.
func TestFullMailbox(t *testing.T) {
	for _, test := range []struct {
		name   string
		quota  int64
		status int
	}{{"from the beginning", 1, 3}, {"on the way", 60_000, 4}} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.dst = dovecot.Start(t, dovecot.Config{Quota: test.quota, NoFsync: true})
			w.b = user(t, w.dst)
			appendMany(w.a, "INBOX", newCorpus(), 36)
			p := w.mailmove()
			status, r, stderr := p.run()
			if status != test.status || !strings.Contains(stderr, "full") || r.Complete {
				t.Errorf("status %d, want %d: %+v\n%s", status, test.status, r.Totals, stderr)
			}
			if have := count(w.b, "INBOX"); have != r.Totals.Migrated || r.Totals.Migrated+r.Totals.Deferred != r.Totals.Listed {
				t.Errorf("%d messages at the destination, report %+v", have, r.Totals)
			}
		})
	}
}

// TestReadOnlyFolder fails the items of that folder alone.
func TestReadOnlyFolder(t *testing.T) {
	w := newWorld(t)
	acls, err := os.MkdirTemp("", "acl") //nolint:usetesting // the server's user may not enter t.TempDir
	w.must(err)
	t.Cleanup(func() { _ = os.RemoveAll(acls) })
	w.must(os.Chmod(acls, 0o755))                                                    //nolint:gosec // readable for the server's user
	w.must(os.WriteFile(filepath.Join(acls, "Closed"), []byte("owner lr\n"), 0o644)) //nolint:gosec // readable for the server's user
	w.dst = dovecot.Start(t, dovecot.Config{NoFsync: true, ExtraConfig: "mail_plugins = $mail_plugins acl\nplugin {\n  acl = vfile:" + acls + "\n}\n"})
	w.b = user(t, w.dst)
	w.b.Create("Closed")
	fill(w.a, newCorpus(), 10, []string{"INBOX", "Closed"})
	status, r, stderr := w.mailmove().run()
	if status != 1 || r.Totals.Migrated != 5 || r.Totals.Failed != 5 || len(r.Failures) == 0 || r.Failures[0].Code != "denied" {
		t.Errorf("status %d, %+v\n%+v\n%s", status, r.Totals, r.Failures, stderr)
	}
}

// TestUnreachable names what is wrong, and writes nothing.
func TestUnreachable(t *testing.T) {
	w := newWorld(t)
	appendMany(w.a, "INBOX", newCorpus(), 2)
	p := w.mailmove()
	for _, test := range []struct{ name, to string }{
		{"unknown host", "imaps://ann@nowhere.invalid"},
		{"nobody listens", "imap+plain://ann@127.0.0.1:1"},
		{"no TLS there", "imaps://ann@" + w.dst.Addr()},
		{"unknown certificate", "imaps://ann@" + w.dst.TLSAddr()},
	} {
		t.Run(test.name, func(t *testing.T) {
			bad := *p
			bad.t, bad.to = t, test.to
			status, _, stderr := bad.run()
			if status != 3 || !strings.Contains(stderr, "destination") {
				t.Errorf("status %d: %s", status, stderr)
			}
			t.Log(stderr)
		})
	}
	bad := *p
	bad.env = append(os.Environ(), "MAILMOVE_FROM_PASSWORD=not-it", "MAILMOVE_TO_PASSWORD=secret")
	status, _, stderr := bad.run()
	if status != 3 || !strings.Contains(stderr, "source") || strings.Contains(stderr, "not-it") {
		t.Errorf("wrong password: status %d: %s", status, stderr)
	}
	t.Log(stderr)
}
