package pass

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/store"
)

// running is one pass while it runs: what was settled in its first phases, and what the later ones
// need of it.
type running struct {
	cfg      Config
	pair     Pair
	opts     Options
	dry      bool
	tell     func(Event)
	from, to *account
	failures *failureList

	ledger           store.Ledger
	opened           time.Time // when no other pass could write any more
	srcCaps, dstCaps endpoint.Capabilities
	mint             minter
	profile          profile
	excluded         []*folderPlan
	plans            []*folderPlan
	lost             []*folderPlan // of folders that the source has no more
	voided           int
	touched          bool // something may have been written at the destination

	lastView   *view
	incomplete bool // a folder of the source could not be looked into
	nothing    bool // a Resume has nothing to go on with
	conflicts  []Conflict
	verified   *Verified
	broken     []broken
	forget     *store.Filter // the records that a dry run takes for forgotten
}

// run runs the phases of a pass and makes the report, however far they came.
func (e *Engine) run(ctx context.Context, p Pair, o Options, dry bool) (*Report, error) {
	return e.runForgetting(ctx, p, o, dry, nil)
}

// runForgetting is run, in a dry run as if the records that a filter selects had been forgotten.
func (e *Engine) runForgetting(ctx context.Context, p Pair, o Options, dry bool, forget *store.Filter) (*Report, error) {
	report := &Report{Pair: p.ID, Kind: o.Kind.String(), DryRun: dry, Started: time.Now().UTC()}
	r, err := e.begin(ctx, p, o, dry)
	if err == nil {
		r.forget = forget
		err = r.phases(ctx, report)
	}
	if r == nil || !r.touched {
		err = refuse(err)
	}
	if r != nil {
		err = errors.Join(err, r.close(report))
	}
	report.Finished = time.Now().UTC()
	report.Folders = slices.Clip(append([]FolderReport{}, report.Folders...))
	report.Failures = append([]Failure{}, report.Failures...)
	e.cfg.Logger.InfoContext(ctx, "pass ended", "kind", report.Kind, "complete", report.Complete,
		"migrated", report.Totals.Migrated, "failed", report.Totals.Failed, "deferred", report.Totals.Deferred)
	return report, err
}

// begin is phase 1: it checks the arguments and opens the ledger.
func (e *Engine) begin(ctx context.Context, p Pair, o Options, dry bool) (*running, error) {
	if err := errors.Join(o.validate(time.Now()), p.validate()); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	o = o.withDefaults()
	tell := inTurn(o.Observer)
	if !dry {
		if err := awaitStart(ctx, o.StartAt, tell); err != nil {
			return nil, err
		}
	}
	o = o.resolve(time.Now())
	if s := o.Select; s.dated() {
		tell(WindowFixed{Window{Since: s.Since, Before: s.Before, Field: s.DateField.String()}})
	}
	tell(PhaseStarted{Opening})
	ledger, err := e.cfg.Store.Open(ctx, p.ID)
	if err != nil {
		return nil, fmt.Errorf("open the ledger of the pair: %w", err)
	}
	r := &running{
		cfg: e.cfg, pair: p, opts: o, dry: dry, tell: tell,
		from:     &account{side: store.Source, patience: o.Patience, tell: tell},
		to:       &account{side: store.Destination, patience: o.Patience, tell: tell},
		failures: &failureList{tell: tell},
		ledger:   ledger,
		opened:   time.Now(),
		mint:     newMinter(e.cfg, p, ledger.Meta().Generation),
	}
	return r, nil
}

// close gives the pair free. A pass after which that fails came to its end, and is no refusal, but
// it is not called complete: what it left in the database may be less than it reports.
func (r *running) close(report *Report) error {
	err := r.ledger.Close()
	if err != nil {
		report.Complete = false
		return fmt.Errorf("close the ledger of the pair: %w", err)
	}
	return nil
}

// inTurn makes an observer safe to be told from several goroutines.
func inTurn(observe func(Event)) func(Event) {
	var mu sync.Mutex
	return func(ev Event) {
		mu.Lock()
		defer mu.Unlock()
		observe(ev)
	}
}

// phases are those from preflight to report. Whatever their end, the report is filled.
func (r *running) phases(ctx context.Context, report *Report) error {
	before := Wires{r.pair.Source.Wire(), r.pair.Destination.Wire()}
	report.Kind = r.kind(ctx)
	err := r.prepare(ctx)
	switch {
	case err != nil, r.nothing:
	case r.dry:
		err = r.propagate(ctx)
	default:
		err = r.transfer(ctx)
	}
	r.fill(report, before, err)
	if r.dry || r.nothing || declined(err) {
		return err // it was none
	}
	entered := r.enter(ctx, report)
	report.Complete = report.Complete && entered == nil
	return errors.Join(err, entered)
}

// prepare is everything before the first write at the destination: phases 2 to 4.
func (r *running) prepare(ctx context.Context) error {
	r.tell(PhaseStarted{Preflighting})
	if err := r.preflight(ctx); err != nil || r.nothing {
		return err
	}
	r.tell(PhaseStarted{ScanningDestination})
	v, err := r.scanDestination(ctx)
	if err != nil {
		return err
	}
	if err := r.admit(v); err != nil {
		return err
	}
	r.lastView = v
	if r.sourceMoved() && !r.dry {
		if err := r.voidRefs(ctx); err != nil {
			return err
		}
	}
	r.tell(PhaseStarted{Planning})
	if err := restarting(func() error { return r.plan(ctx, v) }); err != nil {
		return err
	}
	if r.opts.Kind == Verify {
		return r.verify(ctx)
	}
	return r.matchMoves(ctx)
}

// kind names the pass: Auto is Full until a pass of the pair was complete.
func (r *running) kind(ctx context.Context) string {
	if r.opts.Kind != Auto {
		return r.opts.Kind.String()
	}
	for past, err := range r.cfg.Store.History(ctx, r.pair.ID) {
		if err == nil && past.Complete {
			return Delta.String()
		}
	}
	return Full.String()
}

// scanner looks at the destination for the marks of this pass.
func (r *running) scanner() scanner {
	return scanner{
		destination: r.pair.Destination, to: r.to, ledger: r.ledger, mint: r.mint,
		parallel: r.parallel(r.dstCaps), persist: !r.dry && r.knowsDestination(), locate: r.locates(),
	}
}

// locates reports whether the pass needs to know where items are at the destination.
func (r *running) locates() bool {
	return r.opts.Kind == Verify || r.opts.Policies.some(func(p Policy) bool { return touches(p) || merges(p) })
}

func (r *running) parallel(caps endpoint.Capabilities) int {
	return max(1, min(r.opts.Folders, caps.Concurrency))
}

// scanDestination is phase 3. Intents of a pass that was cut just now are given the time to land
// first. Where marks show a generation above our own, the database forgot it: it is taken over.
func (r *running) scanDestination(ctx context.Context) (*view, error) {
	if err := r.awaitLanding(ctx); err != nil {
		return nil, err
	}
	trusts, err := r.trusts(ctx)
	if err != nil {
		return nil, err
	}
	if trusts {
		v, err := r.scanner().trust(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the folders of the destination: %w", err)
		}
		return v, nil
	}
	rebuilding := r.ledger.Meta().Rebuilding // then copies of older generations are counted
	whole := r.opts.FullScan || r.opts.Kind == Verify || rebuilding
	begins := r.opts.Kind == Rebuild && !rebuilding // a generation of which no mark may be there
	for {
		v, err := r.look(ctx, whole)
		if err != nil || v.highest < r.mint.generation || v.highest == r.mint.generation && !begins {
			return v, err
		}
		r.failures.warn("the database had forgotten that the pair is at generation %d", v.highest)
		r.mint.generation = v.highest
		if begins {
			r.mint.generation++
		}
	}
}

// trusts reports whether the destination is not to be scanned, because the ledger is believed to
// know what is there. One that knows nothing, was cut in the middle, or was reset since the last
// scan, is not: marks may protect what it forgot.
func (r *running) trusts(ctx context.Context) (bool, error) {
	settled := r.records(func(s store.Stat) bool { return r.ownsStat(s) && s.Status == store.Settled })
	if !r.opts.TrustDatabase || settled == 0 {
		return false, nil
	}
	past, err := r.past(ctx)
	if err != nil || past != ended {
		return false, err
	}
	scanned, err := positions(ctx, r.ledger, store.Destination)
	return len(scanned) > 0, err
}

// look scans the destination, trying again where that can help.
func (r *running) look(ctx context.Context, whole bool) (*view, error) {
	var v *view
	err := restarting(func() (err error) {
		v, err = r.scanner().scan(ctx, whole)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("scan the destination for marks: %w", err)
	}
	return v, nil
}

// awaitLanding returns when everything that earlier passes sent is there to be seen, or never will be.
func (r *running) awaitLanding(ctx context.Context) error {
	until, err := r.landing(ctx)
	wait := time.Until(until)
	if err != nil || wait <= 0 {
		return err
	}
	r.tell(Waiting{Side: store.Destination, For: wait, Code: endpoint.InDoubt})
	return sleep(ctx, wait)
}

// landing is the end of that time, or long ago. All that is known of when an item in doubt was sent
// is that it was before this pass opened the ledger: what waited for a throttled endpoint goes out
// long after its intent. A settled one was there when it was committed.
func (r *running) landing(ctx context.Context) (time.Time, error) {
	for _, s := range r.ledger.Stats() {
		if s.Status == store.Intent && s.Records > 0 {
			return r.opened.Add(max(r.dstCaps.PutGrace, r.dstCaps.Visibility)), nil
		}
	}
	var newest time.Time
	if r.dstCaps.Visibility == 0 {
		return newest, nil
	}
	for rec, err := range r.ledger.Records(ctx, store.AllFolders) {
		if err != nil {
			return newest, err
		}
		if rec.Status == store.Settled && rec.At.After(newest) {
			newest = rec.At
		}
	}
	if newest.After(r.opened) {
		newest = r.opened // the clock was set back
	}
	return newest.Add(r.dstCaps.Visibility + time.Second), nil // records hold seconds
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
	ways, err := routes(taken, v.folders, r.opts)
	if err != nil {
		return err
	}
	stored, err := positions(ctx, r.ledger, store.Source)
	if err != nil {
		return err
	}
	p := r.planner(v)
	if p.moved { // as it is in the ledger already, but in a dry run
		for name, f := range stored {
			f.Validity = voidValidity
			stored[name] = f
		}
	}
	r.plans = make([]*folderPlan, len(ways))
	r.excluded = make([]*folderPlan, len(left))
	r.lost = nil
	var jobs []func(context.Context) error
	for i, way := range ways {
		jobs = append(jobs, func(ctx context.Context) (err error) {
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
	err = parallel(ctx, r.parallel(r.srcCaps), jobs, func(ctx context.Context, job func(context.Context) error) error {
		return job(ctx)
	})
	if err != nil {
		return fmt.Errorf("list the source: %w", err)
	}
	r.incomplete = slices.ContainsFunc(r.plans, func(p *folderPlan) bool { return p.broken })
	if err := r.loseFolders(ctx, sources); err != nil {
		return err
	}
	for _, plan := range r.plans {
		r.tell(FolderPlanned{display(plan.source.Path), len(plan.work), plan.size(), plan.counts})
	}
	return nil
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

func (plan *folderPlan) size() int64 {
	var total int64
	for _, w := range plan.work {
		total += max(w.size, 0)
	}
	return total
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

		adoptable: r.adoptable,
	}
}

// transfer is phase 5, and the second look of phase 6.
func (r *running) transfer(ctx context.Context) error {
	if err := r.bind(ctx); err != nil {
		return err
	}
	r.tell(PhaseStarted{Transferring})
	if slices.ContainsFunc(r.plans, func(p *folderPlan) bool { return len(p.work) > 0 }) {
		if err := r.canary(ctx); err != nil {
			return err
		}
	}
	t := &transfer{
		source: r.pair.Source, destination: r.pair.Destination, from: r.from, to: r.to,
		srcCaps: r.srcCaps, dstCaps: r.dstCaps, ledger: r.ledger, mint: r.mint, opts: r.opts,
		failures: r.failures, tell: r.tell, unmarked: r.profile.known() && !r.profile.MarkSurvives,
		look: func(ctx context.Context) (*view, error) { return r.look(ctx, false) },
	}
	err := parallel(ctx, min(r.parallel(r.srcCaps), r.parallel(r.dstCaps)), r.plans, t.folder)
	r.touched = r.touched || t.wrote.Load()
	if err != nil {
		return err
	}
	r.tell(PhaseStarted{Closing})
	if err := r.confirm(ctx); err != nil {
		return err
	}
	return errors.Join(r.propagate(ctx), r.mend(ctx))
}

// bind makes types and addresses of the pair durable, before anything is written under them.
func (r *running) bind(ctx context.Context) error {
	meta := r.ledger.Meta()
	bound := meta
	bound.Generation = r.mint.generation
	bound.Rebuilding = meta.Rebuilding && meta.Generation == bound.Generation || r.opts.Kind == Rebuild
	bound.Purging = [16]byte{} // what comes now is not what was to be purged
	bound.Source = r.mint.binding(r.pair.Source.Info())
	bound.Destination = r.mint.binding(r.pair.Destination.Info())
	if r.profile.known() {
		bound.Profile, _ = json.Marshal(r.profile) // cannot fail: it has plain fields
	}
	return r.ledger.Commit(ctx, store.Batch{Meta: &bound})
}

// confirm looks at the destination once more: what was written must be there. It also leaves the
// scan positions where the next pass can go on.
func (r *running) confirm(ctx context.Context) error {
	written := slices.ContainsFunc(r.plans, func(p *folderPlan) bool { return len(p.migrated) > 0 })
	if !written || r.profile.known() && !r.profile.MarkSurvives || r.lastView.trusted {
		return nil
	}
	if err := sleep(ctx, r.dstCaps.Visibility); err != nil {
		return err
	}
	v, err := r.look(ctx, false)
	if err != nil {
		return err
	}
	for _, plan := range r.plans {
		if err := r.confirmFolder(ctx, plan, v); err != nil {
			return err
		}
	}
	return nil
}

// confirmFolder makes failures of the items that the destination accepted and does not have: it
// was not told the truth, or a user was faster than us. The next pass looks again.
func (r *running) confirmFolder(ctx context.Context, plan *folderPlan, v *view) error {
	var missing []store.Record
	for _, item := range plan.migrated {
		if v.has(item.id, item.trashed) {
			continue
		}
		err := endpoint.Errorf(endpoint.Unconfirmed, "the destination accepted the item, but it is not there")
		plan.counts.Migrated--
		plan.counts.Failed++
		plan.counts.Bytes -= max(item.size, 0)
		if item.duplicate {
			plan.counts.Duplicates--
		}
		r.failures.add(plan, item.ref, err)
		rec := r.mint.record(plan, item, store.Failed)
		rec.Code, rec.Attempts = uint8(endpoint.Unconfirmed), item.attempts+1
		missing = append(missing, rec)
	}
	for chunk := range chunks(missing) {
		if err := r.ledger.Commit(ctx, store.Batch{Records: chunk}); err != nil {
			return err
		}
	}
	return nil
}

// fill makes the report of what is known.
func (r *running) fill(report *Report, before Wires, err error) {
	report.Generation = r.mint.generation
	report.Totals.Voided = r.voided
	for _, plan := range slices.Concat(r.plans, r.excluded, r.lost) {
		if plan == nil || plan.path == nil && plan.source.ID == "" && plan.counts == (Counts{}) {
			continue // the pass was stopped before it was planned, or there is nothing to say of a folder that is no more
		}
		counts := plan.counts
		if r.dry {
			counts.Migrated, counts.Deferred = counts.Migrated+counts.Deferred, 0
			counts.Duplicates += plan.duplicates()
			counts.Bytes += plan.size()
		}
		report.Folders = append(report.Folders, FolderReport{
			Folder: display(plan.source.Path), Destination: display(plan.path), Create: plan.creates(), Counts: counts,
		})
		report.Totals.add(counts)
	}
	if s := r.opts.Select; s.dated() {
		report.Window = &Window{s.Since, s.Before, s.DateField.String(), report.Totals.OutOfWindow}
	}
	report.Conflicts, report.Verified = r.conflicts, r.verified
	r.failures.fill(report)
	report.Complete = err == nil && report.Totals.Deferred == 0 && report.Closes()
	report.Wire = Wires{since(r.pair.Source.Wire(), before.Source), since(r.pair.Destination.Wire(), before.Destination)}
}

// duplicates counts the work of which the destination has a copy of an older generation.
func (plan *folderPlan) duplicates() int {
	n := 0
	for _, w := range plan.work {
		if w.duplicate {
			n++
		}
	}
	return n
}

func since(now, before endpoint.Wire) endpoint.Wire {
	return endpoint.Wire{
		Commands: now.Commands - before.Commands,
		Sent:     now.Sent - before.Sent,
		Received: now.Received - before.Received,
	}
}

// enter adds the pass to the history, and settles what only a complete one may.
func (r *running) enter(ctx context.Context, report *Report) error {
	report.Finished = time.Now().UTC()
	summary, err := json.Marshal(r.summary(report))
	if err != nil {
		return err
	}
	batch := store.Batch{Pass: &store.Pass{
		Kind: report.Kind, Started: report.Started, Finished: report.Finished,
		Complete: report.Complete, Report: summary,
	}}
	if report.Complete {
		meta := r.ledger.Meta()
		meta.Types = r.mint.types
		if r.opts.Kind == Rebuild || r.opts.Kind.propagates() && report.Totals.Filtered == 0 {
			meta.Rebuilding = false
		}
		batch.Meta = &meta
	}
	return r.ledger.Commit(context.WithoutCancel(ctx), batch)
}
