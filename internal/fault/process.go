package fault

import (
	"context"
	"errors"
	"sync"
	"time"
)

// ErrCrashed is the error of every call of a process that a plan has made crash.
var ErrCrashed = errors.New("the process has crashed, by plan")

// Process stands for one process: what is wrapped for it is numbered together, and crashes
// together. From then on its calls fail without effect, as if they had never been made; a test then
// begins another process over what the first one left behind. It is safe for concurrent use.
type Process struct {
	plan    Plan
	observe func(Call, Effect)

	mu    sync.Mutex
	calls int
	nth   map[key]int
	fired int
	// active counts calls with an effect that are under way. Once the process is dead no more begin,
	// and when the last has ended, done is closed.
	active int
	dead   bool
	done   chan struct{}
}

type key struct{ side, method, folder, at string }

// NewProcess returns a process whose calls fail by a plan. A function, if it is not nil, is told of
// every call, one at a time, before it happens.
func NewProcess(plan Plan, observe func(Call, Effect)) *Process {
	if observe == nil {
		observe = func(Call, Effect) {}
	}
	return &Process{plan: plan, observe: observe, nth: map[key]int{}, done: make(chan struct{})}
}

// Calls returns how many calls and elements there were.
func (p *Process) Calls() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls
}

// Fired returns how many of them had an effect.
func (p *Process) Fired() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fired
}

// Done is closed when the process has crashed, and what it had under way has had its effect. What
// still runs in it then is to be left alone.
func (p *Process) Done() <-chan struct{} { return p.done }

// Crashed reports whether the process has crashed.
func (p *Process) Crashed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dead
}

// crash ends the process.
func (p *Process) crash() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.dead && p.active == 0 {
		close(p.done)
	}
	p.dead = true
	return ErrCrashed
}

// Leave ends a call with an effect that Reach let through at its start.
func (p *Process) Leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.active--
	if p.dead && p.active == 0 {
		close(p.done)
	}
}

// Reach numbers a call and returns what is to happen to it. Its error ends the call at once; the
// other effects are up to the wrapper, which calls Fail when they are due. A call whose context has
// ended is none: it must have no effect anyway. At the start of a call that Writes, Leave must follow
// unless there is an error.
func (p *Process) Reach(ctx context.Context, c Call) (Effect, error) {
	if err := ctx.Err(); err != nil {
		return Effect{}, err
	}
	e, err := p.decide(c)
	if err != nil || e.Do != Delay {
		return e, err
	}
	err = sleep(ctx, e.Wait)
	if err == nil && p.Crashed() {
		err = ErrCrashed // while it waited
	}
	if err != nil && c.begins() {
		p.Leave()
	}
	return Effect{}, err
}

func (p *Process) decide(c Call) (Effect, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead {
		return Effect{}, ErrCrashed
	}
	if c.begins() {
		p.active++
	}
	k := key{c.Side, c.Method, c.Folder, c.At}
	p.calls++
	p.nth[k]++
	c.N, c.Nth = p.calls, p.nth[k]
	e := p.plan.effect(c)
	if e.Do != None {
		p.fired++
	}
	p.observe(c, e)
	return e, nil
}

// Fail makes an effect that ends a call happen, and returns its error: that which errorOf makes of its
// code, or that of a crash.
func (p *Process) Fail(e Effect, errorOf func(Effect) error) error {
	if e.Crashes() {
		return p.crash()
	}
	return errorOf(e)
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
