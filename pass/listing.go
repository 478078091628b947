package pass

import (
	"cmp"
	"context"
	"iter"
	"slices"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/store"
)

// mustSeeMarks reports whether the marks of known items are needed: a record of an item that a
// pass with SendBack failed to write, or was to write, does not say that it came from here.
func (p planner) mustSeeMarks(ctx context.Context, name string) (bool, error) {
	open := func(s store.Status) bool { return s == store.Intent || s == store.Failed }
	if p.sendBack || len(p.mint.reverse) == 0 ||
		!slices.ContainsFunc(p.ledger.Stats(), func(s store.Stat) bool { return open(s.Status) && s.Records > 0 }) {
		return false, nil
	}
	for r, err := range p.ledger.Records(ctx, name) {
		if err != nil || p.mint.owns(r) && open(r.Status) {
			return true, err
		}
	}
	return false, nil
}

// mustSeeAll reports whether what the ledger remembers of items does not say enough of them.
func (p planner) mustSeeAll() bool {
	return p.compare || p.selects.dated() && p.selects.DateField != ByReceived
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

// list goes through every item of the folder: it counts those of which nothing is to be done, and defers
// the others. With since, only items that came later are asked for in full; the others are known by their
// references alone.
func (d *decider) list(ctx context.Context, since string) error {
	switch since {
	case "":
		return d.listWhole(ctx)
	case d.plan.source.State:
		return d.listUnchanged(ctx)
	}
	complete, err := d.listChanges(ctx, since)
	if err != nil || complete {
		return err
	}
	return d.listWhole(ctx)
}

// begin forgets what an attempt found that was not the last.
func (d *decider) begin() {
	d.plan.counts, d.plan.work, d.deferred, d.twins = Counts{}, workList{}, nil, newTwins(new(idSet))
	clear(d.changed)
}

// listUnchanged is the listing of a folder in which nothing changed since everything in it had a record.
func (d *decider) listUnchanged(ctx context.Context) error {
	d.begin()
	err := d.records(ctx, func(r *store.Record) error {
		if listedIn(d.plan.source, *r) {
			d.knownItem(listedRecord(r, bitsOf(r, d.plan.source)))
			return nil
		}
		d.missing(r)
		return d.flush(ctx)
	})
	slices.SortFunc(d.deferred, byRef)
	return err
}

// byRef is the order of references that are numbers, and roughly that of their driver if they are not:
// short ones first.
func byRef(a, b listed) int { return compareRefs(a.Ref, b.Ref) }

func compareRefs(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) }

// listedIn reports whether the item of a record is in a folder in which nothing changed since everything
// in it had a record.
func listedIn(f endpoint.Folder, r store.Record) bool {
	return !r.Gone && r.Ref != "" && r.Validity == f.Validity
}

// listChanges lists a folder by references, and in full only what is new. It is not complete if
// an item is neither new nor known.
func (d *decider) listChanges(ctx context.Context, since string) (complete bool, err error) {
	d.begin()
	items, err := gather(ctx, d.from, func(ctx context.Context) iter.Seq2[endpoint.Item, error] {
		return d.source.List(ctx, d.plan.source, since)
	})
	if err != nil {
		return false, err
	}
	if complete, err = d.meetStayed(ctx, items, since); err != nil || complete {
		return complete, err
	}
	d.begin()
	refs, err := d.from.refs(ctx, d.source, d.plan.source)
	if err != nil {
		return false, err
	}
	for _, it := range items {
		refs.take(it.Ref)
	}
	err = d.meet(ctx, items, &refs)
	return refs.rest() == 0, err
}

// meetStayed goes through a folder of which its states tell that nothing left it, without asking for its
// references: an item that was known to be there is there, and one that came later and is there is listed. It is
// not complete where the number of items says that one is neither new nor known, nor where two records are of one
// reference, which would hide such an item.
func (d *decider) meetStayed(ctx context.Context, items []endpoint.Item, since string) (complete bool, err error) {
	stayed := stayedRefs{test: d.source.Stayed(since, d.plan.source.State), numbers: map[uint32]uint64{}}
	if stayed.test == nil {
		return false, nil
	}
	err = d.meet(ctx, items, &stayed)
	known, once := stayed.count()
	return once && known+len(items) == d.plan.source.Items, err
}

// presence tells which references, but those of new items, are in a folder.
type presence interface {
	// has reports whether a reference is there and was not taken.
	has(ref string) bool
	// take takes a reference, and reports whether it was there.
	take(ref string) bool
}

// stayedRefs are the references that were given before a state, since which nothing left the folder. Those of
// items that were gone before are among them: so it is only asked for items that were there.
type stayedRefs struct {
	test    func(ref string) bool
	n       int               // how many were taken
	twice   bool              // one of the numbers among them was taken twice
	numbers map[uint32]uint64 // a bit for each number that was taken, 64 at a time
	others  []string          // the rest
}

// has is asked for items that were gone before.
func (*stayedRefs) has(string) bool { return false }

func (s *stayedRefs) take(ref string) bool {
	if !s.test(ref) {
		return false
	}
	s.n++
	n, isNumber := numberOf(ref)
	if !isNumber {
		s.others = append(s.others, ref)
		return true
	}
	bit := uint64(1) << (n % 64)
	s.twice = s.twice || s.numbers[n/64]&bit != 0
	s.numbers[n/64] |= bit
	return true
}

// count returns how many references were taken, and whether each was taken once.
func (s *stayedRefs) count() (n int, once bool) {
	slices.Sort(s.others)
	others := len(s.others)
	return s.n, !s.twice && len(slices.Compact(s.others)) == others
}

// freshItems are those that came, or changed, since a state.
type freshItems struct {
	items []listed
	byRef refMap
}

func newcomers(items []endpoint.Item) *freshItems {
	fresh := &freshItems{items: make([]listed, len(items))}
	for i, it := range items {
		fresh.items[i] = listed{it, slot{ordinal: -1}}
		fresh.byRef.add(it.Ref, uint32(i), false) //nolint:gosec // that many do not fit into a folder
	}
	return fresh
}

// meet goes through the records of the folder, and finds those of new items, and the items of the other
// references.
func (d *decider) meet(ctx context.Context, items []endpoint.Item, refs presence) error {
	d.memory = memory{}
	fresh := newcomers(items)
	var again []*store.Record // that were gone, and are there; unless another record has the reference now
	meet := func(r *store.Record) {
		known := bitsOf(r, d.plan.source)
		i, isFresh := fresh.byRef.get(r.Ref)
		switch {
		case known&linked == 0:
		case isFresh && fresh.items[i].record == nil:
			known |= claimed
			own := *r
			fresh.items[i].slot = slotOf(&own, known)
		case !isFresh && refs.take(r.Ref):
			known |= claimed
			d.knownItem(listedRecord(r, known))
		}
		d.keep(r.ID, known)
	}
	err := d.records(ctx, func(r *store.Record) error {
		if r.Gone {
			_, isFresh := fresh.byRef.get(r.Ref)
			if bitsOf(r, d.plan.source)&linked != 0 && (isFresh || refs.has(r.Ref)) {
				own := *r
				again = append(again, &own)
				return nil
			}
		}
		meet(r)
		return nil
	})
	for _, r := range again {
		meet(r)
	}
	slices.SortFunc(d.deferred, byRef)
	d.deferred = append(d.deferred, fresh.items...)
	return err
}

// listWhole lists all of the folder. An item of which nothing is known is identified as it comes where
// nothing at all was migrated before; otherwise when all are there.
func (d *decider) listWhole(ctx context.Context) error {
	if err := d.remember(ctx); err != nil {
		return err
	}
	first := d.memory.ids.len() == 0 && d.view.present.len() == 0
	return d.from.persist(ctx, func(ctx context.Context) error {
		d.begin()
		d.memory.unclaim()
		for it, err := range d.listing(ctx) {
			if err != nil {
				return err
			}
			i, known := d.memory.byRef.get(it.Ref)
			switch {
			case known:
				id := d.memory.order[i]
				d.memory.ids.or(id, claimed)
				d.knownItem(listed{it, d.slot(id)})
			case first:
				d.firstItem(it)
			default:
				d.deferred = append(d.deferred, listed{it, slot{ordinal: -1}})
			}
		}
		return nil
	})
}

// listing yields every item of the folder.
func (d *decider) listing(ctx context.Context) iter.Seq2[endpoint.Item, error] {
	return d.source.List(ctx, d.plan.source, "")
}

// unclaim forgets which items an attempt found that failed.
func (m *memory) unclaim() { m.ids.clear(claimed) }

// refs returns the references that a folder has.
func (a *account) refs(ctx context.Context, m *endpoint.Mailbox, f endpoint.Folder) (refs refSet, err error) {
	err = a.persist(ctx, func(ctx context.Context) error {
		refs = refSet{}
		for ref, err := range m.Refs(ctx, f) {
			if err != nil {
				return err
			}
			refs.add(ref)
		}
		return nil
	})
	return refs, err
}

func listedRecord(r *store.Record, known uint8) listed {
	item := endpoint.Item{
		Ref: r.Ref, Kind: endpoint.Kind(r.Kind), Received: r.Received, Size: r.Size, Version: r.Version,
	}
	return listed{item, slotOf(r, known)}
}
