// Package delayproxy stands between a client and a server on one machine and makes the way between
// them long: what one side sends, the other gets some time later. How much may be on its way is not
// limited by anything but memory, so that the delay costs time and no throughput.
package delayproxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// Config says where the proxy leads.
type Config struct {
	// Target is host and port of the server.
	Target string
	// Delay is how long bytes are on their way in each direction, which is half of a round trip.
	// Zero passes them on at once.
	Delay time.Duration
	// Watch, if it is not nil, gets all bytes that clients send, as they send them: for each
	// connection it makes the function to which they go.
	Watch func() func(sent []byte)
}

// Proxy is a running proxy.
type Proxy struct {
	config   Config
	listener net.Listener
	cancel   context.CancelFunc
	work     sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]struct{} // nil once the proxy is closed
}

// Start listens on a free port of the loopback interface. The proxy ends with Close or with ctx.
func Start(ctx context.Context, c Config) (*Proxy, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("delayproxy: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	p := &Proxy{config: c, listener: l, cancel: cancel, conns: map[net.Conn]struct{}{}}
	context.AfterFunc(ctx, p.hangUp)
	p.work.Go(func() { p.serve(ctx) })
	return p, nil
}

// Addr returns the host and port for clients.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Close ends the proxy and its connections, and waits until they are gone.
func (p *Proxy) Close() {
	p.cancel()
	p.work.Wait()
}

// hangUp closes the listener and every connection.
func (p *Proxy) hangUp() {
	_ = p.listener.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close()
	}
	p.conns = nil
}

// hold notes a connection, which is closed with the proxy. It reports whether that is still open.
func (p *Proxy) hold(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conns == nil {
		_ = c.Close()
		return false
	}
	p.conns[c] = struct{}{}
	return true
}

func (p *Proxy) release(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
	_ = c.Close()
}

func (p *Proxy) serve(ctx context.Context) {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		if p.hold(client) {
			p.work.Go(func() { p.connect(ctx, client) })
		}
	}
}

// connect leads one client to the server, after the time that the three steps of a TCP handshake
// (RFC 9293 section 3.5) would take: the client believes itself connected already.
func (p *Proxy) connect(ctx context.Context, client net.Conn) {
	defer p.release(client)
	if !sleep(ctx, 3*p.config.Delay) {
		return
	}
	server, err := new(net.Dialer).DialContext(ctx, "tcp", p.config.Target)
	if err != nil || !p.hold(server) {
		return
	}
	defer p.release(server)
	watch := func([]byte) {}
	if p.config.Watch != nil {
		watch = p.config.Watch()
	}
	var ways sync.WaitGroup
	ways.Go(func() { way{client, server, p.config.Delay, watch}.run(ctx) })
	ways.Go(func() { way{server, client, p.config.Delay, func([]byte) {}}.run(ctx) })
	ways.Wait()
}

// short is a time that is left to nap, because timers are late by about as much.
const short = 2 * time.Millisecond

// sleep returns when d is over, or with false when ctx is.
func sleep(ctx context.Context, d time.Duration) bool {
	due := time.Now().Add(d)
	if d > short {
		t := time.NewTimer(d - short)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
			return false
		}
	}
	nap(time.Until(due))
	return ctx.Err() == nil
}

// closeWrite tells the receiver that nothing more follows, as the sender did.
func closeWrite(c net.Conn) error {
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}
