package endtoend_test

import (
	"bytes"
	"net"
	"sync"
	"testing"
)

// The directions of a conversation, seen from mailmove.
const (
	up   = iota // commands
	down        // responses
)

// tap is a proxy before a server. It counts the bytes of each direction over all connections of one
// conversation, and can cut the conversation at an exact byte.
type tap struct {
	addr   string
	target string

	mu      sync.Mutex
	current *conversation
}

// conversation is what passes through a tap between two calls of begin.
type conversation struct {
	// stop is at how many bytes of a direction the conversation is cut; below zero means never. What
	// comes before that is delivered, and nothing after it.
	stop [2]int64
	// cut is called once, at that moment.
	cut func()

	mu     sync.Mutex
	passed [2]int64
	log    [2]bytes.Buffer
	over   bool
}

func newTap(t *testing.T, target string) *tap {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	x := &tap{addr: l.Addr().String(), target: target, current: &conversation{stop: [2]int64{-1, -1}}}
	var open sync.WaitGroup
	open.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			x.mu.Lock()
			c := x.current
			x.mu.Unlock()
			open.Go(func() { c.relay(t, client, x.target) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); open.Wait() })
	return x
}

// begin starts a new conversation; what is left of the last one does not count in it.
func (x *tap) begin(c *conversation) *conversation {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.current = c
	return c
}

// relay connects one client to the server until either leaves or the conversation is cut.
func (c *conversation) relay(t *testing.T, client net.Conn, target string) {
	t.Helper()
	defer func() { _ = client.Close() }()
	server, err := new(net.Dialer).DialContext(t.Context(), "tcp", target)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	var both sync.WaitGroup
	both.Go(func() { c.pump(up, server, client) })
	both.Go(func() { c.pump(down, client, server) })
	both.Wait()
}

// pump carries one direction.
func (c *conversation) pump(direction int, to, from net.Conn) {
	defer func() { _, _ = to.Close(), from.Close() }() // the other direction ends, too
	buffer := make([]byte, 16<<10)
	for {
		n, err := from.Read(buffer)
		allowed, last := c.pass(direction, buffer[:n])
		if _, werr := to.Write(buffer[:allowed]); err != nil || werr != nil || last {
			if last {
				c.cut()
			}
			return
		}
	}
}

// pass says how much of p may go on, and whether it is the last that may.
func (c *conversation) pass(direction int, p []byte) (allowed int, last bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return 0, false
	}
	allowed = len(p)
	if stop := c.stop[direction]; stop >= 0 && c.passed[direction]+int64(len(p)) >= stop {
		allowed, last, c.over = int(stop-c.passed[direction]), true, true
	}
	c.passed[direction] += int64(allowed)
	_, _ = c.log[direction].Write(p[:allowed]) // never fails
	return allowed, last
}

// piece is a line or a literal of a log.
type piece struct {
	from, to int64
	what     string // the command or response that it belongs to
}

// pieces divides the log of one direction. It expects the log of a single connection.
func (c *conversation) pieces(direction int) []piece {
	c.mu.Lock()
	defer c.mu.Unlock()
	log := c.log[direction].Bytes()
	var all []piece
	what := "greeting"
	for at := 0; at < len(log); {
		end := len(log)
		if i := bytes.IndexByte(log[at:], '\n'); i >= 0 {
			end = at + i + 1
		}
		line := log[at:end]
		if name := lineName(direction, line); name != "" {
			what = name
		}
		all = append(all, piece{int64(at), int64(end), what})
		at = end
		if n, ok := announced(line); ok {
			end = min(at+n, len(log))
			all = append(all, piece{int64(at), int64(end), what + " literal"})
			at = end
		}
	}
	return all
}

// lineName names the command or response that a line begins; it is empty where the line goes on
// after a literal.
func lineName(direction int, line []byte) string {
	words := bytes.Fields(line)
	switch {
	case len(words) < 2:
		return ""
	case direction == up && words[0][0] != 'D':
		return ""
	case direction == down && words[0][0] == 'D':
		return "end of a command"
	case direction == down && !bytes.Equal(words[0], []byte("*")):
		return ""
	}
	for _, w := range words[1:] {
		if !bytes.Equal(w, []byte("UID")) && (w[0] < '0' || w[0] > '9') {
			return string(bytes.ToUpper(w))
		}
	}
	return ""
}

// announced recognises a literal at the end of a line.
func announced(line []byte) (int, bool) {
	line = bytes.TrimRight(line, "\r\n")
	open := bytes.LastIndexByte(line, '{')
	if open < 0 || line[len(line)-1] != '}' {
		return 0, false
	}
	n := 0
	for _, d := range bytes.TrimSuffix(line[open+1:len(line)-1], []byte("+")) {
		if d < '0' || d > '9' {
			return 0, false
		}
		n = 10*n + int(d-'0')
	}
	return n, true
}
