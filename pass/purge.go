package pass

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/watermark"
)

// Purge is what a purge removes, or has removed.
type Purge struct {
	// Items are our own at the destination: those with a mark of this pair, of any generation, and a
	// record that matches.
	Items int `json:"items"`
	// Removed is how many of them are gone now.
	Removed int `json:"removed"`
	// Unknown items have a mark of this pair, but no record: a pass finds out about those that the
	// source still has. They stay.
	Unknown int `json:"unknown"`
	// Conflicts were changed at the destination since they were written. They stay.
	Conflicts []Conflict     `json:"conflicts,omitempty"`
	Folders   []PurgedFolder `json:"folders"`
	// Confirm stands for exactly these items. Purge wants it.
	Confirm string `json:"confirm"`
	// Complete says that nothing of Items is left.
	Complete bool     `json:"complete"`
	Warnings []string `json:"warnings,omitempty"`
}

// PurgedFolder is how many items of a folder at the destination a purge removes.
type PurgedFolder struct {
	Destination string `json:"destination"` // path, joined by slashes
	Items       int    `json:"items"`
}

// PlanPurge says what Purge would remove, and writes nothing.
func (e *Engine) PlanPurge(ctx context.Context, p Pair) (*Purge, error) {
	return e.purge(ctx, p, "", true)
}

// Purge removes at the destination what passes of this pair wrote there, to the trash where there
// is one. Folders stay. Confirm is what PlanPurge returned for exactly these items, else it fails
// with ErrConfirm and the new counts; the same value goes on with a purge that was cut. A pass
// afterwards migrates everything again.
func (e *Engine) Purge(ctx context.Context, p Pair, confirm string) (*Purge, error) {
	return e.purge(ctx, p, confirm, false)
}

func (e *Engine) purge(ctx context.Context, p Pair, confirm string, dry bool) (_ *Purge, err error) {
	r, err := e.begin(ctx, p, Options{}, dry)
	if err != nil {
		return nil, refuse(err)
	}
	defer func() { err = errors.Join(err, r.ledger.Close()) }()
	own, result, err := r.ours(ctx)
	if err != nil || dry {
		return result, refuse(err)
	}
	going := r.ledger.Meta().Purging
	if confirm != result.Confirm && (going == [16]byte{} || confirm != hex.EncodeToString(going[:])) {
		return result, refuse(fmt.Errorf("%w: there are %d items to remove; plan the purge anew", ErrConfirm, result.Items))
	}
	token, err := hex.DecodeString(confirm)
	if err != nil || len(token) != len(going) {
		return result, refuse(fmt.Errorf("%w: it is not what PlanPurge returns", ErrConfirm))
	}
	return result, r.purgeAll(ctx, own, result, [16]byte(token))
}

// ours finds the items that passes of the pair wrote, with a mark and a record, unchanged since.
func (r *running) ours(ctx context.Context) ([]holding, *Purge, error) {
	if err := r.connect(ctx); err != nil {
		return nil, nil, err
	}
	if !r.dstCaps.Delete {
		return nil, nil, endpoint.Errorf(endpoint.Unsupported, "the destination cannot remove single items")
	}
	if err := r.awaitLanding(ctx); err != nil {
		return nil, nil, err
	}
	v, err := r.locateAll(ctx)
	if err != nil {
		return nil, nil, err
	}
	p := &propagator{running: r, view: v}
	result := &Purge{Folders: []PurgedFolder{}, Unknown: len(v.places)}
	var candidates []holding
	for rec, err := range r.ledger.Records(ctx, store.AllFolders) {
		if err != nil {
			return nil, nil, err
		}
		places := v.copies(rec)
		if len(v.places[rec.ID]) > 0 {
			result.Unknown--
		}
		if rec.Status == store.Removed || rec.Status == store.Adopted {
			continue
		}
		for _, at := range places {
			candidates = append(candidates, holding{record: rec, at: at})
		}
	}
	own, err := p.unchanged(ctx, candidates, result)
	if err != nil {
		return nil, nil, err
	}
	result.sum(own)
	return own, result, nil
}

// locateAll scans all of the destination and notes where each mark is.
func (r *running) locateAll(ctx context.Context) (*view, error) {
	s := r.scanner()
	s.locate, s.persist = true, false
	var v *view
	err := restarting(func() (err error) {
		v, err = s.scan(ctx, true)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("scan the destination for marks: %w", err)
	}
	return v, nil
}

// unchanged returns those of our items that nobody rewrote. Their flags and folders do not matter.
func (p *propagator) unchanged(ctx context.Context, all []holding, result *Purge) ([]holding, error) {
	var own []holding
	for some := range slices.Chunk(all, p.opts.Window) {
		var places []place
		for _, h := range some {
			places = append(places, h.at)
		}
		found, err := p.inspect(ctx, places)
		if err != nil {
			return nil, err
		}
		for _, h := range some {
			c := found[h.at]
			switch {
			case endpoint.CodeOf(c.err) == endpoint.NotFound:
			case c.err != nil:
				result.conflict(h, "it could not be read at the destination")
			case h.record.Digest == [16]byte{} && h.record.Status != store.Settled:
				result.conflict(h, "no pass has seen since that it was written after all; run one, and then a Verify pass")
			case h.record.Digest == [16]byte{}:
				result.conflict(h, "the database does not know what was written; a Verify pass finds out")
			case !c.is(h.record.Digest) && !p.dstCaps.Exact:
				result.conflict(h, "the destination does not keep items byte for byte, so that nobody can tell whether it was changed there")
			case !c.is(h.record.Digest):
				result.conflict(h, "it was changed at the destination")
			default:
				own = append(own, h)
			}
		}
	}
	return own, nil
}

func (result *Purge) conflict(h holding, reason string) {
	result.Conflicts = append(result.Conflicts, Conflict{display(store.FolderPath(h.record.Folder)), h.record.Ref, reason})
}

// sum counts the items by folder, and makes the value that stands for them.
func (result *Purge) sum(own []holding) {
	result.Items = len(own)
	slices.SortFunc(own, func(a, b holding) int {
		return cmp.Or(slices.Compare(a.at.folder.Path, b.at.folder.Path), cmp.Compare(a.at.ref, b.at.ref), bytes.Compare(a.record.ID[:], b.record.ID[:]))
	})
	sum := sha256.New()
	for i, h := range own {
		_, _ = fmt.Fprintf(sum, "%q %q %x\n", h.at.folder.Path, h.at.ref, h.record.ID) // cannot fail
		if i == 0 || own[i-1].at.folder != h.at.folder {
			result.Folders = append(result.Folders, PurgedFolder{Destination: display(h.at.folder.Path)})
		}
		result.Folders[len(result.Folders)-1].Items++
	}
	result.Confirm = hex.EncodeToString(sum.Sum(nil)[:16])
}

// purgeAll removes items, window by window, and notes each.
func (r *running) purgeAll(ctx context.Context, own []holding, result *Purge, token [16]byte) error {
	if err := r.dropSummaries(ctx); err != nil {
		return err
	}
	meta := r.ledger.Meta()
	meta.Purging = token
	if err := r.ledger.Commit(ctx, store.Batch{Meta: &meta}); err != nil {
		return err
	}
	p := &propagator{running: r, view: &view{places: map[watermark.ID][]place{}}}
	var err error
	if p.view.folders, err = gather(ctx, r.to, r.pair.Destination.Folders); err != nil {
		return err
	}
	for some := range slices.Chunk(own, r.opts.Window) {
		if err := ctx.Err(); err != nil {
			return err
		}
		gone, err := p.take(ctx, some)
		result.Removed += len(gone)
		if err := errors.Join(err, p.commitRecords(ctx, p.tombstones(gone))); err != nil {
			return err
		}
	}
	result.Complete = result.Removed == result.Items
	result.Warnings = r.failures.warned()
	if !result.Complete {
		return nil
	}
	meta.Purging = [16]byte{}
	return r.ledger.Commit(context.WithoutCancel(ctx), store.Batch{Meta: &meta})
}
