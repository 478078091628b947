package pass

import (
	"context"
	"slices"
	"strings"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/store"
)

// holding is where the copy of an item that we made is, if it is as we made it.
type holding struct {
	record store.Record
	at     place
	// elsewhere says that there is nothing to touch: the item is gone, or in the trash.
	elsewhere bool
	// trashed says that it is in the trash.
	trashed bool
	// reason says why the item is not to be touched; empty if it is.
	reason string
	// unread says that it is not touched because it could not be read.
	unread bool
}

// holdings finds the copies of items, and compares each with what was written. A copy that a user
// moved, marked or rewrote is not to be touched.
func (p *propagator) holdings(ctx context.Context, plan *folderPlan, records []store.Record) ([]holding, error) {
	all := make([]holding, len(records))
	var places []place
	for i, rec := range records {
		all[i] = p.locate(plan, rec)
		if all[i].reason == "" && !all[i].elsewhere {
			places = append(places, all[i].at)
		}
	}
	found, err := p.inspect(ctx, places)
	if err != nil {
		return nil, err
	}
	for i, h := range all {
		if h.reason == "" && !h.elsewhere {
			all[i].reason, all[i].elsewhere = p.untouchable(h.record, found[h.at])
			all[i].unread = found[h.at].err != nil
		}
	}
	return all, nil
}

// locate finds the one copy of an item where it was put.
func (p *propagator) locate(plan *folderPlan, rec store.Record) holding {
	h := holding{record: rec}
	alive := p.view.alive(rec.ID)
	if plan.found != nil && plan.found.Role == endpoint.Trash { // it was put there
		alive = p.view.places[rec.ID]
	}
	switch {
	case len(alive) == 0:
		h.elsewhere, h.trashed = true, len(p.view.places[rec.ID]) > 0
	case len(alive) > 1:
		h.reason = "there are several copies of it at the destination"
	case !slices.Equal(alive[0].folder.Path, p.home(plan)):
		h.reason = "it was moved to another folder at the destination"
	default:
		h.at = alive[0]
	}
	return h
}

// home is where the items of a folder were put. Of a folder that the source has no more, it is where
// those of one with its path would be: one that went elsewhere because of its role is left alone.
func (p *propagator) home(plan *folderPlan) []string {
	switch {
	case plan.path != nil:
		return plan.path
	case p.opts.MapFolder != nil:
		return p.opts.MapFolder(plan.source, slices.Clone(plan.source.Path))
	}
	return plan.source.Path
}

// untouchable says why a copy is not to be touched, or that it is gone.
func (p *propagator) untouchable(rec store.Record, c copyAt) (reason string, gone bool) {
	switch {
	case endpoint.CodeOf(c.err) == endpoint.NotFound:
		return "", true
	case c.err != nil:
		return "it could not be read at the destination", false
	case rec.Flags == "", rec.Digest == [16]byte{}:
		return "the database does not know what was written; a Verify pass finds out", false
	case systemFlags(c.flags) != systemFlags(rec.Flags):
		return "its flags were changed at the destination", false
	case !c.is(rec.Digest):
		return "it was changed at the destination", false
	}
	return "", false
}

// systemFlags returns those of flags that every mailbox keeps.
func systemFlags(text string) string {
	var kept []endpoint.Flag
	for _, f := range parseFlags(text) {
		if strings.HasPrefix(string(f), `\`) {
			kept = append(kept, f)
		}
	}
	return flagText(kept)
}

// take takes copies away, and returns those that are gone now.
func (p *propagator) take(ctx context.Context, holdings []holding) ([]holding, error) {
	var gone []holding
	for folder, some := range byFolder(holdings, func(h holding) *endpoint.Folder { return h.at.folder }) {
		open := map[string]holding{}
		for _, h := range some {
			open[h.at.ref] = h
		}
		p.acts = true
		err := p.to.persist(ctx, func(ctx context.Context) error {
			for result, err := range p.pair.Destination.Delete(ctx, *folder, sortedKeys(open)) {
				if err != nil {
					return err
				}
				if err := p.taken(open, result, &gone); err != nil {
					return err
				}
			}
			return nil
		})
		p.touched = true
		if err != nil {
			return gone, err
		}
	}
	return gone, nil
}

func (p *propagator) taken(open map[string]holding, result endpoint.Result, gone *[]holding) error {
	h := open[result.Ref]
	switch {
	case result.Err == nil, endpoint.CodeOf(result.Err) == endpoint.NotFound: // by an attempt whose answer was lost, or by its user
		*gone = append(*gone, h)
	case fatal(result.Err):
		return result.Err
	default:
		p.failures.warn("an item could not be removed at the destination: %v", result.Err)
	}
	delete(open, result.Ref)
	return nil
}

func sortedKeys(m map[string]holding) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
