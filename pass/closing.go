package pass

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/watermark"
)

// confirm looks at the destination once more: what was written must be there. It also leaves the
// scan positions where the next pass can go on. It returns the last view.
func (r *running) confirm(ctx context.Context) (*view, error) {
	wrote := slices.ContainsFunc(r.plans, func(p *folderPlan) bool { return p.work.wrote > 0 })
	if !wrote || r.profile.known() && !r.profile.MarkSurvives || r.lastView.trusted {
		return r.lastView, nil
	}
	if err := sleep(ctx, r.dstCaps.Visibility); err != nil {
		return nil, err
	}
	r.before = r.lastView.outset()
	if !r.locates() {
		r.lastView = &view{folders: r.lastView.folders} // what it holds nobody asks for any more
	}
	all := new(idSet)
	for _, plan := range r.plans {
		all.merge(&plan.work.ids)
	}
	v, err := r.lookBack(ctx, all)
	if err != nil {
		return nil, err
	}
	return v, r.confirmed(ctx, v)
}

// confirmed makes failures of the items that the destination accepted and does not have.
func (r *running) confirmed(ctx context.Context, v *view) error {
	missing := v.missing()
	if len(missing) > 0 && !v.loaded() {
		if err := v.load(ctx); err != nil {
			return err
		}
		missing = v.missing()
	}
	if len(missing) == 0 {
		return nil
	}
	left := len(missing)
	for _, plan := range r.plans {
		n, err := r.confirmFolder(ctx, plan, v, missing)
		if err != nil {
			return err
		}
		left -= n
	}
	if left != 0 {
		return fmt.Errorf("%w: %d records of items that were just written are not found", store.ErrDamaged, left)
	}
	return nil
}

// missing returns the items that were written and are not there, as far as the view is loaded.
func (v *view) missing() []watermark.ID {
	var missing []watermark.ID
	for id, bits := range v.written.all() {
		if bits&wroteItem != 0 && !v.has(id, bits&wroteTrashed != 0) {
			missing = append(missing, id)
		}
	}
	return missing
}

// confirmFolder makes failures of those of the items that it finds in a folder: the pass was not told the
// truth, or a user was faster than us. The next pass looks again. It returns how many it found.
func (r *running) confirmFolder(ctx context.Context, plan *folderPlan, v *view, missing []watermark.ID) (int, error) {
	if plan.work.wrote == 0 {
		return 0, nil
	}
	records, err := collect(r.ledger.Lookup(ctx, plan.name, missing))
	if err != nil {
		return 0, err
	}
	slices.SortFunc(records, func(a, b store.Record) int { return compareRefs(a.Ref, b.Ref) })
	attempts := plan.work.attempts()
	for i := range records {
		rec := &records[i]
		plan.counts.Migrated--
		plan.counts.Failed++
		plan.counts.Bytes -= rec.Size
		if v.written.get(rec.ID)&wroteDuplicate != 0 {
			plan.counts.Duplicates--
		}
		r.failures.add(plan, rec.Ref, endpoint.Errorf(endpoint.Unconfirmed, "the destination accepted the item, but it is not there"))
		rec.Status, rec.Code, rec.Attempts = store.Failed, uint8(endpoint.Unconfirmed), attempts[rec.ID]+1
		rec.Digest, rec.Flags, rec.At = [16]byte{}, "", time.Now()
	}
	for chunk := range chunks(records) {
		if err := r.ledger.Commit(ctx, store.Batch{Records: chunk}); err != nil {
			return 0, err
		}
	}
	return len(records), nil
}

// fill makes the report of what is known.
func (r *running) fill(report *Report, before Wires, err error) {
	report.Generation = r.mint.generation
	report.Totals.Voided = r.voided
	for _, plan := range slices.Concat(r.plans, r.excluded, r.lost) {
		if plan == nil || plan.path == nil && plan.source.ID == "" && plan.counts == (Counts{}) {
			continue // the pass was stopped before it was planned, or there is nothing to say of a folder that is no more
		}
		counts := plan.counts
		if r.dry {
			counts.Migrated, counts.Deferred = counts.Migrated+counts.Deferred, 0
			counts.Duplicates += plan.duplicates()
			counts.Bytes += plan.work.bytes
		}
		report.Folders = append(report.Folders, FolderReport{
			Folder: display(plan.source.Path), Destination: display(plan.path), Create: plan.creates(), Counts: counts,
		})
		report.Totals.add(counts)
	}
	if s := r.opts.Select; s.dated() {
		report.Window = &Window{s.Since, s.Before, s.DateField.String(), report.Totals.OutOfWindow}
	}
	if r.verified != nil {
		r.verified.Repaired += report.Totals.Migrated // what was missing
	}
	report.Conflicts, report.Verified = r.conflicts, r.verified
	r.failures.fill(report)
	report.Complete = err == nil && report.Totals.Deferred == 0 && report.Closes()
	report.Wire = Wires{since(r.pair.Source.Wire(), before.Source), since(r.pair.Destination.Wire(), before.Destination)}
}

// duplicates counts the work of which the destination has a copy of an older generation.
func (plan *folderPlan) duplicates() int {
	n := 0
	for w := range plan.work.all() {
		if w.duplicate {
			n++
		}
	}
	return n
}

func since(now, before endpoint.Wire) endpoint.Wire {
	return endpoint.Wire{
		Commands: now.Commands - before.Commands,
		Sent:     now.Sent - before.Sent,
		Received: now.Received - before.Received,
	}
}

// enter adds the pass to the history, and settles what only a complete one may.
func (r *running) enter(ctx context.Context, report *Report) error {
	report.Finished = time.Now().UTC()
	summary, err := json.Marshal(r.summary(report))
	if err != nil {
		return err
	}
	batch := store.Batch{Pass: &store.Pass{
		Kind: report.Kind, Started: report.Started, Finished: report.Finished,
		Complete: report.Complete, Report: summary,
	}}
	if report.Complete {
		meta := r.ledger.Meta()
		meta.Types = r.mint.types
		if r.opts.Kind == Rebuild || r.opts.Kind.propagates() && report.Totals.Filtered == 0 {
			meta.Rebuilding = false
		}
		batch.Meta = &meta
	}
	return r.ledger.Commit(context.WithoutCancel(ctx), batch)
}
