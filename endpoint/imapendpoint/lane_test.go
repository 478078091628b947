package imapendpoint

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/internal/dovecot"
	"github.com/dandyroll/dandyroll/internal/imapscript"
	"github.com/dandyroll/dandyroll/watermark"
)

func count(names []string, name string) (n int) {
	for _, s := range names {
		if s == name {
			n++
		}
	}
	return n
}

// TestPutOpensTheFolderOnce proves that a folder which is open stays open from one Put to the next,
// unless the server's answers say that it is another one by now, or tell no UIDs.
func TestPutOpensTheFolderOnce(t *testing.T) {
	for answer, want := range map[string]int{"": 1, "OK [APPENDUID 77 1] done": 3, "OK done": 3, "NO no": 1, "NO [TRYCREATE] no": 5} {
		m := &imapscript.Model{Hook: func(c *imapscript.Conn, cmd imapscript.Command) bool {
			if cmd.Name == "APPEND" && answer != "" {
				c.Reply(cmd, answer)
				return true
			}
			return false
		}}
		m.Add("INBOX")
		srv := imapscript.Start(t, m.Serve)
		box := openAt(t, srv.Addr)
		f := folder(t, box, "INBOX")
		for i := range 3 {
			put(t, box, f, testPut(i, message(i)))
		}
		if got := count(srv.Commands(), "SELECT"); got < want || want == 1 && got > 1 {
			t.Errorf("%q: SELECT was sent %d times, want %d", answer, got, want)
		}
	}
}

// TestPutOverConnections proves that messages go over all connections where each of them costs a round
// trip, and that they get there when the server bears no more than one.
func TestPutOverConnections(t *testing.T) {
	for _, borne := range []int64{1, 2, 4} {
		t.Run(fmt.Sprint(borne), func(t *testing.T) {
			var open, most, waiting atomic.Int64
			m := &imapscript.Model{Capabilities: "IMAP4rev1 UIDPLUS"}
			m.Add("INBOX")
			m.Hook = func(_ *imapscript.Conn, cmd imapscript.Command) bool {
				if cmd.Name != "APPEND" {
					return false
				}
				// An answer waits until there is one on every connection, or there was.
				waiting.Add(1)
				for deadline := time.Now().Add(10 * time.Second); waiting.Load() < borne && time.Now().Before(deadline); {
					time.Sleep(time.Millisecond)
				}
				return false
			}
			srv := imapscript.Start(t, func(c *imapscript.Conn) {
				n := open.Add(1)
				defer open.Add(-1)
				if n > borne {
					c.Send("* BYE too many connections")
					return
				}
				most.Store(max(most.Load(), n))
				m.Serve(c)
			})
			box := openAt(t, srv.Addr)
			var items []endpoint.Put
			for i := range 20 {
				items = append(items, testPut(i, message(i)))
			}
			for mark, r := range put(t, box, folder(t, box, "INBOX"), items...) {
				if r.Err != nil {
					t.Errorf("item %v: %v", mark, r.Err)
				}
			}
			wantOnce(t, m, len(items))
			if most.Load() != borne || waiting.Load() < borne {
				t.Errorf("%d connections, want %d", most.Load(), borne)
			}
		})
	}
}

// TestPutWaitsForNoConnection has a server that leaves all connections but the first without a greeting.
func TestPutWaitsForNoConnection(t *testing.T) {
	t.Parallel() // it waits most of the time
	var connections atomic.Int64
	m := &imapscript.Model{Capabilities: "IMAP4rev1 UIDPLUS"}
	m.Add("INBOX")
	srv := imapscript.Start(t, func(c *imapscript.Conn) {
		if connections.Add(1) > 1 {
			c.Wait()
			return
		}
		m.Serve(c)
	})
	box, err := Open(t.Context(), *wireConfig(t, srv.Addr, func(c *Config) { c.Timeout = 10 * time.Minute }))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = box.Close() }()
	var items []endpoint.Put
	for i := range 8 {
		items = append(items, testPut(i, message(i)))
	}
	began := time.Now()
	put(t, box, folder(t, box, "INBOX"), items...)
	if took := time.Since(began); took > joinGrace+time.Minute {
		t.Errorf("it took %v", took)
	}
	wantOnce(t, m, len(items))
	if !slices.ContainsFunc(srv.Commands(), func(s string) bool { return strings.EqualFold(s, "APPEND") }) || connections.Load() < 2 {
		t.Errorf("%d connections", connections.Load())
	}
}

// Once a folder has a first message, Dovecot is made to keep the marks of those that follow where it finds them at once.
func TestMarksAreCachedByDovecot(t *testing.T) {
	srv := dovecot.Start(t, dovecot.Config{NoFsync: true})
	m := openAt(t, srv.Addr())
	f, err := m.CreateFolder(t.Context(), endpoint.Folder{Path: []string{"Work"}})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		for _, r := range all(t, m.Put(t.Context(), f, []endpoint.Put{testPut(2*i, message(2*i)), testPut(2*i+1, message(2*i+1))})) {
			if r.Err != nil {
				t.Fatal(r.Err)
			}
		}
	}
	out, err := srv.Doveadm("mailbox", "cache", "decision", "-u", "ann", "--fields", "hdr."+strings.ToLower(watermark.Field), "Work")
	if err != nil || !strings.Contains(out, " temp ") {
		t.Errorf("%v: the cache has\n%s", err, out)
	}
}
