package memendpoint

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"sync/atomic"

	"github.com/dandyroll/dandyroll/endpoint"
)

// Options are those of a session. The zero value is a writing session without quirks.
type Options struct {
	// Type is the type of endpoint that goes into watermarks. Defaults to "mem".
	Type string
	// Account identifies the mailbox, as Info.Account. Defaults to a name of the Server's own, made up
	// by NewServer.
	Account string
	// ReadOnly makes every write fail with Denied.
	ReadOnly bool
	// Quirks are how the session misbehaves.
	Quirks Quirks
}

// Open opens a session over the mailbox. Nil options mean the zero value.
func (s *Server) Open(o *Options) *endpoint.Mailbox {
	if o == nil {
		o = &Options{}
	}
	return endpoint.New(&session{server: s, options: *o})
}

// session is the driver.
type session struct {
	endpoint.Unimplemented
	server  *Server
	options Options

	closed         atomic.Bool
	calls, puts    atomic.Int64
	sent, received atomic.Int64 // bytes
}

func (s *session) Info() endpoint.Info {
	return endpoint.Info{
		Type:    cmp.Or(s.options.Type, "mem"),
		Driver:  "memendpoint/1",
		Account: cmp.Or(s.options.Account, s.server.account),
	}
}

func (s *session) Capabilities(ctx context.Context) (endpoint.Capabilities, error) {
	if err := s.enter(ctx); err != nil {
		return endpoint.Capabilities{}, err
	}
	return s.options.Quirks.capabilities(), nil
}

func (s *session) Quota(ctx context.Context) (endpoint.Quota, error) {
	if err := s.enter(ctx); err != nil {
		return endpoint.Quota{}, err
	}
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	return endpoint.Quota{Used: s.server.used, Limit: max(s.server.limit, -1)}, nil
}

func (s *session) Wire() endpoint.Wire {
	return endpoint.Wire{Commands: s.calls.Load(), Sent: s.sent.Load(), Received: s.received.Load()}
}

func (s *session) Close() error {
	s.closed.Store(true)
	return nil
}

// enter begins a call, or says why it cannot be.
func (s *session) enter(ctx context.Context) error {
	if err := s.alive(ctx); err != nil {
		return err
	}
	call := s.calls.Add(1)
	s.server.count(func(c *Counts) { c.Calls++ })
	if s.options.Quirks.Throttle == nil {
		return nil
	}
	if wait := s.options.Quirks.Throttle(int(call)); wait > 0 {
		return &endpoint.Error{Code: endpoint.Throttled, RetryAfter: wait, Err: errors.New("wait before the next call")}
	}
	return nil
}

// alive says why a call cannot go on.
func (s *session) alive(ctx context.Context) error {
	if s.closed.Load() {
		return endpoint.Errorf(endpoint.Unavailable, "the session was closed; open another")
	}
	return ctx.Err()
}

// writable refuses what would change the mailbox in a session that may not.
func (s *session) writable() error {
	if s.options.ReadOnly {
		return endpoint.Errorf(endpoint.Denied, "the session is read-only; open another")
	}
	return nil
}

// sequence yields what snapshot returns. It takes the snapshot under the lock and yields without it,
// so that the body of the loop may call anything.
func sequence[T any](ctx context.Context, s *session, snapshot func() ([]T, error)) iter.Seq2[T, error] {
	locked := func() ([]T, error) {
		if err := s.enter(ctx); err != nil {
			return nil, err
		}
		s.server.mu.Lock()
		defer s.server.mu.Unlock()
		return snapshot()
	}
	return func(yield func(T, error) bool) {
		values, err := locked()
		for i := 0; err == nil && i < len(values); i++ {
			if err = s.alive(ctx); err == nil && !yield(values[i], nil) {
				return
			}
		}
		if err != nil {
			var none T
			yield(none, err)
		}
	}
}
