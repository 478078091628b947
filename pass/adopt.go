package pass

import (
	"context"
	"iter"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/store"
)

// adopt takes items of the destination's own for those newcomers that have the same identity.
func (d *decider) adopt(ctx context.Context) error {
	if !d.policies.some(adopts) || d.plan.found == nil || !d.bringsNewcomers() {
		return nil
	}
	free, err := d.adoptable(ctx, *d.plan.found)
	if err != nil {
		return err
	}
	taken := map[string]bool{} // identities whose adopted items were counted
	d.plan.work.keep(func(w workItem) bool {
		if !w.newcomer || !adopts(d.policies[w.kind]) {
			return true
		}
		key := adoptionKey(w.kind, w.identity)
		if free[key] > 0 && !taken[key] {
			taken[key] = true
			free[key] -= d.adopted(w)
		}
		if free[key] <= 0 {
			return true
		}
		free[key]--
		d.plan.counts.Deferred--
		d.plan.counts.Already++
		d.plan.counts.Adopted++
		d.changed[w.id] = d.mint.record(d.plan, w, store.Adopted)
		return false
	})
	return nil
}

// bringsNewcomers reports whether something of the work may be adopted.
func (d *decider) bringsNewcomers() bool {
	for w := range d.plan.work.all() {
		if w.newcomer && adopts(d.policies[w.kind]) {
			return true
		}
	}
	return false
}

func adoptionKey(k endpoint.Kind, identity string) string { return k.String() + " " + identity }

// adopted counts the items of the folder with the identity of w for which one stands already.
func (d *decider) adopted(w workItem) int {
	n, idle := 0, 0
	for ordinal := 0; idle < lookAhead; ordinal++ {
		idle++
		for _, id := range d.mint.ids(d.plan.source.Path, w.kind, w.identity, ordinal) {
			if s := d.slot(id); s.status() != 0 {
				idle = 0
				if s.status() == store.Adopted && s.known&claimed != 0 {
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
