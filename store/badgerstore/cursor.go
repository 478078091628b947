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

// source yields entries of one moment.
type source interface {
	// next returns the next entries, none at the end. They are valid until it is called again.
	next() ([]entry, error)
	close()
}

// snapshot is what Badger held when it was made. Closing the store closes it.
type snapshot struct {
	store *Store
	txn   *badger.Txn
	it    *badger.Iterator // nil where keys are asked for one by one

	entries []entry // of the last chunk
	room    []byte  // where they are
	bytes   int     // of all chunks
}

// cursor reads the entries with one prefix.
type cursor struct{ snapshot }

// newSnapshot returns what Badger holds now, for the caller to close. With options, it iterates.
func (s *Store) newSnapshot(options *badger.IteratorOptions) (snap snapshot, err error) {
	snap.store = s
	return snap, guard(func() error {
		snap.txn = s.db.NewTransaction(false)
		if options != nil {
			snap.it = snap.txn.NewIterator(*options)
			snap.it.Rewind()
		}
		return nil
	})
}

// newCursor returns a cursor, for the caller to close.
func (s *Store) newCursor(prefix []byte) (*cursor, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.leave()
	options := badger.DefaultIteratorOptions
	options.Prefix = prefix
	options.PrefetchValues = false // they stand with the keys
	snap, err := s.newSnapshot(&options)
	if err != nil {
		return nil, err
	}
	c := &cursor{snap}
	s.remember(&c.snapshot)
	return c, nil
}

// remember lets Close close a snapshot.
func (s *Store) remember(snap *snapshot) {
	s.snapshotsMu.Lock()
	defer s.snapshotsMu.Unlock()
	s.snapshots[snap] = true
}

// next implements source.
func (c *cursor) next() ([]entry, error) {
	if err := c.store.enter(); err != nil {
		return nil, err
	}
	defer c.store.leave()
	c.begin()
	err := guard(func() error {
		for ; c.it.Valid() && len(c.entries) < chunk; c.it.Next() {
			if err := c.take(c.it.Item()); err != nil {
				return err
			}
		}
		return nil
	})
	return c.entries, fromBadger(err)
}

// rewind lets next begin again. Of a store that was closed, next says so.
func (c *cursor) rewind() { c.seek(c.it.Rewind) }

// skip lets next yield nothing.
func (c *cursor) skip() { c.seek(func() { c.it.Seek([]byte{0xff}) }) }

func (c *cursor) seek(do func()) {
	if c.store.enter() != nil {
		return
	}
	defer c.store.leave()
	_ = guard(func() error { do(); return nil }) // the number of entries tells
}

// begin makes room for a chunk.
func (s *snapshot) begin() { s.entries, s.room = s.entries[:0], s.room[:0] }

// take copies the key and the checked value of an item.
func (s *snapshot) take(item *badger.Item) error {
	return item.Value(func(sealed []byte) error {
		value, err := openValue(item.Key(), sealed)
		if err != nil {
			return err
		}
		s.bytes += len(item.Key()) + len(value)
		first := len(s.room)
		s.room = append(append(s.room, item.Key()...), value...)
		middle := first + len(item.Key())
		s.entries = append(s.entries, entry{s.room[first:middle:middle], s.room[middle:]})
		return nil
	})
}

// close may be called more than once.
func (s *snapshot) close() {
	s.forget()
	s.store.read(s.bytes)
	s.bytes = 0
}

func (s *snapshot) forget() {
	if s.store.enter() != nil {
		return // and with the store, the snapshot is closed
	}
	defer s.store.leave()
	s.store.snapshotsMu.Lock()
	defer s.store.snapshotsMu.Unlock()
	if s.store.snapshots[s] {
		delete(s.store.snapshots, s)
		s.release()
	}
}

func (s *snapshot) release() {
	_ = guard(func() error { // nothing is lost by what is only read
		if s.it != nil {
			s.it.Close()
		}
		s.txn.Discard()
		return nil
	})
}

// anyNumber is the number of entries of a source that may have any.
const anyNumber = -1

// reading is what is read of a ledger or store.
type reading[T any] struct {
	// open returns a source and how many entries it must have, or anyNumber.
	open func(context.Context) (from source, want int, err error)
	// decoder is asked once for each chunk.
	decoder func() (func(entry) (T, error), error)
}

// decodeBy is the decoder of entries that do not depend on anything that commits change.
func decodeBy[T any](decode func(entry) (T, error)) func() (func(entry) (T, error), error) {
	return func() (func(entry) (T, error), error) { return decode, nil }
}

// stream yields what a reading reads.
func stream[T any](ctx context.Context, r reading[T]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		from, want, err := r.open(ctx)
		if err != nil {
			yield(zero, fmt.Errorf("badgerstore: read: %w", err))
			return
		}
		defer from.close()
		have := 0
		for value, err := range decoded(ctx, from, r.decoder) {
			if err != nil {
				yield(zero, fmt.Errorf("badgerstore: read: %w", err))
				return
			}
			have++
			if !yield(value, nil) {
				return
			}
		}
		if want != anyNumber && want != have {
			// A garbled block ends an iteration of Badger's without an error.
			yield(zero, fmt.Errorf("badgerstore: read: %w", damaged("there are %d entries and should be %d", have, want)))
		}
	}
}

func decoded[T any](
	ctx context.Context, from source, decoder func() (func(entry) (T, error), error),
) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for {
			entries, decode, err := nextChunk(ctx, from, decoder)
			if err != nil {
				var zero T
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

func nextChunk[T any](
	ctx context.Context, from source, decoder func() (func(entry) (T, error), error),
) ([]entry, func(entry) (T, error), error) {
	entries, err := from.next()
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, nil, err
	}
	decode, err := decoder()
	return entries, decode, err
}

// get returns the checked value of a key, or nil. Whoever calls it has entered the store.
func get(txn *badger.Txn, key []byte) (value []byte, err error) {
	item, err := txn.Get(key)
	if err == badger.ErrKeyNotFound { //nolint:errorlint // Badger returns the sentinel itself
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return itemValue(item)
}

// itemValue returns a copy of the checked value of an item, which is not nil.
func itemValue(item *badger.Item) ([]byte, error) {
	sealed, err := item.ValueCopy(nil)
	if err != nil {
		return nil, err
	}
	return openValue(item.Key(), sealed)
}

// lookup returns the checked value of a key, or nil.
func (s *snapshot) lookup(key []byte) (value []byte, err error) {
	if err := s.store.enter(); err != nil {
		return nil, err
	}
	defer s.store.leave()
	err = guard(func() (err error) {
		value, err = get(s.txn, key)
		return err
	})
	return value, fromBadger(err)
}

// lookup returns the checked value of a key now, or nil.
func (s *Store) lookup(key []byte) (value []byte, err error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.leave()
	err = guard(func() (err error) {
		txn := s.db.NewTransaction(false)
		defer txn.Discard()
		value, err = get(txn, key)
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
	if s.failed != nil {
		defer s.life.RUnlock()
		return fmt.Errorf("reopen the store: %w", s.failed)
	}
	return nil
}

func (s *Store) leave() { s.life.RUnlock() }
