package badgerstore

import (
	"context"
	"fmt"
	"iter"

	"github.com/dgraph-io/badger/v4"

	"github.com/dandyroll/dandyroll/store"
)

// chunk is how many entries are read at a time, between which nothing of Badger's runs.
const chunk = 256

// entry is a key and its value, checked.
type entry struct{ key, value []byte }

// cursor reads the entries with one prefix, as they were when it was made. Closing the store
// closes it.
type cursor struct {
	store *Store
	txn   *badger.Txn
	it    *badger.Iterator
}

// newCursor returns a cursor, for the caller to close.
func (s *Store) newCursor(prefix []byte) (*cursor, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.leave()
	c := &cursor{store: s}
	err := guard(func() error {
		c.txn = s.db.NewTransaction(false)
		options := badger.DefaultIteratorOptions
		options.Prefix = prefix
		options.PrefetchValues = false // they stand with the keys
		c.it = c.txn.NewIterator(options)
		c.it.Rewind()
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.cursorsMu.Lock()
	defer s.cursorsMu.Unlock()
	s.cursors[c] = true
	return c, nil
}

// next returns the next entries, none at the end.
func (c *cursor) next() (entries []entry, err error) {
	if err := c.store.enter(); err != nil {
		return nil, err
	}
	defer c.store.leave()
	err = guard(func() error {
		for ; c.it.Valid() && len(entries) < chunk; c.it.Next() {
			key := c.it.Item().KeyCopy(nil)
			value, err := itemValue(c.it.Item())
			if err != nil {
				return err
			}
			entries = append(entries, entry{key, value})
		}
		return nil
	})
	return entries, fromBadger(err)
}

// close may be called more than once.
func (c *cursor) close() {
	if c.store.enter() != nil {
		return // and with the store, the cursor is closed
	}
	defer c.store.leave()
	c.store.cursorsMu.Lock()
	defer c.store.cursorsMu.Unlock()
	if c.store.cursors[c] {
		delete(c.store.cursors, c)
		c.release()
	}
}

func (c *cursor) release() {
	_ = guard(func() error { // nothing is lost by what is only read
		c.it.Close()
		c.txn.Discard()
		return nil
	})
}

// itemValue returns a copy of the checked value of an item.
func itemValue(item *badger.Item) ([]byte, error) {
	sealed, err := item.ValueCopy(nil)
	if err != nil {
		return nil, err
	}
	return openValue(item.Key(), sealed)
}

// stream yields what decode makes of the entries of a cursor, of which there must be want.
func stream[T any](
	ctx context.Context, open func() (c *cursor, want int, err error), decode func(entry) (T, error),
) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		c, want, err := open()
		if err != nil {
			yield(zero, fmt.Errorf("badgerstore: read: %w", err))
			return
		}
		defer c.close()
		for value, err := range decoded(ctx, c, decode) {
			if err != nil {
				yield(zero, fmt.Errorf("badgerstore: read: %w", err))
				return
			}
			want--
			if !yield(value, nil) {
				return
			}
		}
		if want != 0 {
			// A garbled block ends an iteration of Badger's without an error.
			yield(zero, fmt.Errorf("badgerstore: read: %w", damaged("the entries are %d too few", want)))
		}
	}
}

func decoded[T any](ctx context.Context, c *cursor, decode func(entry) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		for {
			entries, err := c.next()
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				yield(zero, err)
				return
			}
			for _, e := range entries {
				value, err := decode(e)
				if !yield(value, fromBadger(err)) || err != nil {
					return
				}
			}
			if len(entries) == 0 {
				return
			}
		}
	}
}

// get returns the checked value of a key, or nil. The caller has entered the store.
func (s *Store) get(txn *badger.Txn, key []byte) (value []byte, err error) {
	item, err := txn.Get(key)
	if err == badger.ErrKeyNotFound { //nolint:errorlint // Badger returns the sentinel itself
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	value, err = itemValue(item)
	if value == nil && err == nil {
		value = []byte{}
	}
	return value, err
}

// lookup returns the checked value of a key, or nil.
func (s *Store) lookup(key []byte) (value []byte, err error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.leave()
	err = guard(func() (err error) {
		txn := s.db.NewTransaction(false)
		defer txn.Discard()
		value, err = s.get(txn, key)
		return err
	})
	return value, fromBadger(err)
}

// enter keeps the database open until leave. It must not be nested.
func (s *Store) enter() error {
	s.life.RLock()
	if s.closed {
		s.life.RUnlock()
		return store.ErrClosed
	}
	return nil
}

func (s *Store) leave() { s.life.RUnlock() }
