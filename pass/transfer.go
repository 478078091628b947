package pass

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/watermark"
)

const (
	// stopGrace is for how long a window in flight may go on after the pass was cancelled, so that
	// no answer is lost to the cancellation.
	stopGrace = 10 * time.Second
	// settleWithin is how long settlements wait for the next window to be read, with which they become durable.
	settleWithin = 5 * time.Second
	// maxLooks is how often an item whose answer was lost is written again within one pass.
	maxLooks = 4
	// markRoom is how much longer a mark makes an item at most.
	markRoom = 128
)

// transfer writes the work of folders, window by window.
type transfer struct {
	source, destination *endpoint.Mailbox
	from, to            *account
	srcCaps, dstCaps    endpoint.Capabilities
	ledger              store.Ledger
	mint                minter
	opts                Options
	failures            *failureList
	tell                func(Event)
	queues              *queues
	pace                *pace
	crew                *crew
	unmarked            bool
	// reached are the folders of the destination into which items may have been put.
	reached *reached
	// cleared is closed once items may be written: the trial of the destination is cleared away.
	cleared chan struct{}
	// look scans the destination afresh.
	look func(context.Context) (*view, error)
	// wrote says that folders or items were written, or may have been.
	wrote atomic.Bool
}

// folder does all the work of a plan. It returns an error only if the pass cannot go on; what is
// left of the work is then deferred.
func (t *transfer) folder(ctx context.Context, plan *folderPlan) error {
	if plan.broken || plan.partial && plan.work.len() == 0 {
		return nil
	}
	if plan.summarized { // and its position is where it is to be
		t.tell(FolderDone{display(plan.source.Path), plan.counts})
		return nil
	}
	q := t.queues.take(ctx, t, plan)
	defer q.close()
	target, err := t.target(ctx, plan)
	select {
	case <-t.cleared:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	switch {
	case errors.Is(err, errAppeared):
		t.failures.warn("a folder of the destination has items, and was not listed when the destination was scanned: " +
			"nothing was put into it, so that nothing comes there twice; run again")
		return nil
	case err != nil:
		q.close()
		return t.folderFailed(ctx, plan, err)
	}
	t.reached.add(target)
	done, err := t.work(ctx, q, target)
	if err != nil {
		return t.stopped(err, t.commit(ctx, done))
	}
	return t.finish(ctx, plan, done)
}

// work writes the windows of a folder, one after the other; the next one is read meanwhile. It returns the settlements that are not
// durable yet, also with an error.
func (t *transfer) work(ctx context.Context, q *queue, target endpoint.Folder) (done store.Batch, err error) {
	for q.next != nil {
		if done, err = t.await(ctx, q.next, done); err != nil {
			return done, err
		}
		if done, err = t.mayGoOn(ctx, done); err != nil {
			return done, err
		}
		l := q.next
		t.readAhead(ctx, q)
		w, err := t.window(ctx, q, l, target)
		if err != nil {
			return done, err
		}
		if done, err = w.ship(ctx, done); err != nil {
			return done, err
		}
	}
	return done, nil
}

// await returns when a window is read. Settlements do not wait long for that: those that had to wait are returned no more.
func (t *transfer) await(ctx context.Context, l *load, done store.Batch) (store.Batch, error) {
	timer := time.NewTimer(settleWithin)
	defer timer.Stop()
	select {
	case <-l.done:
		return done, nil
	case <-timer.C:
	}
	err := t.commit(ctx, done)
	<-l.done // it ends with the context of the pass
	return store.Batch{}, err
}

// mayGoOn returns when the next window may be written. A long pause is no time for settlements to wait.
func (t *transfer) mayGoOn(ctx context.Context, done store.Batch) (store.Batch, error) {
	if t.opts.Pause.holds() {
		if err := t.commit(ctx, done); err != nil {
			return store.Batch{}, err
		}
		done = store.Batch{}
	}
	return done, errors.Join(t.opts.Pause.wait(ctx, t.tell), t.leaseHolds())
}

// stopped decides whether the end of one folder's work is that of the pass.
func (t *transfer) stopped(err, commit error) error {
	if endpoint.CodeOf(err) == endpoint.Stale && commit == nil {
		t.failures.warn("a folder of the source was rebuilt by its server while it was read; run again")
		return nil
	}
	return errors.Join(err, commit)
}

// finish commits the last settlements, and how far the folder was read.
func (t *transfer) finish(ctx context.Context, plan *folderPlan, done store.Batch) error {
	// If every item of the folder has a record now, the next pass need look only at what changes.
	// What policies ask for is done later, and moves the position then.
	if !plan.partial {
		position := t.mint.position(store.Source, plan.source, plan.counts.settledAll() && plan.quiet())
		done.Folders = []store.Folder{position}
	}
	if err := t.commit(ctx, done); err != nil {
		return err
	}
	plan.late = nil // it is not small
	t.tell(FolderDone{display(plan.source.Path), plan.counts})
	return nil
}

// commit makes settlements durable, although the pass may be being stopped.
func (t *transfer) commit(ctx context.Context, b store.Batch) error {
	if b.Len() == 0 {
		return nil
	}
	return t.ledger.Commit(context.WithoutCancel(ctx), b)
}

// leaseHolds keeps a paused process from writing after another took over.
func (t *transfer) leaseHolds() error {
	if end := t.ledger.Deadline(); !end.IsZero() && time.Until(end) < stopGrace {
		return store.ErrFenced
	}
	return nil
}

// target returns the folder at the destination, made if necessary.
func (t *transfer) target(ctx context.Context, plan *folderPlan) (endpoint.Folder, error) {
	if plan.found == nil && !plan.creates() {
		return endpoint.Folder{}, nil // its user removed it: it comes back only with new items
	}
	if plan.found != nil && !plan.first {
		return *plan.found, nil
	}
	target, err := t.create(ctx, plan)
	if err != nil {
		return endpoint.Folder{}, err
	}
	return target, t.subscribe(ctx, plan, target)
}

// creates reports whether the folder is to be made: it is new to the pair, or its user removed it
// and there is something to put into it.
func (plan *folderPlan) creates() bool {
	return plan.path != nil && plan.found == nil && !plan.broken &&
		(plan.work.len() > 0 || plan.first && !plan.partial)
}

// create returns the folder at the destination, making it where there is none.
func (t *transfer) create(ctx context.Context, plan *folderPlan) (made endpoint.Folder, err error) {
	if plan.found != nil {
		return *plan.found, nil
	}
	wanted := endpoint.Folder{Path: plan.path, Role: plan.source.Role, Kinds: plan.source.Kinds}
	err = t.to.persist(ctx, func(ctx context.Context) (err error) {
		made, err = t.destination.CreateFolder(ctx, wanted)
		return err
	})
	if err == nil || !endpoint.CodeOf(err).Refuses() {
		t.wrote.Store(true)
	}
	if err != nil {
		return made, err
	}
	return made, t.expectEmpty(ctx, made)
}

// errAppeared says that a folder was there already which the scan of the destination did not see, with items in it.
var errAppeared = errors.New("a folder that was not listed has items")

// expectEmpty fails with errAppeared if there is anything in a folder that was just created. Nobody looked there for marks: what is to
// be put into it may be there since an earlier pass, and the server has left the folder out of its listing.
func (t *transfer) expectEmpty(ctx context.Context, made endpoint.Folder) error {
	items := made.Items
	if items < 0 {
		refs, err := t.to.refs(ctx, t.destination, made)
		if err != nil {
			return err
		}
		items = refs.rest()
	}
	if items > 0 {
		return errAppeared
	}
	return nil
}

// subscribe carries over a subscription to a folder that is new to the pair. Afterwards it is the
// user's.
func (t *transfer) subscribe(ctx context.Context, plan *folderPlan, f endpoint.Folder) error {
	if !plan.source.Subscribed || f.Subscribed || !t.dstCaps.Subscribe {
		return nil
	}
	err := t.to.persist(ctx, func(ctx context.Context) error { return t.destination.Subscribe(ctx, f) })
	if err == nil || !endpoint.CodeOf(err).Refuses() {
		t.wrote.Store(true)
	}
	if err != nil && !fatal(err) {
		t.failures.warn("a subscription could not be carried over: %v", err)
		return nil
	}
	return err
}

// folderFailed makes all the work of a folder fail, where the folder alone is to blame.
func (t *transfer) folderFailed(ctx context.Context, plan *folderPlan, err error) error {
	if fatal(err) {
		return err
	}
	if err := t.identifyByListing(ctx, plan); err != nil {
		return err
	}
	t.failures.add(plan, "", err)
	var batch store.Batch
	for item := range plan.work.all() {
		if item.id == (watermark.ID{}) { // the source lists it no more
			plan.counts.Deferred--
			plan.counts.Vanished++
		} else {
			batch.Records = append(batch.Records, t.failed(plan, item, err))
		}
		if item.n < plan.work.len()-1 && batch.Len() < store.MaxBatch {
			continue
		}
		if err := t.commit(ctx, batch); err != nil {
			return err
		}
		batch.Records = batch.Records[:0]
	}
	t.tell(FolderDone{display(plan.source.Path), plan.counts})
	return nil
}

// failed enters an item among the failures of its folder and returns its record.
func (t *transfer) failed(plan *folderPlan, item workItem, err error) store.Record {
	plan.counts.Deferred--
	plan.counts.Failed++
	t.failures.add(plan, item.ref, err)
	item.attempts = min(item.attempts, 254) + 1
	r := t.mint.record(plan, item, store.Failed)
	r.Code = uint8(endpoint.CodeOf(err))
	return r
}

// fatal reports whether an error concerns the whole pass, not an item or a folder.
func fatal(err error) bool {
	switch endpoint.CodeOf(err) {
	case endpoint.Unauthenticated, endpoint.Untrusted, endpoint.OverQuota, endpoint.Throttled,
		endpoint.Unavailable, endpoint.Stale, endpoint.InDoubt:
		return true
	case endpoint.Unknown, endpoint.NotFound, endpoint.Exists, endpoint.Denied, endpoint.TooLarge,
		endpoint.Rejected, endpoint.Unsupported, endpoint.Damaged, endpoint.Invalid, endpoint.Unconfirmed:
	}
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
