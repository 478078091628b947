package memstore

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/watermark"
)

// ledger is one opening of a pair. It is open as long as it is the pair's holder.
type ledger struct {
	store *Store
	pair  *pair
}

var _ store.Ledger = (*ledger)(nil)

func (l *ledger) open() bool { return l.pair.holder == l }

// Meta implements store.Ledger.
func (l *ledger) Meta() store.Meta {
	l.store.mu.Lock()
	defer l.store.mu.Unlock()
	return cloneMeta(l.pair.meta)
}

// Stats implements store.Ledger.
func (l *ledger) Stats() []store.Stat {
	l.store.mu.Lock()
	defer l.store.mu.Unlock()
	return l.pair.stats()
}

// Records implements store.Ledger. Records come in the order of folder and ID.
func (l *ledger) Records(ctx context.Context, folder string) iter.Seq2[store.Record, error] {
	return collect(ctx, l, func() (all []store.Record) {
		for _, r := range l.pair.records {
			if folder == store.AllFolders || r.Folder == folder {
				all = append(all, r)
			}
		}
		slices.SortFunc(all, func(a, b store.Record) int {
			return cmp.Or(strings.Compare(a.Folder, b.Folder), bytes.Compare(a.ID[:], b.ID[:]))
		})
		return all
	})
}

// Folders implements store.Ledger. Positions come in the order of their names.
func (l *ledger) Folders(ctx context.Context, side store.Side) iter.Seq2[store.Folder, error] {
	return collect(ctx, l, func() (all []store.Folder) {
		for key, f := range l.pair.folders {
			if key.side == side {
				all = append(all, f)
			}
		}
		slices.SortFunc(all, func(a, b store.Folder) int { return strings.Compare(a.Name, b.Name) })
		return all
	})
}

// Lookup implements store.Ledger.
func (l *ledger) Lookup(ctx context.Context, folder string, ids []watermark.ID) iter.Seq2[store.Record, error] {
	return collect(ctx, l, func() (all []store.Record) {
		asked := make(map[watermark.ID]bool, len(ids))
		for _, id := range ids {
			r, ok := l.pair.records[recordKey{folder, id}]
			if ok && !asked[id] {
				all = append(all, r)
			}
			asked[id] = true
		}
		return all
	})
}

// Sightings implements store.Ledger. Sightings come in the order of Ref.
func (l *ledger) Sightings(ctx context.Context, folder string) iter.Seq2[store.Sighting, error] {
	return collect(ctx, l, func() (all []store.Sighting) {
		for ref, id := range l.pair.sightings[folder] {
			all = append(all, store.Sighting{Folder: folder, Ref: ref, ID: id})
		}
		slices.SortFunc(all, func(a, b store.Sighting) int { return strings.Compare(a.Ref, b.Ref) })
		return all
	})
}

// Commit implements store.Ledger. What a batch deletes goes first, then what it adds comes.
func (l *ledger) Commit(ctx context.Context, b store.Batch) error {
	l.store.mu.Lock()
	defer l.store.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("memstore: commit: %w", ctx.Err())
	case !l.open():
		return fmt.Errorf("memstore: commit: %w", store.ErrClosed)
	case b.Len() > store.MaxBatch:
		return fmt.Errorf("memstore: commit: %w: %d entries, at most %d", store.ErrTooLarge, b.Len(), store.MaxBatch)
	}
	l.pair.apply(b)
	return nil
}

// Deadline implements store.Ledger. A lease in memory never ends.
func (l *ledger) Deadline() time.Time { return time.Time{} }

// Close implements store.Ledger.
func (l *ledger) Close() error {
	l.store.mu.Lock()
	defer l.store.mu.Unlock()
	if l.open() {
		l.pair.holder = nil
	}
	return nil
}

// collect yields what list finds in an open ledger when the sequence begins.
func collect[T any](ctx context.Context, l *ledger, list func() []T) iter.Seq2[T, error] {
	return sequence(ctx, func() ([]T, error) {
		l.store.mu.Lock()
		defer l.store.mu.Unlock()
		if !l.open() {
			return nil, fmt.Errorf("memstore: read: %w", store.ErrClosed)
		}
		return list(), nil
	})
}
