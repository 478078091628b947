package imapendpoint

import (
	"context"
	"iter"
	"slices"

	"github.com/dandyroll/dandyroll/endpoint"
)

const (
	// pageItems is how many messages one FETCH asks for at most.
	pageItems = 5000
	// batchItems is how many messages are asked for at most before some are yielded.
	batchItems = 4 * pageItems
	// maxInRow is how many messages one after the other a server may fail to deliver before that
	// is taken for a fault of the server.
	maxInRow = 100
)

// sweep fetches something of many messages of a folder, batch by batch, and survives the ones that
// break the answer: a message that the server chokes on ends the connection in the middle of a FETCH.
//
// What came before the break is kept. Then the first message that did not come, which is the likely
// culprit, is asked for alone, several times, each time for less; if that fails it is quarantined
// with outcome damaged. Behind it batches start at one message and double. So a break costs a
// reconnect or two, and every message ends in exactly one outcome.
type sweep[T any] struct {
	driver *driver
	folder endpoint.Folder
	// levels is how often a message is asked for alone.
	levels int
	// fetch returns what is asked for, which is less at greater levels, and how it is taken in: accept
	// is to be called for each message.
	fetch func(level int, accept acceptFunc[T]) *fetching
	// page returns how many messages the next FETCH may ask for, at least 1. Nil means pageItems.
	page func() int
	// full reports whether enough was taken in to yield some of it. It may be nil.
	full func() bool
	// end is called behind each flight, before anything of it is yielded. It may be nil.
	end func()
	// drop releases a value that nobody will get. It may be nil.
	drop func(T)
}

// acceptFunc takes in what was fetched of a message.
type acceptFunc[T any] func(uid uint32, value T)

// outcome is what became of one message of a sweep: a value, or one of gone (it was expunged) and
// damaged (the server cannot deliver it).
type outcome[T any] struct {
	uid           uint32
	value         T
	gone, damaged bool
}

// all yields one outcome for each UID, in ascending order, which uids must be in. It holds no
// connection while it yields.
func (w sweep[T]) all(ctx context.Context, uids []uint32) iter.Seq2[outcome[T], error] {
	return func(yield func(outcome[T], error) bool) {
		w.run(ctx, &progress{left: uids, limit: len(uids)}, &batch[T]{drop: w.drop}, yield)
	}
}

// since is all for the messages that were not in the folder when it had the state since. Where there are
// few, it takes one flight.
func (w sweep[T]) since(ctx context.Context, since string) iter.Seq2[outcome[T], error] {
	return func(yield func(outcome[T], error) bool) {
		p, b := &progress{whole: true}, &batch[T]{drop: w.drop}
		if err := w.begin(ctx, since, p, b); err != nil {
			b.release(0)
			yield(outcome[T]{}, err)
			return
		}
		if len(b.uids) == 0 || w.yieldBatch(ctx, p, b, yield) {
			w.run(ctx, p, b, yield)
		}
	}
}

// progress is how far a sweep has come.
type progress struct {
	left  []uint32 // UIDs without an outcome
	whole bool     // between the first and the last of left, there are no others in the folder
	limit int      // how many the next batch may ask for
	level int      // at which it asks
	inRow int      // messages that were not delivered, one after the other
}

// note takes in how many outcomes of a batch are known. Damaged says that the first of left is to be
// quarantined.
func (p *progress) note(known, asked, levels int) (damaged bool) {
	switch {
	case known == asked:
		p.limit, p.level, p.inRow = max(p.limit, 2*asked), 0, 0
	case known > 0 || asked > 1:
		p.limit, p.level = 1, 0
	case p.level+1 < levels:
		p.limit, p.level = 1, p.level+1
	default:
		p.limit, p.level, p.inRow = 1, 0, p.inRow+1
		return true
	}
	return false
}

func (w sweep[T]) run(ctx context.Context, p *progress, b *batch[T], yield func(outcome[T], error) bool) {
	for len(p.left) > 0 {
		err := w.next(ctx, p, b)
		if err == nil && p.inRow == maxInRow {
			err = endpoint.Errorf(endpoint.Unavailable, "the server failed to deliver %d messages in a row: try again later", p.inRow)
		}
		if err != nil {
			b.release(0)
			yield(outcome[T]{}, err)
			return
		}
		if !w.yieldBatch(ctx, p, b, yield) {
			return
		}
	}
}

// yieldBatch yields what is known of a batch; false means that the sweep is over.
func (w sweep[T]) yieldBatch(ctx context.Context, p *progress, b *batch[T], yield func(outcome[T], error) bool) bool {
	if p.note(b.known, len(b.uids), w.levels) {
		uid := p.left[0]
		p.left = p.left[1:]
		return yield(outcome[T]{uid: uid, damaged: true}, nil)
	}
	p.left = p.left[b.known:]
	for i, uid := range b.uids[:b.known] {
		if err := ctx.Err(); err != nil {
			b.release(i)
			yield(outcome[T]{}, err)
			return false
		}
		o := outcome[T]{uid: uid, value: b.values[i], gone: !b.have[i]}
		b.have[i] = false
		if !yield(o, nil) {
			b.release(i)
			return false
		}
	}
	return true
}

// begin finds out which messages are to be fetched, and fetches the first of them.
func (w sweep[T]) begin(ctx context.Context, since string, p *progress, b *batch[T]) error {
	few := since == "" && fewUIDs(w.folder)
	if few {
		if all, err := w.atOnce(ctx, p, b); all || err != nil {
			return err
		}
	}
	return w.first(ctx, since, !few, p, b)
}

// first asks for the UIDs of what came since a state, and, with early, in the same flight for the messages
// with the lowest of them. Where the flight is lost, the next one asks for the UIDs alone: a message that
// ends the connection must not keep them from being known.
func (w sweep[T]) first(ctx context.Context, since string, early bool, p *progress, b *batch[T]) error {
	from, _ := firstUID(since)
	last := uint32(min(uint64(from)+pageItems-1, 1<<32-1))
	came := &arrivals[T]{first: from, last: last, batch: b}
	f := w.fetch(0, came.accept)
	var search *searching
	var failure error
	var left []uint32
	fetch := ""
	err := w.driver.examine(ctx, w.folder, func(s *session) {
		search = s.sendSearchSince(since)
		if fetch = ""; early {
			fetch = s.wire.send("UID FETCH", string(appendRange(nil, from, last))+" "+f.items.text())
			search.fetch = f
		}
		early = false
	}, func(s *session, sel *selected) error {
		uids, err := search.uidsSince(sel)
		if err != nil {
			_ = s.wire.drain()
			return err
		}
		p.left, p.limit = uids, len(uids)
		if fetch != "" {
			n, found := slices.BinarySearch(uids, last)
			if found {
				n++
			}
			failure = s.awaitFetch(fetch, f, nil)
			came.sort(uids[:n])
			left, failure = w.settle(ctx, s, sel, b, failure)
		}
		return nil
	})
	return w.conclude(ctx, b, left, err, failure)
}

// next asks for the next batch.
func (w sweep[T]) next(ctx context.Context, p *progress, b *batch[T]) error {
	b.reset(p.left[:min(p.limit, batchItems, len(p.left))])
	f := w.fetch(p.level, b.accept)
	var r *ranges
	var failure error
	var left []uint32
	err := w.driver.examine(ctx, w.folder, func(s *session) {
		r = &ranges{session: s, left: b.uids, whole: p.whole, page: w.page}
		r.send(f)
	}, func(s *session, sel *selected) error {
		failure = r.await(f, w.full)
		b.uids = b.uids[:r.asked]
		left, failure = w.settle(ctx, s, sel, b, failure)
		return nil // a loss counts as a break, not as a session that rested too long
	})
	return w.conclude(ctx, b, left, err, failure)
}

// settle asks which of the messages that did not come exist.
func (w sweep[T]) settle(ctx context.Context, s *session, sel *selected, b *batch[T], failure error) (left []uint32, err error) {
	failure = classify(failure)
	missing := b.missing()
	if final(ctx, failure) != nil || !s.alive() || len(missing) == 0 {
		return nil, failure
	}
	return existing(ctx, s, sel, missing)
}

// conclude counts the outcomes that are known: those up to the first message of which nothing is. An
// error is one that asking again would not cure.
func (w sweep[T]) conclude(ctx context.Context, b *batch[T], left []uint32, err, failure error) error {
	if err == nil {
		err = final(ctx, failure)
	}
	if err == nil {
		b.count(left, failure != nil)
	}
	if w.end != nil {
		w.end()
	}
	return err
}

// final returns the error of a FETCH that another attempt would not cure, or nil.
func final(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err == nil || isContext(err) {
		return err
	}
	switch endpoint.CodeOf(err) {
	case endpoint.Throttled, endpoint.Unauthenticated, endpoint.Untrusted, endpoint.Denied, endpoint.Stale,
		endpoint.NotFound, endpoint.Invalid:
		return err
	case endpoint.Unknown, endpoint.Exists, endpoint.TooLarge, endpoint.Rejected, endpoint.OverQuota,
		endpoint.Unsupported, endpoint.Unavailable, endpoint.Damaged, endpoint.InDoubt, endpoint.Unconfirmed:
	}
	return nil
}
