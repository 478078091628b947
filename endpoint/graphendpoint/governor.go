package graphendpoint

import (
	"context"
	"sync"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
)

// The limits of the service for one program and one mailbox.
// https://learn.microsoft.com/graph/throttling-limits#outlook-service-limits
const (
	maxConcurrent  = 4
	maxRequests    = 10_000
	requestsWindow = 10 * time.Minute
	maxUpload      = 150_000_000
	uploadWindow   = 5 * time.Minute
)

// governor keeps the requests to one mailbox within the limits of the service, and obeys the service when that asks to be
// left alone.
type governor struct {
	slots chan struct{}
	now   func() time.Time

	mu       sync.Mutex
	requests window
	upload   window
	paused   time.Time // until then nothing is sent
}

func newGovernor(now func() time.Time) *governor {
	return &governor{
		slots: make(chan struct{}, maxConcurrent), now: now,
		requests: window{limit: maxRequests, span: requestsWindow},
		upload:   window{limit: maxUpload, span: uploadWindow},
	}
}

// enter waits until a request with a body of so many bytes may be sent. The caller calls leave when it was answered. A wait
// that is too long to be made in silence is an error with code Throttled.
func (g *governor) enter(ctx context.Context, body int64) (leave func(), err error) {
	select {
	case g.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	leave = sync.OnceFunc(func() { <-g.slots })
	for {
		wait := g.book(body)
		if wait <= 0 {
			return leave, nil
		}
		if wait > patience {
			leave()
			err := endpoint.Errorf(endpoint.Throttled, "the mailbox was asked as much as the service allows to one program")
			err.RetryAfter = wait
			return nil, err
		}
		if err := sleep(ctx, wait); err != nil {
			leave()
			return nil, err
		}
	}
}

// book counts a request, or returns for how long it has to wait.
func (g *governor) book(body int64) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	wait := max(g.paused.Sub(now), g.requests.wait(now, 1), g.upload.wait(now, body))
	if wait <= 0 {
		g.requests.add(now, 1)
		g.upload.add(now, body)
	}
	return wait
}

// pause lets nothing pass for a while. The time that the service names is obeyed to the end.
func (g *governor) pause(d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if until := g.now().Add(d); until.After(g.paused) {
		g.paused = until
	}
}

// window counts what happened in the last span of time, in steps of a sixtieth of it.
type window struct {
	limit int64
	span  time.Duration
	steps []step
	sum   int64
}

type step struct {
	end time.Time // when it no longer counts
	n   int64
}

// wait returns for how long n more are too many. What is more than the limit by itself passes when nothing else counts.
func (w *window) wait(now time.Time, n int64) time.Duration {
	w.expire(now)
	over := w.sum + n - w.limit
	for _, s := range w.steps {
		if over <= 0 {
			break
		}
		if over -= s.n; over <= 0 || s == w.steps[len(w.steps)-1] {
			return s.end.Sub(now)
		}
	}
	return 0
}

func (w *window) add(now time.Time, n int64) {
	w.sum += n
	width := w.span / 60
	if last := len(w.steps) - 1; last >= 0 && w.steps[last].end.Sub(now) > w.span {
		w.steps[last].n += n
		return
	}
	w.steps = append(w.steps, step{now.Add(w.span + width), n})
}

func (w *window) expire(now time.Time) {
	for len(w.steps) > 0 && !w.steps[0].end.After(now) {
		w.sum -= w.steps[0].n
		w.steps = w.steps[1:]
	}
}
