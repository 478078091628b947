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
	plan   *folderPlan
	memory memory
	// deferred are the items, in the order of the listing, that are decided when all of it is known: of
	// which something is to be done or that are not known by reference.
	deferred []listed
	// twins tells items of equal identity apart where nothing was migrated before.
	twins *twins
	// remembers says that something was migrated before.
	remembers bool
	// flags are those of the items now, by reference, where policies go by them.
	flags map[string]string
	// changed are the records to be written, by ID.
	changed map[watermark.ID]store.Record
	forget  []store.Record
}

const (
	// lookupChunk is how many records are looked up at once.
	lookupChunk = 512
	// changedChunk is how many changed records are held back at most.
	changedChunk = 2048
)

// knownItem decides about an item that is known by its reference, or defers that.
func (d *decider) knownItem(it listed) {
	switch status := it.status(); {
	case d.kind == RetryFailed && status != store.Failed, d.kind == Verify && status != store.Settled:
		return
	case d.count(it):
		return
	}
	if it.record != nil {
		r := *it.record
		it.record = &r
	}
	d.deferred = append(d.deferred, it)
}

// count counts an item of which nothing is to be done but that, and whose record stays as it is. It reports
// whether it is one. It decides as outcome does, without the record.
func (d *decider) count(it listed) bool {
	c, policy := &d.plan.counts, d.policies[it.Kind]
	present := d.view.has(it.id, it.known&weTrashed != 0)
	switch status := it.status(); {
	case it.known&wasGone != 0, d.kind == Verify:
		return false
	case !d.selects.takes(it.Item):
		d.leaveOut(it)
	case status == store.Adopted:
		c.Already++
		c.Adopted++
	case status == store.Settled && (d.compares(it) || d.flags != nil && merges(policy)):
		return false
	case status == store.Settled:
		if present || d.unmarked || d.view.trusted {
			c.Already++
		} else {
			c.RemovedAtDestination++
		}
	case status == store.Originated && !present && !d.sendBack:
		c.OriginatedHere++
	default:
		return false
	}
	c.Listed++
	return true
}

// compares reports whether versions of an item are to be compared.
func (d *decider) compares(it listed) bool {
	return replaces(d.policies[it.Kind]) && (d.compare || it.record == nil || it.Version != it.record.Version)
}

// leaveOut counts an item that is not selected.
func (d *decider) leaveOut(it listed) {
	d.plan.counts.Filtered++
	if d.selects.outOfWindow(it.Item) {
		d.plan.counts.OutOfWindow++
	}
}

// firstItem decides about an item where nothing was migrated before: twins have the ordinals in the order of
// the listing.
func (d *decider) firstItem(it endpoint.Item) {
	if d.kind == RetryFailed || d.kind == Verify {
		return
	}
	s := slot{id: d.mint.id(d.plan.source.Path, it.Kind, it.Identity, 0)}
	if s.ordinal = d.twins.ordinal(s.id); s.ordinal > 0 {
		s.id = d.mint.id(d.plan.source.Path, it.Kind, it.Identity, s.ordinal)
	}
	d.plan.counts.Listed++
	d.outcome(listed{it, s})
}

// settle decides about the deferred items, and about what is known of others.
func (d *decider) settle(ctx context.Context) error {
	d.identifyStrangers()
	for some := range slices.Chunk(d.deferred, lookupChunk) {
		if err := d.lookup(ctx, some); err != nil {
			return err
		}
		for _, it := range some {
			d.decide(it)
		}
		if err := d.flush(ctx); err != nil {
			return err
		}
	}
	d.deferred = nil
	return d.markGone(ctx)
}

// decide gives an item its outcome.
func (d *decider) decide(it listed) {
	switch {
	case d.kind == RetryFailed && it.status() != store.Failed:
		return
	case d.kind == Verify:
		if it.status() == store.Settled {
			d.plan.checks = append(d.plan.checks, check{*it.record, &it})
		}
		return
	}
	d.plan.counts.Listed++
	d.outcome(it)
}

// identifyStrangers gives the items that are not known by reference their IDs: they are matched by
// identity, twins among them in the order of the listing.
func (d *decider) identifyStrangers() {
	type identity struct {
		kind endpoint.Kind
		text string
	}
	d.remembers = d.memory.ids.len() > 0 || d.view.present.len() > 0
	twins := map[identity][]int{}
	for i, it := range d.deferred {
		if it.id == (watermark.ID{}) {
			key := identity{it.Kind, it.Identity}
			twins[key] = append(twins[key], i)
		}
	}
	for _, all := range twins {
		for i, s := range d.identify(d.deferred[all[0]].Item, len(all)) {
			d.deferred[all[i]].slot = s
			d.memory.ids.or(s.id, claimed)
		}
	}
}

// identify finds the IDs of n twins whose references are not known: those of the first ordinals
// that no other item of the folder has. Where more ordinals are in use than twins are left, those
// are passed over under which nothing was migrated: their items are gone, and a twin that took the
// place of one would be written again.
func (d *decider) identify(it endpoint.Item, n int) []slot {
	var free []slot
	used, idle := 0, 0 // of free, up to the last that was migrated; ordinals since then
	for ordinal := 0; len(free) < n || idle < lookAhead && d.remembers; ordinal++ {
		s := d.candidate(it, ordinal)
		if idle++; s.status() != 0 {
			idle = 0
		}
		if s.known&(claimed|linked) != 0 {
			// It is certainly another's than the item's: references are never used again while validity
			// stays, so one that differs tells twins apart even when one is gone.
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

// done reports whether nothing is to be migrated under an ID.
func (d *decider) done(s slot) bool {
	switch s.status() {
	case store.Settled, store.Originated, store.Adopted:
		return true
	case store.Intent, store.Failed, store.Removed:
	}
	return d.view.has(s.id, s.known&weTrashed != 0)
}

// candidate returns the ID that an item has at an ordinal, under the key under which it is known.
func (d *decider) candidate(it endpoint.Item, ordinal int) slot {
	ids := d.mint.ids(d.plan.source.Path, it.Kind, it.Identity, ordinal)
	for _, id := range ids {
		if s := d.slot(id); s.status() != 0 {
			s.ordinal = ordinal
			return s
		}
	}
	for _, id := range ids {
		if d.view.has(id, false) {
			return slot{id: id, known: d.memory.ids.get(id), ordinal: ordinal}
		}
	}
	return slot{id: ids[0], known: d.memory.ids.get(ids[0]), ordinal: ordinal}
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
		d.leaveOut(it)
	case status == store.Adopted:
		counts.Already++
		counts.Adopted++
	case status == store.Settled && (present || d.unmarked || d.view.trusted):
		counts.Already++
		d.compareVersions(it)
		d.compareFlags(it)
	case status == store.Settled:
		counts.RemovedAtDestination++
		d.compareFlags(it)
	case present:
		d.present(it, status)
	case d.fromHere(it, status):
		counts.OriginatedHere++
		d.enter(it, store.Originated)
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
	d.enter(it, store.Settled)
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
	d.plan.work.add(w)
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

// enter changes or makes the record of an item.
func (d *decider) enter(it listed, status store.Status) {
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
func (d *decider) markGone(ctx context.Context) error {
	var ids []watermark.ID
	look := func() error {
		records, err := d.lookupIDs(ctx, ids)
		if err != nil {
			return err
		}
		for _, id := range ids {
			d.missing(records[id])
		}
		ids = ids[:0]
		return d.flush(ctx)
	}
	for id, known := range d.memory.ids.all() {
		status := slot{known: known}.status()
		noted := known&wasGone != 0 && (status != store.Settled || !d.needsGone()) && (d.kind != RetryFailed || status != store.Failed)
		if known&claimed != 0 || noted {
			continue
		}
		if ids = append(ids, id); len(ids) == lookupChunk {
			if err := look(); err != nil {
				return err
			}
		}
	}
	err := look()
	slices.SortFunc(d.plan.gone, func(a, b store.Record) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	return err
}

// needsGone reports whether the pass does something about items that are gone.
func (p planner) needsGone() bool { return p.kind == Verify || p.policies.some(touches) }

// missing notes that a known item is at the source no more.
func (d *decider) missing(r *store.Record) {
	if d.kind == RetryFailed && r.Status == store.Failed {
		d.plan.counts.Listed++
		d.plan.counts.Vanished++
		d.forget = append(d.forget, *r)
		return
	}
	if !r.Gone {
		r.Gone = true
		d.changed[r.ID] = *r
	}
	if r.Status == store.Settled && d.needsGone() {
		d.plan.gone = append(d.plan.gone, *r)
	}
}

// flush writes changed records when there are many of them.
func (d *decider) flush(ctx context.Context) error {
	if len(d.changed) < changedChunk {
		return nil
	}
	return d.saveChanged(ctx)
}

// save writes what is left.
func (d *decider) save(ctx context.Context) error {
	if err := d.saveChanged(ctx); err != nil || !d.persist {
		return err
	}
	for chunk := range chunks(d.forget) {
		if err := d.commit(ctx, store.Batch{Forget: chunk}); err != nil {
			return err
		}
	}
	return nil
}

func (d *decider) saveChanged(ctx context.Context) error {
	changed := slices.SortedFunc(maps.Values(d.changed), func(a, b store.Record) int {
		return bytes.Compare(a.ID[:], b.ID[:])
	})
	clear(d.changed)
	if !d.persist {
		return nil
	}
	for chunk := range chunks(changed) {
		if err := d.commit(ctx, store.Batch{Records: chunk}); err != nil {
			return err
		}
	}
	return nil
}

// commit changes records of the folder, and takes away the summary that rests on them.
func (d *decider) commit(ctx context.Context, b store.Batch) error {
	if d.plan.outdated != nil {
		b.Folders = []store.Folder{*d.plan.outdated}
	}
	err := d.ledger.Commit(ctx, b)
	if err == nil {
		d.plan.outdated = nil
	}
	return err
}
