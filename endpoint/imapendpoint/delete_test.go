package imapendpoint

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/internal/dovecot"
	"github.com/dandyroll/dandyroll/internal/imapraw"
	"github.com/dandyroll/dandyroll/internal/imapscript"
)

// outcomes returns results as text, such as "1:ok 7:not-found", sorted, and the error at their end.
func outcomes(seq func(yield func(endpoint.Result, error) bool)) (string, error) {
	var list []string
	for r, err := range seq {
		if err != nil {
			return strings.Join(list, " "), err
		}
		what := "ok"
		if r.Err != nil {
			what = endpoint.CodeOf(r.Err).String()
		}
		list = append(list, r.Ref+":"+what)
	}
	slices.Sort(list)
	return strings.Join(list, " "), nil
}

func wantOutcomes(t *testing.T, seq func(yield func(endpoint.Result, error) bool), want string) {
	t.Helper()
	got, err := outcomes(seq)
	if got != want || err != nil {
		t.Errorf("results %q and error %v, want %q", got, err, want)
	}
}

// uidsIn returns the UIDs of a folder as another client sees them.
func uidsIn(raw *imapraw.Client, folder string) string {
	var list []string
	for _, m := range raw.Messages(folder) {
		list = append(list, fmt.Sprint(m.UID))
	}
	return strings.Join(list, " ")
}

// TestDelete takes out exactly the named messages, in each of the ways that a server may offer, and
// leaves alone what somebody else has marked as \Deleted.
func TestDelete(t *testing.T) {
	const special = "namespace inbox {\n mailbox Weg {\n special_use = \\Trash\n }\n}\n"
	for name, c := range map[string]struct {
		hide    []string
		trash   string // folder to make, if any
		config  dovecot.Config
		inTrash string // what is there afterwards
	}{
		"MOVE":                  {nil, "Trash", dovecot.Config{}, "1 2"},
		"MOVE without UIDPLUS":  {[]string{"UIDPLUS"}, "Trash", dovecot.Config{}, "1 2"},
		"COPY":                  {[]string{"MOVE"}, "Trash", dovecot.Config{}, "1 2"},
		"special use":           {nil, "Weg", dovecot.Config{ExtraConfig: special}, "1 2"},
		"special use by COPY":   {[]string{"MOVE", "ESEARCH"}, "Weg", dovecot.Config{ExtraConfig: special}, "1 2"},
		"trash by its name":     {[]string{"SPECIAL-USE"}, "Papierkorb", dovecot.Config{}, "1 2"},
		"no trash":              {nil, "", dovecot.Config{Format: "sdbox"}, ""},
		"no trash, and no MOVE": {[]string{"MOVE"}, "", dovecot.Config{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, raw := openDovecot(t, c.config, c.hide...)
			for i := range 6 {
				raw.Append("INBOX", nil, "", []byte(stamped(i+1, message(i+1))))
			}
			raw.StoreFlags("INBOX", 3, "+FLAGS", `\Deleted`)
			raw.Expunge("INBOX", 5)
			if c.trash != "" {
				raw.Create(c.trash)
			}
			f := folder(t, m, "INBOX")
			wantOutcomes(t, m.Delete(t.Context(), f, []string{"6", "2", "5", "99", "01"}), "01:invalid 2:ok 5:not-found 6:ok 99:not-found")
			if got := uidsIn(raw, "INBOX"); got != "1 3 4" {
				t.Errorf("left in the folder are %s, want 1 3 4", got)
			}
			if c.trash == "" {
				return
			}
			if got := uidsIn(raw, c.trash); got != c.inTrash {
				t.Fatalf("in the trash are %s, want %s", got, c.inTrash)
			}
			for i, got := range raw.Messages(c.trash) {
				if want := stamped(2+4*i, message(2+4*i)); string(got.Body) != want || slices.Contains(got.Flags, `\Deleted`) {
					t.Errorf("message %d in the trash is %q with flags %q", i+1, got.Body, got.Flags)
				}
			}
			wantOutcomes(t, m.Delete(t.Context(), f, []string{"2", "6"}), "2:not-found 6:not-found")
		})
	}
}

// TestDeleteInTrash expunges for good what is in the trash already, which takes UIDPLUS.
func TestDeleteInTrash(t *testing.T) {
	for _, c := range []struct {
		hide []string
		code endpoint.Code
		left string
	}{{nil, endpoint.Unknown, "2"}, {[]string{"UIDPLUS"}, endpoint.Unsupported, "1 2"}} {
		m, raw := openDovecot(t, dovecot.Config{}, c.hide...)
		raw.Create("Trash")
		raw.Append("Trash", nil, "", []byte(message(1)))
		raw.Append("Trash", []string{`\Deleted`}, "", []byte(message(2)))
		_, err := outcomes(m.Delete(t.Context(), folder(t, m, "Trash"), []string{"1"}))
		if endpoint.CodeOf(err) != c.code {
			t.Errorf("without %q: error %v, want code %v", c.hide, err, c.code)
		}
		if got := uidsIn(raw, "Trash"); got != c.left {
			t.Errorf("without %q: %s are left, want %s", c.hide, got, c.left)
		}
	}
}

// TestDeleteNeedsMoveOrUIDPlus refuses to delete where only a plain EXPUNGE could.
func TestDeleteNeedsMoveOrUIDPlus(t *testing.T) {
	for _, c := range []struct {
		hide []string
		can  bool
	}{{nil, true}, {[]string{"MOVE"}, true}, {[]string{"UIDPLUS"}, true}, {[]string{"MOVE", "UIDPLUS"}, false}} {
		m, raw := openDovecot(t, dovecot.Config{}, c.hide...)
		caps, err := m.Capabilities(t.Context())
		if err != nil || caps.Delete != c.can {
			t.Errorf("without %q: Delete is %v (%v), want %v", c.hide, caps.Delete, err, c.can)
		}
		if c.can {
			continue
		}
		raw.Append("INBOX", nil, "", []byte(message(1)))
		f := folder(t, m, "INBOX")
		for _, seq := range []func(func(endpoint.Result, error) bool){
			m.Delete(t.Context(), f, []string{"1"}), m.Driver().Delete(t.Context(), f, []string{"1"}),
		} {
			if _, err := outcomes(seq); !errors.Is(err, endpoint.ErrUnsupported) {
				t.Errorf("deleting failed with %v, want Unsupported", err)
			}
		}
		if got := raw.Messages("INBOX"); len(got) != 1 || len(got[0].Flags) > 0 {
			t.Errorf("a refused deletion left %+v", got)
		}
	}
}

// TestChangesOfAnotherValidity refuses references that are void, before anything is touched.
func TestChangesOfAnotherValidity(t *testing.T) {
	m, raw := openDovecot(t, dovecot.Config{})
	raw.Append("INBOX", nil, "", []byte(message(1)))
	f := folder(t, m, "INBOX")
	for _, validity := range []string{"1", ""} {
		f.Validity = validity
		if _, err := outcomes(m.Delete(t.Context(), f, []string{"1"})); !errors.Is(err, endpoint.ErrStale) {
			t.Errorf("validity %q: Delete says %v", validity, err)
		}
		seen := []endpoint.FlagChange{{Ref: "1", Add: []endpoint.Flag{endpoint.Seen}}}
		if _, err := outcomes(m.SetFlags(t.Context(), f, seen)); !errors.Is(err, endpoint.ErrStale) {
			t.Errorf("validity %q: SetFlags says %v", validity, err)
		}
	}
	if got := raw.Messages("INBOX"); len(got) != 1 || len(got[0].Flags) > 0 {
		t.Errorf("there is %+v afterwards", got)
	}
}

// TestDeleteMany deletes more than one command can name.
func TestDeleteMany(t *testing.T) {
	m, raw := openDovecot(t, dovecot.Config{Format: "sdbox"})
	raw.Create("Trash")
	var puts []endpoint.Put
	var names []string
	const n = 2*pageChanges + 50
	for i := range 2 * n {
		puts = append(puts, testPut(i, message(i)))
		if i%2 == 0 { // no ranges
			names = append(names, refOf(uint32(i+1)))
		}
	}
	f := folder(t, m, "INBOX")
	put(t, m, f, puts...)
	results := all(t, m.Delete(t.Context(), f, names))
	for _, r := range results {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	if left, moved := len(raw.Messages("INBOX")), len(raw.Messages("Trash")); len(results) != n || left != n || moved != n {
		t.Errorf("%d results, %d messages left, %d moved, want %d of each", len(results), left, moved, n)
	}
}

// changing makes a model obey UID MOVE, COPY, STORE and EXPUNGE. It asks before first, which may
// have answered.
func changing(model *imapscript.Model, first func(c *imapscript.Conn, cmd imapscript.Command) bool) {
	model.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
		if first != nil && first(c, cmd) {
			return true
		}
		set, rest, _ := strings.Cut(cmd.Args, " ")
		named := func(m imapscript.Message) bool { return slices.Contains(expand(set), m.UID) }
		switch cmd.Name {
		case "UID MOVE", "UID COPY":
			copyAll(model, strings.Trim(rest, `"`), named, cmd.Name == "UID MOVE")
		case "UID STORE":
			model.Edit("INBOX", func(f *imapscript.Folder) {
				for i := range f.Messages {
					if named(f.Messages[i]) {
						f.Messages[i].Flags += " " + rest
					}
				}
			})
		case "UID EXPUNGE":
			model.Edit("INBOX", func(f *imapscript.Folder) {
				f.Messages = slices.DeleteFunc(f.Messages, func(m imapscript.Message) bool {
					return named(m) && strings.Contains(m.Flags, `\Deleted`)
				})
			})
		default:
			return false
		}
		c.Reply(cmd, "OK done")
		return true
	}
}

func copyAll(model *imapscript.Model, to string, named func(imapscript.Message) bool, move bool) {
	var bodies []string
	model.Edit("INBOX", func(f *imapscript.Folder) {
		for _, m := range f.Messages {
			if named(m) {
				bodies = append(bodies, m.Body)
			}
		}
		if move {
			f.Messages = slices.DeleteFunc(f.Messages, named)
		}
	})
	model.Add(to, bodies...)
}

// deletion is what became of a deletion of messages 1 to 4 of six, with a folder Trash.
type deletion struct {
	results     string
	code        endpoint.Code // of the error at the end
	left, trash int
}

// TestDeleteOnBrokenServers loses connections and gets refusals at every step. What matters: no
// message is ever lost, none that was not named goes, and no result says more than is known.
func TestDeleteOnBrokenServers(t *testing.T) {
	const move, plus = "IMAP4rev1 UIDPLUS MOVE", "IMAP4rev1 UIDPLUS"
	reply := func(name, answer string) func(*imapscript.Conn, imapscript.Command) bool {
		return func(c *imapscript.Conn, cmd imapscript.Command) bool {
			if cmd.Name != name {
				return false
			}
			if answer == "DROP" {
				c.Drop()
			} else {
				c.Reply(cmd, answer)
			}
			return true
		}
	}
	poison := func(name string) func(*imapscript.Conn, imapscript.Command) bool {
		return func(c *imapscript.Conn, cmd imapscript.Command) bool {
			set, _, _ := strings.Cut(cmd.Args, " ")
			if cmd.Name != name || !slices.Contains(expand(set), 2) {
				return false
			}
			c.Reply(cmd, "NO cannot do this")
			return true
		}
	}
	const allDone = "1:ok 2:ok 3:ok 4:ok"
	for name, c := range map[string]struct {
		capabilities string
		broken       func(*imapscript.Conn, imapscript.Command) bool
		want         deletion
	}{
		"nothing broken":          {move, nil, deletion{allDone, endpoint.Unknown, 2, 4}},
		"nothing broken, COPY":    {plus, nil, deletion{allDone, endpoint.Unknown, 2, 4}},
		"lost before MOVE":        {move, reply("UID MOVE", "DROP"), deletion{"", endpoint.Unavailable, 6, 0}},
		"lost before COPY":        {plus, reply("UID COPY", "DROP"), deletion{"", endpoint.Unavailable, 6, 0}},
		"lost before STORE":       {plus, reply("UID STORE", "DROP"), deletion{"", endpoint.Unavailable, 6, 4}},
		"lost before EXPUNGE":     {plus, reply("UID EXPUNGE", "DROP"), deletion{"", endpoint.Unavailable, 6, 4}},
		"MOVE refused":            {move, reply("UID MOVE", "NO cannot"), deletion{"1:rejected 2:rejected 3:rejected 4:rejected", endpoint.Unknown, 6, 0}},
		"MOVE is BAD":             {move, reply("UID MOVE", "BAD what"), deletion{"1:rejected 2:rejected 3:rejected 4:rejected", endpoint.Unknown, 6, 0}},
		"MOVE not permitted":      {move, reply("UID MOVE", "NO [NOPERM] no"), deletion{"", endpoint.Denied, 6, 0}},
		"trash is full":           {move, reply("UID MOVE", "NO [OVERQUOTA] no"), deletion{"", endpoint.OverQuota, 6, 0}},
		"trash went":              {move, reply("UID MOVE", "NO [TRYCREATE] no"), deletion{"", endpoint.Unavailable, 6, 0}},
		"one cannot be moved":     {move, poison("UID MOVE"), deletion{"1:ok 2:rejected 3:ok 4:ok", endpoint.Unknown, 3, 3}},
		"one cannot be copied":    {plus, poison("UID COPY"), deletion{"1:ok 2:rejected 3:ok 4:ok", endpoint.Unknown, 3, 3}},
		"one cannot be marked":    {plus, poison("UID STORE"), deletion{"1:ok 2:rejected 3:ok 4:ok", endpoint.Unknown, 3, 4}},
		"MOVE does nothing":       {move, reply("UID MOVE", "OK done"), deletion{"1:denied 2:denied 3:denied 4:denied", endpoint.Unknown, 6, 0}},
		"COPYUID names but two":   {plus, reply("UID COPY", "OK [COPYUID 1 1,3 1:2] done"), deletion{"1:ok 2:denied 3:ok 4:denied", endpoint.Unknown, 4, 0}},
		"COPYUID names none":      {plus, reply("UID COPY", "OK [COPYUID 1] done"), deletion{"1:denied 2:denied 3:denied 4:denied", endpoint.Unknown, 6, 0}},
		"COPYUID names the world": {plus, reply("UID COPY", "OK [COPYUID 1 1:4294967295 1:4294967295] done"), deletion{"1:denied 2:denied 3:denied 4:denied", endpoint.Unknown, 6, 0}},
		"EXPUNGE does nothing":    {plus, reply("UID EXPUNGE", "OK done"), deletion{"1:denied 2:denied 3:denied 4:denied", endpoint.Unknown, 6, 4}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			noLeaks(t)
			model := modelOf(6)
			model.Capabilities = c.capabilities
			model.Add("Trash")
			changing(model, func(conn *imapscript.Conn, cmd imapscript.Command) bool {
				if cmd.Name == "EXPUNGE" || cmd.Name == "CLOSE" {
					t.Errorf("the driver sent %s", cmd.Name)
				}
				return c.broken != nil && c.broken(conn, cmd)
			})
			m := openScript(t, model)
			results, err := outcomes(m.Delete(t.Context(), folder(t, m, "INBOX"), []string{"1", "2", "3", "4"}))
			got := deletion{results, endpoint.CodeOf(err), len(model.Folder("INBOX").Messages), len(model.Folder("Trash").Messages)}
			if got != c.want {
				t.Errorf("got %+v (%v), want %+v", got, err, c.want)
			}
		})
	}
}

// TestDeleteWithoutTheRight copies nothing into the trash that could not be expunged afterwards.
func TestDeleteWithoutTheRight(t *testing.T) {
	model := modelOf(6)
	model.Capabilities = "IMAP4rev1 UIDPLUS"
	model.Add("Trash")
	model.Rewrite = func(_ *imapscript.Conn, text string) string {
		return strings.Replace(text, `[PERMANENTFLAGS (\Answered \Flagged \Deleted \Seen \Draft \*)]`, `[PERMANENTFLAGS (\Seen)]`, 1)
	}
	changing(model, nil)
	m := openScript(t, model)
	if _, err := outcomes(m.Delete(t.Context(), folder(t, m, "INBOX"), []string{"1"})); !errors.Is(err, endpoint.ErrDenied) {
		t.Errorf("deleting failed with %v, want Denied", err)
	}
	if left, copied := len(model.Folder("INBOX").Messages), len(model.Folder("Trash").Messages); left != 6 || copied != 0 {
		t.Errorf("%d messages left and %d in the trash, want 6 and none", left, copied)
	}
}

// TestDeleteAfterALostAnswer asks again after the answer to a MOVE that was done got lost.
func TestDeleteAfterALostAnswer(t *testing.T) {
	model := modelOf(6)
	model.Capabilities = "IMAP4rev1 UIDPLUS MOVE"
	model.Add("Trash")
	changing(model, nil)
	obey, lost := model.Hook, false
	model.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
		if cmd.Name == "UID MOVE" && !lost {
			lost = true
			set, _, _ := strings.Cut(cmd.Args, " ")
			copyAll(model, "Trash", func(m imapscript.Message) bool { return slices.Contains(expand(set), m.UID) }, true)
			c.Drop()
			return true
		}
		return obey(c, cmd)
	}
	m := openScript(t, model)
	f := folder(t, m, "INBOX")
	if got, err := outcomes(m.Delete(t.Context(), f, []string{"1", "2"})); got != "" || !errors.Is(err, endpoint.ErrUnavailable) {
		t.Errorf("results %q and error %v, want none and Unavailable", got, err)
	}
	wantOutcomes(t, m.Delete(t.Context(), f, []string{"1", "2"}), "1:not-found 2:not-found")
	if left, moved := len(model.Folder("INBOX").Messages), len(model.Folder("Trash").Messages); left != 4 || moved != 2 {
		t.Errorf("%d messages left and %d in the trash, want 4 and 2", left, moved)
	}
}

// TestDeleteSurvivesRestedSessions finds its pooled sessions closed.
func TestDeleteSurvivesRestedSessions(t *testing.T) {
	srv := dovecot.Start(t, dovecot.Config{NoFsync: true})
	m := openAt(t, srv.Addr())
	f := folder(t, m, "INBOX")
	put(t, m, f, testPut(1, message(1)))
	srv.Kill()
	srv.Restart()
	wantOutcomes(t, m.Delete(t.Context(), f, []string{"1"}), "1:ok")
}

// TestDeleteCancelled begins no page after the end of its context.
func TestDeleteCancelled(t *testing.T) {
	model := modelOf(2 * pageChanges)
	model.Capabilities = "IMAP4rev1 UIDPLUS"
	changing(model, nil)
	m := openScript(t, model)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var names []string
	for i := range 2 * pageChanges {
		names = append(names, refOf(uint32(i+1)))
	}
	var end error
	for _, err := range m.Delete(ctx, folder(t, m, "INBOX"), names) {
		cancel()
		end = err
	}
	if !errors.Is(end, context.Canceled) {
		t.Errorf("ended with %v", end)
	}
	if left := len(model.Folder("INBOX").Messages); left != pageChanges {
		t.Errorf("%d messages are left, want %d", left, pageChanges)
	}
}
