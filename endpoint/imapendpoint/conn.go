package imapendpoint

import (
	"errors"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
)

// writeChunk is how much is written under one deadline, so that a slow link counts as silent only
// when it moves nothing at all.
const writeChunk = 32 << 10

var (
	errSilent = errors.New("nothing moved on the connection for as long as Config.Timeout allows")
	errKilled = errors.New("connection was closed by this side")
)

// meter counts what goes over all connections of a pool.
type meter struct{ commands, sent, received, roundTrip atomic.Int64 }

func (m *meter) wire() endpoint.Wire {
	return endpoint.Wire{
		Commands: m.commands.Load(), Sent: m.sent.Load(), Received: m.received.Load(),
		RoundTrip: time.Duration(m.roundTrip.Load()),
	}
}

// answered notes how long an answer took.
func (m *meter) answered(took time.Duration) {
	for {
		least := m.roundTrip.Load()
		if least > 0 && least <= int64(took) || m.roundTrip.CompareAndSwap(least, int64(took)) {
			return
		}
	}
}

// conn owns the socket of one connection: how it ends, how long it may be silent, what it counts.
// One goroutine may read while another writes.
type conn struct {
	socket  net.Conn // what kill closes
	stream  net.Conn // socket, or TLS over it
	timeout time.Duration
	meter   *meter

	started time.Time
	moved   atomic.Int64 // when a byte last moved either way, as nanoseconds after started
	dead    atomic.Bool
}

func newConn(socket net.Conn, timeout time.Duration, m *meter) *conn {
	return &conn{socket: socket, stream: socket, timeout: timeout, meter: m, started: time.Now()}
}

// kill closes the socket at once, without the farewell of TLS, which could block.
func (c *conn) kill() {
	c.dead.Store(true)
	_ = c.socket.Close()
}

// Read reads from the stream. It fails with errSilent when nothing has moved in either direction
// for the timeout: a server that swallows a long APPEND has no reason to speak.
func (c *conn) Read(p []byte) (int, error) {
	wait := c.timeout
	for {
		if err := c.stream.SetReadDeadline(time.Now().Add(wait)); err != nil {
			return 0, c.reason(err)
		}
		n, err := c.stream.Read(p)
		if n > 0 {
			c.note(n, &c.meter.received)
			return n, nil
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return 0, c.reason(err)
		}
		quiet := time.Since(c.started) - time.Duration(c.moved.Load())
		if quiet >= c.timeout {
			return 0, errSilent
		}
		wait = c.timeout - quiet
	}
}

// Write writes all of p.
func (c *conn) Write(p []byte) (int, error) {
	written := 0
	for len(p) > 0 {
		if err := c.stream.SetWriteDeadline(time.Now().Add(c.timeout)); err != nil {
			return written, c.reason(err)
		}
		n, err := c.stream.Write(p[:min(len(p), writeChunk)])
		c.note(n, &c.meter.sent)
		written += n
		if err != nil {
			return written, c.reason(err)
		}
		p = p[n:]
	}
	return written, nil
}

func (c *conn) note(n int, counter *atomic.Int64) {
	counter.Add(int64(n))
	c.moved.Store(int64(time.Since(c.started)))
}

// reason names the two ends that the connection's own rules bring about.
func (c *conn) reason(err error) error {
	switch {
	case c.dead.Load():
		return errKilled
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errSilent
	}
	return err
}
