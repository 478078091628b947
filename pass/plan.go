package pass

import (
	"context"
	"errors"
	"fmt"
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
	work   workList
	// first says that the folder was never gone through to its end.
	first bool
	// partial says that the pass does not go through all of the folder, so that how far it was gone
	// through stays as it is.
	partial bool
	// late gives the items of work their IDs when they are read; nil if they have them.
	late *latecomers
	// broken says that the source does not let us look into the folder.
	broken bool
	// summarized says that counts are those of the summary, and that there is nothing to do.
	summarized bool
	// outdated is the position of the folder, without the summary that it has until now; nil if it has none.
	outdated *store.Folder
	// uncertain says that references became void since the last pass, so that what seems to be gone
	// may only look different.
	uncertain bool

	changes // that policies ask for
}

// plan is phase 4.
func (r *running) plan(ctx context.Context, v *view) error {
	sources, err := r.sourceFolders(ctx)
	if err != nil {
		return err
	}
	taken, left := r.divide(sources)
	r.disable(len(left))
	r.mint.watch = r.opts.Policies.watch()
	ways, err := routes(taken, v.folders, rootsOf(r.srcCaps, r.dstCaps), r.opts)
	if err != nil {
		return err
	}
	stored, err := positions(ctx, r.ledger, store.Source)
	if err != nil {
		return err
	}
	if err := r.planFolders(ctx, r.planner(v), ways, left, stored); err != nil {
		return fmt.Errorf("list the source: %w", err)
	}
	if err := r.dropOutdated(ctx); err != nil {
		return err
	}
	r.incomplete = slices.ContainsFunc(r.plans, func(p *folderPlan) bool { return p.broken })
	if err := r.loseFolders(ctx, sources); err != nil {
		return err
	}
	for _, plan := range r.plans {
		r.tell(FolderPlanned{display(plan.source.Path), plan.work.len(), plan.work.bytes, plan.counts})
	}
	return nil
}

// planFolders plans the folders that are taken, and counts those that are left.
func (r *running) planFolders(ctx context.Context, p planner, ways []route, left []endpoint.Folder, stored map[string]store.Folder) error {
	if p.moved { // as it is in the ledger already, but in a dry run
		for name, f := range stored {
			f.Validity = voidValidity
			stored[name] = f
		}
	}
	r.plans = make([]*folderPlan, len(ways))
	r.excluded = make([]*folderPlan, len(left))
	r.lost = nil
	r.foreseeOutlines(ctx, p, ways, stored)
	var jobs []func(context.Context) error
	hands := r.crew(r.pair.Source)
	for i, way := range ways {
		jobs = append(jobs, func(ctx context.Context) (err error) {
			defer hands.did(max(way.source.Items, 0), 0)
			r.plans[i], err = p.plan(ctx, way, stored[store.FolderKey(way.source.Path)])
			if ofFolder(err) {
				r.plans[i], err = r.breakFolder(way, err), nil
			}
			return err
		})
	}
	for i, f := range left {
		jobs = append(jobs, func(ctx context.Context) error {
			counts, err := p.outside(ctx, f)
			r.excluded[i] = &folderPlan{route: route{source: f}, counts: counts}
			return err
		})
	}
	return each(ctx, hands, jobs, func(ctx context.Context, job func(context.Context) error) error {
		return job(ctx)
	})
}

// ofFolder reports whether an error is that of one folder which its mailbox does not open.
func ofFolder(err error) bool {
	switch endpoint.CodeOf(err) { //nolint:exhaustive // any other code is not
	case endpoint.NotFound, endpoint.Denied, endpoint.Damaged, endpoint.Rejected, endpoint.Unsupported:
		return true
	}
	return false
}

// breakFolder makes the plan of a folder that cannot be looked into: all that is in it has failed.
func (r *running) breakFolder(way route, err error) *folderPlan {
	plan := &folderPlan{route: way, name: store.FolderKey(way.source.Path), broken: true}
	plan.counts.Listed = max(way.source.Items, 0)
	plan.counts.Failed = plan.counts.Listed
	r.failures.add(plan, "", err)
	return plan
}

// divide separates the folders that are selected from the others.
func (r *running) divide(sources []endpoint.Folder) (taken, left []endpoint.Folder) {
	for _, f := range sources {
		if r.opts.Select.takesFolder(f) {
			taken = append(taken, f)
		} else {
			left = append(left, f)
		}
	}
	return taken, left
}

func (r *running) planner(v *view) planner {
	return planner{
		source: r.pair.Source, from: r.from, ledger: r.ledger, mint: r.mint, view: v,
		accepts:  func(k endpoint.Kind) bool { return len(r.srcCaps.Offers(k, r.dstCaps)) > 0 },
		selects:  r.opts.Select,
		sendBack: r.opts.SendBack,
		unmarked: r.profile.known() && !r.profile.MarkSurvives,
		whole:    r.opts.FullScan || r.forget != nil,
		forget:   r.forget,
		moved:    r.sourceMoved(),
		persist:  !r.dry,
		failures: r.failures,
		kind:     r.opts.Kind,
		trial:    r.opts.Trial,
		policies: r.opts.Policies,
		compare:  r.opts.FullCompare,
		flagged:  r.srcCaps.FlagStates,
		outlines: r.srcCaps.Outlines && !r.srcCaps.Versions,

		summarizes: r.summarizes(),

		adoptable: r.adoptable,
	}
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
	outlines bool          // the source has outlines, and lists nothing else that a record needs
	forget   *store.Filter // records that are taken for forgotten
	// summarizes says that summaries are believed.
	summarizes bool
	// adoptable lists the items of a folder of the destination that an item of the source may be.
	adoptable func(context.Context, endpoint.Folder) (map[string]int, error)
}

// outside counts a folder that is not selected, without looking into it.
func (p planner) outside(ctx context.Context, f endpoint.Folder) (Counts, error) {
	if f.Items >= 0 {
		return Counts{Listed: f.Items, Filtered: f.Items}, nil
	}
	refs, err := p.from.refs(ctx, p.source, f)
	return Counts{Listed: refs.rest(), Filtered: refs.rest()}, err
}

// plan decides what is to be done with each item of a folder.
func (p planner) plan(ctx context.Context, r route, position store.Folder) (*folderPlan, error) {
	plan := &folderPlan{
		route: r, name: store.FolderKey(r.source.Path), first: position.Name == "", partial: p.kind == RetryFailed || p.kind == Verify,
		uncertain: position.Name != "" && position.Validity != r.source.Validity,
	}
	since, err := p.resume(ctx, plan, position)
	if err != nil || p.summarized(plan, position, since) {
		return plan, err
	}
	if position.Summary != "" {
		plan.outdated = &store.Folder{Side: position.Side, Name: position.Name, Validity: position.Validity, State: position.State}
	}
	if err := p.view.load(ctx); err != nil {
		return nil, err
	}
	if must, err := p.mustSeeMarks(ctx, plan.name); err != nil {
		return nil, err
	} else if must {
		since = ""
	}
	if late, err := p.identifiesLate(ctx, plan, since); err != nil || late {
		if err == nil {
			err = p.outline(ctx, plan)
		}
		return plan, err
	}
	d := &decider{planner: p, plan: plan, changed: map[watermark.ID]store.Record{}}
	for _, step := range []func() error{
		func() error { return d.readFlags(ctx, since) },
		func() error { return d.list(ctx, since) },
		func() error { return d.settle(ctx) },
		func() error { return d.adopt(ctx) },
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	if p.kind == Trial {
		plan.limit(p.trial)
	}
	return plan, d.save(ctx)
}

// resume returns the state of a folder from which its listing may go on, or nothing if all of it is to be
// listed.
func (p planner) resume(ctx context.Context, plan *folderPlan, position store.Folder) (string, error) {
	since := ""
	if !p.whole && !p.mustSeeAll() {
		since = p.mint.reached(position, plan.source)
	}
	return p.from.learnState(ctx, p.source, &plan.source, since, p.persist && !plan.partial)
}

// limit leaves of a plan's work what a trial takes: the newest items that are small enough.
func (plan *folderPlan) limit(t TrialLimits) {
	c := &plan.counts
	room := t.Items - c.Already - c.Migrated - c.RemovedAtDestination
	takes := map[int]bool{}
	for n := plan.work.len() - 1; n >= 0; n-- {
		if w := plan.work.at(n); len(takes) < room && w.size >= 0 && w.size <= t.MaxSize {
			takes[n] = true
		} else {
			c.Deferred--
			c.Filtered++
		}
	}
	plan.work.keep(func(w workItem) bool { return takes[w.n] })
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
