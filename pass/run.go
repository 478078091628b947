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
	sources          []endpoint.Folder // listed ahead
	excluded         []*folderPlan
	plans            []*folderPlan
	lost             []*folderPlan // of folders that the source has no more
	voided           int
	reached          reached
	touched          bool // something may have been written at the destination

	lastView   *view
	before     outset // what lastView was by when items were written
	incomplete bool   // a folder of the source could not be looked into
	nothing    bool   // a Resume has nothing to go on with
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
	tell(Opened{r.records(anyStat)})
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
	r.foresee(ctx)
	r.tell(PhaseStarted{ScanningDestination})
	if err := r.awaitLanding(ctx); err != nil {
		return err
	}
	var v *view
	err := together(ctx, r.listSourcesAhead, func(ctx context.Context) (err error) {
		v, err = r.scanDestination(ctx)
		return err
	})
	if err != nil {
		return err
	}
	if r.locates() || v.foreign > 0 || !r.knowsDestination() { // else only what was not summarized asks for items
		if err := v.load(ctx); err != nil {
			return err
		}
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

func (r *running) reading() endpoint.ReadOptions { return reading(r.opts, r.srcCaps, r.dstCaps) }

// transfer is phase 5, and the second look of phase 6.
func (r *running) transfer(ctx context.Context) error {
	if err := r.bind(ctx); err != nil {
		return err
	}
	r.tell(PhaseStarted{Transferring})
	t := &transfer{
		source: r.pair.Source, destination: r.pair.Destination, from: r.from, to: r.to,
		srcCaps: r.srcCaps, dstCaps: r.dstCaps, ledger: r.ledger, mint: r.mint, opts: r.opts,
		failures: r.failures, tell: r.tell, queues: newQueues(r.plans), pace: newPace(r.opts),
		look: r.lookBackWhole, reached: &r.reached,
		cleared: make(chan struct{}),
	}
	defer t.queues.close()
	if err := r.transferWith(ctx, t); err != nil {
		return err
	}
	r.tell(PhaseStarted{Closing})
	v, err := r.confirm(ctx)
	if err != nil {
		return err
	}
	if err := errors.Join(r.propagate(ctx), r.mend(ctx)); err != nil {
		return err
	}
	return r.summarize(ctx, v)
}

// transferWith tries the destination, if it is not known yet, and then works on the folders. Their first windows are read
// meanwhile. While the trial is cleared away, folders are made; nothing is put into them before.
func (r *running) transferWith(ctx context.Context, t *transfer) error {
	release := func(context.Context) error { return nil }
	if len(t.queues.waiting) > 0 {
		hands := r.crew(r.pair.Source, r.pair.Destination).hands()
		for range hands {
			t.queues.begin(ctx, t)
		}
		r.pair.Destination.Foresee(ctx, min(hands, len(t.queues.begun)))
		known := r.profile.known()
		cage, err := r.canary(ctx)
		if err != nil {
			return err
		}
		if !known {
			release = func(ctx context.Context) error { return r.release(ctx, cage) }
		}
	}
	t.crew = r.crew(r.pair.Source, r.pair.Destination) // anew: the trial has told more of how far away the destination is
	t.unmarked = r.profile.known() && !r.profile.MarkSurvives
	err := together(ctx, func(ctx context.Context) error {
		if err := release(ctx); err != nil {
			return err
		}
		close(t.cleared)
		return nil
	}, func(ctx context.Context) error { return each(ctx, t.crew, r.plans, t.folder) })
	r.touched = r.touched || t.wrote.Load()
	return err
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
