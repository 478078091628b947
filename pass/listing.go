package pass

import (
	"context"
	"iter"
	"slices"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/watermark"
)

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
