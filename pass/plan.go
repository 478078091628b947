package pass

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/watermark"
)

// folderPlan is what is to be done in one folder of the source, and what became of its items.
type folderPlan struct {
	route
	name   string // of the source folder in the ledger
	counts Counts // Deferred counts what is still to be done
	work   []workItem
	// first says that the folder was never gone through to its end.
	first bool
	// migrated are the items that were written by this pass.
	migrated []workItem
	// partial says that the pass does not go through all of the folder, so that how far it was gone
	// through stays as it is.
	partial bool
	// broken says that the source does not let us look into the folder.
	broken bool
	// uncertain says that references became void since the last pass, so that what seems to be gone
	// may only look different.
	uncertain bool

	changes // that policies ask for
}

// workItem is an item that is to be migrated.
type workItem struct {
	id       watermark.ID
	ref      string
	kind     endpoint.Kind
	size     int64
	received time.Time
	version  string
	attempts uint8 // failed ones before
	// before is the record to return to if the item is not tried after all.
	before *store.Record
	// trashed says that we once moved the item to the trash of the destination.
	trashed bool
	// duplicate says that a copy of an older generation is there.
	duplicate bool
	// newcomer says that nothing is known of the item, whose identity is then noted if policies ask.
	newcomer bool
	identity string
	// follows is the item that this one was before it moved; zero if it did not.
	follows watermark.ID
}

// planner decides what is to be done in the folders of the source.
type planner struct {
	source   *endpoint.Mailbox
	from     *account
	ledger   store.Ledger
	mint     minter
	view     *view
	accepts  func(endpoint.Kind) bool
	selects  Selection
	sendBack bool
	unmarked bool // the destination drops marks, so that absence means nothing
	whole    bool // look at everything, whatever was stored
	moved    bool // the source has another address than before, so that references are void
	persist  bool
	failures *failureList
	kind     Kind
	trial    TrialLimits
	policies Policies
	compare  bool          // whether items changed is to be found by reading them
	flagged  bool          // Folder.State tells of flags, too
	forget   *store.Filter // records that are taken for forgotten
	// adoptable lists the items of a folder of the destination that an item of the source may be.
	adoptable func(context.Context, endpoint.Folder) (map[string]int, error)
}

// outside counts a folder that is not selected, without looking into it.
func (p planner) outside(ctx context.Context, f endpoint.Folder) (Counts, error) {
	if f.Items >= 0 {
		return Counts{Listed: f.Items, Filtered: f.Items}, nil
	}
	refs, err := p.refs(ctx, f)
	return Counts{Listed: len(refs), Filtered: len(refs)}, err
}

// plan decides what is to be done with each item of a folder.
func (p planner) plan(ctx context.Context, r route, position store.Folder) (*folderPlan, error) {
	plan := &folderPlan{
		route: r, name: store.FolderKey(r.source.Path), first: position.Name == "", partial: p.kind == RetryFailed || p.kind == Verify,
		uncertain: position.Name != "" && position.Validity != r.source.Validity,
	}
	known, err := p.remembered(ctx, plan.name)
	if err != nil {
		return nil, err
	}
	for _, r := range known.byID {
		plan.moving = plan.moving || r.Follows != watermark.ID{}
	}
	since := ""
	if !p.whole && !p.mustSeeMarks(known) && !p.mustSeeAll() {
		since = p.mint.resume(position, r.source)
	}
	items, err := p.list(ctx, r.source, since, known)
	if err != nil {
		return nil, err
	}
	d := decider{
		planner: p, plan: plan, known: known,
		claimed: map[watermark.ID]bool{}, changed: map[watermark.ID]store.Record{},
	}
	d.decide(items)
	if err := d.adopt(ctx); err != nil {
		return nil, err
	}
	if err := d.compareFlags(ctx, items, since == r.source.State && p.flagged); err != nil {
		return nil, err
	}
	if p.kind == Trial {
		plan.limit(p.trial)
	}
	return plan, d.save(ctx)
}

// limit leaves of a plan's work what a trial takes: the newest items that are small enough.
func (plan *folderPlan) limit(t TrialLimits) {
	c := &plan.counts
	room := t.Items - c.Already - c.Migrated - c.RemovedAtDestination
	var kept []workItem
	for _, w := range slices.Backward(plan.work) {
		if len(kept) < room && w.size >= 0 && w.size <= t.MaxSize {
			kept = append(kept, w)
		} else {
			c.Deferred--
			c.Filtered++
		}
	}
	slices.Reverse(kept)
	plan.work = kept
}

// mustSeeAll reports whether what the ledger remembers of items does not say enough of them.
func (p planner) mustSeeAll() bool {
	return p.compare || p.selects.dated() && p.selects.DateField != ByReceived
}

// memory is what the ledger knows of the items of one folder, as far as it counts.
type memory struct {
	byID  map[watermark.ID]*store.Record
	byRef map[string]*store.Record // those that were at the source, by validity and reference
}

func refKey(validity, ref string) string { return validity + "\x00" + ref }

func (p planner) remembered(ctx context.Context, name string) (memory, error) {
	m := memory{byID: map[watermark.ID]*store.Record{}, byRef: map[string]*store.Record{}}
	for r, err := range p.ledger.Records(ctx, name) {
		if err != nil {
			return m, err
		}
		if p.mint.owns(r) && (p.forget == nil || !p.forget.Matches(r, p.view.has(r.ID, false))) {
			if p.moved {
				r.Validity = voidValidity
			}
			m.byID[r.ID] = &r
			if r.Ref != "" {
				m.byRef[refKey(r.Validity, r.Ref)] = &r
			}
		}
	}
	return m, nil
}

// mustSeeMarks reports whether the marks of known items are needed: a record of an item that a
// pass with SendBack failed to write, or was to write, does not say that it came from here.
func (p planner) mustSeeMarks(known memory) bool {
	if p.sendBack || len(p.mint.reverse) == 0 {
		return false
	}
	for _, r := range known.byID {
		if r.Status == store.Intent || r.Status == store.Failed {
			return true
		}
	}
	return false
}

// listed is an item of the source: known by its reference, or as the listing shows it.
type listed struct {
	endpoint.Item
	slot
}

// work returns what is to be written of an item.
func (it listed) work() workItem {
	w := workItem{id: it.id, ref: it.Ref, kind: it.Kind, size: it.Size, received: it.Received, version: it.Version}
	if r := it.record; r != nil {
		w.trashed, w.follows = r.Trashed, r.Follows
	}
	return w
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

// list returns every item of a folder. With since, only items that came later are asked for in
// full; the others are known by their references alone.
func (p planner) list(ctx context.Context, f endpoint.Folder, since string, known memory) ([]listed, error) {
	if since == "" {
		return p.items(ctx, f, "", known)
	}
	if since == f.State {
		return unchanged(f, known), nil
	}
	items, complete, err := p.listChanges(ctx, f, since, known)
	if err != nil || complete {
		return items, err
	}
	return p.items(ctx, f, "", known)
}

// items lists a folder, and finds the records of what is known by its reference.
func (p planner) items(ctx context.Context, f endpoint.Folder, since string, known memory) ([]listed, error) {
	items, err := gather(ctx, p.from, func(ctx context.Context) iter.Seq2[endpoint.Item, error] {
		return p.source.List(ctx, f, since)
	})
	all := make([]listed, len(items))
	for i, it := range items {
		all[i] = listed{it, slotOf(known.byRef[refKey(f.Validity, it.Ref)])}
	}
	return all, err
}

func (p planner) refs(ctx context.Context, f endpoint.Folder) ([]string, error) {
	return gather(ctx, p.from, func(ctx context.Context) iter.Seq2[string, error] { return p.source.Refs(ctx, f) })
}

// unchanged is the listing of a folder in which nothing changed since everything in it had a record.
func unchanged(f endpoint.Folder, known memory) []listed {
	var all []listed
	for _, r := range known.byRef {
		if !r.Gone && r.Validity == f.Validity {
			all = append(all, listedRecord(r))
		}
	}
	slices.SortFunc(all, func(a, b listed) int { // as their driver would, roughly: short numbers first
		if len(a.Ref) != len(b.Ref) {
			return len(a.Ref) - len(b.Ref)
		}
		if a.Ref < b.Ref {
			return -1
		}
		return 1
	})
	return all
}

// listChanges lists a folder by references, and in full only what is new. It is not complete if
// an item is neither new nor known.
func (p planner) listChanges(ctx context.Context, f endpoint.Folder, since string, known memory) (all []listed, complete bool, err error) {
	items, err := p.items(ctx, f, since, known)
	if err != nil {
		return nil, false, err
	}
	refs, err := p.refs(ctx, f)
	if err != nil {
		return nil, false, err
	}
	fresh := map[string]bool{}
	for _, it := range items {
		fresh[it.Ref] = true
	}
	for _, ref := range refs {
		r := known.byRef[refKey(f.Validity, ref)]
		switch {
		case fresh[ref]:
		case r == nil:
			return nil, false, nil
		default:
			all = append(all, listedRecord(r))
		}
	}
	return append(all, items...), true, nil
}

func listedRecord(r *store.Record) listed {
	item := endpoint.Item{
		Ref: r.Ref, Kind: endpoint.Kind(r.Kind), Received: r.Received, Size: r.Size, Version: r.Version,
	}
	return listed{item, slotOf(r)}
}

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

// record makes the record of an item of our types and generation.
func (m minter) record(plan *folderPlan, w workItem, status store.Status) store.Record {
	return store.Record{
		Folder: plan.name, ID: w.id, Status: status, Kind: uint8(w.kind),
		Types: m.types, Generation: m.generation,
		Ref: w.ref, Validity: plan.source.Validity,
		Received: w.received, Size: max(w.size, 0), Version: w.version, At: time.Now(), Attempts: w.attempts,
		Trashed: w.trashed, Follows: w.follows,
	}
}

// settledAll reports whether every item of the folder has a record, so that the next pass need
// look only at what changes from here. Whether a vanished item is truly gone shows a new listing.
func (c Counts) settledAll() bool {
	return c.Filtered == 0 && c.Unsupported == 0 && c.Deferred == 0 && c.Vanished == 0
}

// reasonOf is the text of a failure, without the codes that stand beside it.
func reasonOf(err error) string {
	if e, ok := errors.AsType[*endpoint.Error](err); ok && e.Err != nil {
		return e.Err.Error()
	}
	return fmt.Sprint(err)
}
