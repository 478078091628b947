package memstore

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"

	"github.com/dandyroll/dandyroll/store"
)

// Store is a store.Store in memory. Use New to make one.
type Store struct {
	mu     sync.Mutex // guards everything below, the pairs included
	closed bool
	pairs  map[string]*pair
}

var _ store.Store = (*Store)(nil)

// New returns an empty store.
func New() *Store { return &Store{pairs: map[string]*pair{}} }

// Clone returns a store of its own that holds what s has committed so far, with nothing open. It
// works on a closed store too.
func (s *Store) Clone() *Store {
	s.mu.Lock()
	defer s.mu.Unlock()
	clone := New()
	for id, p := range s.pairs {
		clone.pairs[id] = p.clone()
	}
	return clone
}

// Open implements store.Store.
func (s *Store) Open(ctx context.Context, id string) (store.Ledger, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("memstore: open: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, fmt.Errorf("memstore: open: %w", store.ErrClosed)
	}
	p := s.pairs[id]
	if p == nil {
		p = newPair()
		s.pairs[id] = p
	}
	if p.holder != nil {
		return nil, fmt.Errorf("memstore: open: %w; close its ledger first", store.ErrBusy)
	}
	p.holder = &ledger{store: s, pair: p}
	return p.holder, nil
}

// Pairs implements store.Store.
func (s *Store) Pairs(ctx context.Context) iter.Seq2[store.Pair, error] {
	return sequence(ctx, func() ([]store.Pair, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.closed {
			return nil, fmt.Errorf("memstore: pairs: %w", store.ErrClosed)
		}
		var all []store.Pair
		for _, id := range slices.Sorted(maps.Keys(s.pairs)) {
			all = append(all, store.Pair{ID: id, Meta: cloneMeta(s.pairs[id].meta)})
		}
		return all, nil
	})
}

// History implements store.Store.
func (s *Store) History(ctx context.Context, id string) iter.Seq2[store.Pass, error] {
	return sequence(ctx, func() ([]store.Pass, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		p, err := s.known(id)
		if err != nil {
			return nil, fmt.Errorf("memstore: history: %w", err)
		}
		var all []store.Pass
		for _, number := range slices.Sorted(maps.Keys(p.passes)) {
			all = append(all, clonePass(p.passes[number]))
		}
		return all, nil
	})
}

// Reset implements store.Store.
func (s *Store) Reset(ctx context.Context, id string, filter store.Filter, dry bool) (store.Forgotten, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.idle(ctx, id)
	if err != nil {
		return store.Forgotten{}, fmt.Errorf("memstore: reset: %w", err)
	}
	return p.reset(filter, dry), nil
}

// ResetStatistics implements store.Store. The numbers of the passes that it forgets are not used
// again.
func (s *Store) ResetStatistics(ctx context.Context, id string) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.idle(ctx, id)
	if err != nil {
		return 0, fmt.Errorf("memstore: reset statistics: %w", err)
	}
	passes := len(p.passes)
	clear(p.passes)
	return passes, nil
}

// Rebind implements store.Store.
func (s *Store) Rebind(ctx context.Context, id string, source, destination store.Binding) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.idle(ctx, id)
	if err != nil {
		return fmt.Errorf("memstore: rebind: %w", err)
	}
	p.meta.Source, p.meta.Destination = source, destination
	return nil
}

// Close implements store.Store.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, p := range s.pairs {
		p.holder = nil
	}
	return nil
}

// known returns a pair that exists. The caller holds the lock.
func (s *Store) known(id string) (*pair, error) {
	if s.closed {
		return nil, store.ErrClosed
	}
	if p := s.pairs[id]; p != nil {
		return p, nil
	}
	return nil, store.ErrPair
}

// idle returns a pair that exists and is not open. The caller holds the lock.
func (s *Store) idle(ctx context.Context, id string) (*pair, error) {
	p, err := s.known(id)
	switch {
	case err != nil:
		return nil, err
	case p.holder != nil:
		return nil, fmt.Errorf("%w; close its ledger first", store.ErrBusy)
	}
	return p, ctx.Err()
}

// sequence yields what list returns at the moment the sequence begins, until the context ends.
func sequence[T any](ctx context.Context, list func() ([]T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		all, err := list()
		if err != nil {
			yield(zero, err)
			return
		}
		for _, value := range all {
			if err := ctx.Err(); err != nil {
				yield(zero, fmt.Errorf("memstore: read: %w", err))
				return
			}
			if !yield(value, nil) {
				return
			}
		}
	}
}
