package imapendpoint

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
)

const (
	dialTries = 5
	// freshFor is how long an idle session is trusted without asking whether it still stands.
	freshFor = 30 * time.Second
)

// pool holds the sessions of a mailbox. It makes as many as the configuration allows and the
// server bears.
type pool struct {
	cfg     *Config
	meter   meter
	backoff time.Duration // before the second try to connect; it doubles
	flags   *systemFlags

	mu      sync.Mutex
	idle    []idleSession
	live    map[*session]bool // handed out
	dialing int
	coming  int // of these, how many are made before anybody asks
	limit   int
	closed  bool
	changed chan struct{} // closed and replaced whenever a waiting acquire should look again

	ahead   sync.WaitGroup       // what is done before anybody asks
	cancels []context.CancelFunc // end that
}

type idleSession struct {
	*session
	since time.Time
}

func newPool(cfg *Config) *pool {
	return &pool{
		cfg: cfg, backoff: 250 * time.Millisecond, flags: newSystemFlags(), live: map[*session]bool{}, limit: cfg.Connections,
		changed: make(chan struct{}),
	}
}

// wire returns the counters of all connections so far.
func (p *pool) wire() endpoint.Wire { return p.meter.wire() }

// first connects once, without trying again.
func (p *pool) first(ctx context.Context) error {
	s, err := p.dial(ctx)
	if err != nil {
		return err
	}
	p.mu.Lock()
	p.live[s] = true
	p.mu.Unlock()
	p.release(s)
	return nil
}

// acquire returns a session that nobody else uses; release it when done. One that has the folder with that
// name open is preferred. It waits while all are in use. Code Unavailable means that it has tried several times
// to connect.
func (p *pool) acquire(ctx context.Context, folder string) (*session, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		s, mayDial, changed, err := p.take(folder)
		switch {
		case err != nil:
			return nil, err
		case mayDial:
			s, err := p.grow(ctx)
			if s != nil || err != nil {
				return s, err
			}
		case s == nil:
			select {
			case <-changed:
			case <-ctx.Done():
			}
		case p.stands(ctx, s):
			return s.session, nil
		}
	}
}

// spare is acquire for one who can do without: nil means that all sessions are in use, or that no
// other is to be had. It may take as long as connecting does.
func (p *pool) spare(ctx context.Context, folder string) *session {
	for ctx.Err() == nil {
		s, mayDial, _, err := p.take(folder)
		switch {
		case err != nil || s == nil && !mayDial:
			return nil
		case mayDial:
			s, _ := p.grow(ctx) // nobody waits for it
			return s
		case p.stands(ctx, s):
			return s.session
		}
	}
	return nil
}

// foresee begins to make sessions until there are as many as wanted, if there may be. It does not wait for them.
func (p *pool) foresee(ctx context.Context, wanted int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.live)+len(p.idle)+p.dialing >= min(wanted, p.limit) {
		return
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx)) // until the pool is closed
	p.cancels = append(p.cancels, cancel)
	for ; len(p.live)+len(p.idle)+p.dialing < min(wanted, p.limit); p.dialing++ {
		p.coming++
		p.ahead.Go(func() { p.make(ctx) })
	}
}

// background runs work that ends with the pool, unless that is closed.
func (p *pool) background(ctx context.Context, work func(context.Context)) (begun bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	ctx, cancel := context.WithCancel(ctx)
	p.cancels = append(p.cancels, cancel)
	p.ahead.Go(func() {
		defer cancel()
		work(ctx)
	})
	return true
}

// make makes a session that nobody asked for yet.
func (p *pool) make(ctx context.Context) {
	s, _ := p.grow(ctx) // who needs one will see why there is none
	if s != nil {
		p.release(s)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.coming--
	p.announce()
}

// take picks an idle session, or says that one may be made, or what to wait for.
func (p *pool) take(folder string) (s *idleSession, mayDial bool, changed <-chan struct{}, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, false, nil, errClosed()
	}
	if len(p.idle) > 0 {
		i := p.fittest(folder)
		s := p.idle[i]
		p.idle = slices.Delete(p.idle, i, i+1)
		p.live[s.session] = true
		return &s, false, nil, nil
	}
	if p.coming == 0 && len(p.live)+p.dialing < p.limit { // else one is there sooner than another can be made
		p.dialing++
		return nil, true, nil, nil
	}
	return nil, false, p.changed, nil
}

// fittest returns the index of the idle session that has a folder open, which need not be opened then, or else of the one that was
// used last: a server works less for few sessions than for many.
func (p *pool) fittest(folder string) int {
	for i, s := range p.idle {
		if s.current != nil && s.current.name == folder {
			return i
		}
	}
	return len(p.idle) - 1
}

func errClosed() error { return endpoint.Errorf(endpoint.Invalid, "the mailbox is closed") }

// stands reports whether a session that was idle is still good, and drops it otherwise: servers
// hang up on idle clients.
func (p *pool) stands(ctx context.Context, s *idleSession) bool {
	if s.alive() && time.Since(s.since) > freshFor {
		_ = s.command(ctx, "NOOP", nil)
	}
	if s.alive() {
		return true
	}
	p.release(s.session)
	return false
}

// grow makes a session. Without session and error, the server bears no more of them, and the
// caller waits for one that there is.
func (p *pool) grow(ctx context.Context) (*session, error) {
	s, err := p.persist(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dialing--
	defer p.announce()
	if err != nil {
		if working := len(p.live) + len(p.idle) + p.dialing; working > 0 && turnedAway(err) {
			p.limit = max(1, min(p.limit, working))
			return nil, nil
		}
		return nil, err
	}
	if p.closed {
		s.kill()
		return nil, errClosed()
	}
	p.live[s] = true
	return s, nil
}

// turnedAway reports whether it was the server that would not have the connection. From one that has
// accepted the same login before, that means that there are too many.
func turnedAway(err error) bool {
	_, answered := errors.AsType[*statusError](err)
	return answered || errors.Is(err, errHungUp) || endpoint.CodeOf(err) == endpoint.Unauthenticated
}

// persist connects, and tries again for a while if there is no connection to be had.
func (p *pool) persist(ctx context.Context) (*session, error) {
	deadline := time.Now().Add(p.cfg.Timeout)
	pause := p.backoff
	for try := 1; ; try++ {
		s, err := p.dial(ctx)
		if endpoint.CodeOf(err) != endpoint.Unavailable || try == dialTries || time.Now().Add(pause).After(deadline) {
			return s, err
		}
		if turnedAway(err) && p.others() {
			return nil, err // rather wait for one of them
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		}
		pause *= 2
	}
}

// others reports whether there are other sessions, or may be soon.
func (p *pool) others() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.live)+len(p.idle)+p.dialing > 1 // this one is dialing too
}

// dial connects. A refused token is asked for again, once: it may have expired.
func (p *pool) dial(ctx context.Context) (*session, error) {
	s, err := connect(ctx, p.cfg, &p.meter)
	if p.cfg.Token != nil && endpoint.CodeOf(err) == endpoint.Unauthenticated {
		s, err = connect(ctx, p.cfg, &p.meter)
	}
	if err == nil {
		s.flagSets = newFlagSets(p.flags)
	}
	return s, err
}

// release gives a session back. One that is dead is dropped.
func (p *pool) release(s *session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.live, s)
	switch {
	case p.closed:
		s.kill()
	case s.alive():
		p.idle = append(p.idle, idleSession{s, time.Now()})
	}
	p.announce()
}

func (p *pool) announce() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// close ends all sessions, also those in use, at once.
func (p *pool) close() error {
	p.killAll()
	p.ahead.Wait()
	return nil
}

func (p *pool) killAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.closed = true
	for _, cancel := range p.cancels {
		cancel()
	}
	for s := range p.live {
		s.kill()
	}
	for _, s := range p.idle {
		s.kill()
	}
	p.idle = nil
	p.announce()
}
