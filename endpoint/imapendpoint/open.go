package imapendpoint

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
)

// Open opens a mailbox on an IMAP server. It connects and logs in once, so that a wrong
// configuration shows here.
//
// Errors have code Invalid for a bad Config, with every fault of it; Unavailable if there is no
// server to be reached; Untrusted if its certificate is refused or it lacks STARTTLS;
// Unauthenticated if it refuses the credentials; Throttled if it wants to be left alone.
func Open(ctx context.Context, c Config) (*endpoint.Mailbox, error) {
	cfg, err := c.complete()
	if err != nil {
		return nil, named(&endpoint.Error{Code: endpoint.Invalid, Err: err})
	}
	p := newPool(cfg)
	if err := p.first(ctx); err != nil {
		_ = p.close()
		return nil, named(err)
	}
	return endpoint.New(newDriver(*cfg, p)), nil
}

// named says of an error what was tried, as a Mailbox would.
func named(err error) error {
	e, ok := err.(*endpoint.Error) //nolint:errorlint // only what classify made, not what it wraps
	if !ok {
		return err
	}
	e.Op, e.Driver = "open", "imap"
	return e
}

// handshake brings a fresh connection to where a session begins.
type handshake struct {
	cfg  *Config
	wire *wire
	caps capabilities // nil when they must be asked for
}

// connect dials, secures the connection and logs in.
func connect(ctx context.Context, cfg *Config, m *meter) (*session, error) {
	s, err := establish(ctx, cfg, m)
	switch {
	case err == nil:
		return s, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, context.DeadlineExceeded): // of bounded
		return nil, endpoint.Errorf(endpoint.Unavailable, "the server did not answer within Config.Timeout")
	}
	return nil, classify(err)
}

// connectTimeout bounds each step until a server greets: one that says nothing, because it waits for
// TLS, is no slow server.
const connectTimeout = 30 * time.Second

func establish(ctx context.Context, cfg *Config, m *meter) (*session, error) {
	var socket net.Conn
	patience := min(cfg.Timeout, connectTimeout)
	err := bounded(ctx, patience, func(ctx context.Context) (err error) {
		socket, err = cfg.Dial(ctx, "tcp", cfg.Addr)
		return err
	})
	if err != nil {
		return nil, err
	}
	h := &handshake{cfg: cfg, wire: newWire(newConn(socket, patience, m), cfg.Logger)}
	stop := context.AfterFunc(ctx, func() { _ = h.wire.fail(errKilled) })
	err = h.all(ctx)
	if !stop() {
		err = ctx.Err()
	}
	if err != nil {
		_ = h.wire.fail(errKilled)
		return nil, err
	}
	return newSession(h.wire, h.caps), nil
}

// bounded bounds what the deadlines of conn do not reach.
func bounded(ctx context.Context, timeout time.Duration, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return do(ctx)
}

func (h *handshake) all(ctx context.Context) error {
	if h.cfg.Security == TLS {
		if err := h.secure(ctx); err != nil {
			return err
		}
	}
	preauth, err := h.greeting()
	if err != nil {
		return err
	}
	h.wire.conn.timeout = h.cfg.Timeout
	if h.cfg.Security == StartTLS {
		if err := h.startTLS(ctx, preauth); err != nil {
			return err
		}
	}
	return h.enter(ctx, preauth)
}

// enter goes from the secured connection to the authenticated state.
func (h *handshake) enter(ctx context.Context, preauth bool) error {
	if err := h.ask(); err != nil {
		return err
	}
	before := h.caps
	if !preauth {
		if err := h.authenticate(ctx); err != nil {
			return err
		}
	}
	// What is offered may be more now (RFC 9051 section 6.1.1).
	if err := h.ask(); err != nil {
		return err
	}
	if before["ID"] || h.caps["ID"] {
		h.identify()
	}
	return nil
}

// secure speaks TLS from here on.
func (h *handshake) secure(ctx context.Context) error {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if h.cfg.TLS != nil {
		config = h.cfg.TLS.Clone()
	}
	if config.ServerName == "" {
		config.ServerName, _, _ = net.SplitHostPort(h.cfg.Addr)
	}
	c := h.wire.conn
	stream := tls.Client(c.socket, config)
	err := bounded(ctx, h.wire.conn.timeout, stream.HandshakeContext)
	if err != nil && distrust(err) == "" && lost(err) == "" && !isContext(err) {
		return endpoint.Errorf(endpoint.Untrusted, "TLS was refused on this side: the server may need an older version, which Config.TLS can allow")
	}
	if err != nil {
		return err
	}
	c.stream = stream
	return nil
}

// errHungUp is what some servers do to a connection too many.
var errHungUp = errors.New("the server hung up without a greeting")

// greeting reads the first response (RFC 9051 section 7.1).
func (h *handshake) greeting() (preauth bool, err error) {
	line, err := h.wire.response()
	if err != nil && lost(err) != "" && !errors.Is(err, errSilent) && !errors.Is(err, errKilled) {
		return false, endpoint.Errorf(endpoint.Unavailable, "%w: check Config.Security, or try again later", errHungUp)
	}
	if err != nil {
		return false, err
	}
	s, ok := parseStatus(line)
	switch {
	case !ok || s.tag != "*":
		return false, endpoint.Errorf(endpoint.Unavailable, "what answers is no IMAP server: check Config.Addr and Config.Security")
	case s.kind != "OK" && s.kind != "PREAUTH":
		return false, s.err()
	}
	h.learn(line)
	return s.kind == "PREAUTH", nil
}

// startTLS runs STARTTLS (RFC 9051 section 6.2.1). Nothing that was said before counts afterwards.
func (h *handshake) startTLS(ctx context.Context, preauth bool) error {
	if preauth {
		return endpoint.Errorf(endpoint.Untrusted, "the server is logged in before TLS: use implicit TLS")
	}
	if err := h.ask(); err != nil {
		return err
	}
	if !h.caps["STARTTLS"] {
		return endpoint.Errorf(endpoint.Untrusted, "the server does not offer STARTTLS: use implicit TLS")
	}
	st, err := h.exchange("STARTTLS", "", nil)
	if err != nil {
		return err
	}
	if st.kind != "OK" {
		return endpoint.Errorf(endpoint.Untrusted, "the server answered %s to STARTTLS: use implicit TLS", st.kind)
	}
	if h.wire.frames.r.Buffered() > 0 {
		// Whoever is between could make plain text pass for the server's first words under TLS.
		return endpoint.Errorf(endpoint.Untrusted, "plain text was sent behind STARTTLS: somebody may tamper with the connection")
	}
	h.caps = nil
	return h.secure(ctx)
}

// ask makes sure that the capabilities are known.
func (h *handshake) ask() error {
	if h.caps != nil {
		return nil
	}
	st, err := h.exchange("CAPABILITY", "", nil)
	if err == nil && st.kind != "OK" {
		err = st.err()
	}
	if err == nil && h.caps == nil {
		h.caps = capabilities{}
	}
	return err
}

// exchange is that of the wire. It takes in capabilities wherever they come.
func (h *handshake) exchange(name, args string, reply func(string) (string, error)) (status, error) {
	if name == "AUTHENTICATE" || name == "LOGIN" {
		h.caps = nil
	}
	st, err := h.wire.exchange(name, args, h.learn, reply)
	if st.code == "CAPABILITY" {
		h.caps = parseCapabilities(st.args).without(h.cfg.HideCapabilities)
	}
	return st, err
}

// learn takes in capabilities: a response of their own, or a response code.
func (h *handshake) learn(line []byte) {
	if s, ok := parseStatus(line); ok {
		if s.code == "CAPABILITY" {
			h.caps = parseCapabilities(s.args).without(h.cfg.HideCapabilities)
		}
		return
	}
	_, rest := cutWord(line)
	if kind, list := cutWord(rest); equalFold(kind, "CAPABILITY") {
		h.caps = parseCapabilities(string(list)).without(h.cfg.HideCapabilities)
	}
}
