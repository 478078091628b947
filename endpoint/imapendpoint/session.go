package imapendpoint

import (
	"context"
	"strings"

	"github.com/dandyroll/dandyroll/endpoint"
)

// session is one authenticated connection. One goroutine at a time uses it: whoever acquired it
// from the pool.
type session struct {
	wire *wire
	caps capabilities

	current  *selected // the folder that is open, or nil
	flagSets *flagSets
	batched  bool // the server took an APPEND with more than one message
}

// newSession makes a session of a connection that is logged in.
func newSession(w *wire, caps capabilities) *session {
	return &session{wire: w, caps: caps, flagSets: newFlagSets(newSystemFlags())}
}

// has reports whether the server offers a capability, such as "UIDPLUS", that is not hidden by
// the configuration.
func (s *session) has(capability string) bool { return s.caps[strings.ToUpper(capability)] }

// alive reports whether the connection still stands, as far as is known without asking.
func (s *session) alive() bool { return s.wire.end() == nil }

// kill closes the TCP connection at once, and returns when it is closed.
func (s *session) kill() { _ = s.wire.fail(errKilled) }

// guard runs use with the connection bound to the context: when that ends, so does the
// connection. The error is classified.
func (s *session) guard(ctx context.Context, use func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.wire.end(); err != nil {
		return classify(err)
	}
	stop := context.AfterFunc(ctx, s.kill)
	err := use()
	if !stop() {
		s.kill() // at once, lest it happens to whoever has the session next
	}
	if err == nil {
		return nil
	}
	if !s.alive() && ctx.Err() != nil {
		return ctx.Err()
	}
	return classify(err)
}

// command sends a command of one line, without tag and line end, and waits for its end. Its
// arguments are the caller's to quote (see quoteString). The untagged responses go to untagged,
// which may be nil: without line end, with literals turned into quoted strings unless they hold
// CR, LF or NUL. The line is valid during the call.
func (s *session) command(ctx context.Context, line string, untagged func(line []byte)) error {
	if strings.ContainsAny(line, "\r\n\x00") {
		return endpoint.Errorf(endpoint.Invalid, "%w", errLine)
	}
	_, err := s.send(ctx, line, untagged)
	return err
}

func (s *session) send(ctx context.Context, line string, untagged func(line []byte)) (st status, err error) {
	err = s.guard(ctx, func() error {
		name, args, _ := strings.Cut(line, " ")
		st, err = s.wire.exchange(name, args, untagged, nil)
		if err == nil && st.kind != "OK" {
			err = st.err()
		}
		return err
	})
	return st, err
}
