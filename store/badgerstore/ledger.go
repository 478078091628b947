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

	mu     sync.Mutex // guards what follows; held during a commit
	state  *state
	closed bool
	broken error // why the state may not be that of the database any more
}

var _ store.Ledger = (*ledger)(nil)

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
		shared := l.state.epochs.values[key.epoch]
		all = append(all, store.Stat{Types: shared.types, Generation: shared.generation, Status: key.status, Records: n})
	}
	return all
}

// Records implements store.Ledger.
func (l *ledger) Records(ctx context.Context, folder string) iter.Seq2[store.Record, error] {
	return stream(ctx, l.open(func(st *state) ([]byte, int) {
		if folder != store.AllFolders {
			name, known := st.names.numbers[folder]
			return l.folderPrefix(kindRecord, name, known), st.records[name]
		}
		total := 0
		for _, n := range st.records {
			total += n
		}
		return st.tag.key(kindRecord), total
	}), l.record)
}

// Lookup implements store.Ledger.
func (l *ledger) Lookup(ctx context.Context, folder string, ids []watermark.ID) iter.Seq2[store.Record, error] {
	return func(yield func(store.Record, error) bool) {
		l.mu.Lock()
		name, known := l.state.names.numbers[folder]
		l.mu.Unlock()
		for _, id := range ids {
			if !known {
				return
			}
			key := l.state.tag.record(name, id)
			value, err := l.store.lookup(key)
			if err == nil {
				err = ctx.Err()
			}
			if value == nil && err == nil {
				continue
			}
			var r store.Record
			if err == nil {
				r, err = l.record(entry{key, value})
			}
			if err != nil {
				err = fmt.Errorf("badgerstore: read: %w", fromBadger(err))
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// Folders implements store.Ledger.
func (l *ledger) Folders(ctx context.Context, side store.Side) iter.Seq2[store.Folder, error] {
	return stream(ctx, l.open(func(st *state) ([]byte, int) {
		return append(st.tag.key(kindPosition), byte(side)), st.positions[side]
	}), func(e entry) (store.Folder, error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		name, known := l.state.names.values[binary.BigEndian.Uint32(e.key[prefixLen+2:])]
		if !known {
			return store.Folder{}, errCodec
		}
		return decodePosition(side, name, e.value)
	})
}

// Sightings implements store.Ledger.
func (l *ledger) Sightings(ctx context.Context, folder string) iter.Seq2[store.Sighting, error] {
	return stream(ctx, l.open(func(st *state) ([]byte, int) {
		name, known := st.names.numbers[folder]
		if !known {
			return l.folderPrefix(kindSighting, 0, false), 0
		}
		return st.tag.sightings(name, st.incarnations[name]), st.sightings[name].count
	}), func(e entry) (store.Sighting, error) {
		return decodeSighting(folder, refPart(e.key), e.value)
	})
}

// folderPrefix is where the entries of a folder begin. Names are numbered from 1, so that the
// prefix of one that is not known selects nothing.
func (l *ledger) folderPrefix(k kind, name uint32, known bool) []byte {
	if !known {
		name = 0
	}
	return l.state.tag.numbered(k, name)
}

// open returns the opener of a stream: where asks for a prefix and how many entries have it. Both
// are taken in one moment between commits.
func (l *ledger) open(where func(*state) ([]byte, int)) func() (*cursor, int, error) {
	return func() (*cursor, int, error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.closed {
			return nil, 0, store.ErrClosed
		}
		prefix, want := where(l.state)
		c, err := l.store.newCursor(prefix)
		return c, want, err
	}
}

// record decodes a record. It looks the shared values up anew, because commits may add to them
// while a sequence runs; a number never changes its value.
func (l *ledger) record(e entry) (store.Record, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return store.Record{}, store.ErrClosed
	}
	r, err := decodeRecord(e.value, l.state.shared())
	name, known := l.state.names.values[numberOf(e.key)]
	if err == nil && !known {
		err = errCodec
	}
	r.Folder = name
	r.ID = watermark.ID(e.key[prefixLen+5:])
	return r, err
}

// Commit implements store.Ledger. What a batch deletes goes first, then what it adds comes.
//
// One entry may have up to 512 KiB, and all of a batch about 2 MiB: more is store.ErrTooLarge, too.
// Where the disk fails in the middle of it, a commit may fail although it will be there after the
// next opening; the ledger then takes no more.
func (l *ledger) Commit(ctx context.Context, b store.Batch) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("badgerstore: commit: %w", err)
	}
	if n := b.Len(); n > store.MaxBatch {
		return fmt.Errorf("badgerstore: commit: %w: %d entries, at most %d", store.ErrTooLarge, n, store.MaxBatch)
	}
	if err := l.commit(func(c *change) { c.batch(&b) }); err != nil {
		return fmt.Errorf("badgerstore: commit: %w", err)
	}
	return nil
}

// commit makes what fill puts into a change durable: first in Badger, then in the seal. Only the
// format goes first: an older program must never meet what it cannot read.
func (l *ledger) commit(fill func(*change)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return store.ErrClosed
	case l.broken != nil:
		return fmt.Errorf("an earlier commit failed, reopen the store: %w", l.broken)
	}
	if err := l.store.enter(); err != nil {
		return err
	}
	defer l.store.leave()
	if err := l.store.checkSpace(); err != nil {
		return err
	}
	c := newChange(l.state, l.store.secret)
	fill(c)
	if c.second {
		if err := l.store.seal.raise(secondFormat); err != nil {
			l.broken = err
			return err
		}
	}
	at, err := l.write(c)
	if err != nil || at == l.state.at {
		return err
	}
	if err := l.store.sealCommit(l.state.tag, at); err != nil {
		l.broken = err
		return err
	}
	c.done(at)
	return nil
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
