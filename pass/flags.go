package pass

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/store"
)

// readFlags learns the flags that the items of the folder have now, if policies go by them. Since is the
// state from which the listing goes on; that may say that no flags changed.
func (d *decider) readFlags(ctx context.Context, since string) error {
	if !d.policies.some(merges) || since != "" && since == d.plan.source.State && d.flagged {
		return nil
	}
	return d.from.persist(ctx, func(ctx context.Context) error {
		d.flags = map[string]string{}
		for f, err := range d.source.Flags(ctx, d.plan.source, nil) {
			if err != nil {
				return err
			}
			d.flags[f.Ref] = flagText(f.Flags)
		}
		return nil
	})
}

// compareFlags notes an item whose flags changed at the source since the last time. What they were is not
// known of items that were migrated before it was noted: for those it begins now.
func (d *decider) compareFlags(it listed) {
	flags, known := d.flags[it.Ref]
	if !known || !merges(d.policies[it.Kind]) {
		return
	}
	r := it.record
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

// flagText is how flags stand in a record: in brackets, so that it is never empty, sorted, a line
// each, because keywords may have blanks where no IMAP is involved; without \Deleted, which is never
// carried over once an item is migrated.
func flagText(flags []endpoint.Flag) string {
	var names []string
	for _, f := range flags {
		if !strings.EqualFold(string(f), string(endpoint.Deleted)) {
			names = append(names, string(f))
		}
	}
	slices.Sort(names)
	return "(" + strings.Join(slices.Compact(names), "\n") + ")"
}

// parseFlags inverts flagText.
func parseFlags(text string) []endpoint.Flag {
	var flags []endpoint.Flag
	text = strings.TrimSuffix(strings.TrimPrefix(text, "("), ")")
	for name := range strings.SplitSeq(text, "\n") {
		if name != "" {
			flags = append(flags, endpoint.Flag(name))
		}
	}
	return flags
}

// merge carries over changed flags.
func (p *propagator) merge(ctx context.Context, plan *folderPlan) (done int, err error) {
	for some := range slices.Chunk(plan.merges, p.opts.Window) {
		n, err := p.mergeSome(ctx, plan, some)
		if done += n; err != nil {
			return done, err
		}
	}
	return done, nil
}

// mergeSome carries over the flags of some items, and notes those that need no other try.
func (p *propagator) mergeSome(ctx context.Context, plan *folderPlan, some []merge) (done int, err error) {
	changes := map[*endpoint.Folder][]endpoint.FlagChange{}
	for _, m := range some {
		for _, at := range p.view.alive(m.record.ID) {
			changes[at.folder] = append(changes[at.folder], endpoint.FlagChange{Ref: at.ref, Add: m.add, Remove: m.remove})
		}
	}
	refused := map[place]bool{}
	if !p.dry {
		if refused, err = p.setFlags(ctx, changes); err != nil {
			return 0, err
		}
	}
	var records []store.Record
	for _, m := range some {
		places := p.view.alive(m.record.ID)
		if slices.ContainsFunc(places, func(at place) bool { return refused[at] }) {
			continue // the next pass tries again
		}
		if newer, ok := p.replaced[m.record.ID]; ok {
			m.record = newer
		}
		m.record.Flags = m.flags
		records = append(records, m.record)
		if len(places) > 0 {
			plan.counts.Merged++
		}
	}
	if p.dry {
		return 0, nil
	}
	return len(records), p.commitRecords(ctx, records)
}

// setFlags changes flags, and returns where the destination did not.
func (p *propagator) setFlags(ctx context.Context, byFolder map[*endpoint.Folder][]endpoint.FlagChange) (map[place]bool, error) {
	refused := map[place]bool{}
	for _, folder := range inOrder(byFolder) {
		changes := byFolder[folder]
		p.acts, p.touched = true, true
		err := p.to.persist(ctx, func(ctx context.Context) error {
			for result, err := range p.pair.Destination.SetFlags(ctx, *folder, changes) {
				at := place{folder, result.Ref}
				switch {
				case err != nil:
					return err
				case result.Err == nil, endpoint.CodeOf(result.Err) == endpoint.NotFound:
					delete(refused, at)
				case fatal(result.Err):
					return result.Err
				default:
					refused[at] = true
					p.failures.warn("flags of an item could not be changed at the destination: %v", result.Err)
				}
			}
			return nil
		})
		if ofFolder(err) {
			for _, c := range changes {
				refused[place{folder, c.Ref}] = true
			}
			p.failures.warn("flags of items in a folder could not be changed at the destination: %v", err)
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("carry over flags: %w", err)
		}
	}
	return refused, nil
}
