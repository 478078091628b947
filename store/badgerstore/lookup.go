package badgerstore

import (
	"bytes"
	"context"
	"iter"
	"slices"

	"github.com/dgraph-io/badger/v4"

	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/watermark"
)

// Lookup implements store.Ledger. Records come in the order of their IDs. The first one of a folder
// in an opening costs as much as reading the folder: it must be whole to say what is not in it.
func (l *ledger) Lookup(ctx context.Context, folder string, ids []watermark.ID) iter.Seq2[store.Record, error] {
	return stream(ctx, reading[store.Record]{
		open:    func(ctx context.Context) (source, int, error) { return l.openLookup(ctx, folder, ids) },
		decoder: l.recordDecoder,
	})
}

func (l *ledger) openLookup(ctx context.Context, folder string, ids []watermark.ID) (source, int, error) {
	p := part{kindRecord, l.nameOf(folder)}
	if err := l.verify(ctx, p); err != nil {
		return nil, 0, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, 0, store.ErrClosed
	}
	from, err := l.store.newGets(l.state.prefixOf(p), ids)
	return from, anyNumber, err
}

// gets reads entries by their keys.
type gets struct {
	snapshot
	prefix []byte
	ids    []watermark.ID // what the keys have behind the prefix; those that are still to be read
}

// newGets returns the entries of IDs, for the caller to close. In the order of their keys, they
// are read from the same blocks.
func (s *Store) newGets(prefix []byte, ids []watermark.ID) (*gets, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.leave()
	snap, err := s.newSnapshot(nil)
	if err != nil {
		return nil, err
	}
	ids = slices.Clone(ids)
	slices.SortFunc(ids, func(a, b watermark.ID) int { return bytes.Compare(a[:], b[:]) })
	g := &gets{snapshot: snap, prefix: prefix, ids: slices.Compact(ids)}
	s.remember(&g.snapshot)
	return g, nil
}

// next implements source.
func (g *gets) next() ([]entry, error) {
	if err := g.store.enter(); err != nil {
		return nil, err
	}
	defer g.store.leave()
	g.begin()
	err := guard(func() error {
		for len(g.ids) > 0 && len(g.entries) < chunk {
			if err := g.get(g.ids[0]); err != nil {
				return err
			}
			g.ids = g.ids[1:]
		}
		return nil
	})
	return g.entries, fromBadger(err)
}

func (g *gets) get(id watermark.ID) error {
	item, err := g.txn.Get(append(g.prefix, id[:]...))
	if err == badger.ErrKeyNotFound { //nolint:errorlint // Badger returns the sentinel itself
		return nil
	}
	if err != nil {
		return err
	}
	return g.take(item)
}
