package graphendpoint

import (
	"context"
	"errors"
	"iter"
	"sync"
	"sync/atomic"
)

// each does something to every item of a list, as many at a time as the mailbox allows, and yields what came of it, in any order. When
// the context ends, no item is begun any more, and its error comes last. fault is the error of a result; one of the context is not
// yielded as a result. What the caller does not take any more is given to discard, if there is one.
func each[T, R any](ctx context.Context, items []T, do func(context.Context, T) R, fault func(R) error, discard func(R)) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		results := work(ctx, items, do)
		defer func() {
			cancel()
			for r := range results { // the workers end with what they have in hand
				if discard != nil {
					discard(r)
				}
			}
		}()
		for r := range results {
			if err := fault(r); err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
				continue
			}
			if !yield(r, nil) {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			var zero R
			yield(zero, err)
		}
	}
}

// work starts the workers of each. They end when the list does, or with the context; then the channel is closed.
func work[T, R any](ctx context.Context, items []T, do func(context.Context, T) R) <-chan R {
	results := make(chan R)
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(maxConcurrent, len(items)) {
		workers.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(items) {
					return
				}
				results <- do(ctx, items[i])
			}
		})
	}
	go func() {
		workers.Wait()
		close(results)
	}()
	return results
}
