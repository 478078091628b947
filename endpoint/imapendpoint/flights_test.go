package imapendpoint

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/internal/dovecot"
	"github.com/dandyroll/dandyroll/internal/imapscript"
)

// turns counts how often a client spoke after it had listened: each costs a round trip.
type turns struct {
	net.Conn
	count    *atomic.Int64
	speaking atomic.Bool
}

func (c *turns) Write(p []byte) (int, error) {
	if !c.speaking.Swap(true) {
		c.count.Add(1)
	}
	return c.Conn.Write(p)
}

func (c *turns) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.speaking.Store(false)
	return n, err
}

// openCounted opens a mailbox and counts its flights.
func openCounted(t *testing.T, addr string) (*endpoint.Mailbox, *atomic.Int64) {
	t.Helper()
	count := new(atomic.Int64)
	m, err := Open(t.Context(), Config{
		Addr: addr, Security: Plaintext, Username: "ann", Password: "secret", Timeout: 20 * time.Second, Connections: 1,
		Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := new(net.Dialer).DialContext(ctx, network, addr)
			return &turns{Conn: c, count: count}, err
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m, count
}

// TestFlights counts the round trips of everything that reads.
func TestFlights(t *testing.T) {
	srv := dovecot.Start(t, dovecot.Config{Format: "sdbox", NoFsync: true})
	m, count := openCounted(t, srv.Addr())
	cost := func(what string, want int64, use func()) {
		t.Helper()
		before := count.Load()
		if use(); count.Load()-before != want {
			t.Errorf("%s takes %d round trips, want %d", what, count.Load()-before, want)
		}
	}
	if got := count.Load(); got != 1 { // LOGIN; ID waits for company
		t.Errorf("connecting takes %d round trips behind the greeting, want 1", got)
	}
	var f endpoint.Folder
	cost("the first Folders", 1, func() { f = folder(t, m, "INBOX") })
	fillInbox(t, m, f, 300)
	var refs []string
	cost("Refs", 1, func() { refs = all(t, m.Refs(t.Context(), f)) })
	cost("Folders", 1, func() { folder(t, m, "INBOX") })
	cost("CreateFolder", 1, func() {
		if f, err := m.CreateFolder(t.Context(), endpoint.Folder{Path: []string{"made"}}); err != nil || f.Items != 0 || f.State == "" {
			t.Errorf("made %+v, %v", f, err)
		}
	})
	cost("List", 1, func() { all(t, m.List(t.Context(), f, "")) })
	cost("List of what is new", 1, func() { all(t, m.List(t.Context(), f, f.State)) })
	cost("Marks", 1, func() { all(t, m.Marks(t.Context(), f, "")) })
	cost("Outline", 1, func() { all(t, m.Outline(t.Context(), f, "")) })
	cost("Find", 1, func() { all(t, m.Find(t.Context(), f, "<3@example.org>")) })
	cost("Flags", 1, func() { all(t, m.Flags(t.Context(), f, nil)) })
	cost("Flags of some", 1, func() { all(t, m.Flags(t.Context(), f, refs[3:5])) })
	cost("the first Read", 1, func() { read(t, m, f, refs[:2*firstBodies]...) })
	cost("Read", 1, func() { read(t, m, f, refs...) })
	cost("Read of what is gone", 2, func() { read(t, m, f, "1", "77777") })
}

// fillInbox puts small messages into a folder.
func fillInbox(t *testing.T, m *endpoint.Mailbox, f endpoint.Folder, n int) {
	t.Helper()
	var puts []endpoint.Put
	for i := range n {
		puts = append(puts, testPut(i, message(i)))
	}
	for mark, r := range put(t, m, f, puts...) {
		if r.Err != nil {
			t.Fatal(mark, r.Err)
		}
	}
}

// TestLargeFolders has folders greater than a flight, dense and sparse.
func TestLargeFolders(t *testing.T) {
	for _, step := range []uint32{1, 3} {
		model := &imapscript.Model{}
		model.Add("INBOX")
		n := 0
		model.Edit("INBOX", func(f *imapscript.Folder) {
			for uid := uint32(pageItems); n < batchItems+pageItems+10; uid += step {
				f.Messages = append(f.Messages, imapscript.Message{UID: uid, Body: message(n), Date: "01-Feb-2003 04:05:06 +0000"})
				f.UIDNext = uid + 1
				n++
			}
		})
		m := openScript(t, model)
		f := folder(t, m, "INBOX")
		before := m.Wire().Commands
		items := all(t, m.Outline(t.Context(), f, ""))
		if cost := m.Wire().Commands - before; cost > 3+5+3 { // a first look, at one of them, and two flights
			t.Errorf("%d commands", cost)
		}
		for i, it := range items {
			if want := refOf(pageItems + uint32(i)*step); it.Ref != want {
				t.Fatalf("item %d is %s, want %s", i, it.Ref, want)
			}
		}
		if len(items) != n {
			t.Errorf("%d items, want %d", len(items), n)
		}
	}
}

// TestFlightsOfOtherFolders has EXAMINE refused or open another folder than was meant, while the server
// answers what was sent behind it.
func TestFlightsOfOtherFolders(t *testing.T) {
	for name, tt := range map[string]struct {
		examine string
		want    endpoint.Code
	}{
		"refused":        {"NO [NONEXISTENT] no", endpoint.NotFound},
		"other validity": {"", endpoint.Stale},
	} {
		model := modelOf(3)
		model.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
			switch cmd.Name {
			case "EXAMINE":
				c.Send("* 3 EXISTS", "* OK [UIDVALIDITY 99] other")
				c.Reply(cmd, cmp.Or(tt.examine, "OK [READ-ONLY] done"))
			case "UID SEARCH":
				c.Send("* SEARCH 1 2 3")
				c.Reply(cmd, "OK done")
			case "UID FETCH":
				c.Send("* 1 FETCH (" + respond(cmd, 1) + ")")
				c.Reply(cmd, "OK done")
			default:
				return false
			}
			return true
		}
		m := openScript(t, model)
		f := folder(t, m, "INBOX")
		for what, err := range map[string]error{
			"List":    failure(m.List(t.Context(), f, "")),
			"Refs":    failure(m.Refs(t.Context(), f)),
			"Marks":   failure(m.Marks(t.Context(), f, "")),
			"Outline": failure(m.Outline(t.Context(), f, "")),
			"Read":    failure(m.Read(t.Context(), f, []string{"1"}, endpoint.ReadOptions{})),
		} {
			if endpoint.CodeOf(err) != tt.want {
				t.Errorf("%s, %s: %v, want %v", name, what, err, tt.want)
			}
		}
		if got := len(all(t, m.Folders(t.Context()))); got != 1 {
			t.Errorf("%s: %d folders afterwards", name, got)
		}
	}
}

// TestAnswersInAnotherOrder has a server answer commands that are on their way together last first.
func TestAnswersInAnotherOrder(t *testing.T) {
	model := modelOf(2 * pageBodies)
	held := map[*imapscript.Conn]imapscript.Command{}
	answer := func(c *imapscript.Conn, cmd imapscript.Command) {
		if cmd.Name == "UID SEARCH" {
			c.Send("* SEARCH 1 2 3")
		} else {
			set, _, _ := strings.Cut(cmd.Args, " ")
			for _, uid := range expand(set) {
				if uid <= 2*pageBodies {
					c.Send(fmt.Sprintf("* %d FETCH (%s)", uid, respond(cmd, uid)))
				}
			}
		}
		c.Reply(cmd, "OK done")
	}
	model.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
		if cmd.Name != "UID SEARCH" && cmd.Name != "UID FETCH" {
			return false
		}
		first, ok := held[c]
		if !ok {
			held[c] = cmd
			return true
		}
		delete(held, c)
		answer(c, cmd)
		answer(c, first)
		return true
	}
	m := openScript(t, model)
	f := folder(t, m, "INBOX")
	f.State = "" // of a folder with few UIDs, all messages are asked for without a search
	if items := all(t, m.List(t.Context(), f, "")); refs(items) != "1 2 3" || items[2].Identity != identity([]byte(message(3)), 0) {
		t.Errorf("items are %+v", items)
	}
	var names []string
	for uid := range uint32(2 * pageBodies) {
		names = append(names, refOf(uid+1))
	}
	bodies := read(t, m, f, names...)
	for i, ref := range names {
		if b := bodies[ref]; b.Err != nil || b.text != message(i+1) {
			t.Fatalf("body %s is %q, %v", ref, b.text, b.Err)
		}
	}
}

// TestLostFlights has a message end the connection so that nothing of its flight arrives, not even the
// answers in front of it.
func TestLostFlights(t *testing.T) {
	const bad = 3
	model := modelOf(6)
	model.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
		if cmd.Name != "EXAMINE" && cmd.Name != "UID SEARCH" {
			return cmd.Name == "UID FETCH" && dropAt(c, cmd, bad)
		}
		next, ok := c.Ahead()
		return ok && strings.Contains(next, "UID FETCH") && dropAt(c, imapscript.Command{Args: next[strings.Index(next, "FETCH ")+6:]}, bad)
	}
	m := openScript(t, model)
	f := folder(t, m, "INBOX")
	items := all(t, m.List(t.Context(), f, ""))
	bodies := read(t, m, f, "1", "2", "3", "4", "5", "6")
	if refs(items) != "1 2 3 4 5 6" || items[bad-1].Size != -1 || items[bad].Size < 0 {
		t.Errorf("items are %+v", items)
	}
	for ref, b := range bodies {
		if (ref == refOf(bad)) != (endpoint.CodeOf(b.Err) == endpoint.Damaged) || len(bodies) != 6 {
			t.Errorf("body %s: %v", ref, b.Err)
		}
	}
}

// dropAt ends the connection if a command is for a message.
func dropAt(c *imapscript.Conn, cmd imapscript.Command, uid uint32) bool {
	set, _, _ := strings.Cut(cmd.Args, " ")
	drop := slices.Contains(expand(set), uid)
	if drop {
		c.Drop()
	}
	return drop
}

// TestReadOpensFewFiles reads many bodies that must not be in memory, and closes them in another order.
func TestReadOpensFewFiles(t *testing.T) {
	model := modelOf(200)
	m := openScript(t, model)
	f := folder(t, m, "INBOX")
	names := all(t, m.Refs(t.Context(), f))
	before := openFiles(t)
	var bodies []endpoint.Body
	for b, err := range m.Read(t.Context(), f, names, endpoint.ReadOptions{TempDir: t.TempDir()}) {
		if err != nil || b.Err != nil {
			t.Fatal(err, b.Err)
		}
		bodies = append(bodies, b)
	}
	if got := openFiles(t) - before; got > 1 {
		t.Errorf("%d files are open for %d bodies", got, len(bodies))
	}
	for i, b := range slices.Backward(bodies) {
		if got := contentText(t, b.Content); got != message(i+1) {
			t.Errorf("body %d is %q", i+1, got)
		}
		if err := b.Content.Close(); err != nil {
			t.Errorf("closed again: %v", err)
		}
	}
	if got := openFiles(t); got > before {
		t.Errorf("%d files are open afterwards", got-before)
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip(err)
	}
	return len(entries)
}
