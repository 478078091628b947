package pass

import (
	"context"
	"iter"
	"sync"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/store"
)

const (
	firstPause = time.Second
	lastPause  = 2 * time.Minute
)

// account is one side of a pass, whose calls wait together while it is throttled.
type account struct {
	side     store.Side
	patience time.Duration
	tell     func(Event)
	// statesSince is endpoint.Capabilities.StateSince.
	statesSince bool

	mu    sync.Mutex
	until time.Time
}

// persist calls op until it succeeds or fails for good. It waits out throttling for as long as it
// takes, and tries an endpoint that is unavailable again for as long as patience lasts. Op must be
// safe to repeat.
func (a *account) persist(ctx context.Context, op func(context.Context) error) error {
	pause := firstPause
	var spent time.Duration // on an endpoint that is unavailable
	for {
		if err := a.wait(ctx); err != nil {
			return err
		}
		began := time.Now()
		err := op(ctx)
		code := endpoint.CodeOf(err)
		if code == endpoint.Unavailable {
			spent += time.Since(began)
		}
		switch {
		case err == nil || ctx.Err() != nil:
			return err
		case !code.Temporary(), code == endpoint.Unavailable && spent > a.patience:
			return err
		}
		hold := max(pause, endpoint.RetryAfterOf(err))
		if code == endpoint.Unavailable {
			spent += hold
		}
		a.hold(code, hold)
		pause = min(2*pause, lastPause)
	}
}

// gather collects the values of a sequence of an endpoint, beginning again as persist does.
func gather[T any](ctx context.Context, a *account, start func(context.Context) iter.Seq2[T, error]) ([]T, error) {
	var all []T
	err := a.persist(ctx, func(ctx context.Context) (err error) {
		all, err = collect(start(ctx))
		return err
	})
	return all, err
}

// restarting calls op again while it fails because a folder was rebuilt by its server meanwhile,
// a few times at most.
func restarting(op func() error) error {
	for range 3 {
		if err := op(); endpoint.CodeOf(err) != endpoint.Stale {
			return err
		}
	}
	return op()
}

// hold keeps all calls of the account from starting for some time.
func (a *account) hold(code endpoint.Code, pause time.Duration) {
	a.mu.Lock()
	if until := time.Now().Add(pause); until.After(a.until) {
		a.until = until
	}
	a.mu.Unlock()
	a.tell(Waiting{Side: a.side, For: pause, Code: code})
}

// wait returns when calls may start.
func (a *account) wait(ctx context.Context) error {
	for {
		a.mu.Lock()
		left := time.Until(a.until)
		a.mu.Unlock()
		if left <= 0 {
			return ctx.Err()
		}
		if err := sleep(ctx, left); err != nil {
			return err
		}
	}
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
