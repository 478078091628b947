package pass

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/watermark"
)

// window is a number of items of one folder between two commits.
type window struct {
	*transfer
	plan   *folderPlan
	target endpoint.Folder
	queue  *queue // of the folder

	open  map[string]*windowItem // not settled yet, by reference at the source
	order []string               // the references of all items
	out   []outgoing             // what was read and not closed yet
	fault error                  // that ended the reading early
	done  store.Batch            // what became of the others
	bytes int64                  // of the items that were written
	took  time.Duration          // to read it
}

// windowItem is one item of a window that is not settled yet.
type windowItem struct {
	workItem
	state itemState
	looks int // how often it was looked for in vain
	// intended says that an intent of this pass is in the ledger.
	intended bool
	// format is the place, among the formats in which it can go, of the one in which it is sent: those before it were refused.
	format int
	// sent is what was put, and its flags; nil before anything was.
	sent  *digested
	flags string
}

// itemState is how far an item came.
type itemState uint8

const (
	untried itemState = iota // nothing was sent
	inDoubt                  // sent, and the answer is not known
)

// outgoing is an item that was read and is to be written.
type outgoing struct {
	item    *windowItem
	put     endpoint.Put
	content *digested
}

// window takes over what was read. Those of its items that were read can be written; the others have failed or vanished, or are
// deferred, if the reading ended early.
func (t *transfer) window(ctx context.Context, q *queue, l *load, target endpoint.Folder) (*window, error) {
	defer l.close()
	if l.inflated() {
		t.pace.distrust()
	}
	n, err := t.identify(ctx, q, l)
	if err != nil {
		return nil, err
	}
	w := &window{
		transfer: t, plan: q.plan, target: target, queue: q,
		open: make(map[string]*windowItem, n), fault: l.err, took: l.took,
	}
	for _, item := range l.work[:n] {
		w.open[item.ref] = &windowItem{workItem: item}
		w.order = append(w.order, item.ref)
	}
	w.admit(l.bodies)
	return w, nil
}

// ship makes the intents of the window durable, and with them the settlements of the one before, and then writes the items. It
// returns the settlements of this window, also with an error, unless nothing became durable.
func (w *window) ship(ctx context.Context, done store.Batch) (store.Batch, error) {
	defer w.close()
	done.Records = append(done.Records, w.intents()...)
	if done.Len() > 0 {
		if err := w.ledger.Commit(ctx, done); err != nil {
			return store.Batch{}, err
		}
	}
	began := time.Now()
	err := w.run(ctx)
	w.pace.learn(len(w.order), max(w.took, time.Since(began)))
	w.crew.did(len(w.order)-len(w.open), w.bytes)
	w.tell(WindowDone{Folder: display(w.plan.source.Path), Items: len(w.order) - len(w.open), Bytes: w.bytes})
	if err != nil {
		w.takeBack()
	}
	return w.done, err
}

// close gives free the bodies that the window holds.
func (w *window) close() {
	for _, o := range w.out {
		_ = o.put.Content.Close()
	}
	w.out = nil
}

// intents are the records that must be durable before anything of the window is written.
func (w *window) intents() []store.Record {
	records := make([]store.Record, 0, len(w.out))
	for _, o := range w.out {
		o.item.intended = true
		records = append(records, w.mint.record(w.plan, o.item.workItem, store.Intent))
	}
	return records
}

// run writes the items of the window until each is settled, has failed or has vanished. It
// returns an error if the pass cannot go on; then some are still open.
//
// Once begun, it goes on for a moment after ctx is cancelled, so that the answers to what was
// sent are not lost.
func (w *window) run(ctx context.Context) error {
	grace, cancel := graceful(ctx)
	defer cancel()
	err := w.round(ctx, grace)
	for err == nil && len(w.open) > 0 {
		if err = ctx.Err(); err == nil {
			w.reread(ctx, grace)
			err = w.round(ctx, grace)
		}
	}
	return err
}

// graceful returns a context that ends stopGrace after ctx does, for what should not be left half done.
func graceful(ctx context.Context) (context.Context, context.CancelFunc) {
	grace, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(stopGrace, cancel) })
	return grace, func() { stop(); cancel() }
}

// round writes what was read once, and looks for what is in doubt afterwards.
func (w *window) round(ctx, grace context.Context) error {
	writeErr := w.write(ctx, grace)
	w.close()
	return errors.Join(writeErr, w.resolve(grace), w.fault)
}

// reread reads what is still open for another round: another format of it, or once more what did not arrive.
func (w *window) reread(ctx, grace context.Context) {
	w.queue.quiet() // no more calls at once than the endpoint takes
	bodies := map[string]endpoint.Body{}
	for format, refs := range w.byFormat() {
		if w.fault = w.fetch(ctx, grace, w.plan.source, refs, w.reading(format), bodies); w.fault != nil {
			break
		}
	}
	w.admit(bodies)
}

// admit prepares what was read for being written, and settles what cannot be.
func (w *window) admit(bodies map[string]endpoint.Body) {
	for _, ref := range w.order {
		item := w.open[ref]
		body, have := bodies[ref]
		switch {
		case item == nil: // nobody asked for it
		case item.id == (watermark.ID{}): // no identity: the source lists it no more
			w.vanish(item)
		case have:
			delete(bodies, ref)
			w.prepare(item, body)
		case w.fault == nil:
			w.fail(item, errUnanswered())
		}
	}
}

// errUnanswered is the error of an item of which the source said nothing at all.
func errUnanswered() error {
	return endpoint.Errorf(endpoint.Damaged, "the source did not answer for this item")
}

// byFormat yields the open items by the format in which they are to be sent.
func (w *window) byFormat() iter.Seq2[int, []string] {
	return func(yield func(int, []string) bool) {
		byFormat := map[int][]string{}
		for _, ref := range w.order {
			if item := w.open[ref]; item != nil {
				byFormat[item.format] = append(byFormat[item.format], ref)
			}
		}
		for _, format := range slices.Sorted(maps.Keys(byFormat)) {
			if !yield(format, byFormat[format]) {
				return
			}
		}
	}
}

// reading is how items are read that are sent in the best of the formats that both sides know, or, where the first were refused, in a
// later one.
func (t *transfer) reading(format int) endpoint.ReadOptions {
	o := reading(t.opts, t.srcCaps, t.dstCaps)
	for kind, formats := range o.Formats {
		o.Formats[kind] = formats[min(format, len(formats)):]
	}
	return o
}

// reading is how items are read that are, or were, carried from one endpoint to the other: in the format
// in which they go.
func reading(o Options, from, to endpoint.Capabilities) endpoint.ReadOptions {
	formats := map[endpoint.Kind][]endpoint.Format{}
	for kind := range from.Read {
		formats[kind] = from.Offers(kind, to)
	}
	return endpoint.ReadOptions{Memory: o.WindowBytes, TempDir: o.TempDir, Formats: formats}
}

// prepare adds a body to what is to be written, or settles an item that has none or is too large.
func (w *window) prepare(item *windowItem, body endpoint.Body) {
	limit := w.dstCaps.MaxItem
	switch {
	case endpoint.CodeOf(body.Err) == endpoint.NotFound:
		w.vanish(item)
		return
	case body.Err != nil:
		w.fail(item, body.Err)
		return
	case limit > 0 && body.Content.Size()+markRoom > limit:
		w.fail(item, endpoint.Errorf(endpoint.TooLarge,
			"item has %d bytes, the destination takes up to %d with the mark", body.Content.Size(), limit))
		closeBody(body)
		return
	}
	item.size = body.Content.Size()
	if item.received.IsZero() {
		item.received = body.Received
	}
	content := &digested{Content: body.Content}
	item.sent, item.flags = content, flagText(body.Flags)
	w.out = append(w.out, outgoing{item: item, content: content, put: endpoint.Put{
		Mark: w.mint.mark(item.id), Kind: item.kind, Content: content, Flags: body.Flags, Received: body.Received,
	}})
}

func closeBody(b endpoint.Body) {
	if b.Content != nil {
		_ = b.Content.Close()
	}
}

// write puts what was read.
func (w *window) write(ctx, grace context.Context) error {
	return w.to.persist(ctx, func(context.Context) error {
		var puts []endpoint.Put
		sent := map[watermark.Mark]outgoing{}
		for _, o := range w.out {
			if w.open[o.item.ref] == o.item && o.item.state == untried && o.item.sent == o.content {
				puts = append(puts, o.put)
				sent[o.put.Mark] = o
			}
		}
		if len(puts) == 0 {
			return nil
		}
		return w.put(grace, puts, sent)
	})
}

// put writes items once. Those that get no answer are in doubt.
func (w *window) put(ctx context.Context, puts []endpoint.Put, sent map[watermark.Mark]outgoing) error {
	for _, o := range sent {
		o.item.state = inDoubt
	}
	var grave error // concerns the whole pass; the answers for the other items still come
	for result, err := range w.destination.Put(ctx, w.target, puts) {
		if err != nil {
			return w.refused(sent, err)
		}
		if err := w.answered(sent[result.Mark], result); grave == nil {
			grave = err
		}
		delete(sent, result.Mark)
	}
	return grave
}

// answered settles an item whose put was answered. It returns an error that concerns more than
// this item.
func (w *window) answered(o outgoing, r endpoint.PutResult) error {
	switch {
	case r.Err == nil:
		w.failures.dropFlags(len(r.Dropped))
		w.settle(o.item, false)
	case endpoint.CodeOf(r.Err) == endpoint.InDoubt, isContext(r.Err):
		w.wrote.Store(true) // stays in doubt
	case fatal(r.Err):
		o.item.state = untried
		return r.Err
	case w.otherFormat(o, r.Err):
		// is read again
	default:
		w.fail(o.item, r.Err)
	}
	return nil
}

// otherFormat reports whether an item whose format was refused can go in another one: what is carried whole between two like endpoints
// may be too much for one request, and less when it is taken apart.
func (w *window) otherFormat(o outgoing, err error) bool {
	code, next := endpoint.CodeOf(err), o.item.format+1
	if code != endpoint.TooLarge && code != endpoint.Rejected && code != endpoint.Unsupported ||
		next >= len(w.srcCaps.Offers(o.item.kind, w.dstCaps)) {
		return false
	}
	o.item.format, o.item.state, o.item.sent = next, untried, nil
	return true
}

// refused handles the error that ended a put: if it says that the items of sent, which got no answer,
// were not written, they are not in doubt, and have failed unless the whole pass is concerned.
func (w *window) refused(sent map[watermark.Mark]outgoing, err error) error {
	if !endpoint.CodeOf(err).Refuses() {
		w.wrote.Store(true)
		return err
	}
	for _, o := range sent {
		if fatal(err) {
			o.item.state = untried
		} else {
			w.fail(o.item, err)
		}
	}
	if fatal(err) {
		return err
	}
	return nil
}

func isContext(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// resolve looks for the items whose answer was lost, once whatever was under way has landed or
// never will. What is found is settled; the rest may be written again.
func (w *window) resolve(ctx context.Context) error {
	var doubtful []*windowItem
	for _, ref := range w.order {
		if item := w.open[ref]; item != nil && item.state == inDoubt {
			doubtful = append(doubtful, item)
		}
	}
	if len(doubtful) == 0 {
		return nil
	}
	if w.unmarked {
		for _, item := range doubtful {
			w.fail(item, endpoint.Errorf(endpoint.InDoubt, "the answer was lost, and without marks the item cannot be looked for"))
		}
		return nil
	}
	v, err := w.lookAfter(ctx, max(w.dstCaps.PutGrace, w.dstCaps.Visibility))
	if err != nil {
		return err
	}
	for _, item := range doubtful {
		item.looks++
		switch {
		case v.has(item.id, item.trashed):
			w.settle(item, true)
		case item.looks == maxLooks:
			w.fail(item, endpoint.Errorf(endpoint.InDoubt, "the answer was lost %d times, and the item is not there", maxLooks))
		default:
			item.state = untried
		}
	}
	return nil
}

// lookAfter scans the destination after some time.
func (w *window) lookAfter(ctx context.Context, grace time.Duration) (*view, error) {
	if grace > 0 {
		w.tell(Waiting{Side: store.Destination, For: grace, Code: endpoint.InDoubt})
		if err := sleep(ctx, grace); err != nil {
			return nil, err
		}
	}
	return w.look(ctx)
}

// vanish settles an item that the source has no more.
func (w *window) vanish(item *windowItem) {
	w.plan.counts.Deferred--
	w.plan.counts.Vanished++
	w.unintend(item)
	delete(w.open, item.ref)
}

func (w *window) fail(item *windowItem, err error) {
	w.conclude(item, w.failed(w.plan, item.workItem, err))
}

func (w *window) settle(item *windowItem, recovered bool) {
	w.wrote.Store(true)
	c := &w.plan.counts
	c.Deferred--
	c.Migrated++
	c.Bytes += max(item.size, 0)
	w.bytes += max(item.size, 0)
	if recovered {
		c.Recovered++
	}
	r := w.mint.record(w.plan, item.workItem, store.Settled)
	r.Digest, r.Flags, r.Attempts = item.sent.sum, item.flags, 0
	if item.duplicate {
		c.Duplicates++
	}
	w.plan.work.written(item.workItem)
	w.conclude(item, r)
}

func (w *window) conclude(item *windowItem, r store.Record) {
	delete(w.open, item.ref)
	w.done.Records = append(w.done.Records, r)
}

// takeBack withdraws the intents of the items that were certainly not written.
func (w *window) takeBack() {
	for _, ref := range w.order {
		if item := w.open[ref]; item != nil && item.intended && item.state == untried {
			w.unintend(item)
		}
	}
}

// unintend puts the record of an item back to what it was before the intent, of this pass or of one that was cut.
func (w *window) unintend(item *windowItem) {
	switch {
	case item.before == nil && (item.intended || !item.newcomer):
		w.done.Forget = append(w.done.Forget, store.Record{Folder: w.plan.name, ID: item.id})
	case item.before != nil && item.intended:
		w.done.Records = append(w.done.Records, *item.before)
	}
}
