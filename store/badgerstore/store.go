package badgerstore

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/dgraph-io/badger/v4"

	"github.com/dandyroll/dandyroll/store"
)

// dbName is Badger's directory in the state directory.
const dbName = "db"

// Store is a store.Store in a state directory. Use Open to make one.
type Store struct {
	dir     string
	options Options
	secret  [32]byte
	lock    *dirLock

	life   sync.RWMutex // held for reading while Badger is used, for writing to close it
	closed bool
	failed error // why Badger could not be renewed
	db     *badger.DB
	seal   *seal
	work   atomic.Int64 // since Badger was opened, in bytes

	renewAfter int64 // see there; a test renews more often
	renewShare int64 // the same

	observeMu sync.Mutex
	files     []string // Badger's files, when last looked at
	numFiles  atomic.Int64

	snapshotsMu sync.Mutex
	snapshots   map[*snapshot]bool

	openMu sync.Mutex
	open   map[string]*ledger // by pair; nil while it is being opened
}

var _ store.Store = (*Store)(nil)

// Open opens the database in the state directory dir, making both where there is none; a
// directory that is made has mode 0700. The directory is locked until the store is closed.
//
// Its errors satisfy errors.Is for one of store.ErrBusy, store.ErrNoSpace, store.ErrFormat,
// store.ErrKey and store.ErrDamaged, and their text says what to do; other errors are those of
// the file system. A database that belongs to another key, format or process is not changed.
func Open(dir string, o *Options) (*Store, error) {
	absolute, err := filepath.Abs(dir) // for a program that changes its working directory
	if err != nil {
		return nil, fmt.Errorf("badgerstore: open: %w", err)
	}
	s := &Store{
		dir: absolute, options: o.withDefaults(), renewAfter: renewAfter, renewShare: renewShare,
		snapshots: map[*snapshot]bool{}, open: map[string]*ledger{},
	}
	s.secret = s.options.secret()
	if err := s.start(); err != nil {
		return nil, fmt.Errorf("badgerstore: open: %w", err)
	}
	return s, nil
}

// Open implements store.Store. Its time follows the number of folders; the first opening of a pair
// of an older format reads all of it.
func (s *Store) Open(ctx context.Context, pair string) (store.Ledger, error) {
	l, err := s.acquire(ctx, pair, true)
	if err != nil {
		return nil, fmt.Errorf("badgerstore: open the pair: %w", err)
	}
	return l, nil
}

// acquire opens a pair for this store alone. With create, it makes one that is new.
func (s *Store) acquire(ctx context.Context, pair string, create bool) (*ledger, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := s.reserve(pair); err != nil {
		return nil, err
	}
	l, err := s.prepare(context.WithoutCancel(ctx), pair, create)
	s.openMu.Lock()
	defer s.openMu.Unlock()
	if err != nil {
		delete(s.open, pair)
		return nil, err
	}
	s.open[pair] = l
	return l, nil
}

func (s *Store) reserve(pair string) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	s.openMu.Lock()
	defer s.openMu.Unlock()
	if _, busy := s.open[pair]; busy {
		return fmt.Errorf("%w; close its ledger first", store.ErrBusy)
	}
	s.open[pair] = nil
	return nil
}

// prepare loads a pair and finishes what a kill cut.
func (s *Store) prepare(ctx context.Context, pair string, create bool) (*ledger, error) {
	st, old, err := s.load(pair)
	if err != nil {
		return nil, err
	}
	l := newLedger(s, st)
	switch {
	case st.at.seq == 0 && create:
		return l, l.commit(func(c *change) { c.setMeta(st.meta) })
	case st.at.seq == 0:
		return nil, store.ErrPair
	}
	if old {
		if err := l.upgrade(); err != nil {
			return nil, err
		}
	}
	if st.reset != nil {
		if err := l.finishReset(ctx); err != nil {
			return nil, err
		}
	}
	if len(st.litter) > 0 {
		return l, l.sweep()
	}
	return l, nil
}

// free lets others open the pair of a ledger.
func (s *Store) free(l *ledger) {
	s.openMu.Lock()
	defer s.openMu.Unlock()
	if s.open[l.state.pair] == l {
		delete(s.open, l.state.pair)
	}
}

// Pairs implements store.Store.
func (s *Store) Pairs(ctx context.Context) iter.Seq2[store.Pair, error] {
	return func(yield func(store.Pair, error) bool) {
		pairs, err := s.pairs()
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			yield(store.Pair{}, fmt.Errorf("badgerstore: pairs: %w", err))
			return
		}
		for _, p := range pairs {
			if !yield(p, nil) {
				return
			}
		}
	}
}

func (s *Store) pairs() ([]store.Pair, error) {
	var all []store.Pair
	for _, t := range s.seal.tags() {
		value, err := s.lookup(t.key(kindMeta))
		if err != nil {
			return nil, err
		}
		pair, meta, err := decodeMeta(value)
		if err != nil {
			return nil, fromBadger(err)
		}
		all = append(all, store.Pair{ID: pair, Meta: meta})
	}
	slices.SortFunc(all, func(a, b store.Pair) int { return strings.Compare(a.ID, b.ID) })
	return all, nil
}

// Rebind implements store.Store.
func (s *Store) Rebind(ctx context.Context, pair string, source, destination store.Binding) error {
	l, err := s.acquire(ctx, pair, false)
	if err == nil {
		err = l.commit(func(c *change) {
			meta := c.state.meta
			meta.Source, meta.Destination = source, destination
			c.setMeta(meta)
		})
		err = errors.Join(err, l.Close())
	}
	if err != nil {
		return fmt.Errorf("badgerstore: rebind: %w", err)
	}
	return nil
}

// Close implements store.Store. It waits for a commit that is under way and ends sequences.
func (s *Store) Close() error {
	s.life.Lock()
	defer s.life.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	for snap := range s.snapshots { // nobody else is in the store
		snap.release()
	}
	err := s.failed
	if err == nil {
		err = s.closeBadger()
	}
	if err == nil {
		err = s.sealClosed()
	}
	if err = errors.Join(err, s.seal.close(), s.lock.release()); err != nil {
		return fmt.Errorf("badgerstore: close: %w", err)
	}
	return nil
}
