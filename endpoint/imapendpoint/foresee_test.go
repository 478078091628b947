package imapendpoint

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/internal/dovecot"
	"github.com/dandyroll/dandyroll/internal/imapscript"
)

// TestForeseenOutlinesTakeOneFlight has outlines of several folders, asked for ahead and not.
func TestForeseenOutlinesTakeOneFlight(t *testing.T) {
	srv := dovecot.Start(t, dovecot.Config{Format: "sdbox", NoFsync: true})
	m, count := openCounted(t, srv.Addr())
	for i, name := range []string{"A", "B", "C"} {
		f, err := m.CreateFolder(t.Context(), endpoint.Folder{Path: []string{name}})
		if err != nil {
			t.Fatal(err)
		}
		fillInbox(t, m, f, 3*i)
	}
	folders := all(t, m.Folders(t.Context()))
	want := outlinesOf(t, m, folders)
	before := count.Load()
	m.ForeseeOutlines(t.Context(), folders)
	got := outlinesOf(t, m, folders)
	if flights := count.Load() - before; flights != 1 {
		t.Errorf("%d folders take %d flights, want 1", len(folders), flights)
	}
	if len(folders) != 4 || len(got[2]) != 6 || !reflect.DeepEqual(got, want) {
		t.Errorf("foreseen %+v, else %+v", got, want)
	}
	before = count.Load()
	if again := outlinesOf(t, m, folders); !reflect.DeepEqual(again, want) || count.Load()-before != 4 {
		t.Errorf("a second time, %d flights, %+v", count.Load()-before, again)
	}
}

func outlinesOf(t *testing.T, m *endpoint.Mailbox, folders []endpoint.Folder) [][]endpoint.Item {
	t.Helper()
	var out [][]endpoint.Item
	for _, f := range folders {
		out = append(out, all(t, m.Outline(t.Context(), f, "")))
	}
	return out
}

// TestForeseenOutlinesThatDoNotCome has something go wrong in the second of three folders, once: with EXAMINE, or with what comes behind
// it. Outline makes up for it.
func TestForeseenOutlinesThatDoNotCome(t *testing.T) {
	for name, odd := range map[string]func(c *imapscript.Conn, cmd imapscript.Command) (done bool){
		"the folder is refused": func(c *imapscript.Conn, cmd imapscript.Command) bool {
			c.Reply(cmd, "NO [UNAVAILABLE] later")
			return true
		},
		"another folder is opened": func(c *imapscript.Conn, cmd imapscript.Command) bool {
			c.Send("* 1 EXISTS", "* OK [UIDVALIDITY 99] other")
			c.Reply(cmd, "OK [READ-ONLY] done")
			return true
		},
		"there are more than come": func(c *imapscript.Conn, cmd imapscript.Command) bool {
			if cmd.Name == "UID FETCH" {
				c.Send("* 9 EXISTS")
			}
			return false
		},
		"what is asked for is refused": func(c *imapscript.Conn, cmd imapscript.Command) bool {
			if cmd.Name == "UID FETCH" {
				c.Reply(cmd, "NO later")
			}
			return cmd.Name == "UID FETCH"
		},
		"the connection ends": func(c *imapscript.Conn, _ imapscript.Command) bool {
			c.Drop()
			return true
		},
	} {
		t.Run(name, func(t *testing.T) {
			noLeaks(t)
			model := modelOf(1)
			for i, name := range []string{"A", "B", "C"} {
				for n := range i + 2 {
					model.Add(name, message(n))
				}
			}
			var turn atomic.Int32
			var now atomic.Bool
			model.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
				if cmd.Name == "EXAMINE" {
					now.Store(strings.Trim(cmd.Args, `"`) == "B" && turn.Add(1) == 1)
				}
				return now.Load() && odd(c, cmd)
			}
			m := openScript(t, model)
			folders := all(t, m.Folders(t.Context()))
			m.ForeseeOutlines(t.Context(), folders)
			got := outlinesOf(t, m, folders)
			if turn.Load() != 2 {
				t.Errorf("B was opened %d times, want 2", turn.Load())
			}
			for i, f := range folders {
				if want := 1 + slices.Index([]string{"INBOX", "A", "B", "C"}, f.ID); len(got[i]) != want {
					t.Errorf("%s has %+v, want %d items", f.ID, got[i], want)
				}
			}
		})
	}
}

// TestForeseenOutlineOfAnOlderListing has a message come after an outline that nobody asked for, and the folder listed again: what was
// listed then must not be missing.
func TestForeseenOutlineOfAnOlderListing(t *testing.T) {
	model := modelOf(3)
	m := openScript(t, model)
	m.ForeseeOutlines(t.Context(), all(t, m.Folders(t.Context())))
	m.Driver().(*driver).pool.ahead.Wait() // until it is there
	model.Add("INBOX", message(4))
	if got := outlinesOf(t, m, all(t, m.Folders(t.Context()))); len(got[0]) != 4 {
		t.Errorf("%d items, want 4", len(got[0]))
	}
}

// TestCloseEndsWhatIsForeseen has a server that never answers.
func TestCloseEndsWhatIsForeseen(t *testing.T) {
	noLeaks(t)
	asked := make(chan struct{}, 1)
	model := modelOf(3)
	model.Hook = func(_ *imapscript.Conn, cmd imapscript.Command) bool {
		if cmd.Name == "EXAMINE" {
			asked <- struct{}{}
		}
		return cmd.Name == "EXAMINE"
	}
	m := openScript(t, model)
	folders := all(t, m.Folders(t.Context()))
	m.ForeseeOutlines(t.Context(), folders)
	<-asked
	waiting := make(chan error, 1)
	go func() { waiting <- failure(m.Outline(t.Context(), folders[0], "")) }()
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	if err := <-waiting; err == nil {
		t.Error("an outline is there that was never told")
	}
	m.ForeseeOutlines(t.Context(), folders) // to no effect
}

// TestForeseenOutlinesAreFew has more folders than are asked for ahead, large ones, and some without a state.
func TestForeseenOutlinesAreFew(t *testing.T) {
	folderOf := func(name string, items int, uidNext uint32) endpoint.Folder {
		st := folderState{validity: 1, uidNext: uidNext, messages: int64(items)}
		return endpoint.Folder{ID: name, Items: items, State: st.text()}
	}
	folders := []endpoint.Folder{
		{ID: "unknown"},
		folderOf("largest", aheadLargest, aheadLargest+1),
		folderOf("too large", aheadLargest+1, aheadLargest+2),
		folderOf("sparse", 1, pageItems+2),
	}
	for i := range 2 * aheadItems / aheadLargest {
		folders = append(folders, folderOf(fmt.Sprint(i), aheadLargest, aheadLargest+1))
	}
	var o outlines
	if n := len(o.begin(folders)); n != aheadItems/aheadLargest || o.coming["largest"] == nil || o.coming["sparse"] != nil {
		t.Errorf("%d folders, want %d: %v", n, aheadItems/aheadLargest, o.coming)
	}
	for i, f := range folders {
		folders[i] = folderOf(f.ID, 0, 1)
	}
	folders = append(folders, folders...)
	if n := len(o.begin(folders)); n != aheadFolders {
		t.Errorf("%d folders, want %d", n, aheadFolders)
	}
}
