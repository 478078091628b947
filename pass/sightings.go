package pass

import (
	"context"

	"github.com/dandyroll/dandyroll/store"
)

// sightingLog remembers what a scan of a folder finds while it goes on, and last how far it came: until
// then, the position is the older one or none, so that a scan that is cut is gone through again.
type sightingLog struct {
	scanner
	name  string
	batch store.Batch
	// before tells which references were given before the state that the folder had when the scan began, as those
	// of what was remembered already were; nil if nobody knows, or something was seen that came later.
	before func(ref string) bool
}

// allBefore is the summary of a position at the destination if all that is remembered of the folder was there at
// its state. Nothing of that is to be looked for as long as nothing leaves the folder.
const allBefore = "\x01"

// see remembers an item that carries a mark of this pair.
func (l *sightingLog) see(ctx context.Context, it sighted) error {
	if l.before != nil && !l.before(it.ref) {
		l.before = nil
	}
	l.batch.Sightings = append(l.batch.Sightings, store.Sighting{Folder: l.name, Ref: it.ref, ID: it.id})
	return l.flush(ctx, sightingBatch)
}

// unsee forgets an item that is there no more.
func (l *sightingLog) unsee(ctx context.Context, s store.Sighting) error {
	l.batch.Unsee = append(l.batch.Unsee, store.Sighting{Folder: l.name, Ref: s.Ref})
	return l.flush(ctx, sightingBatch)
}

// sightingBatch leaves room in a batch for a position.
const sightingBatch = store.MaxBatch - 8

// end remembers how far the folder was looked at.
func (l *sightingLog) end(ctx context.Context, position store.Folder) error {
	if l.before != nil && position.State != "" {
		position.Summary = allBefore
	}
	l.batch.Folders = []store.Folder{position}
	return l.flush(ctx, 1)
}

// flush commits what is to be remembered, if it is so much.
func (l *sightingLog) flush(ctx context.Context, least int) error {
	if l.batch.Len() < least {
		return nil
	}
	batch := l.batch
	l.batch = store.Batch{Sightings: batch.Sightings[:0]}
	if !l.persist {
		return nil
	}
	return l.ledger.Commit(ctx, batch)
}
