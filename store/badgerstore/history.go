package badgerstore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/dandyroll/dandyroll/store"
)

// History implements store.Store.
func (s *Store) History(ctx context.Context, pair string) iter.Seq2[store.Pass, error] {
	t := tagOf(s.secret, pair)
	return stream(ctx, reading[store.Pass]{
		open:    func(ctx context.Context) (source, int, error) { return s.openHistory(ctx, t) },
		decoder: decodeBy(func(e entry) (store.Pass, error) { return decodePass(passOf(e.key), e.value) }),
	})
}

// openHistory opens all passes of a pair. What it reads is of one moment, so that a commit in
// between does not matter.
func (s *Store) openHistory(ctx context.Context, t tag) (source, int, error) {
	c, err := s.newCursor(t.key(kindPass))
	if err != nil {
		return nil, 0, err
	}
	n, err := c.verifyPasses(ctx, t)
	if err != nil {
		c.close()
		return nil, 0, err
	}
	return c, n, nil
}

// verifyPasses makes sure that a cursor has the passes of a pair, and returns how many these are.
func (c *cursor) verifyPasses(ctx context.Context, t tag) (int, error) {
	value, err := c.lookup(summaryKey(t))
	if err != nil {
		return 0, err
	}
	if value == nil {
		return 0, store.ErrPair
	}
	want, err := decodeSummary(value)
	if err != nil {
		return 0, fromBadger(err)
	}
	progress, err := c.lookup(t.key(kindReset))
	if err != nil {
		return 0, err
	}
	if len(progress) > 0 && progress[0] == resetHistory {
		c.skip() // what is left is as good as forgotten
		return 0, nil
	}
	have, err := sumUp(ctx, c.store.secret, c, func([]entry) {})
	if err == nil && have != want.passes && !want.old {
		err = damaged("a history has %d passes and should have %d, or others", have.count, want.passes.count)
	}
	c.rewind()
	return want.passes.count, err
}

// passOf reads the number of a pass from its key.
func passOf(key []byte) uint64 { return binary.BigEndian.Uint64(key[prefixLen+1:]) }

// ResetStatistics implements store.Store. The numbers of the passes that it forgets are not used
// again. A long history goes in steps; where one fails, or a kill cuts them, History shows nothing
// any more, and the rest goes when the pair is opened next.
func (s *Store) ResetStatistics(ctx context.Context, pair string) (int, error) {
	l, err := s.acquire(ctx, pair, false)
	if err != nil {
		return 0, fmt.Errorf("badgerstore: reset statistics: %w", err)
	}
	passes := l.state.passes.count
	err = l.resetHistory(context.WithoutCancel(ctx), l.commit) // what has begun is finished
	if err = errors.Join(err, l.Close()); err != nil {
		return 0, fmt.Errorf("badgerstore: reset statistics: %w", err)
	}
	return passes, nil
}

// resetHistory forgets all passes by the given commits; a test lets them fail.
func (l *ledger) resetHistory(ctx context.Context, commit func(func(*change)) error) error {
	if l.state.passes.count > resetBatch {
		if err := commit(func(c *change) { c.setReset([]byte{resetHistory}) }); err != nil {
			return err
		}
	}
	return l.dropHistory(ctx, commit)
}

// dropHistory forgets all passes, and with the last of them the note of the reset, if there is one.
func (l *ledger) dropHistory(ctx context.Context, commit func(func(*change)) error) error {
	var numbers []uint64
	for number, err := range stream(ctx, reading[uint64]{
		open: func(context.Context) (source, int, error) {
			return l.open(func(st *state) ([]byte, int) { return st.tag.key(kindPass), st.passes.count })
		},
		decoder: decodeBy(func(e entry) (uint64, error) { return passOf(e.key), nil }),
	}) {
		if err != nil {
			return err
		}
		numbers = append(numbers, number)
	}
	for batch := range slices.Chunk(numbers, resetBatch) {
		if err := commit(func(c *change) {
			for _, number := range batch {
				c.delete(c.state.tag.pass(number))
			}
			if len(batch) == c.state.passes.count {
				c.setReset(nil)
			}
		}); err != nil {
			return err
		}
	}
	return nil
}
