package pass

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/watermark"
)

// remove takes away the copies of items that the source has no more.
func (p *propagator) remove(ctx context.Context, plan *folderPlan) (int, error) {
	var records []store.Record
	for _, rec := range plan.gone {
		moved := p.followed[rec.ID] || slices.ContainsFunc(plan.left, func(m move) bool { return m.old.ID == rec.ID })
		if removes(p.policyOf(rec)) && p.opts.Select.takes(itemOf(rec)) && !moved {
			records = append(records, rec)
		}
	}
	for some := range slices.Chunk(p.heldBack(plan, records), p.opts.Window) {
		holdings, err := p.holdings(ctx, plan, some)
		if err != nil {
			return 0, err
		}
		if _, err := p.removeSome(ctx, plan, holdings, &plan.counts.Removed); err != nil {
			return 0, err
		}
	}
	return 0, nil
}

func itemOf(rec store.Record) endpoint.Item {
	return endpoint.Item{Kind: endpoint.Kind(rec.Kind), Received: rec.Received, Size: rec.Size}
}

// heldBack returns the records of items that may be removed: none if too many would go.
func (p *propagator) heldBack(plan *folderPlan, records []store.Record) []store.Record {
	there := 0
	for _, rec := range records {
		if len(p.view.alive(rec.ID)) > 0 {
			there++
		}
	}
	all := there + plan.counts.Already - plan.counts.Adopted // what comes in this pass does not make room for more
	switch {
	case there == 0:
		return records
	case plan.uncertain:
		p.failures.warn("the references of a folder of the source became void: what seems to be gone from it is not removed in this pass")
	case p.incomplete:
		p.failures.warn("a folder of the source could not be looked into: nothing is removed in this pass")
	case float64(there) > p.opts.MaxDeleteShare*float64(all):
		p.failures.warn("more than %.4g %% of a folder's items would be removed: they are kept; raise MaxDeleteShare if they are to go",
			100*p.opts.MaxDeleteShare)
	default:
		return records
	}
	plan.counts.HeldBack += there
	return nil
}

// removeSome takes away those copies that are as we made them, and counts them. It returns the items
// whose copies another pass may take away: they could not be read, or the destination refused.
func (p *propagator) removeSome(ctx context.Context, plan *folderPlan, holdings []holding, counted *int) (left map[watermark.ID]bool, err error) {
	var ready, done []holding
	left = map[watermark.ID]bool{}
	for _, h := range holdings {
		left[h.record.ID] = h.unread || h.reason == "" && !h.elsewhere
		switch {
		case h.reason != "":
			p.conflict(plan, h.record, h.reason)
		case !h.elsewhere:
			ready = append(ready, h)
		case h.trashed:
			done = append(done, h) // by us, in a pass that was cut, or by its user
		}
	}
	if p.dry {
		*counted += len(ready)
		return left, nil
	}
	gone, err := p.take(ctx, ready)
	*counted += len(gone)
	for _, h := range gone {
		left[h.record.ID] = false
	}
	return left, errors.Join(err, p.commitRecords(ctx, p.tombstones(append(done, gone...))))
}

// tombstones are the records of items that we took away.
func (p *propagator) tombstones(holdings []holding) []store.Record {
	trash := p.hasTrash()
	var records []store.Record
	for _, h := range holdings {
		rec := h.record
		rec.Status, rec.At = store.Removed, time.Now()
		if h.trashed || trash && h.at.folder != nil && h.at.folder.Role != endpoint.Trash {
			rec.Trashed = true
		}
		records = append(records, rec)
	}
	return records
}
