package pass

import (
	"context"
	"iter"
	"slices"
	"strings"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/store"
)

// changes are what happened at the source to items of a folder that were migrated before.
type changes struct {
	gone    []store.Record // that are there no more
	checks  []check        // for a Verify
	updates []update
	merges  []merge
	left    []move // those of gone that came into other folders
	moving  bool   // some item of the folder follows one of another
}

// quiet reports whether nothing of it is to be carried over that a later listing would not show.
func (c changes) quiet() bool { return len(c.updates) == 0 && len(c.merges) == 0 }

// update is an item that may have changed.
type update struct {
	item   listed
	record store.Record
}

// merge is an item whose flags changed.
type merge struct {
	record      store.Record
	flags       string // as they are now
	add, remove []endpoint.Flag
}

// compareVersions notes an item that may have changed at the source since it was migrated. One of
// which the version is not known is looked at, too.
func (d *decider) compareVersions(it listed) {
	if replaces(d.policies[it.Kind]) && d.view.has(it.id, true) && (d.compare || it.Version != it.record.Version) {
		d.plan.updates = append(d.plan.updates, update{it, *it.record})
	}
}

// compareFlags notes the items whose flags changed at the source since the last time. What they
// were is not known of items that were migrated before it was noted: for those it begins now.
func (d *decider) compareFlags(ctx context.Context, items []listed, unchanged bool) error {
	if unchanged || !d.policies.some(merges) {
		return nil
	}
	var now map[string]string
	err := d.from.persist(ctx, func(ctx context.Context) error {
		now = map[string]string{}
		for f, err := range d.source.Flags(ctx, d.plan.source, nil) {
			if err != nil {
				return err
			}
			now[f.Ref] = flagText(f.Flags)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, it := range items {
		flags, listed := now[it.Ref]
		if r := it.record; listed && r != nil && r.Status == store.Settled && merges(d.policies[it.Kind]) && d.selects.takes(it.Item) {
			d.compareFlagsOf(r, flags)
		}
	}
	return nil
}

func (d *decider) compareFlagsOf(r *store.Record, flags string) {
	switch r.Flags {
	case flags:
	case "":
		r.Flags = flags
		d.changed[r.ID] = *r
	default:
		before, now := parseFlags(r.Flags), parseFlags(flags)
		d.plan.merges = append(d.plan.merges, merge{*r, flags, without(now, before), without(before, now)})
	}
}

// without returns the flags of a that are not in b.
func without(a, b []endpoint.Flag) []endpoint.Flag {
	return slices.DeleteFunc(slices.Clone(a), func(f endpoint.Flag) bool { return slices.Contains(b, f) })
}

// flagText is how flags stand in a record: as IMAP writes a list of them (RFC 9051 section 9,
// flag-list), sorted, without \Deleted, which is never carried over once an item is migrated. It is
// never empty.
func flagText(flags []endpoint.Flag) string {
	var names []string
	for _, f := range flags {
		if !strings.EqualFold(string(f), string(endpoint.Deleted)) {
			names = append(names, string(f))
		}
	}
	slices.Sort(names)
	return "(" + strings.Join(slices.Compact(names), " ") + ")"
}

// parseFlags inverts flagText.
func parseFlags(text string) []endpoint.Flag {
	var flags []endpoint.Flag
	for name := range strings.FieldsSeq(strings.Trim(text, "()")) {
		flags = append(flags, endpoint.Flag(name))
	}
	return flags
}

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
