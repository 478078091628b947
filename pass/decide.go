package pass

import (
	"bytes"
	"context"
	"maps"
	"slices"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/watermark"
)

// lookAhead is how many ordinals in a row under which nothing is known are tried before one under
// which something is. Such a gap is left by twins that are gone and never were migrated.
const lookAhead = 16

// decider goes through the items of one folder.
type decider struct {
	planner
	plan    *folderPlan
	known   memory
	claimed map[watermark.ID]bool
	// changed are the records to be written, by ID.
	changed map[watermark.ID]store.Record
	forget  []store.Record
}

// decide gives each item its ID and its outcome. Items that are known by reference keep their ID;
// the others are matched by identity, twins among them in the order of the listing.
func (d *decider) decide(items []listed) {
	twins := map[string][]int{} // items that are not known by reference
	for i, it := range items {
		if it.record != nil {
			d.claimed[it.id] = true
			continue
		}
		key := it.Kind.String() + " " + it.Identity
		twins[key] = append(twins[key], i)
	}
	for _, all := range twins {
		for i, s := range d.identify(items[all[0]].Item, len(all)) {
			items[all[i]].slot = s
			d.claimed[s.id] = true
		}
	}
	for _, it := range items {
		switch {
		case d.kind == RetryFailed && (it.record == nil || it.record.Status != store.Failed):
			continue
		case d.kind == Verify:
			if it.record != nil && it.record.Status == store.Settled {
				d.plan.checks = append(d.plan.checks, check{*it.record, &it})
			}
			continue
		}
		d.plan.counts.Listed++
		d.outcome(it)
	}
	d.markGone()
}

// identify finds the IDs of n twins whose references are not known: those of the first ordinals
// that no other item of the folder has. Where more ordinals are in use than twins are left, those
// are passed over under which nothing was migrated: their items are gone, and a twin that took the
// place of one would be written again.
func (d *decider) identify(it endpoint.Item, n int) []slot {
	var free []slot
	used, idle := 0, 0 // of free, up to the last that was migrated; ordinals since then
	for ordinal := 0; len(free) < n || idle < lookAhead && d.remembers(); ordinal++ {
		s := d.candidate(it, ordinal)
		if idle++; s.record != nil {
			idle = 0
		}
		if d.claimed[s.id] || s.record != nil && d.isAnother(s.record, it) {
			continue
		}
		if free = append(free, s); d.done(s) {
			used, idle = len(free), 0
		}
	}
	free = free[:max(used, n)]
	spare := len(free) - n
	return slices.DeleteFunc(free, func(s slot) bool {
		if spare == 0 || d.done(s) {
			return false
		}
		spare--
		return true
	})[:n]
}

// remembers reports whether anything was migrated before.
func (d *decider) remembers() bool { return len(d.known.byID) > 0 || len(d.view.present) > 0 }

// done reports whether nothing is to be migrated under an ID.
func (d *decider) done(s slot) bool {
	if s.record == nil {
		return d.view.has(s.id, false)
	}
	switch s.record.Status {
	case store.Settled, store.Originated, store.Adopted:
		return true
	case store.Intent, store.Failed, store.Removed:
	}
	return d.view.has(s.id, s.record.Trashed)
}

// candidate returns the ID that an item has at an ordinal, under the key under which it is known.
func (d *decider) candidate(it endpoint.Item, ordinal int) slot {
	ids := d.mint.ids(d.plan.source.Path, it.Kind, it.Identity, ordinal)
	for _, id := range ids {
		if r := d.known.byID[id]; r != nil {
			return slot{id, r, ordinal}
		}
	}
	for _, id := range ids {
		if d.view.has(id, false) {
			return slot{id, nil, ordinal}
		}
	}
	return slot{ids[0], nil, ordinal}
}

// isAnother reports whether a record is certainly of another item than it: references are never
// used again while validity stays, so one that differs tells twins apart even when one is gone.
func (d *decider) isAnother(r *store.Record, it endpoint.Item) bool {
	return r.Ref != "" && r.Ref != it.Ref && r.Validity == d.plan.source.Validity
}

// outcome enters an item into the counts, the work or the failures.
func (d *decider) outcome(it listed) {
	counts := &d.plan.counts
	record, present := it.record, d.view.has(it.id, it.record != nil && it.record.Trashed)
	status := store.Status(0)
	if record != nil {
		status = record.Status
		d.relink(it)
	}
	switch {
	case !d.selects.takes(it.Item):
		counts.Filtered++
		if d.selects.outOfWindow(it.Item) {
			counts.OutOfWindow++
		}
	case status == store.Adopted:
		counts.Already++
		counts.Adopted++
	case status == store.Settled && (present || d.unmarked || d.view.trusted):
		counts.Already++
		d.compareVersions(it)
	case status == store.Settled:
		counts.RemovedAtDestination++
	case present:
		d.present(it, status)
	case d.fromHere(it, status):
		counts.OriginatedHere++
		d.remember(it, store.Originated)
	case !d.accepts(it.Kind):
		counts.Unsupported++
	case status == store.Intent && d.unmarked:
		counts.Failed++
		d.failures.add(d.plan, it.Ref, endpoint.Errorf(endpoint.InDoubt,
			"an earlier pass was cut while it wrote this item, and without marks it cannot be found; look for it by hand"))
	default:
		d.migrate(it)
	}
}

// present is an item whose mark is at the destination, though the ledger does not say so.
func (d *decider) present(it listed, status store.Status) {
	if status == store.Intent {
		d.plan.counts.Migrated++
		d.plan.counts.Recovered++
		d.plan.counts.Bytes += max(it.Size, 0)
	} else {
		d.plan.counts.Already++
		d.plan.counts.Healed++
	}
	d.remember(it, store.Settled)
}

func (d *decider) fromHere(it listed, status store.Status) bool {
	return !d.sendBack && (status == store.Originated || d.mint.cameFromHere(it.Marks))
}

func (d *decider) migrate(it listed) {
	d.plan.counts.Deferred++
	w := it.work()
	if r := it.record; r != nil && r.Status != store.Intent {
		w.attempts, w.before = r.Attempts, r
	}
	if w.newcomer = it.record == nil; w.newcomer && (follows(d.policies[it.Kind]) || adopts(d.policies[it.Kind])) {
		w.identity = it.Identity
	}
	w.duplicate = d.olderCopy(it)
	d.plan.work = append(d.plan.work, w)
}

// olderCopy reports whether the destination has the item under a mark of an older generation, as far
// as the scan saw that: what is known of folders that did not change are marks that count.
func (d *decider) olderCopy(it listed) bool {
	if len(d.view.void) == 0 || it.ordinal < 0 {
		return false
	}
	for generation := d.mint.generation - 1; generation > 0; generation-- {
		for _, id := range d.mint.of(generation).ids(d.plan.source.Path, it.Kind, it.Identity, it.ordinal) {
			if d.view.void[id] == generation {
				return true
			}
		}
	}
	return false
}

// remember changes or makes the record of an item.
func (d *decider) remember(it listed, status store.Status) {
	if it.record != nil && it.record.Status == status {
		return
	}
	d.changed[it.id] = d.mint.record(d.plan, it.work(), status)
}

// relink gives a record the reference under which its item is found now. That may be another twin
// than before, so what the record says of it is that of the listing.
func (d *decider) relink(it listed) {
	r := it.record
	if r.Ref == it.Ref && r.Validity == d.plan.source.Validity && !r.Gone {
		return
	}
	r.Ref, r.Validity, r.Gone, r.Received = it.Ref, d.plan.source.Validity, false, it.Received
	if size := max(it.Size, 0); r.Size != size {
		r.Size, r.Digest = size, [16]byte{}
	}
	d.changed[r.ID] = *r
}

// markGone notes which known items are at the source no more.
func (d *decider) markGone() {
	for id, r := range d.known.byID {
		if d.claimed[id] {
			continue
		}
		if d.kind == RetryFailed && r.Status == store.Failed {
			d.plan.counts.Listed++
			d.plan.counts.Vanished++
			d.forget = append(d.forget, *r)
			continue
		}
		if !r.Gone {
			r.Gone = true
			d.changed[id] = *r
		}
		if r.Status == store.Settled {
			d.plan.gone = append(d.plan.gone, *r)
		}
	}
	slices.SortFunc(d.plan.gone, func(a, b store.Record) int { return bytes.Compare(a.ID[:], b.ID[:]) })
}

func (d *decider) save(ctx context.Context) error {
	if !d.persist {
		return nil
	}
	changed := slices.SortedFunc(maps.Values(d.changed), func(a, b store.Record) int {
		return bytes.Compare(a.ID[:], b.ID[:])
	})
	for chunk := range chunks(changed) {
		if err := d.ledger.Commit(ctx, store.Batch{Records: chunk}); err != nil {
			return err
		}
	}
	for chunk := range chunks(d.forget) {
		if err := d.ledger.Commit(ctx, store.Batch{Forget: chunk}); err != nil {
			return err
		}
	}
	return nil
}

// slot is what an item is known by.
type slot struct {
	id      watermark.ID
	record  *store.Record // nil if there is none
	ordinal int           // -1 if the item was not identified by listing it
}

func slotOf(r *store.Record) slot {
	if r == nil {
		return slot{ordinal: -1}
	}
	return slot{id: r.ID, record: r, ordinal: -1}
}
