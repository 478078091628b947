package pass

import (
	"context"
	"errors"
	"slices"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/watermark"
)

// propagator does what policies ask for at the destination, after everything new was seen there. In
// a dry run it finds out what it would do, and does nothing.
type propagator struct {
	*running
	view *view
	acts bool // something was done at the destination
	// replaced are the records of items that were replaced, which are newer than those of the plans.
	replaced map[watermark.ID]store.Record
	// followed are the items that came into other folders, whether their new copies arrived or not: as
	// long as one did not, the old copy is the only one.
	followed map[watermark.ID]bool
}

// propagate is the part of a pass that touches items that were migrated before.
func (r *running) propagate(ctx context.Context) error {
	if !r.locates() {
		return nil
	}
	p := &propagator{
		running: r, view: r.lastView, replaced: map[watermark.ID]store.Record{}, followed: map[watermark.ID]bool{},
	}
	for _, plan := range r.plans {
		for w := range plan.work.all() {
			p.followed[w.follows] = true
		}
	}
	if err := p.collectMoves(ctx); err != nil {
		return err
	}
	if !slices.ContainsFunc(r.everyPlan(), p.hasWork) {
		return nil
	}
	r.tell(PhaseStarted{Propagating})
	if !r.dry {
		var err error
		if p.view, err = r.look(ctx, false); err != nil {
			return err
		}
	}
	for _, plan := range r.everyPlan() {
		if err := errors.Join(r.opts.Pause.wait(ctx, r.tell), p.folder(ctx, plan)); err != nil {
			return err
		}
	}
	if !p.acts {
		return nil
	}
	_, err := r.look(ctx, false) // leaves the scan positions where the next pass finds nothing to do
	return err
}

// everyPlan returns those of the folders that are listed, and those of folders that are no more.
func (r *running) everyPlan() []*folderPlan { return slices.Concat(r.plans, r.lost) }

func (p *propagator) hasWork(plan *folderPlan) bool {
	return len(plan.updates)+len(plan.merges)+len(plan.left) > 0 ||
		slices.ContainsFunc(plan.gone, func(rec store.Record) bool {
			return removes(p.policyOf(rec)) && len(p.view.places[rec.ID]) > 0
		})
}

func (r *running) policyOf(rec store.Record) Policy { return r.opts.Policies[endpoint.Kind(rec.Kind)] }

// folder does what there is to do about the items of one folder of the source.
func (p *propagator) folder(ctx context.Context, plan *folderPlan) error {
	if !p.hasWork(plan) {
		return nil
	}
	left := len(plan.updates) + len(plan.merges)
	for _, step := range []func(context.Context, *folderPlan) (int, error){p.leave, p.remove, p.replace, p.merge} {
		done, err := step(ctx, plan)
		left -= done
		if err != nil {
			return err
		}
	}
	if p.dry || left > 0 || plan.quiet() || !plan.counts.settledAll() {
		return nil
	}
	// Now everything up to the listed state of the folder is accounted for.
	return p.ledger.Commit(ctx, store.Batch{Folders: []store.Folder{p.mint.position(store.Source, plan.source, true)}})
}

// conflict reports an item that is left alone.
func (p *propagator) conflict(plan *folderPlan, rec store.Record, reason string) {
	plan.counts.Conflicts++
	p.conflicts = append(p.conflicts, Conflict{Folder: display(plan.source.Path), ID: rec.Ref, Reason: reason})
}

func (p *propagator) commitRecords(ctx context.Context, records []store.Record) error {
	for chunk := range chunks(records) {
		if err := p.ledger.Commit(context.WithoutCancel(ctx), store.Batch{Records: chunk}); err != nil {
			return err
		}
	}
	return nil
}
