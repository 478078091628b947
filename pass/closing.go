package pass

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/store"
)

// confirm looks at the destination once more: what was written must be there. It also leaves the
// scan positions where the next pass can go on. It returns the last view.
func (r *running) confirm(ctx context.Context) (*view, error) {
	written := slices.ContainsFunc(r.plans, func(p *folderPlan) bool { return p.work.wrote > 0 })
	if !written || r.profile.known() && !r.profile.MarkSurvives || r.lastView.trusted {
		return r.lastView, nil
	}
	if err := sleep(ctx, r.dstCaps.Visibility); err != nil {
		return nil, err
	}
	r.before = r.lastView.outset()
	if !r.locates() {
		r.lastView = &view{folders: r.lastView.folders} // what it holds nobody asks for any more
	}
	v, err := r.lookBack(ctx)
	if err != nil {
		return nil, err
	}
	for _, plan := range r.plans {
		if err := r.confirmFolder(ctx, plan, v); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// confirmFolder makes failures of the items that the destination accepted and does not have: it
// was not told the truth, or a user was faster than us. The next pass looks again.
func (r *running) confirmFolder(ctx context.Context, plan *folderPlan, v *view) error {
	var missing []store.Record
	for item := range plan.work.done() {
		if there, err := v.finds(ctx, item.id, item.trashed); err != nil {
			return err
		} else if there {
			continue
		}
		err := endpoint.Errorf(endpoint.Unconfirmed, "the destination accepted the item, but it is not there")
		plan.counts.Migrated--
		plan.counts.Failed++
		plan.counts.Bytes -= max(item.size, 0)
		if item.duplicate {
			plan.counts.Duplicates--
		}
		r.failures.add(plan, item.ref, err)
		rec := r.mint.record(plan, item, store.Failed)
		rec.Code, rec.Attempts = uint8(endpoint.Unconfirmed), item.attempts+1
		missing = append(missing, rec)
	}
	for chunk := range chunks(missing) {
		if err := r.ledger.Commit(ctx, store.Batch{Records: chunk}); err != nil {
			return err
		}
	}
	return nil
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
