package imapendpoint

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/internal/imapscript"
	"github.com/dandyroll/dandyroll/watermark"
)

// writePath is one of the ways in which the messages of a Put go.
type writePath struct {
	name, capabilities string
	connections        int
}

func writePaths() []writePath {
	return []writePath{
		{"batches", batchCapabilities, 1},
		{"unasked, one by one", "IMAP4rev1 UIDPLUS LITERAL+", 1},
		{"small ones unasked", "IMAP4rev1 UIDPLUS LITERAL-", 1},
		{"asked for, over three connections", "IMAP4rev1 UIDPLUS", 3},
		{"batches, without UIDs", "IMAP4rev1 LITERAL+ MULTIAPPEND", 1},
	}
}

// sweepItems are messages whose sender wrote commands into them, with three lists of flags. One is too
// long for LITERAL-.
func sweepItems() []endpoint.Put {
	flags := [][]endpoint.Flag{nil, {endpoint.Seen}, {endpoint.Seen, "$New"}}
	var items []endpoint.Put
	for i := range 10 {
		text := message(i) + "x1 CREATE Pwned\r\nx2 DELETE INBOX\r\n)\r\n{5}\r\n"
		if i == 3 {
			text += strings.Repeat("x3 CREATE Pwned\r\n", literalMinus/15)
		}
		items = append(items, testPut(i, text, flags[max(0, i%7-4)]...))
	}
	return items
}

// sweepWorld is a server on which one thing goes wrong during one Put.
type sweepWorld struct {
	t        *testing.T
	path     writePath
	model    *imapscript.Model
	server   *imapscript.Server
	finished atomic.Int64 // connections that the server is done with
	cut      *cutter
}

func newSweepWorld(t *testing.T, path writePath, hook func(c *imapscript.Conn, cmd imapscript.Command) bool) *sweepWorld {
	t.Helper()
	w := &sweepWorld{t: t, path: path, cut: &cutter{at: [2]int64{-1, -1}}}
	w.model = &imapscript.Model{Capabilities: path.capabilities, Hook: hook}
	w.model.Add("INBOX")
	w.server = imapscript.Start(t, func(c *imapscript.Conn) {
		defer w.finished.Add(1)
		w.model.Serve(c)
	})
	return w
}

func (w *sweepWorld) open() *endpoint.Mailbox {
	w.t.Helper()
	m, err := Open(w.t.Context(), *wireConfig(w.t, w.server.Addr, func(c *Config) {
		c.Connections, c.Dial = w.path.connections, w.cut.dial
	}))
	if err != nil {
		w.t.Fatal(err)
	}
	return m
}

// run puts the items while the fault is there, and then, as the engine does, those that are not
// there. Each must be there once, and each answer must have been true.
func (w *sweepWorld) run() {
	w.t.Helper()
	items := sweepItems()
	f := endpoint.Folder{ID: "INBOX", Path: []string{"INBOX"}, Validity: "1"}
	m := w.open()
	w.cut.arm()
	results := put(w.t, m, f, items...)
	w.cut.disarm()
	_ = m.Close()
	w.settle()
	there := w.there()
	var left []endpoint.Put
	for i, it := range items {
		r, n := results[it.Mark], there[it.Mark]
		if wrong := (r.Err == nil) != (n == 1); wrong && endpoint.CodeOf(r.Err) != endpoint.InDoubt {
			w.t.Errorf("item %d is there %d times, and the answer was: %v", i, n, r.Err)
		}
		if n == 0 {
			left = append(left, it)
		}
	}
	w.model.Hook = nil
	m = w.open()
	for mark, r := range put(w.t, m, f, left...) {
		if r.Err != nil {
			w.t.Errorf("item %v, without the fault: %v", mark, r.Err)
		}
	}
	_ = m.Close()
	w.settle()
	w.check(items)
}

// settle waits until the server has dealt with all that was sent to it.
func (w *sweepWorld) settle() {
	w.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); w.finished.Load() < int64(w.server.Accepted()); {
		if time.Now().After(deadline) {
			w.t.Fatal("the server is still busy")
		}
		time.Sleep(50 * time.Microsecond)
	}
}

// there counts the messages behind each mark.
func (w *sweepWorld) there() map[watermark.Mark]int {
	out := map[watermark.Mark]int{}
	for _, msg := range w.model.Folder("INBOX").Messages {
		for _, mark := range watermark.Read([]byte(msg.Body)).Marks {
			out[mark]++
		}
	}
	return out
}

func (w *sweepWorld) check(items []endpoint.Put) {
	w.t.Helper()
	stored := w.model.Folder("INBOX").Messages
	for i, it := range items {
		body := string(stampedBytes(w.t, it))
		n := 0
		for _, msg := range stored {
			if msg.Body == body {
				n++
			}
		}
		if n != 1 {
			w.t.Errorf("item %d is there %d times", i, n)
		}
	}
	if len(stored) != len(items) || w.model.Folder("Pwned").Name != "" {
		w.t.Errorf("%d messages, want %d; executed: %t", len(stored), len(items), w.model.Folder("Pwned").Name != "")
	}
	if names := w.server.Commands(); slices.Contains(names, "CREATE") || slices.Contains(names, "DELETE") {
		w.t.Errorf("the server read %q", names)
	}
}

// cutter cuts one connection, once, at a byte of what is sent over all of them.
type cutter struct {
	mu     sync.Mutex
	armed  bool
	passed [2]int64 // sent and received while armed
	at     [2]int64 // where to cut; -1 for never
	sent   bytes.Buffer
}

const sending, receiving = 0, 1

func (x *cutter) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, addr)
	return &cutConn{conn, x}, err
}

func (x *cutter) arm()    { x.set(true) }
func (x *cutter) disarm() { x.set(false) }

func (x *cutter) set(armed bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.armed = armed
}

// pass returns how much of n bytes goes through, and whether the line is cut behind it.
func (x *cutter) pass(way int, p []byte) (n int, cut bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.armed {
		return len(p), false
	}
	if way == sending {
		x.sent.Write(p)
	}
	n = len(p)
	if left := x.at[way] - x.passed[way]; x.at[way] >= 0 && left <= int64(n) {
		n, cut = int(left), true
		x.armed = false
	}
	x.passed[way] += int64(n)
	return n, cut
}

type cutConn struct {
	net.Conn
	cutter *cutter
}

func (c *cutConn) Write(p []byte) (int, error) {
	n, cut := c.cutter.pass(sending, p)
	written, err := c.Conn.Write(p[:n])
	if cut && err == nil {
		_ = c.Conn.Close()
		return written, net.ErrClosed
	}
	return written, err
}

func (c *cutConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n, cut := c.cutter.pass(receiving, p[:n]); cut {
		_ = c.Conn.Close()
		return n, net.ErrClosed
	}
	return n, err
}

// cutPlaces are the bytes before and behind each end of a command and beginning of a literal, and some
// within.
func cutPlaces(sent []byte) (places []int) {
	last := 0
	for at, c := range sent {
		if line := sent[last:at]; c == '\n' {
			last = at + 1
			if bytes.HasSuffix(line, []byte("}\r")) || bytes.Equal(line, []byte("\r")) || bytes.HasPrefix(line, []byte("D")) {
				places = append(places, at, at+1, at+2)
			}
		}
		if at%211 == 7 {
			places = append(places, at)
		}
	}
	slices.Sort(places)
	return slices.Compact(places)
}

// TestSweepCuts cuts the connection at each end of a command or literal, within what is sent, and
// throughout the answers.
func TestSweepCuts(t *testing.T) {
	for _, path := range writePaths() {
		t.Run(path.name, func(t *testing.T) {
			t.Parallel()
			whole := newSweepWorld(t, path, nil)
			whole.run()
			places := cutPlaces(whole.cut.sent.Bytes())
			for _, at := range places {
				w := newSweepWorld(t, path, nil)
				w.cut.at[sending] = int64(at)
				w.run()
				if t.Failed() {
					t.Fatalf("cut behind byte %d, %q", at, whole.cut.sent.Bytes()[max(0, at-30):at])
				}
			}
			for at := int64(0); at < whole.cut.passed[receiving]; at += 17 {
				w := newSweepWorld(t, path, nil)
				w.cut.at[receiving] = at
				w.run()
				if t.Failed() {
					t.Fatalf("cut behind byte %d of the answers", at)
				}
			}
		})
	}
}

// TestSweepAnswers has the server answer each command in each odd way, once or whenever it has a
// message of the kind.
func TestSweepAnswers(t *testing.T) {
	for _, path := range writePaths() {
		t.Run(path.name, func(t *testing.T) {
			t.Parallel()
			for _, fault := range sweepFaults() {
				for victim := range len(sweepItems()) {
					var w *sweepWorld
					var met atomic.Bool
					w = newSweepWorld(t, path, func(c *imapscript.Conn, cmd imapscript.Command) bool {
						has := func(b []byte) bool { return strings.Contains(string(b), fmt.Sprintf("Subject: no %d\r\n", victim)) }
						if cmd.Name != "APPEND" || !slices.ContainsFunc(cmd.Literals, has) || fault.once && met.Swap(true) {
							return false
						}
						fault.act(w.model, c, cmd)
						return true
					})
					w.run()
					if t.Failed() {
						t.Fatalf("%s, at message %d", fault.name, victim)
					}
				}
			}
		})
	}
}

type sweepFault struct {
	name string
	once bool
	act  func(m *imapscript.Model, c *imapscript.Conn, cmd imapscript.Command)
}

func sweepFaults() (all []sweepFault) {
	for _, answer := range []string{"NO not this", "BAD what", "NO [UNAVAILABLE] not now", "NO [THROTTLED] wait"} {
		for _, kept := range []int{0, 1, 3} {
			all = append(all, sweepFault{fmt.Sprintf("%s, %d of a batch kept", answer, kept), false, func(m *imapscript.Model, c *imapscript.Conn, cmd imapscript.Command) {
				if len(cmd.Literals) > 1 {
					m.StoreFirst(cmd, kept)
				}
				c.Reply(cmd, answer)
			}})
		}
	}
	for _, stored := range []int{0, 1, 2, 1000} {
		all = append(all, sweepFault{fmt.Sprintf("cut after %d were stored", stored), stored > 0, func(m *imapscript.Model, c *imapscript.Conn, cmd imapscript.Command) {
			m.StoreFirst(cmd, stored)
			c.Drop()
		}})
	}
	return append(all, sweepFault{"confirmed without UIDs", false, func(m *imapscript.Model, c *imapscript.Conn, cmd imapscript.Command) {
		m.Store(cmd)
		c.Reply(cmd, "OK")
	}}, sweepFault{"BYE", true, func(_ *imapscript.Model, c *imapscript.Conn, _ imapscript.Command) {
		c.Send("* BYE done")
		c.Finish()
	}})
}
