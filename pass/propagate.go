package pass

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/watermark"
)

// propagator does what policies ask for at the destination, after everything new was seen there. In
// a dry run it finds out what it would do, and does nothing.
type propagator struct {
	*running
	view *view
	acts bool // something was done at the destination
	// replaced are the records of items that were replaced, which are newer than those of the plans.
	replaced map[watermark.ID]store.Record
}

// propagate is the part of a pass that touches items that were migrated before.
func (r *running) propagate(ctx context.Context) error {
	if !r.locates() {
		return nil
	}
	p := &propagator{running: r, view: r.lastView, replaced: map[watermark.ID]store.Record{}}
	if err := p.collectMoves(ctx); err != nil {
		return err
	}
	if !slices.ContainsFunc(r.everyPlan(), p.hasWork) {
		return nil
	}
	r.tell(PhaseStarted{Propagating})
	if !r.dry {
		var err error
		if p.view, err = r.look(ctx, false); err != nil {
			return err
		}
	}
	for _, plan := range r.everyPlan() {
		if err := errors.Join(r.opts.Pause.wait(ctx, r.tell), p.folder(ctx, plan)); err != nil {
			return err
		}
	}
	if !p.acts {
		return nil
	}
	_, err := r.look(ctx, false) // leaves the scan positions where the next pass finds nothing to do
	return err
}

// everyPlan returns those of the folders that are listed, and those of folders that are no more.
func (r *running) everyPlan() []*folderPlan { return slices.Concat(r.plans, r.lost) }

func (p *propagator) hasWork(plan *folderPlan) bool {
	return len(plan.updates)+len(plan.merges)+len(plan.left) > 0 ||
		slices.ContainsFunc(plan.gone, func(rec store.Record) bool {
			return removes(p.policyOf(rec)) && len(p.view.places[rec.ID]) > 0
		})
}

func (r *running) policyOf(rec store.Record) Policy { return r.opts.Policies[endpoint.Kind(rec.Kind)] }

// folder does what there is to do about the items of one folder of the source.
func (p *propagator) folder(ctx context.Context, plan *folderPlan) error {
	if !p.hasWork(plan) {
		return nil
	}
	left := len(plan.updates) + len(plan.merges)
	for _, step := range []func(context.Context, *folderPlan) (int, error){p.leave, p.remove, p.replace, p.merge} {
		done, err := step(ctx, plan)
		left -= done
		if err != nil {
			return err
		}
	}
	if p.dry || left > 0 || plan.quiet() || !plan.counts.settledAll() {
		return nil
	}
	// Now everything up to the listed state of the folder is accounted for.
	return p.ledger.Commit(ctx, store.Batch{Folders: []store.Folder{p.mint.position(store.Source, plan.source, true)}})
}

// conflict reports an item that is left alone.
func (p *propagator) conflict(plan *folderPlan, rec store.Record, reason string) {
	plan.counts.Conflicts++
	p.conflicts = append(p.conflicts, Conflict{Folder: display(plan.source.Path), ID: rec.Ref, Reason: reason})
}

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
	found, err := p.lookAt(ctx, places)
	if err != nil {
		return nil, err
	}
	for i, h := range all {
		if h.reason == "" && !h.elsewhere {
			all[i].reason, all[i].elsewhere = p.untouchable(h.record, found[h.at])
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
	case plan.path != nil && !slices.Equal(alive[0].folder.Path, plan.path):
		h.reason = "it was moved to another folder at the destination"
	default:
		h.at = alive[0]
	}
	return h
}

// lookAt reads copies, or their flags alone where their content cannot have changed.
func (p *propagator) lookAt(ctx context.Context, places []place) (map[place]copyAt, error) {
	if !p.dstCaps.Immutable || !p.dstCaps.Flags {
		return p.inspect(ctx, places)
	}
	byFolder := map[*endpoint.Folder][]string{}
	for _, at := range places {
		byFolder[at.folder] = append(byFolder[at.folder], at.ref)
	}
	found := map[place]copyAt{}
	for folder, refs := range byFolder {
		flags, err := gather(ctx, p.to, func(ctx context.Context) iter.Seq2[endpoint.Flagging, error] {
			return p.pair.Destination.Flags(ctx, *folder, refs)
		})
		if err != nil {
			return nil, err
		}
		for _, ref := range refs {
			found[place{folder, ref}] = copyAt{err: endpoint.Errorf(endpoint.NotFound, "it is gone")}
		}
		for _, f := range flags {
			found[place{folder, f.Ref}] = copyAt{flags: flagText(f.Flags)}
		}
	}
	return found, nil
}

// untouchable says why a copy is not to be touched, or that it is gone.
func (p *propagator) untouchable(rec store.Record, c copyAt) (reason string, gone bool) {
	switch {
	case endpoint.CodeOf(c.err) == endpoint.NotFound:
		return "", true
	case c.err != nil:
		return "it could not be read at the destination", false
	case rec.Flags == "", !p.dstCaps.Immutable && rec.Digest == [16]byte{}:
		return "the database does not know what was written; a Verify pass finds out", false
	case systemFlags(c.flags) != systemFlags(rec.Flags):
		return "its flags were changed at the destination", false
	case !p.dstCaps.Immutable && !c.is(rec.Digest):
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
	byFolder := map[*endpoint.Folder][]holding{}
	for _, h := range holdings {
		byFolder[h.at.folder] = append(byFolder[h.at.folder], h)
	}
	for folder, some := range byFolder {
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

// tombstones are the records of items that we took away.
func (p *propagator) tombstones(holdings []holding) []store.Record {
	trash := p.hasTrash()
	var records []store.Record
	for _, h := range holdings {
		rec := h.record
		rec.Status, rec.At = store.Removed, time.Now()
		if h.trashed || trash && h.at.folder != nil && h.at.folder.Role != endpoint.Trash {
			rec.Trashed = true
		}
		records = append(records, rec)
	}
	return records
}

func (p *propagator) commitRecords(ctx context.Context, records []store.Record) error {
	for chunk := range chunks(records) {
		if err := p.ledger.Commit(context.WithoutCancel(ctx), store.Batch{Records: chunk}); err != nil {
			return err
		}
	}
	return nil
}

// remove takes away the copies of items that the source has no more.
func (p *propagator) remove(ctx context.Context, plan *folderPlan) (int, error) {
	var records []store.Record
	for _, rec := range plan.gone {
		moved := slices.ContainsFunc(plan.left, func(m move) bool { return m.old.ID == rec.ID })
		if removes(p.policyOf(rec)) && p.opts.Select.takes(itemOf(rec)) && !moved {
			records = append(records, rec)
		}
	}
	for some := range slices.Chunk(p.heldBack(plan, records), p.opts.Window) {
		holdings, err := p.holdings(ctx, plan, some)
		if err != nil {
			return 0, err
		}
		if err := p.removeSome(ctx, plan, holdings, &plan.counts.Removed); err != nil {
			return 0, err
		}
	}
	return 0, nil
}

func itemOf(rec store.Record) endpoint.Item {
	return endpoint.Item{Kind: endpoint.Kind(rec.Kind), Received: rec.Received, Size: rec.Size}
}

// heldBack returns the records of items that may be removed: none if too many would go.
func (p *propagator) heldBack(plan *folderPlan, records []store.Record) []store.Record {
	there := 0
	for _, rec := range records {
		if len(p.view.alive(rec.ID)) > 0 {
			there++
		}
	}
	all := there + plan.counts.Already + plan.counts.Migrated - plan.counts.Adopted
	switch {
	case there == 0:
		return records
	case plan.uncertain:
		p.failures.warn("the references of a folder of the source became void: what seems to be gone from it is not removed in this pass")
	case p.incomplete:
		p.failures.warn("a folder of the source could not be looked into: nothing is removed in this pass")
	case float64(there) > p.opts.MaxDeleteShare*float64(all):
		p.failures.warn("more than %.4g %% of a folder's items would be removed: they are kept; raise MaxDeleteShare if they are to go",
			100*p.opts.MaxDeleteShare)
	default:
		return records
	}
	plan.counts.HeldBack += there
	return nil
}

// removeSome takes away those copies that are as we made them, and counts them.
func (p *propagator) removeSome(ctx context.Context, plan *folderPlan, holdings []holding, counted *int) error {
	var ready, done []holding
	for _, h := range holdings {
		switch {
		case h.reason != "":
			p.conflict(plan, h.record, h.reason)
		case !h.elsewhere:
			ready = append(ready, h)
		case h.trashed:
			done = append(done, h) // by us, in a pass that was cut, or by its user
		}
	}
	if p.dry {
		*counted += len(ready)
		return nil
	}
	gone, err := p.take(ctx, ready)
	*counted += len(gone)
	return errors.Join(err, p.commitRecords(ctx, p.tombstones(append(done, gone...))))
}

// merge carries over changed flags.
func (p *propagator) merge(ctx context.Context, plan *folderPlan) (done int, err error) {
	for some := range slices.Chunk(plan.merges, p.opts.Window) {
		byFolder := map[*endpoint.Folder][]endpoint.FlagChange{}
		var records []store.Record
		for _, m := range some {
			places := p.view.alive(m.record.ID)
			for _, at := range places {
				byFolder[at.folder] = append(byFolder[at.folder], endpoint.FlagChange{Ref: at.ref, Add: m.add, Remove: m.remove})
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
			continue
		}
		if err := errors.Join(p.setFlags(ctx, byFolder), p.commitRecords(ctx, records)); err != nil {
			return done, err
		}
		done += len(some)
	}
	return done, nil
}

func (p *propagator) setFlags(ctx context.Context, byFolder map[*endpoint.Folder][]endpoint.FlagChange) error {
	for folder, changes := range byFolder {
		p.acts, p.touched = true, true
		err := p.to.persist(ctx, func(ctx context.Context) error {
			for result, err := range p.pair.Destination.SetFlags(ctx, *folder, changes) {
				switch {
				case err != nil:
					return err
				case result.Err == nil, endpoint.CodeOf(result.Err) == endpoint.NotFound:
				case fatal(result.Err):
					return result.Err
				default:
					p.failures.warn("flags of an item could not be changed at the destination: %v", result.Err)
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("carry over flags: %w", err)
		}
	}
	return nil
}
