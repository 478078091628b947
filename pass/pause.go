package pass

import (
	"context"
	"sync"
	"time"
)

// Pause halts passes and lets them go on: give it as Options.Pause, and call its methods from any
// goroutine. What is under way when it is called, at most a window of items a folder, is finished
// first; no item is cut. The zero value does not halt.
type Pause struct {
	mu   sync.Mutex
	held chan struct{} // closed by Release; nil while nothing is held
}

// Hold makes passes halt before their next window.
func (p *Pause) Hold() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held == nil {
		p.held = make(chan struct{})
	}
}

// Release lets passes go on.
func (p *Pause) Release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held != nil {
		close(p.held)
		p.held = nil
	}
}

// holds reports whether passes are to halt.
func (p *Pause) holds() bool {
	if p == nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.held != nil
}

// wait returns when nothing is held, or the context has ended. It tells when it halts, and when it
// goes on.
func (p *Pause) wait(ctx context.Context, tell func(Event)) error {
	if p == nil {
		return ctx.Err()
	}
	p.mu.Lock()
	held := p.held
	p.mu.Unlock()
	if held == nil {
		return ctx.Err()
	}
	tell(Paused{true})
	defer tell(Paused{false})
	select {
	case <-held:
		return p.wait(ctx, tell)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// awaitStart returns at the time at which a pass is to begin.
func awaitStart(ctx context.Context, at time.Time, tell func(Event)) error {
	left := time.Until(at)
	if at.IsZero() || left <= 0 {
		return nil
	}
	tell(Scheduled{at})
	return sleep(ctx, left)
}
