package endtoend_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/dandyroll/dandyroll/internal/dovecot"
	"github.com/dandyroll/dandyroll/internal/imapraw"
)

// What must appear in no log, error, report or file. Each is found nowhere else.
const (
	plantedUser     = "planted.user@planted-address.example"
	plantedPassword = "Pl4nted-Passw0rd"
	plantedWrong    = "Wr0ng-planted-pass"
	plantedToken    = "pl4nted.oauth.t0ken"
	plantedSender   = "planted.sender@somewhere.example"
	plantedSubject  = "Planted subject of a message"
	plantedID       = "planted-message-id@somewhere.example"
	plantedBody     = "planted text of a body"
	plantedFolder   = "Planted folder"  // reports may name it, logs and the database may not
	plantedPair     = "planted-pair-id" // likewise
)

// planted returns all of them that nothing may show.
func planted() []string {
	return []string{
		plantedUser, "planted.user%40", "planted.user", "planted-address", plantedPassword, plantedWrong, plantedToken,
		plantedSender, plantedSubject, plantedID, plantedBody,
	}
}

// leaks returns what of the planted stands in text, plainly or in base64.
func leaks(text []byte, more ...string) (found []string) {
	lower := bytes.ToLower(text)
	for _, secret := range append(planted(), more...) {
		for i := range 3 { // wherever in a group of three bytes it begins
			encoded := base64.StdEncoding.EncodeToString([]byte("xxx"[:i] + secret))
			if inner := encoded[4 : len(encoded)-4]; bytes.Contains(text, []byte(inner)) {
				found = append(found, "base64 of "+secret)
			}
		}
		if bytes.Contains(lower, []byte(strings.ToLower(secret))) {
			found = append(found, secret)
		}
	}
	return found
}

// logBook collects a log.
type logBook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write adds to the log.
func (b *logBook) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// logger returns a logger that leaves nothing out.
func (b *logBook) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug - 8}))
}

// leaks returns what the log gives away.
func (b *logBook) leaks() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return leaks(b.text.Bytes(), plantedFolder, plantedPair)
}

// plantedMessage is a message full of what must not be seen.
func plantedMessage(n string) []byte {
	return []byte("From: " + plantedSender + "\r\nTo: " + plantedUser + "\r\nSubject: " + plantedSubject + " " + n +
		"\r\nMessage-ID: <" + n + "." + plantedID + ">\r\n\r\n" + plantedBody + " " + n + "\r\n")
}

// leakWorld is a user of mailmove with much to hide.
type leakWorld struct {
	*program
	a, b *imapraw.Client
}

// TestNothingLeaks runs every verb of mailmove, to success and to failure, for a user with a
// distinctive password, token, address, folder and mail. None of it is printed, and none of it, nor
// the names of folders and the pair, stands in any file of the state directory.
func TestNothingLeaks(t *testing.T) {
	for _, text := range [][]byte{plantedMessage("1"), []byte(base64.StdEncoding.EncodeToString([]byte("\x00" + plantedUser + "\x00" + plantedPassword)))} {
		if len(leaks(text)) == 0 {
			t.Fatal("the test does not see what leaks")
		}
	}
	users := []dovecot.User{{Name: plantedUser, Password: plantedPassword}}
	src := dovecot.Start(t, dovecot.Config{Users: users, NoFsync: true})
	dst := dovecot.Start(t, dovecot.Config{Users: users, NoFsync: true, Quota: 60_000})
	w := leakWorld{a: imapraw.Dial(t, src.Addr()), b: imapraw.Dial(t, dst.Addr())}
	w.a.Login(plantedUser, plantedPassword)
	w.b.Login(plantedUser, plantedPassword)
	w.a.Create(plantedFolder)
	for _, n := range []string{"1", "2", "3", "4", "5"} {
		w.a.Append("INBOX", nil, "", plantedMessage(n))
		w.a.Append(plantedFolder, nil, "", plantedMessage(n+"b"))
	}
	address := func(s *dovecot.Server) string {
		return "imap+plain://" + strings.ReplaceAll(plantedUser, "@", "%40") + "@" + s.Addr()
	}
	w.program = &program{t: t, path: mailmovePath(t), dir: t.TempDir(), from: address(src), to: address(dst)}
	w.secrets("MAILMOVE_FROM_PASSWORD="+plantedPassword, "MAILMOVE_TO_PASSWORD="+plantedPassword)

	w.succeeds()
	w.fails(dst)
}

func (w *leakWorld) secrets(environment ...string) {
	w.env = append(os.Environ(), environment...)
}

// expect runs mailmove and wants a status.
func (w *leakWorld) expect(want int, args ...string) {
	w.t.Helper()
	cmd := w.command(append(args, "-pair", plantedPair)...)
	if args[0] == "reset" || args[0] == "status" {
		cmd.Args = slices.DeleteFunc(cmd.Args, func(a string) bool { return a == "-from" || a == "-to" || a == w.from || a == w.to })
	}
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		w.t.Fatal(err)
	}
	if status := cmd.ProcessState.ExitCode(); status != want {
		w.t.Errorf("%v: status %d, want %d\n%s", args, status, want, out)
	}
	if found := leaks(out); len(found) > 0 {
		w.t.Errorf("%v prints %q:\n%s", args, found, out)
	}
	w.search()
}

// search looks into every file.
func (w *leakWorld) search() {
	w.t.Helper()
	err := filepath.WalkDir(w.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if found := leaks(append(text, path...), plantedFolder, plantedPair); len(found) > 0 {
			w.t.Errorf("%s holds %q", filepath.Base(path), found)
		}
		return err
	})
	if err != nil {
		w.t.Error(err)
	}
}

// succeeds has everything go well.
func (w *leakWorld) succeeds() {
	w.t.Helper()
	for _, args := range [][]string{
		{"check"},
		{"check", "-json"},
		{"plan"},
		{"plan", "-json"},
		{"run", "-json"},
		{"run"},
		{"run", "-full-scan"},
		{"status"},
		{"status", "-json"},
		{"reset", "-dry", "-json"},
		{"reset", "-include", plantedFolder},
		{"run", "-json"},
	} {
		w.expect(0, args...)
	}
}

// fails has everything go wrong.
func (w *leakWorld) fails(dst *dovecot.Server) {
	w.t.Helper()
	w.a.Append("INBOX", nil, "", append(plantedMessage("large"), bytes.Repeat([]byte(plantedBody+"\r\n"), 4000)...))
	w.expect(3, "run") // the mailbox is full
	w.expect(3, "run", "-json")

	good := *w.program
	for _, environment := range [][]string{
		{"MAILMOVE_FROM_PASSWORD=" + plantedPassword, "MAILMOVE_TO_PASSWORD=" + plantedWrong},
		{"MAILMOVE_FROM_PASSWORD=" + plantedWrong, "MAILMOVE_TO_PASSWORD=" + plantedPassword},
		{"MAILMOVE_FROM_TOKEN=" + plantedToken, "MAILMOVE_TO_PASSWORD=" + plantedPassword},
	} {
		w.secrets(environment...)
		w.expect(3, "run")
		w.expect(3, "check", "-json")
	}
	w.secrets("MAILMOVE_FROM_TOKEN="+plantedToken, "MAILMOVE_FROM_PASSWORD="+plantedPassword, "MAILMOVE_TO_PASSWORD="+plantedPassword)
	w.expect(2, "run")
	w.env = good.env
	for _, to := range []string{
		"imap+plain://u:" + plantedPassword + "@" + dst.Addr(),
		"gopher://" + plantedUser + "@" + dst.Addr(), "imap+plain://planted.user%40x@" + dst.Addr() + "/" + plantedPassword,
	} {
		w.to = to
		w.expect(2, "run")
	}
	for _, to := range []string{
		"imaps://" + plantedUser + "@" + dst.Addr(), strings.Replace(good.to, "imap+plain", "imap", 1),
		"imap+plain://planted.user%40planted-address.example@planted-address.example.invalid",
		"imap+plain://planted.user%40planted-address.example@127.0.0.1:1",
	} {
		w.to = to
		w.expect(3, "run")
	}
	w.to = good.to
	w.damaged()
}

// damaged garbles the database, and looks at what is left when mailmove is killed.
func (w *leakWorld) damaged() {
	w.t.Helper()
	if err := os.Remove(filepath.Join(w.dir, "state", "seal")); err != nil {
		w.t.Fatal(err)
	}
	w.expect(3, "run")
	w.expect(3, "status", "-json")
	w.a.Expunge("INBOX", w.a.Messages("INBOX")[5].UID) // the large one
	w.expect(0, "run", "-discard-damaged")
	for _, n := range []string{"6", "7", "8"} {
		w.a.Append("INBOX", nil, "", plantedMessage(n))
	}
	had := count(w.b, "INBOX")
	w.killAt(had+1, w.b, "INBOX", "-pair", plantedPair)
	w.search()
}

// reportLeaks returns what an error and a report give away.
func reportLeaks(err error, report any) []string {
	text, jsonErr := json.Marshal(report)
	if jsonErr != nil {
		return []string{jsonErr.Error()}
	}
	if err != nil {
		text = append(text, err.Error()...)
	}
	return leaks(text)
}
