package imapendpoint

import (
	"context"
	"iter"
	"slices"

	"github.com/dandyroll/dandyroll/endpoint"
)

const (
	// pageItems is how many messages one FETCH asks for at most.
	pageItems = 2000
	// maxInRow is how many messages one after the other a server may fail to deliver before that
	// is taken for a fault of the server.
	maxInRow = 100
)

// sweep fetches something of many messages of a folder, page by page, and survives the ones that
// break the answer: some thirty kinds of odd reply, and some faults of servers, end the
// connection in the middle of a FETCH.
//
// What came before the break is kept. Then the first message that did not come, which is the likely
// culprit, is asked for alone, several times, each time for less; if that fails it is quarantined
// with outcome damaged. Behind it pages start at one message and double. So a break costs a
// reconnect or two, and every message ends in exactly one outcome.
type sweep[T any] struct {
	driver *driver
	folder endpoint.Folder
	// take returns how many of the UIDs that are left the next page may ask for, at least 1.
	take func(left []uint32) int
	// levels is how often a message is asked for alone.
	levels int
	// fetch asks for messages and calls accept for each that is usable. It asks for less at greater
	// levels.
	fetch func(ctx context.Context, s *session, uids []uint32, level int, accept acceptFunc[T]) error
	// drop releases a value that nobody will get. It may be nil.
	drop func(T)
}

// acceptFunc takes in what was fetched of a message.
type acceptFunc[T any] func(m fetched, value T)

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
		limit, level, inRow := len(uids), 0, 0
		for left := uids; len(left) > 0; {
			asked := min(limit, w.take(left))
			page, err := w.page(ctx, left[:asked], level)
			if err == nil && inRow == maxInRow {
				err = endpoint.Errorf(endpoint.Unavailable, "the server failed to deliver %d messages in a row: try again later", inRow)
			}
			if err != nil {
				yield(outcome[T]{}, err)
				return
			}
			switch {
			case len(page) == asked:
				limit, level, inRow = 2*asked, 0, 0
			case len(page) > 0 || asked > 1:
				limit, level = 1, 0
			case level+1 < w.levels:
				limit, level = 1, level+1
			default:
				page = []outcome[T]{{uid: left[0], damaged: true}}
				limit, level, inRow = 1, 0, inRow+1
			}
			if !w.yieldPage(page, yield) {
				return
			}
			left = left[len(page):]
		}
	}
}

func (w sweep[T]) yieldPage(page []outcome[T], yield func(outcome[T], error) bool) bool {
	for i, o := range page {
		if !yield(o, nil) {
			for _, rest := range page[i+1:] {
				w.release(rest)
			}
			return false
		}
	}
	return true
}

func (w sweep[T]) release(o outcome[T]) {
	if w.drop != nil && !o.gone && !o.damaged {
		w.drop(o.value)
	}
}

// page asks for some messages and returns the outcomes of the first of them, up to the first of
// which nothing is known. An error is one that asking again would not cure.
func (w sweep[T]) page(ctx context.Context, uids []uint32, level int) ([]outcome[T], error) {
	found := make(map[uint32]T, len(uids))
	defer func() {
		for uid, v := range found {
			w.release(outcome[T]{uid: uid, value: v})
		}
	}()
	var failure error
	var left []uint32 // those of the missing that exist
	err := w.driver.examine(ctx, w.folder, func(s *session, sel *selected) error {
		var last fetched
		failure = w.fetch(ctx, s, uids, level, func(m fetched, v T) { found[m.uid], last = v, m })
		if v, ok := found[last.uid]; ok && failure != nil && !last.whole {
			w.release(outcome[T]{value: v}) // it may have been cut off
			delete(found, last.uid)
		}
		missing := slices.DeleteFunc(slices.Clone(uids), func(uid uint32) bool { _, ok := found[uid]; return ok })
		if final(ctx, failure) == nil && s.alive() && len(missing) > 0 {
			left, failure = existing(ctx, s, sel, missing)
		}
		return nil // a loss counts as a break, not as a session that rested too long
	})
	if err == nil {
		err = final(ctx, failure)
	}
	if err != nil {
		return nil, err
	}
	var page []outcome[T]
	for _, uid := range uids {
		v, ok := found[uid]
		_, exists := slices.BinarySearch(left, uid)
		if !ok && (exists || failure != nil) {
			break
		}
		delete(found, uid)
		page = append(page, outcome[T]{uid: uid, value: v, gone: !ok})
	}
	return page, nil
}

// existing returns those of uids that exist in the open folder.
func existing(ctx context.Context, s *session, sel *selected, uids []uint32) ([]uint32, error) {
	var out []uint32
	for len(uids) > 0 {
		set, n := uidSet(uids, len(uids))
		found, err := s.searchUIDs(ctx, set.String(), sel)
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
		uids = uids[n:]
	}
	return out, nil
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
