package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/internal/imapserve"
	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store/badgerstore"
	"github.com/dandyroll/dandyroll/watermark"
)

const (
	user     = "ann@work.example"
	password = "correct horse"
)

// world is two servers, and a user who runs the program.
type world struct {
	t           *testing.T
	old, fresh  *imapserve.Server
	dir         string
	environment map[string]string
	from, to    string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{
		t: t, old: startServer(t, nil), fresh: startServer(t, nil), dir: t.TempDir(),
		environment: map[string]string{"MAILMOVE_FROM_PASSWORD": password, "MAILMOVE_TO_PASSWORD": password},
	}
	w.from, w.to = address("imap+plain", w.old), address("imap+plain", w.fresh)
	w.deliver("INBOX", "one")
	w.deliver("Lists/go-dev", "two")
	w.deliver("Lists/go-dev/Old", "three")
	return w
}

func startServer(t *testing.T, config *tls.Config) *imapserve.Server {
	t.Helper()
	s, err := imapserve.Start(imapserve.Config{Username: user, Password: password, TLS: config})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func address(scheme string, s *imapserve.Server) string {
	return scheme + "://" + strings.ReplaceAll(user, "@", "%40") + "@" + s.Addr()
}

func (w *world) deliver(folder, subject string) {
	w.t.Helper()
	w.deliverAt(time.Now(), folder, subject)
}

func (w *world) deliverAt(received time.Time, folder, subject string) {
	w.t.Helper()
	if err := w.old.CreateFolder(w.t.Context(), folder); err != nil {
		w.t.Fatal(err)
	}
	text := "Subject: " + subject + "\r\nMessage-ID: <" + subject + "@mail.example>\r\n\r\nHello.\r\n"
	if err := w.old.Deliver(w.t.Context(), folder, imapserve.Message{Bytes: []byte(text), Received: received}); err != nil {
		w.t.Fatal(err)
	}
}

// userDeletes deletes at the new server all that contains a text.
func (w *world) userDeletes(folder, text string) {
	w.t.Helper()
	if n, err := w.fresh.Delete(w.t.Context(), folder, imapserve.Containing(text)); err != nil || n == 0 {
		w.t.Fatalf("deleted %d messages: %v", n, err)
	}
}

// count returns how many messages a folder of the new server has.
func (w *world) count(folder string) int {
	w.t.Helper()
	found, err := w.fresh.Messages(w.t.Context(), folder)
	if err != nil {
		w.t.Fatal(err)
	}
	return len(found)
}

// mailmove runs the program, adding the arguments that every run of the verb needs, and makes sure
// that it prints no secret.
func (w *world) mailmove(ctx context.Context, args ...string) (status int, stdout, stderr string) {
	w.t.Helper()
	args = append(args, "-key", filepath.Join(w.dir, "key"))
	if args[0] != verbStatus && args[0] != verbReset {
		args = append(args, "-from", w.from, "-to", w.to)
	}
	if args[0] != verbCheck {
		args = append(args, "-state", filepath.Join(w.dir, "state"))
	}
	var out, errs bytes.Buffer
	getenv := func(name string) string { return w.environment[name] }
	status = newProgram(getenv, &out, &errs).run(ctx, args)
	for _, secret := range []string{user, strings.ReplaceAll(user, "@", "%40"), password} {
		if strings.Contains(out.String()+errs.String(), secret) {
			w.t.Errorf("output of %s shows %q", args[0], secret)
		}
	}
	return status, out.String(), errs.String()
}

// expect runs the program and wants a status.
func (w *world) expect(want int, args ...string) (stdout, stderr string) {
	w.t.Helper()
	status, stdout, stderr := w.mailmove(w.t.Context(), args...)
	if status != want {
		w.t.Fatalf("%s: status %d, want %d\n%s%s", args[0], status, want, stdout, stderr)
	}
	return stdout, stderr
}

// report runs the program with -json and returns the one document that it prints.
func (w *world) report(want int, args ...string) (report pass.Report) {
	w.t.Helper()
	stdout, _ := w.expect(want, append(args, "-json")...)
	decodeOnly(w.t, stdout, &report)
	if report.Folders == nil || report.Failures == nil || report.Started.IsZero() || report.Pair == "" {
		w.t.Errorf("report lacks something: %s", stdout)
	}
	return report
}

func decodeOnly(t *testing.T, stdout string, document any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(stdout))
	if err := d.Decode(document); err != nil {
		t.Fatalf("%v in %q", err, stdout)
	}
	if _, err := d.Token(); err != io.EOF {
		t.Fatalf("more than one document in %q", stdout)
	}
}

func TestRunMovesWhatIsNew(t *testing.T) {
	w := newWorld(t)
	if r := w.report(complete, "run"); r.Totals.Migrated != 3 || !r.Complete || r.Kind != "full" || len(r.Folders) != 4 {
		t.Errorf("first run: %+v", r)
	}
	if r := w.report(complete, "run"); r.Totals.Already != 3 || r.Totals.Migrated != 0 || r.Kind != "delta" {
		t.Errorf("second run: %+v", r.Totals)
	}
	w.deliver("INBOX", "four")
	stdout, stderr := w.expect(complete, "run")
	if !strings.Contains(stdout, "1  migrated") || !strings.Contains(stderr, "INBOX: 1 migrated, 1 already there") {
		t.Errorf("third run:\n%s%s", stdout, stderr)
	}
	if w.count("INBOX") != 2 || w.count("Lists/go-dev/Old") != 1 {
		t.Errorf("INBOX has %d messages, Old %d", w.count("INBOX"), w.count("Lists/go-dev/Old"))
	}
}

func TestRunSelects(t *testing.T) {
	w := newWorld(t)
	r := w.report(complete, "run", "-include", "Lists/*-dev", "-exclude", "**/Old")
	if r.Totals.Migrated != 1 || r.Totals.Filtered != 2 {
		t.Errorf("totals = %+v", r.Totals)
	}
	_, stderr := w.expect(refused, "run", "-exclude", "Drafts", "-role", "archive")
	for _, want := range []string{`-exclude: "Drafts" names no folder`, `-role: no folder of the source has the role "archive"`} {
		if !strings.Contains(stderr, want) {
			t.Errorf("no %q in %s", want, stderr)
		}
	}
	if r := w.report(complete, "run", "-role", "inbox"); r.Totals.Migrated != 1 || r.Totals.Filtered != 2 {
		t.Errorf("role: %+v", r.Totals)
	}
	if r := w.report(complete, "run", "-not-role", "inbox", "-plan"); r.Totals.Migrated != 1 || !r.DryRun {
		t.Errorf("not role: %+v", r.Totals)
	}
	if r := w.report(complete, "run", "-before", "2001-01-01"); r.Totals.Filtered != 3 {
		t.Errorf("before 2001: %+v", r.Totals)
	}
}

func TestPlanAndCheckWriteNothing(t *testing.T) {
	w := newWorld(t)
	if r := w.report(complete, "plan"); r.Totals.Migrated != 3 || !r.DryRun {
		t.Errorf("plan: %+v", r)
	}
	var document preflightDocument
	stdout, _ := w.expect(complete, "check", "-json")
	decodeOnly(t, stdout, &document)
	if len(document.Folders) != 4 {
		t.Errorf("check: %+v", document)
	}
	if stdout, _ := w.expect(complete, "check", "-include", "INBOX"); !strings.Contains(stdout, "INBOX") || strings.Contains(stdout, "Lists") {
		t.Errorf("check: %s", stdout)
	}
	folders, err := w.fresh.Folders(t.Context())
	if err != nil || len(folders) != 1 || w.count("INBOX") != 0 {
		t.Errorf("destination has %q and %d messages, %v", folders, w.count("INBOX"), err)
	}
}

func TestStatus(t *testing.T) {
	w := newWorld(t)
	w.expect(refused, "status") // and makes no database
	if _, err := os.Stat(filepath.Join(w.dir, "state")); err == nil {
		t.Error("status made a database")
	}
	w.expect(complete, "run", "-pair", "ann")
	var list []pairStatus
	stdout, _ := w.expect(complete, "status", "-json")
	decodeOnly(t, stdout, &list)
	if len(list) != 1 || list[0].Pair != "ann" || list[0].Records["settled"] != 3 || len(list[0].Passes) != 1 {
		t.Errorf("status: %+v", list)
	}
	if stdout, _ := w.expect(complete, "status", "-pair", "ann"); !strings.Contains(stdout, "3 settled") {
		t.Errorf("status: %s", stdout)
	}
	w.expect(refused, "status", "-pair", "bob")
}

// TestRefused has reasons for which a run ends before anything is written.
func TestRefused(t *testing.T) {
	for _, test := range []struct {
		name    string
		prepare func(*world)
		want    string // in the error
	}{
		{"wrong password", func(w *world) { w.environment["MAILMOVE_TO_PASSWORD"] = "wrong" }, "destination: "},
		{"certificate", func(w *world) {
			server := httptest.NewTLSServer(nil)
			w.t.Cleanup(server.Close)
			w.to = address("imaps", startServer(w.t, server.TLS))
		}, "-ca"},
		{"same mailbox", func(w *world) { w.to = w.from }, "same mailbox"},
		{"locked database", func(w *world) {
			key, err := watermark.LoadOrCreateKey(filepath.Join(w.dir, "key"))
			if err != nil {
				w.t.Fatal(err)
			}
			db, err := badgerstore.Open(filepath.Join(w.dir, "state"), &badgerstore.Options{Key: key})
			if err != nil {
				w.t.Fatal(err)
			}
			w.t.Cleanup(func() { _ = db.Close() })
		}, "in use"},
		{"no key", func(w *world) {
			if err := os.WriteFile(filepath.Join(w.dir, "key"), []byte("something else"), 0o600); err != nil {
				w.t.Fatal(err)
			}
		}, "-key"},
		{"marks of another key", func(w *world) {
			w.expect(complete, "run")
			if err := os.RemoveAll(w.dir); err != nil {
				w.t.Fatal(err)
			}
			if err := os.Mkdir(w.dir, 0o700); err != nil {
				w.t.Fatal(err)
			}
		}, "-accept-foreign-marks"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			test.prepare(w)
			before := w.count("INBOX")
			status, stdout, stderr := w.mailmove(t.Context(), "run", "-json")
			if status != refused || !strings.Contains(stderr, test.want) {
				t.Errorf("status %d, want %d and %q in:\n%s", status, refused, test.want, stderr)
			}
			var report pass.Report
			decodeOnly(t, stdout, &report)
			if report.Complete || w.count("INBOX") != before {
				t.Errorf("complete: %v; INBOX has %d messages, had %d", report.Complete, w.count("INBOX"), before)
			}
		})
	}
}

func TestDamagedDatabase(t *testing.T) {
	w := newWorld(t)
	w.expect(complete, "run")
	if err := os.Remove(filepath.Join(w.dir, "state", "seal")); err != nil {
		t.Fatal(err)
	}
	if _, stderr := w.expect(refused, "run"); !strings.Contains(stderr, "-discard-damaged") {
		t.Errorf("no advice in: %s", stderr)
	}
	if r := w.report(complete, "run", "-discard-damaged"); r.Totals.Healed != 3 || r.Totals.Migrated != 0 {
		t.Errorf("totals = %+v", r.Totals)
	}
}

func TestCertificateOfTheUsersOwn(t *testing.T) {
	w := newWorld(t)
	server := httptest.NewTLSServer(nil)
	t.Cleanup(server.Close)
	w.to = address("imaps", startServer(t, server.TLS))
	file := filepath.Join(w.dir, "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(file, block, 0o600); err != nil {
		t.Fatal(err)
	}
	if r := w.report(complete, "run", "-ca", file); r.Totals.Migrated != 3 {
		t.Errorf("totals = %+v", r.Totals)
	}
}

func TestInterrupted(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if status, _, stderr := w.mailmove(ctx, "run"); status != interrupted {
		t.Errorf("status %d, want %d: %s", status, interrupted, stderr)
	}
}

func TestUsage(t *testing.T) {
	var out, errs bytes.Buffer
	p := newProgram(os.Getenv, &out, &errs)
	if status := p.run(t.Context(), []string{"fly"}); status != badUsage || out.Len() > 0 || !strings.Contains(errs.String(), "-help") {
		t.Errorf("status %d, stdout %q, stderr %q", status, out.String(), errs.String())
	}
	if status := p.run(t.Context(), []string{"-help"}); status != complete || out.String() != help {
		t.Errorf("help: status %d, %q", status, out.String())
	}
}
