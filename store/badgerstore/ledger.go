package badgerstore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/dgraph-io/badger/v4"

	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/watermark"
)

// ledger is one opening of a pair.
type ledger struct {
	store *Store
	queue queue

	mu       sync.Mutex // guards what follows; held during a commit
	state    *state
	verified map[part]bool // what was read as a whole
	recent   recent
	closed   bool
	broken   error // why the state may not be that of the database any more
}

var _ store.Ledger = (*ledger)(nil)

func newLedger(s *Store, st *state) *ledger {
	return &ledger{store: s, queue: newQueue(), state: st, verified: map[part]bool{}, recent: newRecent()}
}

// Meta implements store.Ledger.
func (l *ledger) Meta() store.Meta {
	l.mu.Lock()
	defer l.mu.Unlock()
	m := l.state.meta
	m.Profile = append([]byte(nil), m.Profile...)
	return m
}

// Stats implements store.Ledger.
func (l *ledger) Stats() []store.Stat {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []store.Stat
	for key, n := range l.state.stats {
		shared, _ := l.state.epochs.values.of(key.epoch)
		all = append(all, store.Stat{Types: shared.types, Generation: shared.generation, Status: key.status, Records: n})
	}
	return all
}

// Records implements store.Ledger. A folder that was damaged is store.ErrDamaged before any record
// of it is yielded; so it is with Lookup and Sightings.
func (l *ledger) Records(ctx context.Context, folder string) iter.Seq2[store.Record, error] {
	return stream(ctx, reading[store.Record]{
		open:    func(ctx context.Context) (source, int, error) { return l.openRecords(ctx, folder) },
		decoder: l.recordDecoder,
	})
}

func (l *ledger) openRecords(ctx context.Context, folder string) (source, int, error) {
	if folder != store.AllFolders {
		return l.openFolder(ctx, kindRecord, folder)
	}
	if err := l.verify(ctx, l.recordParts()...); err != nil {
		return nil, 0, err
	}
	return l.open(func(st *state) ([]byte, int) {
		total := 0
		for _, sums := range st.folders {
			total += sums.records.count
		}
		return st.tag.key(kindRecord), total
	})
}

// recordParts returns the parts that hold all records.
func (l *ledger) recordParts() (parts []part) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name, sums := range l.state.folders {
		if sums.records.count > 0 {
			parts = append(parts, part{kindRecord, name})
		}
	}
	return parts
}

// Folders implements store.Ledger.
func (l *ledger) Folders(ctx context.Context, side store.Side) iter.Seq2[store.Folder, error] {
	return stream(ctx, reading[store.Folder]{
		open: func(context.Context) (source, int, error) {
			return l.open(func(st *state) ([]byte, int) {
				return append(st.tag.key(kindPosition), byte(side)), st.positions[side]
			})
		},
		decoder: l.positionDecoder(side),
	})
}

func (l *ledger) positionDecoder(side store.Side) func() (func(entry) (store.Folder, error), error) {
	return func() (func(entry) (store.Folder, error), error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		names := l.state.names.values
		return func(e entry) (store.Folder, error) {
			name, known := names.of(binary.BigEndian.Uint32(e.key[prefixLen+2:]))
			if !known {
				return store.Folder{}, errCodec
			}
			return decodePosition(side, name, e.value)
		}, nil
	}
}

// Sightings implements store.Ledger.
func (l *ledger) Sightings(ctx context.Context, folder string) iter.Seq2[store.Sighting, error] {
	return stream(ctx, reading[store.Sighting]{
		open: func(ctx context.Context) (source, int, error) { return l.openFolder(ctx, kindSighting, folder) },
		decoder: decodeBy(func(e entry) (store.Sighting, error) {
			return decodeSighting(folder, refPart(e.key), e.value)
		}),
	})
}

// openFolder opens what is of a kind in a folder, once it is known to be whole.
func (l *ledger) openFolder(ctx context.Context, k kind, folder string) (source, int, error) {
	p := part{k, l.nameOf(folder)}
	hold := &held{store: l.store}
	if done, err := l.verifyPart(ctx, p, hold); err != nil {
		return nil, 0, err
	} else if done && !hold.over {
		return hold, hold.count(), nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, 0, store.ErrClosed
	}
	r, err := l.newPieces(p)
	return r, l.state.sumOf(p).count, err
}

// nameOf returns the number of a folder's name. Names are numbered from 1; there is nothing under
// the number of one that is not known, which is 0.
func (l *ledger) nameOf(folder string) uint32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state.names.numbers[folder]
}

// open opens a reading: where asks for a prefix and how many entries have it. Both are taken in one
// moment between commits.
func (l *ledger) open(where func(*state) ([]byte, int)) (source, int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, 0, store.ErrClosed
	}
	prefix, want := where(l.state)
	c, err := l.store.newCursor(prefix)
	return c, want, err
}

// recordDecoder returns a decoder of the records that were committed so far. It is asked for anew
// with each chunk, so that a sequence ends with its ledger; a number never changes its value.
func (l *ledger) recordDecoder() (func(entry) (store.Record, error), error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, store.ErrClosed
	}
	names, shared := l.state.names.values, l.state.shared()
	return func(e entry) (store.Record, error) {
		r, err := decodeRecord(e.value, shared)
		name, known := names.of(numberOf(e.key))
		if err == nil && !known {
			err = errCodec
		}
		r.Folder = name
		r.ID = watermark.ID(e.key[prefixLen+5:])
		return r, err
	}, nil
}

// Commit implements store.Ledger. What a batch deletes goes first, then what it adds comes. A context that ends
// while it waits for another commit does not take it back.
//
// One entry may have up to 512 KiB, and all of a batch about 1.3 MiB: more is store.ErrTooLarge, too.
// Where the disk fails in the middle of it, a commit may fail although it will be there after the
// next opening; the ledger then takes no more.
func (l *ledger) Commit(ctx context.Context, b store.Batch) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("badgerstore: commit: %w", err)
	}
	if n := b.Len(); n > store.MaxBatch {
		return fmt.Errorf("badgerstore: commit: %w: %d entries, at most %d", store.ErrTooLarge, n, store.MaxBatch)
	}
	if err := l.commitQueued(b); err != nil {
		return fmt.Errorf("badgerstore: commit: %w", err)
	}
	return nil
}

// commit makes what fill puts into a change durable.
func (l *ledger) commit(fill func(*change)) error {
	writes, err := l.commitWrites(fill)
	if err == nil {
		l.store.written(writes)
	}
	return err
}

// commitWrites writes a change first to Badger, then to the seal. Only the format goes first: an
// older program must never meet what it cannot read. It returns what it wrote.
func (l *ledger) commitWrites(fill func(*change)) ([]write, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return nil, store.ErrClosed
	case l.broken != nil:
		return nil, fmt.Errorf("an earlier commit failed, reopen the store: %w", l.broken)
	}
	if err := l.store.enter(); err != nil {
		return nil, err
	}
	defer l.store.leave()
	if err := l.store.checkSpace(); err != nil {
		return nil, err
	}
	c := newChange(l.state, &l.recent, l.store.secret)
	fill(c)
	if err := l.store.seal.raise(newestFormat); err != nil {
		l.broken = err
		return nil, err
	}
	at, err := l.write(c)
	if err != nil || at == l.state.at {
		return nil, err
	}
	if err := l.store.sealCommit(l.state.tag, at); err != nil {
		l.broken = err
		return nil, err
	}
	c.done(at)
	return c.written, nil
}

// write commits a change to Badger and returns the position after it.
func (l *ledger) write(c *change) (at position, err error) {
	began := false
	err = guard(func() (err error) {
		txn := l.store.db.NewTransaction(true)
		defer txn.Discard()
		if at, err = c.write(l.store, txn); err != nil || at == l.state.at {
			return err
		}
		began = true
		return txn.Commit()
	})
	if err != nil && began && !errors.Is(err, badger.ErrTxnTooBig) {
		l.broken = err
	}
	return at, fromBadger(err)
}

// Deadline implements store.Ledger. The lock of a directory never ends by itself.
func (l *ledger) Deadline() time.Time { return time.Time{} }

// Close implements store.Ledger.
func (l *ledger) Close() error {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.store.free(l)
	return nil
}
