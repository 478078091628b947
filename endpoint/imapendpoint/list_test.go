package imapendpoint

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/internal/dovecot"
	"github.com/dandyroll/dandyroll/internal/imapraw"
	"github.com/dandyroll/dandyroll/internal/imapscript"
)

func TestListOnDovecot(t *testing.T) {
	for _, hide := range [][]string{nil, {"ESEARCH"}} {
		m, raw := openDovecot(t, dovecot.Config{Format: "sdbox"}, hide...)
		raw.Append("INBOX", nil, "04-Mar-2003 05:06:07 +0100", []byte(message(1)))
		raw.Append("INBOX", nil, "", []byte(message(2)))
		raw.Append("INBOX", nil, "", []byte(message(2))) // a twin
		raw.Append("INBOX", nil, "", []byte(stamped(1, message(3))))
		raw.Append("INBOX", nil, "", []byte("no header at all"))
		raw.Expunge("INBOX", 2)

		f := folder(t, m, "INBOX")
		items := all(t, m.List(t.Context(), f, ""))
		if got := refs(items); got != "1 3 4 5" {
			t.Fatalf("items %s, want 1 3 4 5", got)
		}
		first := items[0]
		want := time.Date(2003, time.March, 4, 4, 6, 7, 0, time.UTC)
		if !first.Received.Equal(want) || first.Size != int64(len(message(1))) || first.Kind != endpoint.Mail {
			t.Errorf("first item is %+v", first)
		}
		if marks := items[2].Marks; len(marks.Marks) != 1 || marks.Marks[0] != testMark(1) {
			t.Errorf("marks of the stamped item are %+v", marks)
		}
		for i, it := range items[:3] {
			if it.Identity != identity([]byte(message([]int{1, 2, 3}[i])), 0) {
				t.Errorf("item %s has not the identity of its message", it.Ref)
			}
		}
		if got := strings.Join(all(t, m.Refs(t.Context(), f)), " "); got != "1 3 4 5" {
			t.Errorf("references %s, want 1 3 4 5", got)
		}
	}
}

// TestListSince lists what came after a state, and nothing where nothing came.
func TestListSince(t *testing.T) {
	m, raw := openDovecot(t, dovecot.Config{})
	raw.Append("INBOX", nil, "", []byte(message(1)))
	f := folder(t, m, "INBOX")
	if items := all(t, m.List(t.Context(), f, f.State)); len(items) != 0 {
		t.Errorf("listed %s, and nothing came", refs(items))
	}
	raw.Append("INBOX", nil, "", []byte(message(2)))
	if items := all(t, m.List(t.Context(), f, f.State)); refs(items) != "2" {
		t.Errorf("listed %s, want 2", refs(items))
	}
	if items := all(t, m.List(t.Context(), f, "what?")); refs(items) != "1 2" {
		t.Errorf("listed %s since a state that is none, want 1 2", refs(items))
	}
}

// TestStale uses folders and states of another validity.
func TestStale(t *testing.T) {
	m, raw := openDovecot(t, dovecot.Config{})
	raw.Append("INBOX", nil, "", []byte(message(1)))
	f := folder(t, m, "INBOX")
	old := f
	old.Validity = "7"
	for name, err := range map[string]error{
		"List":              failure(m.List(t.Context(), old, "")),
		"Refs":              failure(m.Refs(t.Context(), old)),
		"Marks":             failure(m.Marks(t.Context(), old, "")),
		"Read":              failure(m.Read(t.Context(), old, []string{"1"}, endpoint.ReadOptions{})),
		"List since":        failure(m.List(t.Context(), f, "1 7 1 0 -")),
		"Marks since":       failure(m.Marks(t.Context(), f, "1 7 1 0 -")),
		"List from nowhere": failure(m.List(t.Context(), endpoint.Folder{ID: "nowhere"}, "")),
	} {
		want := endpoint.Stale
		if name == "List from nowhere" {
			want = endpoint.NotFound
		}
		if endpoint.CodeOf(err) != want {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
}

// TestSourceIsNotModified reads everything there is to be read, and compares what others see,
// \Recent included.
func TestSourceIsNotModified(t *testing.T) {
	srv := dovecot.Start(t, dovecot.Config{NoFsync: true})
	user := imapraw.Dial(t, srv.Addr())
	user.Login("ann", "secret")
	for i := range 5 {
		user.Append("INBOX", nil, "", []byte(message(i)))
	}
	user.StoreFlags("INBOX", 2, "FLAGS", `\Seen`, "$Label1", `\Deleted`)
	user.Close()
	raw := imapraw.Dial(t, srv.Addr())
	raw.Login("ann", "secret")
	raw.Append("INBOX", nil, "", []byte(message(6))) // \Recent, since nobody has it selected
	before := snapshot(raw)
	if !strings.Contains(before[0], "RECENT 1") {
		t.Fatalf("no message is recent: %s", before[0])
	}
	m := openAt(t, srv.Addr())

	f := folder(t, m, "INBOX")
	refs := all(t, m.Refs(t.Context(), f))
	all(t, m.List(t.Context(), f, ""))
	all(t, m.Marks(t.Context(), f, ""))
	if got := len(read(t, m, f, refs...)); got != 6 {
		t.Fatalf("%d bodies, want 6", got)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if after := snapshot(raw); !slices.Equal(before, after) {
		t.Errorf("INBOX was\n%q and is\n%q", before, after)
	}
}

// snapshot returns what STATUS and FETCH tell of INBOX.
func snapshot(raw *imapraw.Client) []string {
	var out []string
	for _, command := range []string{
		"STATUS INBOX (MESSAGES RECENT UNSEEN UIDNEXT UIDVALIDITY)",
		"EXAMINE INBOX", "UID FETCH 1:* (FLAGS MODSEQ INTERNALDATE)", "CLOSE",
	} {
		for _, r := range raw.Cmd("%s", command) {
			out = append(out, r.Text)
		}
	}
	return out
}

// TestListCostsCommandsPerPage counts the commands of a scan of many messages.
func TestListCostsCommandsPerPage(t *testing.T) {
	m, raw := openDovecot(t, dovecot.Config{Format: "sdbox"})
	const n = 500
	for i := range n {
		raw.Append("INBOX", nil, "", []byte(message(i)))
	}
	f := folder(t, m, "INBOX")
	cost := func(what string, most int64, use func()) {
		before := m.Wire().Commands
		use()
		if got := m.Wire().Commands - before; got > most {
			t.Errorf("%s of %d messages takes %d commands, want at most %d", what, n, got, most)
		}
	}
	cost("List", 3, func() {
		if got := len(all(t, m.List(t.Context(), f, ""))); got != n {
			t.Errorf("%d items, want %d", got, n)
		}
	})
	cost("Marks", 3, func() { all(t, m.Marks(t.Context(), f, "")) })
	cost("Refs", 2, func() { all(t, m.Refs(t.Context(), f)) })
	cost("List of nothing new", 3, func() { all(t, m.List(t.Context(), f, f.State)) })
	refs := all(t, m.Refs(t.Context(), f))
	cost("Outline", 3, func() { all(t, m.Outline(t.Context(), f, "")) })
	cost("the first Read", 5, func() { read(t, m, f, refs...) })
	cost("Read", 1+n/pageBodies+1, func() { read(t, m, f, refs...) })
}

// TestYieldingHoldsNoConnection calls a mailbox that may have one connection from within its own
// sequences, and leaves them early.
func TestYieldingHoldsNoConnection(t *testing.T) {
	model := &imapscript.Model{}
	for i := range 3 {
		model.Add("INBOX", message(i))
	}
	m, err := Open(t.Context(), Config{
		Addr: imapscript.Start(t, model.Serve).Addr, Security: Plaintext, Username: "ann", Password: "secret",
		Connections: 1, Timeout: 10 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = m.Close() }()
	for f, err := range m.Folders(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		for it, err := range m.List(t.Context(), f, "") {
			if err != nil {
				t.Fatal(err)
			}
			for b, err := range m.Read(t.Context(), f, []string{it.Ref}, endpoint.ReadOptions{}) {
				if err != nil || b.Err != nil {
					t.Fatal(err, b.Err)
				}
				if contentText(t, b.Content) == "" {
					t.Error("empty body")
				}
				break
			}
			if it.Ref == "2" {
				break
			}
		}
	}
}

func TestStateText(t *testing.T) {
	for _, tt := range []struct {
		state folderState
		want  string
	}{
		{folderState{validity: 7, uidNext: 8, messages: 9, modseq: 10}, "1 7 8 9 10"},
		{folderState{validity: 7, uidNext: 8}, "1 7 8 0 -"},
		{folderState{uidNext: 8}, ""},
		{folderState{validity: 7}, ""},
		{folderState{validity: 7, uidNext: 8, messages: -1}, ""},
	} {
		if got := tt.state.text(); got != tt.want {
			t.Errorf("%+v is %q, want %q", tt.state, got, tt.want)
		}
	}
	for since, want := range map[string]string{
		"1 7 8 0 -": "8 7", "": "1 0", "2 7 8 0 -": "1 0", "1 7 0 0 -": "1 0", "1 x 8 0 -": "1 0", "1 7 99999999999 0 -": "1 0", "1 7 8": "1 0",
	} {
		uid, validity := firstUID(since)
		if got := fmt.Sprint(uid, " ", validity); got != want {
			t.Errorf("firstUID(%q) = %s, want %s", since, got, want)
		}
	}
}
