package pass

import (
	"context"
	"slices"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/watermark"
)

// move is an item that left one folder of the source and came into another.
type move struct {
	old     store.Record // in the folder that it left
	arrived store.Record // in the folder into which it came
}

// leftover is an item that is gone from a folder, and the plan of that folder.
type leftover struct {
	plan   *folderPlan
	record store.Record
}

// matchMoves finds newcomers that are gone from another folder: their identity is that of an item
// there. Each of them notes, in the record of its intent, what it follows, so that the old copy is
// dealt with also by a later pass.
func (r *running) matchMoves(ctx context.Context) error {
	if !r.opts.Policies.some(follows) {
		return nil
	}
	var left []*folderPlan
	gone := map[watermark.ID]bool{} // that nothing follows yet
	for _, plan := range r.everyPlan() {
		records, err := r.perhapsGone(ctx, plan)
		if err != nil {
			return err
		}
		if len(records) > 0 && !plan.uncertain {
			left = append(left, plan)
		}
		for _, rec := range records {
			gone[rec.ID] = !plan.uncertain && len(r.lastView.alive(rec.ID)) > 0
		}
	}
	for _, plan := range r.plans {
		for _, id := range plan.following {
			gone[id] = false
		}
	}
	for _, plan := range r.plans {
		for w := range plan.work.all() {
			if w.newcomer && follows(r.opts.Policies[w.kind]) {
				w.follows = r.origin(left, gone, w)
				plan.work.set(w.n, w)
				plan.moving = plan.moving || w.follows != watermark.ID{}
			}
		}
	}
	return nil
}

// perhapsGone returns the records of items that are gone from a folder. Of one that could not be
// looked into, all may be: which of them are shows a later pass.
func (r *running) perhapsGone(ctx context.Context, plan *folderPlan) ([]store.Record, error) {
	if !plan.broken {
		return plan.gone, nil
	}
	all, err := collect(r.ledger.Records(ctx, plan.name))
	return slices.DeleteFunc(all, func(rec store.Record) bool { return !r.mint.owns(rec) || rec.Status != store.Settled }), err
}

// origin returns the item that a newcomer was in another folder, or zero.
func (r *running) origin(left []*folderPlan, gone map[watermark.ID]bool, w workItem) watermark.ID {
	for _, plan := range left {
		for ordinal := range lookAhead {
			for _, id := range r.mint.ids(plan.source.Path, w.kind, w.identity, ordinal) {
				if gone[id] {
					gone[id] = false
					return id
				}
			}
		}
	}
	return watermark.ID{}
}

// collectMoves hands the moves that arrived, now or in a pass that was cut, to the folders that the
// items left.
func (p *propagator) collectMoves(ctx context.Context) error {
	old := map[watermark.ID]leftover{}
	for _, plan := range p.everyPlan() {
		for _, rec := range plan.gone {
			old[rec.ID] = leftover{plan, rec}
		}
	}
	for _, plan := range p.plans {
		if !plan.moving {
			continue
		}
		arrived, err := p.arrivals(ctx, plan)
		if err != nil {
			return err
		}
		var settled []store.Record // whose old copies were dealt with, or that came back
		for _, rec := range arrived {
			from, ok := old[rec.Follows]
			switch {
			case !ok && !p.incomplete:
				settled = append(settled, rec)
			case ok && follows(p.policyOf(rec)):
				from.plan.left = append(from.plan.left, move{from.record, rec})
			}
		}
		if err := p.settleMoves(ctx, settled); err != nil {
			return err
		}
	}
	return nil
}

// arrivals returns the records of the items of a folder that follow others.
func (p *propagator) arrivals(ctx context.Context, plan *folderPlan) ([]store.Record, error) {
	if p.dry {
		var records []store.Record
		for w := range plan.work.all() {
			records = append(records, p.mint.record(plan, w, store.Settled))
		}
		return records, nil
	}
	all, err := collect(p.ledger.Records(ctx, plan.name))
	return slices.DeleteFunc(all, func(rec store.Record) bool {
		return !p.mint.owns(rec) || rec.Status != store.Settled || rec.Follows == watermark.ID{}
	}), err
}

// loseFolders makes plans for folders that were migrated and that the source has no more: their
// items are gone.
func (r *running) loseFolders(ctx context.Context, sources []endpoint.Folder) error {
	if !r.opts.Policies.some(func(p Policy) bool { return removes(p) || follows(p) }) &&
		r.opts.Kind != RetryFailed && r.opts.Kind != Verify {
		return nil
	}
	there := map[string]bool{}
	for _, f := range sources {
		there[store.FolderKey(f.Path)] = true
	}
	lost := map[string]*folderPlan{}
	for rec, err := range r.ledger.Records(ctx, store.AllFolders) {
		if err != nil {
			return err
		}
		if there[rec.Folder] || !r.mint.owns(rec) {
			continue
		}
		if lost[rec.Folder] == nil {
			path := store.FolderPath(rec.Folder)
			lost[rec.Folder] = &folderPlan{route: route{source: endpoint.Folder{Path: path}}, name: rec.Folder}
		}
		lost[rec.Folder].gone = append(lost[rec.Folder].gone, rec)
	}
	for _, plan := range lost {
		r.lost = append(r.lost, plan)
	}
	slices.SortFunc(r.lost, func(a, b *folderPlan) int { return slices.Compare(a.source.Path, b.source.Path) })
	return r.closeLost(ctx)
}

// closeLost closes the failures of folders that are no more, for a RetryFailed, and leaves of their
// items those that were migrated.
func (r *running) closeLost(ctx context.Context) error {
	for _, plan := range r.lost {
		var failed []store.Record
		plan.gone = slices.DeleteFunc(plan.gone, func(rec store.Record) bool {
			if rec.Status == store.Failed && r.opts.Kind == RetryFailed {
				failed = append(failed, rec)
			}
			return rec.Status != store.Settled
		})
		plan.counts.Listed += len(failed)
		plan.counts.Vanished += len(failed)
		for chunk := range chunks(failed) {
			if r.dry {
				break
			}
			if err := r.ledger.Commit(ctx, store.Batch{Forget: chunk}); err != nil {
				return err
			}
		}
	}
	return nil
}

// leave takes away the copies of moved items in the folder that they left.
func (p *propagator) leave(ctx context.Context, plan *folderPlan) (int, error) {
	for some := range slices.Chunk(plan.left, p.opts.Window) {
		var old, arrived []store.Record
		for _, m := range some {
			if p.dry || len(p.view.alive(m.arrived.ID)) > 0 {
				old, arrived = append(old, m.old), append(arrived, m.arrived)
			}
		}
		holdings, err := p.holdings(ctx, plan, old)
		if err != nil {
			return 0, err
		}
		left, err := p.removeSome(ctx, plan, holdings, &plan.counts.Followed)
		if err != nil {
			return 0, err
		}
		arrived = slices.DeleteFunc(arrived, func(rec store.Record) bool { return left[rec.Follows] })
		if err := p.settleMoves(ctx, arrived); err != nil {
			return 0, err
		}
	}
	return 0, nil
}

// settleMoves notes that the old copies of moved items were dealt with.
func (p *propagator) settleMoves(ctx context.Context, arrived []store.Record) error {
	if p.dry {
		return nil
	}
	for i := range arrived {
		arrived[i].Follows = watermark.ID{}
	}
	return p.commitRecords(ctx, arrived)
}
