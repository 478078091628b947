package graphendpoint

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
)

func TestGovernorLetsFourIn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGovernor(time.Now)
		leave := make([]func(), maxConcurrent)
		for i := range leave {
			leave[i] = mustEnter(t, g, 0)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := g.enter(ctx, 0); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("a fifth request entered: %v", err)
		}
		leave[2]()
		leave[2]() // again changes nothing
		mustEnter(t, g, 0)
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := g.enter(ctx, 0); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a slot was freed twice: %v", err)
		}
	})
}

func mustEnter(t *testing.T, g *governor, body int64) (leave func()) {
	t.Helper()
	leave, err := g.enter(t.Context(), body)
	if err != nil {
		t.Fatal(err)
	}
	return leave
}

// The requests of any ten minutes are within the limit, and the one that is too many learns when it may come.
func TestGovernorRequests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGovernor(time.Now)
		var sent []time.Time
		for len(sent) < 3*maxRequests {
			leave, err := g.enter(t.Context(), 0)
			if err == nil {
				sent = append(sent, time.Now())
				leave()
				if len(sent)%100 == 0 {
					time.Sleep(time.Second)
				}
				continue
			}
			wait := endpoint.RetryAfterOf(err)
			if endpoint.CodeOf(err) != endpoint.Throttled || wait <= patience || wait > requestsWindow+requestsWindow/60 {
				t.Fatalf("after %d requests: %v, wait %v", len(sent), err, wait)
			}
			time.Sleep(wait)
			if _, err := g.enter(t.Context(), 0); err != nil {
				t.Fatalf("the wait of %v was not enough: %v", wait, err)
			} else {
				<-g.slots
				sent = append(sent, time.Now())
			}
		}
		for i := maxRequests; i < len(sent); i++ {
			if span := sent[i].Sub(sent[i-maxRequests]); span < requestsWindow {
				t.Fatalf("%d requests within %v", maxRequests+1, span)
			}
		}
		if total := sent[len(sent)-1].Sub(sent[0]); total > 3*requestsWindow {
			t.Errorf("%d requests took %v", len(sent), total)
		}
	})
}

func TestGovernorUpload(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGovernor(time.Now)
		const body = 4 << 20
		n := 0
		for ; ; n++ {
			leave, err := g.enter(t.Context(), body)
			if err != nil {
				if wait := endpoint.RetryAfterOf(err); endpoint.CodeOf(err) != endpoint.Throttled || wait > uploadWindow+uploadWindow/60 {
					t.Errorf("after %d bytes: %v, wait %v", n*body, err, wait)
				}
				break
			}
			leave()
		}
		if n != maxUpload/body {
			t.Errorf("%d bodies of %d bytes passed, want %d", n, body, maxUpload/body)
		}
		mustEnter(t, g, 0)() // what uploads nothing passes
	})
}

func TestGovernorPause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGovernor(time.Now)
		began := time.Now()
		g.pause(3 * time.Second)
		g.pause(time.Second) // shortens nothing
		mustEnter(t, g, 0)()
		if waited := time.Since(began); waited != 3*time.Second {
			t.Errorf("waited %v, want 3s", waited)
		}
		g.pause(time.Hour)
		if _, err := g.enter(t.Context(), 0); endpoint.RetryAfterOf(err) != time.Hour {
			t.Errorf("error is %v, want one with a wait of an hour", err)
		}
	})
}
