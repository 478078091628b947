package imapendpoint

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/internal/dovecot"
	"github.com/dandyroll/dandyroll/internal/imapscript"
)

// servers are the layouts that a driver meets most.
func servers() map[string]dovecot.Config {
	return map[string]dovecot.Config{
		"maildir with dots":             {Format: "maildir", Separator: "."},
		"maildir with dots and prefix":  {Format: "maildir", Separator: ".", Prefix: "INBOX."},
		"sdbox with slashes":            {Format: "sdbox", Separator: "/"},
		"sdbox with slashes and prefix": {Format: "sdbox", Separator: "/", Prefix: "INBOX/"},
		"mdbox with slashes":            {Format: "mdbox", Separator: "/"},
	}
}

// capabilitiesOfFolders are sets of capabilities to hide, each of which leads through other code.
func capabilitiesOfFolders() [][]string {
	return [][]string{
		nil,
		{"LIST-STATUS"},
		{"LIST-EXTENDED", "LIST-STATUS", "SPECIAL-USE"},
		{"LIST-EXTENDED", "LIST-STATUS", "SPECIAL-USE", "CONDSTORE", "QRESYNC"},
	}
}

func describeFolders(folders []endpoint.Folder) string {
	var out strings.Builder
	for _, f := range folders {
		fmt.Fprintf(&out, "%q %s %d %t\n", f.Path, cmp.Or(f.Role, "-"), f.Items, f.Subscribed)
	}
	return out.String()
}

func TestFoldersOfDovecot(t *testing.T) {
	for name, config := range servers() {
		for _, hide := range capabilitiesOfFolders() {
			t.Run(fmt.Sprint(name, " without ", hide), func(t *testing.T) {
				m, raw := openDovecot(t, config, hide...)
				sep := config.Separator
				for _, folder := range []string{"Work", "Work" + sep + "Entwürfe & Co", "Sent", "only" + sep + "leaf", "\U0001f60a"} {
					raw.Create(config.Prefix + folder)
				}
				raw.Subscribe(config.Prefix + "Work")
				raw.Append("INBOX", nil, "", []byte(message(1)))
				raw.Append("INBOX", nil, "", []byte(message(2)))
				want := `["INBOX"] inbox 2 false
["Sent"] sent 0 false
["Work"] - 0 true
["Work" "Entwürfe & Co"] - 0 false
["only" "leaf"] - 0 false
["😊"] - 0 false
`
				folders := all(t, m.Folders(t.Context()))
				if got := describeFolders(folders); got != want {
					t.Errorf("folders are\n%swant\n%s", got, want)
				}
				for _, f := range folders {
					parts := strings.Fields(f.State)
					if len(parts) != 5 || parts[0] != "1" || parts[1] != f.Validity {
						t.Errorf("%q has validity %q and state %q", f.Path, f.Validity, f.State)
					}
				}
			})
		}
	}
}

// TestFoldersKeepTheirState has an unchanged folder keep its state, and a changed one not.
func TestFoldersKeepTheirState(t *testing.T) {
	m, raw := openDovecot(t, dovecot.Config{})
	raw.Append("INBOX", nil, "", []byte(message(1)))
	before := folder(t, m, "INBOX")
	if again := folder(t, m, "INBOX"); again.State != before.State {
		t.Errorf("state went from %q to %q, and nothing happened", before.State, again.State)
	}
	uid := raw.Append("INBOX", nil, "", []byte(message(2)))
	grown := folder(t, m, "INBOX")
	raw.Expunge("INBOX", uid)
	shrunk := folder(t, m, "INBOX")
	if before.State == grown.State || grown.State == shrunk.State || before.State == shrunk.State {
		t.Errorf("states are %q, %q with one more, %q with one less", before.State, grown.State, shrunk.State)
	}
}

// TestFoldersCostCommandsPerFolder counts what a listing costs with 40 folders of messages.
func TestFoldersCostCommandsPerFolder(t *testing.T) {
	for _, tt := range []struct {
		hide []string
		most int64
	}{
		{nil, 3},
		{[]string{"LIST-STATUS"}, 41 + 3},
		{[]string{"LIST-STATUS", "LIST-EXTENDED"}, 41 + 4},
	} {
		m, raw := openDovecot(t, dovecot.Config{}, tt.hide...)
		for i := range 40 {
			raw.Create(fmt.Sprint("f", i))
			raw.Append(fmt.Sprint("f", i), nil, "", []byte(message(i)))
		}
		before := m.Wire()
		if got := len(all(t, m.Folders(t.Context()))); got != 41 {
			t.Errorf("%d folders, want 41", got)
		}
		if cost := m.Wire().Commands - before.Commands; cost > tt.most {
			t.Errorf("without %v: %d commands, want at most %d", tt.hide, cost, tt.most)
		}
	}
}

// script answers the commands of a Model that a test names, by command and arguments.
func script(answers map[string][]string) func(c *imapscript.Conn, cmd imapscript.Command) bool {
	return func(c *imapscript.Conn, cmd imapscript.Command) bool {
		for _, key := range []string{cmd.Name + " " + cmd.Args, cmd.Name} {
			lines, ok := answers[key]
			if !ok {
				continue
			}
			for _, line := range lines[:len(lines)-1] {
				c.Send("* " + line)
			}
			c.Reply(cmd, lines[len(lines)-1])
			return true
		}
		return false
	}
}

func TestFoldersOfOddServers(t *testing.T) {
	status := "OK done"
	tests := []struct {
		name    string
		answers map[string][]string
		want    string
	}{
		{"names without hierarchy, and no INBOX", map[string][]string{
			"NAMESPACE": {`NAMESPACE (("" NIL)) NIL NIL`, status},
			"LIST":      {`LIST () NIL Work`, `LIST () NIL "a/b"`, status},
			"LSUB":      {`LSUB () NIL Work`, status},
			"STATUS":    {"NO no"},
		}, `["INBOX"] inbox -1 false
["Work"] - -1 true
["a" "b"] - -1 false
`},
		{"parents that hold nothing", map[string][]string{
			"NAMESPACE": {`NAMESPACE (("" "/")) NIL NIL`, status},
			"LIST":      {`LIST (\Noselect) "/" a`, `LIST (\NonExistent) "/" b`, `LIST (\NOSELECT) "/" "[Gmail]"`, `LIST () "/" a/b`, `LIST (\Noselect) "/" inbox`, status},
			"LSUB":      {status},
			"STATUS":    {"NO no"},
		}, `["INBOX"] inbox -1 false
["a" "b"] - -1 false
`},
		{"odd spellings", map[string][]string{
			"NAMESPACE": {"BAD what?"},
			"LIST":      {`LIST  ( \HasNoChildren  \Trash )  "/"  {3}` + "\r\nbin ", `list () "/" A&B`, `LIST () "/" A&-B`, `LIST () "/" "a//b"`, `LIST () "/" A&B`, status},
			"LSUB":      {status},
			"STATUS":    {"NO no"},
		}, `["A&B"] - -1 false
["A&B (ea99df94)"] - -1 false
["INBOX"] inbox -1 false
["a" "_" "b"] - -1 false
["bin"] trash -1 false
`},
		{"other people's folders", map[string][]string{
			"NAMESPACE": {`NAMESPACE (("" "/")) (("~" "/")) (("Shared/" "/")("" "/"))`, status},
			"LIST":      {`LIST () "/" Shared/x`, `LIST () "/" ~bob/y`, `LIST () "/" mine`, status},
			"LSUB":      {status},
			"STATUS":    {"NO no"},
		}, `["INBOX"] inbox -1 false
["mine"] - -1 false
`},
		{"a namespace that is not listed with all", map[string][]string{
			"NAMESPACE":          {`NAMESPACE (("" "/")("hidden/" "/")) NIL NIL`, status},
			`LIST "" "*"`:        {`LIST () "/" a`, status},
			`LIST "" "hidden/*"`: {`LIST () "/" hidden/x`, status},
			"LSUB":               {status},
			"STATUS":             {"NO no"},
		}, `["INBOX"] inbox -1 false
["a"] - -1 false
["hidden" "x"] - -1 false
`},
		{"names outside of the only namespace", map[string][]string{
			"NAMESPACE":         {`NAMESPACE (("INBOX." ".")) NIL NIL`, status},
			`LIST "" "*"`:       {`LIST () "." INBOX`, `LIST () "." INBOX.a`, `LIST () "." stray`, status},
			`LIST "" "INBOX"`:   {`LIST () "." INBOX`, status},
			`LIST "" "INBOX.*"`: {`LIST () "." INBOX.a`, status},
			"LSUB":              {status},
			"STATUS":            {"NO no"},
		}, `["INBOX"] inbox -1 false
["a"] - -1 false
`},
		{"roles by name", map[string][]string{
			"NAMESPACE": {`NAMESPACE (("" "/")) NIL NIL`, status},
			"LIST":      {`LIST (\Archive) "/" 1`, `LIST (\All) "/" 2`, `LIST (\Flagged) "/" 3`, `LIST () "/" "Sent Items"`, `LIST () "/" "Sent"`, `LIST () "/" "Gesendet"`, `LIST () "/" "Gel&APY-schte Elemente"`, `LIST (\Junk) "/" Werbung`, `LIST () "/" Spam`, `LIST () "/" INBOX/drafts`, `LIST () "/" a/Archive`, status},
			"LSUB":      {status},
			"STATUS":    {"NO no"},
		}, `["1"] archive -1 false
["2"] all -1 false
["3"] flagged -1 false
["Gelöschte Elemente"] trash -1 false
["Gesendet"] - -1 false
["INBOX"] inbox -1 false
["INBOX" "drafts"] drafts -1 false
["Sent"] sent -1 false
["Sent Items"] - -1 false
["Spam"] - -1 false
["Werbung"] junk -1 false
["a" "Archive"] - -1 false
`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			model := &imapscript.Model{Hook: script(tt.answers)}
			model.Add("INBOX")
			if tt.answers["NAMESPACE"][0] == "BAD what?" {
				model.Capabilities = "IMAP4rev1"
			}
			m := openScript(t, model)
			if got := describeFolders(all(t, m.Folders(t.Context()))); got != tt.want {
				t.Errorf("folders are\n%swant\n%s", got, tt.want)
			}
		})
	}
}

// TestFoldersWithoutState lists folders whose STATUS is missing, refused or without some items.
func TestFoldersWithoutState(t *testing.T) {
	model := &imapscript.Model{Hook: script(map[string][]string{
		"LIST": {`LIST () "/" gone`, `LIST () "/" poor`, `LIST () "/" huge`, `LIST () "/" fine`, "OK done"},
		"LSUB": {"OK done"},
		`STATUS "gone" (UIDVALIDITY UIDNEXT MESSAGES)`: {"NO [NONEXISTENT] gone"},
		`STATUS "poor" (UIDVALIDITY UIDNEXT MESSAGES)`: {"STATUS poor (MESSAGES 3 UIDVALIDITY 9 )", "OK done"},
		`STATUS "huge" (UIDVALIDITY UIDNEXT MESSAGES)`: {"STATUS huge (MESSAGES 3 UIDVALIDITY 4294967296 UIDNEXT 7)", "OK done"},
		`STATUS "fine" (UIDVALIDITY UIDNEXT MESSAGES)`: {`STATUS "fine" (MESSAGES 3 UIDVALIDITY 4294967295 UIDNEXT 7 X (1 2))`, "OK done"},
	})}
	model.Add("INBOX")
	m := openScript(t, model)
	want := map[string]string{"gone": "-1  ", "poor": "3 9 ", "huge": "3  ", "fine": "3 4294967295 1 4294967295 7 3 -"}
	for _, f := range all(t, m.Folders(t.Context())) {
		got := fmt.Sprint(f.Items, " ", f.Validity, " ", f.State)
		if w, ok := want[f.ID]; ok && got != w {
			t.Errorf("%s is %q, want %q", f.ID, got, w)
		}
		delete(want, f.ID)
	}
	if len(want) > 0 {
		t.Errorf("not listed: %v", want)
	}
}

// TestFoldersAreCompleteOrFail has a LIST fail, and lose its connection halfway.
func TestFoldersAreCompleteOrFail(t *testing.T) {
	for _, answer := range []func(c *imapscript.Conn, cmd imapscript.Command){
		func(c *imapscript.Conn, cmd imapscript.Command) { c.Reply(cmd, "NO [SERVERBUG] no") },
		func(c *imapscript.Conn, cmd imapscript.Command) { c.Reply(cmd, "BAD no") },
		func(c *imapscript.Conn, _ imapscript.Command) { c.Send(`* LIST () "/" a`); c.Drop() },
		func(c *imapscript.Conn, cmd imapscript.Command) { c.Send(`* LIST () "/"`); c.Reply(cmd, "OK done") },
	} {
		model := &imapscript.Model{Hook: func(c *imapscript.Conn, cmd imapscript.Command) bool {
			if cmd.Name == "LIST" {
				answer(c, cmd)
			}
			return cmd.Name == "LIST"
		}}
		model.Add("INBOX")
		if err := failure(openScript(t, model).Folders(t.Context())); err == nil {
			t.Error("an incomplete list of folders passed for complete")
		}
	}
}

// TestCreateFolderOnOddServers creates where parents must be made, plain names are refused, and
// what was created is no folder.
func TestCreateFolderOnOddServers(t *testing.T) {
	tests := []struct {
		name    string
		path    []string
		creates string // the names that CREATE takes, after each other
		list    string // the answer to LIST
		want    string
	}{
		{"parents first", []string{"a", "b", "c"}, "a a/b a/b/c", `LIST () "/" a/b/c`, "a/b/c"},
		{"strict name", []string{"v1.2"}, "v1=x2E2", `LIST () "/" v1=x2E2`, "v1=x2E2"},
		{"refused", []string{"a"}, "", "", "rejected"},
		{"not listed", []string{"a"}, "a", `LIST () "/" b`, "not-found"},
		{"not listed yet", []string{"late"}, "late", `LIST () "/" b`, "late"},
		{"no folder", []string{"a"}, "a", `LIST (\Noselect) "/" a`, "denied"},
		{"INBOX", []string{"inbox"}, "", `LIST () "/" INBOX`, "INBOX"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			creates := strings.Fields(tt.creates)
			model := &imapscript.Model{Hook: func(c *imapscript.Conn, cmd imapscript.Command) bool {
				switch cmd.Name {
				case "CREATE":
					if len(creates) == 0 || cmd.Strings()[0] != creates[0] {
						c.Reply(cmd, "NO [CANNOT] no")
						return true
					}
					creates = creates[1:]
				case "LIST":
					c.Send("* " + tt.list)
				case "LSUB":
				default:
					return false
				}
				c.Reply(cmd, "OK done")
				return true
			}}
			model.Add("INBOX")
			model.Add("late") // which STATUS knows
			f, err := openScript(t, model).CreateFolder(t.Context(), endpoint.Folder{Path: tt.path})
			got := f.ID
			if err != nil {
				got = endpoint.CodeOf(err).String()
			}
			if got != tt.want || len(creates) > 0 {
				t.Errorf("%s, %v, want %s; not created: %q", got, err, tt.want, creates)
			}
		})
	}
}

// TestCreateFolderOnDovecot creates folders of odd names on servers that take few of them, and
// looks for them by their paths.
func TestCreateFolderOnDovecot(t *testing.T) {
	paths := [][]string{
		{"Work"},
		{"a", "b", "c"},
		{"v1.2"},
		{"R.D", "x/y"},
		{"INBOX", "child"},
		{"Entwürfe & Co"},
		{"~ann"},
		{"#news"},
		{".."},
		{"50%*"},
		{`qu"ote\`},
		{" blanks "},
		{"line\r\nbreak"},
		{"=x2E"},
		{"\U0001f60a"},
		{strings.Repeat("long", 40)},
	}
	for name, config := range servers() {
		t.Run(name, func(t *testing.T) {
			m, _ := openDovecot(t, config)
			for _, path := range paths {
				f, err := m.CreateFolder(t.Context(), endpoint.Folder{Path: path})
				if err != nil {
					t.Errorf("%q: %v", path, err)
					continue
				}
				again, err := m.CreateFolder(t.Context(), endpoint.Folder{Path: path})
				if err != nil || again.ID != f.ID {
					t.Errorf("%q again: %+v, %v", path, again, err)
				}
				if listed := folder(t, m, path...); listed.ID != f.ID || listed.Validity != f.Validity || listed.State != f.State {
					t.Errorf("created %+v, listed %+v", f, listed)
				}
			}
			folders := all(t, m.Folders(t.Context()))
			slices.Reverse(folders)
			for _, f := range folders {
				if f.ID == "INBOX" {
					continue
				}
				if err := m.Subscribe(t.Context(), f); err != nil {
					t.Errorf("subscribe to %q: %v", f.Path, err)
				}
				if !folder(t, m, f.Path...).Subscribed {
					t.Errorf("%q is not subscribed", f.Path)
				}
				if err := m.DeleteFolder(t.Context(), f); err != nil {
					t.Errorf("delete %q: %v", f.Path, err)
				}
			}
			if left := all(t, m.Folders(t.Context())); len(left) != 1 {
				t.Errorf("left: %v", describeFolders(left))
			}
		})
	}
}

// TestCreateFolderThatIsOpen creates a folder that there is, over the connection that has it open, after another one put something there.
func TestCreateFolderThatIsOpen(t *testing.T) {
	srv := dovecot.Start(t, dovecot.Config{Format: "sdbox", NoFsync: true})
	ours, _ := openCounted(t, srv.Addr())
	theirs, _ := openCounted(t, srv.Addr())
	work := endpoint.Folder{Path: []string{"Work"}}
	f, err := ours.CreateFolder(t.Context(), work)
	if err != nil {
		t.Fatal(err)
	}
	put(t, ours, f, testPut(1, message(1)))
	put(t, theirs, f, testPut(2, message(2)))
	again, err := ours.CreateFolder(t.Context(), work)
	if listed := folder(t, theirs, "Work"); err != nil || again.Items != 2 || again.State != listed.State {
		t.Errorf("created %+v, %v, listed %+v", again, err, listed)
	}
}
