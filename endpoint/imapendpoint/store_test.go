package imapendpoint

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/internal/dovecot"
	"github.com/dandyroll/dandyroll/internal/imapraw"
	"github.com/dandyroll/dandyroll/internal/imapscript"
)

// flagsIn returns the flags of a folder's messages as another client sees them.
func flagsIn(raw *imapraw.Client, folder string) string {
	var list []string
	for _, m := range raw.Messages(folder) {
		list = append(list, fmt.Sprintf("%d%s", m.UID, m.Flags))
	}
	return strings.Join(list, " ")
}

// flagsSeen returns the flags of messages as the driver tells them.
func flagsSeen(t *testing.T, m *endpoint.Mailbox, f endpoint.Folder, refs []string) string {
	t.Helper()
	var list []string
	for _, g := range all(t, m.Flags(t.Context(), f, refs)) {
		list = append(list, fmt.Sprintf("%s%s", g.Ref, g.Flags))
	}
	return strings.Join(list, " ")
}

func flagList(names ...string) []endpoint.Flag {
	var list []endpoint.Flag
	for _, n := range names {
		list = append(list, endpoint.Flag(n))
	}
	return list
}

// TestFlags tells the flags of some messages and of all, and changes none.
func TestFlags(t *testing.T) {
	m, raw := openDovecot(t, dovecot.Config{})
	for i, flags := range [][]string{nil, {`\Seen`, "$Forwarded"}, {`\Deleted`}, {`\Flagged`, `\Draft`, `\Answered`}} {
		raw.Append("INBOX", flags, "", []byte(message(i)))
	}
	raw.Expunge("INBOX", 1)
	f := folder(t, m, "INBOX")
	const want = `2[$Forwarded \Seen] 3[\Deleted] 4[\Answered \Draft \Flagged]`
	if got := flagsSeen(t, m, f, nil); got != want {
		t.Errorf("flags of all: %s, want %s", got, want)
	}
	if got := flagsSeen(t, m, f, []string{"4", "1", "3", "4", "77"}); got != `3[\Deleted] 4[\Answered \Draft \Flagged]` {
		t.Errorf("flags of three: %s", got)
	}
	if got := flagsSeen(t, m, f, []string{}); got != "" {
		t.Errorf("flags of none: %s", got)
	}
	if err := failure(m.Flags(t.Context(), f, []string{"2 (FLAGS)"})); !errors.Is(err, endpoint.ErrInvalid) {
		t.Errorf("a reference that is no UID: %v", err)
	}
	f.Validity = "1"
	if err := failure(m.Flags(t.Context(), f, nil)); !errors.Is(err, endpoint.ErrStale) {
		t.Errorf("another validity: %v", err)
	}
}

// TestFlagsOfPoisonousMessages loses the flags of the message that breaks every answer, and says so.
func TestFlagsOfPoisonousMessages(t *testing.T) {
	for _, answer := range []string{"DROP", `UID 5 FLAGS \Seen {}`, "UID 5", "UID 5 FLAGS (DROP"} {
		t.Run(answer, func(t *testing.T) {
			noLeaks(t)
			model := modelOf(40)
			model.Hook = fetchHook(func(cmd imapscript.Command, uid uint32) string {
				if uid == 5 {
					return answer
				}
				return respond(cmd, uid)
			})
			m := openScript(t, model)
			n := 0
			var end error
			for g, err := range m.Flags(t.Context(), folder(t, m, "INBOX"), nil) {
				if end = err; err != nil {
					break
				}
				if n++; g.Ref == "5" || !slices.Equal(g.Flags, flagList(`\Seen`)) {
					t.Errorf("flags %+v", g)
				}
			}
			if n != 39 || !errors.Is(end, endpoint.ErrDamaged) {
				t.Errorf("flags of %d messages and error %v, want 39 and Damaged", n, end)
			}
		})
	}
}

// TestSetFlags adds and removes what is named and nothing else, whatever the flags are.
func TestSetFlags(t *testing.T) {
	m, raw := openDovecot(t, dovecot.Config{})
	for i := range 6 {
		raw.Append("INBOX", []string{`\Flagged`, "$Old"}, "", []byte(message(i)))
	}
	raw.Expunge("INBOX", 5)
	f := folder(t, m, "INBOX")
	hostile := flagList(`\Recent`, `\Unknown`, `\*`, "", " ", "a b", "x) EXPUNGE", "x\r\nA1 DELETE INBOX", "{5}", "{5+}\r\n", `"q"`,
		"ü", "\x00", "]", "%", strings.Repeat("k", 2000))
	changes := []endpoint.FlagChange{
		{Ref: "1", Add: flagList(`\seen`, "$New"), Remove: flagList("$Old")},
		{Ref: "2", Remove: flagList(`\FLAGGED`)},
		{Ref: "3", Add: hostile, Remove: hostile},
		{Ref: "4", Add: append(hostile, endpoint.Answered), Remove: append(hostile, endpoint.Draft)},
		{Ref: "5", Add: flagList(`\Seen`)},
		{Ref: "6", Add: flagList(`\Seen`, "$Both"), Remove: flagList(`\Seen`, "$Both")},
		{Ref: "6 +FLAGS (x)", Add: flagList(`\Seen`)},
	}
	wantOutcomes(t, m.SetFlags(t.Context(), f, changes), "1:ok 2:ok 3:ok 4:ok 5:not-found 6 +FLAGS (x):invalid 6:ok")
	const want = `1[$New \Flagged \Seen] 2[$Old] 3[$Old \Flagged] 4[$Old \Answered \Flagged] 6[$Both $Old \Flagged \Seen]`
	if got := flagsIn(raw, "INBOX"); got != want {
		t.Errorf("flags are %s, want %s", got, want)
	}
	twice := []endpoint.FlagChange{{Ref: "1", Remove: flagList(`\Seen`)}, {Ref: "1", Remove: flagList("$New")}}
	if _, err := outcomes(m.SetFlags(t.Context(), f, twice)); !errors.Is(err, endpoint.ErrInvalid) {
		t.Errorf("two changes for one message: %v", err)
	}
	if got := flagsIn(raw, "INBOX"); got != want {
		t.Errorf("after a refusal, flags are %s, want %s", got, want)
	}
}

// TestSetFlagsManyKeywords finds the limit that Dovecot has on the length of a keyword, which it
// tells nowhere.
func TestSetFlagsManyKeywords(t *testing.T) {
	m, raw := openDovecot(t, dovecot.Config{ExtraConfig: "mail_max_keyword_length = 10\n"})
	raw.Append("INBOX", nil, "", []byte(message(1)))
	f := folder(t, m, "INBOX")
	changes := []endpoint.FlagChange{{Ref: "1", Add: flagList("short", strings.Repeat("l", 20), `\Seen`)}}
	wantOutcomes(t, m.SetFlags(t.Context(), f, changes), "1:ok")
	if got := flagsIn(raw, "INBOX"); got != `1[\Seen short]` {
		t.Errorf("flags are %s", got)
	}
}

// TestFlagStates changes the State of a folder with a flag, through the driver or another client.
func TestFlagStates(t *testing.T) {
	for _, format := range []string{"maildir", "sdbox", "mdbox"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			m, raw := openDovecot(t, dovecot.Config{Format: format})
			caps, err := m.Capabilities(t.Context())
			if err != nil || !caps.FlagStates {
				t.Fatalf("capabilities %+v, %v", caps, err)
			}
			raw.Append("INBOX", nil, "", []byte(message(1)))
			states := []string{folder(t, m, "INBOX").State}
			look := func(what string) {
				t.Helper()
				f := folder(t, m, "INBOX")
				if slices.Contains(states, f.State) {
					t.Errorf("%s left the state at %q", what, f.State)
				}
				if again := folder(t, m, "INBOX").State; again != f.State {
					t.Errorf("the state went from %q to %q by itself", f.State, again)
				}
				if items := all(t, m.List(t.Context(), f, f.State)); len(items) > 0 {
					t.Errorf("since the state, there is %+v", items)
				}
				states = append(states, f.State)
			}
			raw.StoreFlags("INBOX", 1, "+FLAGS", `\Seen`)
			look("a flag")
			raw.StoreFlags("INBOX", 1, "+FLAGS", "$Keyword")
			look("a keyword")
			raw.StoreFlags("INBOX", 1, "-FLAGS", `\Seen`)
			look("a flag less")
			f := folder(t, m, "INBOX")
			wantOutcomes(t, m.SetFlags(t.Context(), f, []endpoint.FlagChange{{Ref: "1", Add: flagList(`\Flagged`)}}), "1:ok")
			look("SetFlags")
		})
	}
	m, _ := openDovecot(t, dovecot.Config{}, "CONDSTORE", "QRESYNC")
	if caps, err := m.Capabilities(t.Context()); err != nil || caps.FlagStates {
		t.Errorf("without CONDSTORE: capabilities %+v, %v", caps, err)
	}
}

// TestNoStateWithoutModSequences gives no State to a folder that has no mod-sequences on a server
// that has them (RFC 7162 section 3.1.2.2): it would stay equal while flags change.
func TestNoStateWithoutModSequences(t *testing.T) {
	for capabilities, want := range map[string]string{"IMAP4rev1": "1 1 2 1 -", "IMAP4rev1 CONDSTORE": ""} {
		model := modelOf(1)
		model.Capabilities = capabilities
		m := openScript(t, model)
		if f := folder(t, m, "INBOX"); f.State != want || f.Items != 1 || f.Validity != "1" {
			t.Errorf("with %s: %+v, want state %q", capabilities, f, want)
		}
	}
}

// storeLog notes the UID STORE commands of a model that obeys them.
type storeLog struct {
	mu   sync.Mutex
	list []string
}

func (l *storeLog) note(cmd imapscript.Command) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if cmd.Name == "UID STORE" {
		l.list = append(l.list, cmd.Args)
	}
}

func (l *storeLog) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.list, "; ")
}

// TestStoreCommands looks at what is sent: one command for all messages that change alike, and
// nothing for those of which nothing is left to do.
func TestStoreCommands(t *testing.T) {
	var log storeLog
	model := modelOf(9)
	changing(model, func(_ *imapscript.Conn, cmd imapscript.Command) bool {
		log.note(cmd)
		return false
	})
	m := openScript(t, model)
	changes := []endpoint.FlagChange{{Ref: "9", Add: flagList(`\Recent`)}, {Ref: "8"}}
	for i := range 7 {
		c := endpoint.FlagChange{Ref: refOf(uint32(i + 1)), Add: flagList(`\Seen`, "b")}
		if i == 3 {
			c = endpoint.FlagChange{Ref: "4", Remove: flagList(`\Draft`)}
		}
		changes = append(changes, c)
	}
	wantOutcomes(t, m.SetFlags(t.Context(), folder(t, m, "INBOX"), changes), "1:ok 2:ok 3:ok 4:ok 5:ok 6:ok 7:ok 8:ok 9:ok")
	const want = `1:3,5:7 +FLAGS.SILENT (\Seen b); 4 -FLAGS.SILENT (\Draft)`
	if got := log.text(); got != want {
		t.Errorf("sent %s, want %s", got, want)
	}
}

// TestSetFlagsOnBrokenServers gets refusals for one message, for a keyword, and for all, and loses a
// connection.
func TestSetFlagsOnBrokenServers(t *testing.T) {
	refuse := func(words ...string) func(*imapscript.Conn, imapscript.Command) bool {
		return func(c *imapscript.Conn, cmd imapscript.Command) bool {
			if cmd.Name != "UID STORE" || !slices.ContainsFunc(words, func(w string) bool { return strings.Contains(cmd.Args, w) }) {
				return false
			}
			c.Reply(cmd, "NO cannot")
			return true
		}
	}
	for name, c := range map[string]struct {
		broken  func(*imapscript.Conn, imapscript.Command) bool
		results string
		code    endpoint.Code
		flags   string // of messages 1 to 3 afterwards
	}{
		"a keyword": {refuse("b"), "1:ok 2:ok 3:ok", endpoint.Unknown, `+FLAGS.SILENT (\Seen)|+FLAGS.SILENT (\Seen)|+FLAGS.SILENT (\Seen)`},
		"a message": {refuse("2 ", "1:2", "1:3", "2:3"), "1:ok 2:rejected 3:ok", endpoint.Unknown, `+FLAGS.SILENT (\Seen b)||+FLAGS.SILENT (\Seen b)`},
		"all":       {refuse(""), "1:rejected 2:rejected 3:rejected", endpoint.Unknown, "||"},
		"a right": {func(c *imapscript.Conn, cmd imapscript.Command) bool {
			if cmd.Name == "UID STORE" {
				c.Reply(cmd, "NO [NOPERM] no")
			}
			return cmd.Name == "UID STORE"
		}, "", endpoint.Denied, "||"},
		"the connection": {func(c *imapscript.Conn, cmd imapscript.Command) bool {
			if cmd.Name == "UID STORE" {
				c.Drop()
			}
			return cmd.Name == "UID STORE"
		}, "", endpoint.Unavailable, "||"},
		"the right to write": {func(c *imapscript.Conn, cmd imapscript.Command) bool {
			if cmd.Name == "SELECT" {
				c.Send("* 3 EXISTS", "* OK [UIDVALIDITY 1] valid")
				c.Reply(cmd, "OK [READ-ONLY] done")
			}
			return cmd.Name == "SELECT"
		}, "", endpoint.Denied, "||"},
	} {
		t.Run(name, func(t *testing.T) {
			noLeaks(t)
			model := modelOf(3)
			changing(model, c.broken)
			m := openScript(t, model)
			var changes []endpoint.FlagChange
			for i := range 3 {
				changes = append(changes, endpoint.FlagChange{Ref: refOf(uint32(i + 1)), Add: flagList(`\Seen`, "b")})
			}
			got, err := outcomes(m.SetFlags(t.Context(), folder(t, m, "INBOX"), changes))
			if got != c.results || endpoint.CodeOf(err) != c.code {
				t.Errorf("results %q and error %v, want %q and %v", got, err, c.results, c.code)
			}
			var flags []string
			for _, msg := range model.Folder("INBOX").Messages {
				flags = append(flags, strings.TrimSpace(msg.Flags))
			}
			if got := strings.Join(flags, "|"); got != c.flags {
				t.Errorf("flags are %q, want %q", got, c.flags)
			}
		})
	}
}
