package graphendpoint

import (
	"context"
	"net/http"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
)

const (
	// attempts is how often a request is sent at most.
	attempts = 5
	// firstPause is the pause after the first attempt; each later one is twice as long.
	firstPause = 250 * time.Millisecond
	// patience is for how long a request waits by itself. What takes longer is told to the caller, who shows it.
	patience = 5 * time.Second
)

// repeatKey marks the context of a POST that may be repeated.
type repeatKey struct{}

// repeatable returns a context in which a POST is repeated when its answer is unclear. GET, PUT, PATCH and DELETE always are:
// doing them twice is doing them once. A POST that makes something is not: its caller looks for the mark first.
func repeatable(ctx context.Context) context.Context {
	return context.WithValue(ctx, repeatKey{}, true)
}

// harmless reports whether a request may be done twice.
func harmless(ctx context.Context, method string) bool {
	return method != http.MethodPost || ctx.Value(repeatKey{}) != nil
}

// unclear is the code for a request whose answer cannot be read: what may have made something is in doubt.
func unclear(ctx context.Context, method string) endpoint.Code {
	if harmless(ctx, method) {
		return endpoint.Unavailable
	}
	return endpoint.InDoubt
}

// repeat decides whether a failed request is sent again, and after which pause. Throttling says that nothing was done.
func repeat(req *http.Request, attempt int, err error) (time.Duration, bool) {
	if attempt+1 >= attempts || req.Context().Err() != nil {
		return 0, false
	}
	wait := max(firstPause<<attempt, endpoint.RetryAfterOf(err))
	switch code := endpoint.CodeOf(err); {
	case wait > patience:
		return 0, false
	case code == endpoint.Throttled:
		return wait, true
	case code == endpoint.Unavailable:
		return wait, harmless(req.Context(), req.Method) || notSent(err)
	case code == endpoint.Unauthenticated:
		// A token that expired on its way, or was revoked: the credential is asked once more.
		return 0, attempt == 0
	}
	return 0, false
}

// judged is the error of a request that is not sent again: what may have happened is in doubt.
func judged(req *http.Request, err error) error {
	if endpoint.CodeOf(err) != endpoint.Unavailable || notSent(err) {
		return err
	}
	if code := unclear(req.Context(), req.Method); code != endpoint.Unavailable {
		return endpoint.Errorf(code, "%w", err)
	}
	return err
}

// sleep waits, or returns the error of the context.
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
