package pass

import (
	"context"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/watermark"
)

// This file is about items that get their IDs when they are read to be written. Where nothing can be there of which anything is
// known, nobody needs to know which item is which before that: the headers, which identify items, come with the bodies, and the
// source is spared a listing that reads all of them.

// identifiesLate reports whether the items of a folder can be identified when they are read to be written: nothing is known of any
// item that one of them may be, and neither their decisions nor a later part of the pass ask who they are. Everything else is
// listed with its identities.
func (p planner) identifiesLate(ctx context.Context, plan *folderPlan, since string) (bool, error) {
	if since != "" || !p.mayIdentifyLate() {
		return false, nil // or only what is new is listed
	}
	for r, err := range p.ledger.Records(ctx, plan.name) {
		if err != nil || p.mint.owns(r) {
			return false, err // what is known is to be found again
		}
	}
	return true, nil
}

// mayIdentifyLate reports whether items of folders of which nothing is known can be identified late.
func (p planner) mayIdentifyLate() bool {
	switch {
	case !p.outlines:
		return false // Item.Version would be missing, too
	case !p.view.markless(), p.moved:
		return false // what is known is to be found again
	case len(p.mint.reverse) > 0 && !p.sendBack:
		return false // which came from the destination, their marks say
	case p.selects.MaxSize > 0, p.selects.dated():
		return false // a twin that is left out has an ordinal of its own
	case p.policies.some(func(policy Policy) bool { return policy != Policy{} }), p.compare:
		return false
	case p.whole, !p.persist:
		return false // a dry run reads nothing
	case p.kind != Auto && p.kind != Full && p.kind != Delta:
		return false
	}
	return true
}

// markless reports whether a scan found no mark of this pair.
func (v *view) markless() bool { return !v.trusted && v.present.len() == 0 && len(v.void) == 0 }

// outline plans a folder whose items are identified late: all are to be written that can be.
func (p planner) outline(ctx context.Context, plan *folderPlan) error {
	err := p.from.persist(ctx, func(ctx context.Context) error {
		plan.counts, plan.work = Counts{}, workList{}
		for it, err := range p.source.Outline(ctx, plan.source, "") {
			if err != nil {
				return err
			}
			plan.outlined(it, p)
		}
		return nil
	})
	plan.late = &latecomers{mint: p.mint, path: plan.source.Path, twins: newTwins(&plan.work.ids)}
	return err
}

// outlined decides about an item of an outline.
func (plan *folderPlan) outlined(it endpoint.Item, p planner) {
	plan.counts.Listed++
	switch {
	case !p.selects.takes(it):
		plan.counts.Filtered++
	case !p.accepts(it.Kind):
		plan.counts.Unsupported++
	default:
		plan.counts.Deferred++
		plan.work.add(workItem{ref: it.Ref, kind: it.Kind, size: it.Size, received: it.Received, newcomer: true})
	}
}

// latecomers gives IDs to the items of a folder, in the order of its listing.
type latecomers struct {
	mint   minter
	path   []string
	twins  *twins
	listed bool // the rest of the work was identified by listing it
}

// identify gives an item its ID. Twins are told apart by their order, as decider.identify does where nothing is known.
func (l *latecomers) identify(w *workItem, identity string) {
	w.id = l.id(w.kind, identity, 0)
	if ordinal := l.twins.ordinal(w.id); ordinal > 0 {
		w.id = l.id(w.kind, identity, ordinal)
	}
}

func (l *latecomers) id(kind endpoint.Kind, identity string, ordinal int) watermark.ID {
	return l.mint.id(l.path, kind, identity, ordinal)
}

// twins counts items of equal identity, which is known by the ID that the first of them has.
type twins struct {
	seen *idSet               // claimed is its bit
	more map[watermark.ID]int // how many came after the first one
}

// newTwins returns twins that note what they saw in a set that may hold other IDs, too.
func newTwins(seen *idSet) *twins { return &twins{seen: seen, more: map[watermark.ID]int{}} }

// ordinal returns how many items of an identity came before this one.
func (t *twins) ordinal(first watermark.ID) int {
	if t.seen.get(first)&claimed == 0 {
		t.seen.or(first, claimed)
		return 0
	}
	t.more[first]++
	return t.more[first]
}

// identify gives IDs to the items of a window that have none yet, and returns how many of them the window has: where the reading
// ended early, those behind the first that was not read are left out, for it may be a twin of theirs. An item whose body cannot be
// read is identified by listing the folder.
func (t *transfer) identify(ctx context.Context, q *queue, l *load) (int, error) {
	if q.plan.late == nil {
		return len(l.work), nil
	}
	for i := range l.work {
		w := &l.work[i]
		if w.id == (watermark.ID{}) { // else a listing may have identified it meanwhile
			*w = q.plan.work.at(w.n)
		}
		body, have := l.bodies[w.ref]
		switch {
		case w.id != (watermark.ID{}), endpoint.CodeOf(body.Err) == endpoint.NotFound:
		case !have && l.err != nil:
			return i, nil
		case have && body.Err == nil && body.Identity != "":
			q.plan.late.identify(w, body.Identity)
			q.plan.work.set(w.n, *w)
		case !q.plan.late.listed:
			q.quiet()
			if err := t.identifyByListing(ctx, q.plan); err != nil {
				return 0, err
			}
			*w = q.plan.work.at(w.n)
		}
	}
	return len(l.work), nil
}

// identifyByListing gives IDs to all items of a folder that have none yet, but for those that it lists no more.
func (t *transfer) identifyByListing(ctx context.Context, plan *folderPlan) error {
	if plan.late == nil || plan.late.listed {
		return nil
	}
	places := map[string]int{}
	for w := range plan.work.all() {
		if w.id == (watermark.ID{}) {
			places[w.ref] = w.n
		}
	}
	err := t.from.persist(ctx, func(ctx context.Context) error {
		for it, err := range t.source.List(ctx, plan.source, "") {
			if err != nil {
				return err
			}
			if n, wanted := places[it.Ref]; wanted {
				w := plan.work.at(n)
				plan.late.identify(&w, it.Identity)
				plan.work.set(n, w)
				delete(places, it.Ref) // it is not counted twice if the listing begins again
			}
		}
		return nil
	})
	plan.late.listed = err == nil
	return err
}
