package main

import (
	"context"
	"sync"
	"time"

	"github.com/dandyroll/dandyroll/store"
)

// stopwatch is a store that notes how long it is waited for.
type stopwatch struct {
	store.Store

	mu      sync.Mutex
	edges   time.Duration // of opening and closing
	commits times
}

// watch opens a store and notes how long that takes.
func watch(open func() (store.Store, error)) (*stopwatch, error) {
	began := time.Now()
	db, err := open()
	return &stopwatch{Store: db, edges: time.Since(began)}, err
}

// Open implements store.Store.
func (s *stopwatch) Open(ctx context.Context, pair string) (store.Ledger, error) {
	l, err := s.Store.Open(ctx, pair)
	if err != nil {
		return nil, err
	}
	return &watchedLedger{l, s}, nil
}

// Close implements store.Store.
func (s *stopwatch) Close() error {
	began := time.Now()
	err := s.Store.Close()
	s.edges += time.Since(began)
	return err
}

type watchedLedger struct {
	store.Ledger
	by *stopwatch
}

// Commit implements store.Ledger.
func (l *watchedLedger) Commit(ctx context.Context, b store.Batch) error {
	began := time.Now()
	err := l.Ledger.Commit(ctx, b)
	l.by.mu.Lock()
	defer l.by.mu.Unlock()
	l.by.commits = append(l.by.commits, time.Since(began))
	return err
}
