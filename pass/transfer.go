package pass

import (
	"context"
	"errors"
	"iter"
	"sync/atomic"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/store"
)

const (
	// stopGrace is for how long a window in flight may go on after the pass was cancelled, so that
	// no answer is lost to the cancellation.
	stopGrace = 10 * time.Second
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
	unmarked            bool
	// look scans the destination afresh.
	look func(context.Context) (*view, error)
	// wrote says that folders or items were written, or may have been.
	wrote atomic.Bool
}

// folder does all the work of a plan. It returns an error only if the pass cannot go on; what is
// left of the work is then deferred.
func (t *transfer) folder(ctx context.Context, plan *folderPlan) error {
	if plan.broken || plan.partial && len(plan.work) == 0 {
		return nil
	}
	target, err := t.target(ctx, plan)
	if err != nil {
		return t.folderFailed(ctx, plan, err)
	}
	var done store.Batch // of the window before
	for work := range windows(plan.work, func(w workItem) int64 { return w.size }, t.opts) {
		if t.opts.Pause.holds() { // a long pause is no time for settlements to wait
			if err := t.commit(ctx, done); err != nil {
				return err
			}
			done = store.Batch{}
		}
		if err := errors.Join(t.opts.Pause.wait(ctx, t.tell), t.leaseHolds()); err != nil {
			return errors.Join(err, t.commit(ctx, done))
		}
		w := newWindow(t, plan, target, work)
		done.Records = append(done.Records, w.intents()...)
		if err := t.ledger.Commit(ctx, done); err != nil {
			return err
		}
		err := w.run(ctx)
		done = w.done
		t.tell(WindowDone{Folder: display(plan.source.Path), Items: len(work) - len(w.open), Bytes: w.bytes})
		if err != nil {
			w.takeBack()
			return t.stopped(err, t.commit(ctx, w.done))
		}
	}
	return t.finish(ctx, plan, done)
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
		(len(plan.work) > 0 || plan.first && !plan.partial)
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
	return made, err
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
	t.failures.add(plan, "", err)
	var records []store.Record
	for _, item := range plan.work {
		records = append(records, t.failed(plan, item, err))
	}
	for chunk := range chunks(records) {
		if err := t.commit(ctx, store.Batch{Records: chunk}); err != nil {
			return err
		}
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

// windows cuts work into pieces that are committed together.
func windows[T any](work []T, size func(T) int64, o Options) iter.Seq[[]T] {
	return func(yield func([]T) bool) {
		for len(work) > 0 {
			n, total := 1, max(size(work[0]), 0)
			for n < len(work) && n < o.Window && total+max(size(work[n]), 0) <= o.WindowBytes {
				total += max(size(work[n]), 0)
				n++
			}
			if !yield(work[:n]) {
				return
			}
			work = work[n:]
		}
	}
}
