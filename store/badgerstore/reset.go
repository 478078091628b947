package badgerstore

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/watermark"
)

// A reset can be larger than one commit. It first makes durable what it is going to do, then does
// it in steps; the next opening of the pair finishes one that was cut. The filter can ask for what
// the sightings tell, so these go only after all records went.
const (
	resetRecords byte = iota + 1 // records are being forgotten
	resetScans                   // scan positions and sightings are being dropped
	resetHistory                 // passes are being forgotten; since secondFormat
)

// resetBatch is how many entries one step deletes.
const resetBatch = store.MaxBatch

// Reset implements store.Store. One that fails half-way, or that a kill cuts, is finished when
// the pair is opened next.
func (s *Store) Reset(ctx context.Context, pair string, filter store.Filter, dry bool) (store.Forgotten, error) {
	l, err := s.acquire(ctx, pair, false)
	if err != nil {
		return store.Forgotten{}, fmt.Errorf("badgerstore: reset: %w", err)
	}
	ctx = context.WithoutCancel(ctx) // what has begun is finished
	var forgotten store.Forgotten
	if dry {
		forgotten, err = l.forget(ctx, filter, func([]store.Record) error { return nil })
	} else {
		forgotten, err = l.reset(ctx, filter)
	}
	if err = errors.Join(err, l.Close()); err != nil {
		return store.Forgotten{}, fmt.Errorf("badgerstore: reset: %w", err)
	}
	return forgotten, nil
}

func (l *ledger) reset(ctx context.Context, filter store.Filter) (store.Forgotten, error) {
	return l.resetWith(ctx, filter, l.commit)
}

// resetWith resets by the given commits; a test lets them fail.
func (l *ledger) resetWith(
	ctx context.Context, filter store.Filter, commit func(func(*change)) error,
) (store.Forgotten, error) {
	intent := append([]byte{resetRecords}, encodeFilter(filter)...)
	if err := commit(func(c *change) { c.setReset(intent) }); err != nil {
		return store.Forgotten{}, err
	}
	forgotten, err := l.forget(ctx, filter, func(records []store.Record) error {
		return commit(func(c *change) { c.batch(&store.Batch{Forget: records}) })
	})
	if err != nil {
		return store.Forgotten{}, err
	}
	if err := commit(func(c *change) { c.setReset([]byte{resetScans}) }); err != nil {
		return store.Forgotten{}, err
	}
	return forgotten, l.dropScans(ctx, commit)
}

// finishReset finishes a reset that was cut.
func (l *ledger) finishReset(ctx context.Context) error {
	d := decoder{b: l.state.reset}
	switch d.byte() {
	case resetScans:
		return l.dropScans(ctx, l.commit)
	case resetHistory:
		return l.dropHistory(ctx, l.commit)
	}
	filter, err := decodeFilter(d.b)
	if err != nil {
		return fromBadger(err)
	}
	_, err = l.reset(ctx, filter)
	return err
}

// forget counts the records that filter selects, and hands them to remove in batches.
func (l *ledger) forget(
	ctx context.Context, filter store.Filter, remove func([]store.Record) error,
) (store.Forgotten, error) {
	var forgotten store.Forgotten
	present, err := l.present(ctx)
	if err != nil {
		return forgotten, err
	}
	var batch []store.Record
	for r, err := range l.Records(ctx, store.AllFolders) {
		if err != nil {
			return forgotten, err
		}
		if !filter.Matches(r, present(r.ID)) {
			continue
		}
		forgotten.Count(r, present(r.ID))
		if batch = append(batch, r); len(batch) == resetBatch {
			if err := remove(batch); err != nil {
				return forgotten, err
			}
			batch = batch[:0]
		}
	}
	return forgotten, remove(batch)
}

// present tells which IDs the last scan of the destination found. As long as there was none since
// the last reset, nothing is known to be missing.
func (l *ledger) present(ctx context.Context) (func(watermark.ID) bool, error) {
	seen, scanned := map[watermark.ID]bool{}, false
	for _, err := range l.Folders(ctx, store.Destination) {
		if err != nil {
			return nil, err
		}
		scanned = true
	}
	for _, folder := range l.sightedFolders() {
		for s, err := range l.Sightings(ctx, folder) {
			if err != nil {
				return nil, err
			}
			seen[s.ID], scanned = true, true
		}
	}
	return func(id watermark.ID) bool { return !scanned || seen[id] }, nil
}

// sightedFolders returns the folders that have sightings.
func (l *ledger) sightedFolders() (folders []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name, sums := range l.state.folders {
		if sums.sightings.count > 0 {
			folder, _ := l.state.names.values.of(name)
			folders = append(folders, folder)
		}
	}
	return folders
}

// dropScans drops all scan positions and sightings, and with the last of them the note of the
// reset.
func (l *ledger) dropScans(ctx context.Context, commit func(func(*change)) error) error {
	var scans []store.Folder
	for _, folder := range l.sightedFolders() {
		scans = append(scans, store.Folder{Side: store.Destination, Name: folder})
	}
	for _, side := range []store.Side{store.Source, store.Destination} {
		for f, err := range l.Folders(ctx, side) {
			if err != nil {
				return err
			}
			scans = append(scans, f)
		}
	}
	for batch := range slices.Chunk(scans, resetBatch) {
		if err := commit(func(c *change) { c.batch(&store.Batch{Unscan: batch}) }); err != nil {
			return err
		}
	}
	return commit(func(c *change) { c.setReset(nil) })
}
