package imapendpoint

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/internal/imapscript"
)

func testPool(t *testing.T, addr string, change func(*Config)) *pool {
	t.Helper()
	p := newPool(wireConfig(t, addr, change))
	p.backoff = time.Millisecond
	t.Cleanup(func() { _ = p.close() })
	return p
}

// TestPoolShrinks has a server that refuses a third connection in each of the ways in use. The
// work goes on with two.
func TestPoolShrinks(t *testing.T) {
	refusals := map[string]func(m *imapscript.Model, c *imapscript.Conn){
		"BYE at the greeting": func(_ *imapscript.Model, c *imapscript.Conn) { c.Send("* BYE Too many simultaneous connections") },
		"NO [LIMIT]":          refuseLogin("NO [LIMIT] Maximum number of connections exceeded"),
		"plain NO":            refuseLogin("NO LOGIN failed"),
		"hangs up":            func(_ *imapscript.Model, c *imapscript.Conn) { c.Drop() },
	}
	for name, refuse := range refusals {
		t.Run(name, func(t *testing.T) {
			noLeaks(t)
			m := imapscript.Model{}
			var open atomic.Int32
			srv := imapscript.Start(t, func(c *imapscript.Conn) {
				defer open.Add(-1)
				if open.Add(1) > 2 {
					refuse(&m, c)
					return
				}
				m.Serve(c)
			})
			p := testPool(t, srv.Addr, nil)
			var held [2]*session
			for i := range held {
				var err error
				if held[i], err = p.acquire(t.Context(), anyFolder); err != nil {
					t.Fatal(err)
				}
			}
			got := make(chan *session)
			go func() {
				s, err := p.acquire(t.Context(), anyFolder)
				if err != nil {
					t.Error(err)
				}
				got <- s
			}()
			select {
			case <-got:
				t.Fatal("a third session was had")
			case <-p.shrunk(t):
			}
			p.release(held[0])
			if <-got != held[0] {
				t.Error("the session that was given back is not used again")
			}
		})
	}
}

// shrunk returns a channel that is closed when the pool has given up a connection.
func (p *pool) shrunk(t *testing.T) <-chan struct{} {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			p.mu.Lock()
			limit, changed := p.limit, p.changed
			p.mu.Unlock()
			if limit == 2 {
				return
			}
			select {
			case <-changed:
			case <-time.After(10 * time.Second):
				t.Errorf("the limit is still %d", limit)
				return
			}
		}
	}()
	return done
}

// TestPoolShrinksAtOnce has several goroutines ask for a session before there is any.
func TestPoolShrinksAtOnce(t *testing.T) {
	noLeaks(t)
	m := imapscript.Model{}
	var open atomic.Int32
	srv := imapscript.Start(t, func(c *imapscript.Conn) {
		defer open.Add(-1)
		if open.Add(1) > 1 {
			c.Send("* BYE Too many simultaneous connections")
			return
		}
		m.Serve(c)
	})
	p := testPool(t, srv.Addr, nil)
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			s, err := p.acquire(t.Context(), anyFolder)
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.command(t.Context(), "NOOP", nil); err != nil {
				t.Error(err)
			}
			p.release(s)
		})
	}
	workers.Wait()
}

func refuseLogin(status string) func(*imapscript.Model, *imapscript.Conn) {
	return func(_ *imapscript.Model, c *imapscript.Conn) {
		c.Send("* OK [CAPABILITY IMAP4rev1] hi")
		c.Reply(c.Expect("LOGIN"), status)
		c.Wait()
	}
}

func TestPoolReconnects(t *testing.T) {
	noLeaks(t)
	m := imapscript.Model{}
	srv := imapscript.Start(t, m.Serve)
	var broken atomic.Int32
	p := testPool(t, srv.Addr, func(c *Config) {
		c.Connections = 1
		c.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			if broken.Add(-1) >= 0 {
				return nil, &net.OpError{Op: "dial", Err: errors.New("refused")}
			}
			return new(net.Dialer).DialContext(ctx, network, addr)
		}
	})
	s, err := p.acquire(t.Context(), anyFolder)
	if err != nil {
		t.Fatal(err)
	}
	s.kill()
	p.release(s)
	broken.Store(dialTries - 1)
	fresh, err := p.acquire(t.Context(), anyFolder)
	if err != nil || fresh == s || !fresh.alive() {
		t.Fatalf("after %d failures: %v", dialTries-1, err)
	}
	fresh.kill()
	p.release(fresh)
	broken.Store(100)
	_, err = p.acquire(t.Context(), anyFolder)
	wantCode(t, err, endpoint.Unavailable)
	if tried := 100 - broken.Load(); tried != dialTries {
		t.Errorf("tried %d times", tried)
	}
	if strings.Contains(err.Error(), "127.0.0.1") {
		t.Errorf("the error holds an address: %v", err)
	}
}

func TestPoolWaits(t *testing.T) {
	noLeaks(t)
	m := imapscript.Model{}
	srv := imapscript.Start(t, m.Serve)
	p := testPool(t, srv.Addr, func(c *Config) { c.Connections = 1 })
	s, err := p.acquire(t.Context(), anyFolder)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := p.acquire(ctx, anyFolder); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a second session: %v", err)
	}
	got := make(chan *session)
	go func() {
		s, err := p.acquire(t.Context(), anyFolder)
		if err != nil {
			t.Error(err)
		}
		got <- s
	}()
	p.release(s)
	if <-got != s {
		t.Error("the session that was given back is not used again")
	}
	if err := errors.Join(p.close(), p.close()); err != nil {
		t.Error(err)
	}
	if s.alive() {
		t.Error("a session outlives its pool")
	}
	p.release(s)
	_, err = p.acquire(t.Context(), anyFolder)
	wantCode(t, err, endpoint.Invalid)
}

// TestPoolDropsTheStale has a server that hung up on a session at rest.
func TestPoolDropsTheStale(t *testing.T) {
	noLeaks(t)
	m := imapscript.Model{Hook: func(c *imapscript.Conn, cmd imapscript.Command) bool {
		if cmd.Name == "NOOP" {
			c.Drop()
		}
		return false
	}}
	srv := imapscript.Start(t, m.Serve)
	p := testPool(t, srv.Addr, nil)
	if err := p.first(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	p.idle[0].since = time.Now().Add(-2 * freshFor)
	p.mu.Unlock()
	s, err := p.acquire(t.Context(), anyFolder)
	if err != nil || !s.alive() || srv.Accepted() != 2 {
		t.Errorf("%d connections, %v", srv.Accepted(), err)
	}
	p.release(s)
}

// TestPoolPrefersWhoHasTheFolderOpen has two sessions rest, and the folder open in the one that was used before the other.
func TestPoolPrefersWhoHasTheFolderOpen(t *testing.T) {
	noLeaks(t)
	m := imapscript.Model{}
	m.Add("INBOX")
	m.Add("Sent")
	srv := imapscript.Start(t, m.Serve)
	p := testPool(t, srv.Addr, nil)
	open := map[string]*session{}
	for _, folder := range []string{"INBOX", "Sent"} {
		s, err := p.acquire(t.Context(), folder)
		if err == nil {
			_, err = s.selectFolder(t.Context(), folder, true)
		}
		if err != nil {
			t.Fatal(err)
		}
		open[folder] = s
	}
	p.release(open["INBOX"])
	p.release(open["Sent"])
	for _, want := range []struct{ folder, open string }{{"INBOX", "INBOX"}, {"Sent", "Sent"}, {"Archive", "Sent"}, {anyFolder, "Sent"}} {
		s, err := p.acquire(t.Context(), want.folder)
		if err != nil || s != open[want.open] {
			t.Errorf("for %q, the session with %q open is not taken: %v", want.folder, want.open, err)
		}
		p.release(s)
	}
}

// TestPoolForesees has all sessions made before anybody asks for them, once.
func TestPoolForesees(t *testing.T) {
	noLeaks(t)
	m := imapscript.Model{}
	srv := imapscript.Start(t, m.Serve)
	p := testPool(t, srv.Addr, func(c *Config) { c.Connections = 3 })
	if err := p.first(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	p.foresee(ctx, 2)
	cancel() // of the call that foresaw, which may end first
	p.foresee(t.Context(), 2)
	p.ahead.Wait()
	if len(p.idle) != 2 || srv.Accepted() != 2 {
		t.Errorf("%d sessions of %d connections, want 2", len(p.idle), srv.Accepted())
	}
	p.foresee(t.Context(), 9)
	p.ahead.Wait()
	if len(p.idle) != 3 || srv.Accepted() != 3 {
		t.Errorf("%d sessions of %d connections, want 3", len(p.idle), srv.Accepted())
	}
}

// TestPoolWaitsForWhatItForesaw has a session taken while another one is made ahead.
func TestPoolWaitsForWhatItForesaw(t *testing.T) {
	noLeaks(t)
	began, goOn := make(chan struct{}, 2), make(chan struct{})
	logins := 0
	m := imapscript.Model{Hook: func(_ *imapscript.Conn, cmd imapscript.Command) bool {
		if cmd.Name == "LOGIN" || cmd.Name == "AUTHENTICATE" {
			if logins++; logins > 1 {
				began <- struct{}{}
				<-goOn
			}
		}
		return false
	}}
	srv := imapscript.Start(t, m.Serve)
	p := testPool(t, srv.Addr, func(c *Config) { c.Connections = 4 })
	if err := p.first(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.foresee(t.Context(), 2)
	<-began
	if s, _, _, err := p.take(anyFolder); s == nil || err != nil {
		t.Fatalf("no session, %v", err)
	}
	if _, mayDial, _, err := p.take(anyFolder); mayDial || err != nil {
		t.Errorf("another one may be made: %v, %v", mayDial, err)
	}
	close(goOn)
	if s, err := p.acquire(t.Context(), anyFolder); err != nil || !s.alive() || srv.Accepted() != 2 {
		t.Errorf("%d connections, want 2, %v", srv.Accepted(), err)
	}
	p.ahead.Wait()
	if _, mayDial, _, err := p.take(anyFolder); !mayDial || err != nil {
		t.Errorf("another one may be made: %v, %v", mayDial, err)
	}
}

// TestPoolClosesWhileItForesees has a server that never lets the sessions in that are made ahead.
func TestPoolClosesWhileItForesees(t *testing.T) {
	noLeaks(t)
	began := make(chan struct{}, 2)
	first := true
	m := imapscript.Model{Hook: func(_ *imapscript.Conn, cmd imapscript.Command) bool {
		if cmd.Name != "LOGIN" && cmd.Name != "AUTHENTICATE" {
			return false
		}
		if first {
			first = false
			return false
		}
		began <- struct{}{}
		return true // without an answer
	}}
	srv := imapscript.Start(t, m.Serve)
	p := testPool(t, srv.Addr, func(c *Config) { c.Connections = 2 })
	if err := p.first(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.foresee(t.Context(), 2)
	<-began
	if err := p.close(); err != nil { // waits for the one that is being made
		t.Error(err)
	}
}
