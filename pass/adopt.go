package pass

import (
	"context"
	"iter"
	"slices"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/store"
)

// adopt takes items of the destination's own for those newcomers that have the same identity.
func (d *decider) adopt(ctx context.Context) error {
	wanted := slices.ContainsFunc(d.plan.work, func(w workItem) bool { return w.newcomer && adopts(d.policies[w.kind]) })
	if !wanted || d.plan.found == nil {
		return nil
	}
	free, err := d.adoptable(ctx, *d.plan.found)
	if err != nil {
		return err
	}
	taken := map[string]bool{} // identities whose adopted items were counted
	d.plan.work = slices.DeleteFunc(d.plan.work, func(w workItem) bool {
		if !w.newcomer || !adopts(d.policies[w.kind]) {
			return false
		}
		key := adoptionKey(w.kind, w.identity)
		if free[key] > 0 && !taken[key] {
			taken[key] = true
			free[key] -= d.adopted(w)
		}
		if free[key] <= 0 {
			return false
		}
		free[key]--
		d.plan.counts.Deferred--
		d.plan.counts.Already++
		d.plan.counts.Adopted++
		d.changed[w.id] = d.mint.record(d.plan, w, store.Adopted)
		return true
	})
	return nil
}

func adoptionKey(k endpoint.Kind, identity string) string { return k.String() + " " + identity }

// adopted counts the items of the folder with the identity of w for which one stands already.
func (d *decider) adopted(w workItem) int {
	n, idle := 0, 0
	for ordinal := 0; idle < lookAhead; ordinal++ {
		idle++
		for _, id := range d.mint.ids(d.plan.source.Path, w.kind, w.identity, ordinal) {
			if r := d.known.byID[id]; r != nil {
				idle = 0
				if r.Status == store.Adopted && d.claimed[id] {
					n++
				}
			}
		}
	}
	return n
}

// adoptable counts the items of a folder of the destination that are not ours, by identity.
func (r *running) adoptable(ctx context.Context, f endpoint.Folder) (map[string]int, error) {
	items, err := gather(ctx, r.to, func(ctx context.Context) iter.Seq2[endpoint.Item, error] {
		return r.pair.Destination.List(ctx, f, "")
	})
	free := map[string]int{}
	for _, it := range items {
		if r.mint.sight(endpoint.Sighting{Ref: it.Ref, Marks: it.Marks}).verdict == foreign {
			free[adoptionKey(it.Kind, it.Identity)]++
		}
	}
	return free, err
}
