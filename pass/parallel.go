package pass

import (
	"context"
	"sync"
)

// parallel calls do for each item, n at a time. It returns when all calls have returned, with the
// first error, which cancels the calls that are left.
func parallel[T any](ctx context.Context, n int, items []T, do func(context.Context, T) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan T)
	var workers sync.WaitGroup
	for range min(n, len(items)) {
		workers.Go(func() {
			for item := range next {
				if err := do(ctx, item); err != nil {
					cancel(err)
				}
			}
		})
	}
	for _, item := range items {
		select {
		case next <- item:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(next)
	workers.Wait()
	return context.Cause(ctx)
}

// together calls both functions at once. It returns when both have returned, with the first error, which cancels the other.
func together(ctx context.Context, a, b func(context.Context) error) error {
	return parallel(ctx, 2, []func(context.Context) error{a, b}, func(ctx context.Context, do func(context.Context) error) error {
		return do(ctx)
	})
}
