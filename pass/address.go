package pass

import (
	"context"
	"slices"

	"github.com/dandyroll/dandyroll/store"
)

// voidValidity stands in the ledger for that of references which count no more. No folder has it.
const voidValidity = "\x00"

// sourceMoved reports whether the source has another address than in the last pass.
func (r *running) sourceMoved() bool {
	bound := r.ledger.Meta().Source
	return bound != (store.Binding{}) && !slices.Contains(r.mint.bindings(r.pair.Source.Info()), bound)
}

// voidRefs makes every reference in the ledger void, after the address of the source changed. Under
// another address there may be other items under the same references, and the validity does not
// tell: it is unique for a mailbox of one server only (RFC 9051 section 2.3.1.1). Items are then
// matched by identity. It is for all folders, also those that the pass leaves out.
func (r *running) voidRefs(ctx context.Context) error {
	var batch store.Batch
	commit := func() error {
		err := r.ledger.Commit(ctx, batch)
		batch.Records = batch.Records[:0]
		return err
	}
	for rec, err := range r.ledger.Records(ctx, store.AllFolders) {
		if err != nil {
			return err
		}
		rec.Validity = voidValidity
		if batch.Records = append(batch.Records, rec); len(batch.Records) < store.MaxBatch {
			continue
		}
		if err := commit(); err != nil {
			return err
		}
	}
	if err := commit(); err != nil {
		return err
	}
	stored, err := positions(ctx, r.ledger, store.Source)
	if err != nil {
		return err
	}
	for _, f := range stored {
		f.Validity, f.State, f.Summary = voidValidity, "", ""
		if err := r.ledger.Commit(ctx, store.Batch{Folders: []store.Folder{f}}); err != nil {
			return err
		}
	}
	return nil
}
