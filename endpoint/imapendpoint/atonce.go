package imapendpoint

import (
	"context"

	"github.com/dandyroll/dandyroll/endpoint"
)

// allAtOnce asks for all messages of a folder with few UIDs.
type allAtOnce[T any] struct {
	came  *arrivals[T]
	fetch *fetching
	tag   string
}

func (w sweep[T]) askAll(b *batch[T]) *allAtOnce[T] {
	came := &arrivals[T]{first: 1, last: pageItems, batch: b}
	return &allAtOnce[T]{came: came, fetch: w.fetch(0, came.accept)}
}

// send sends the FETCH behind an EXAMINE.
func (a *allAtOnce[T]) send(s *session) {
	a.tag = s.wire.send("UID FETCH", string(appendRange(nil, a.came.first, a.came.last))+" "+a.fetch.items.text())
}

// await takes in the answer, and reports whether all messages of the folder came.
func (a *allAtOnce[T]) await(s *session, sel *selected) (all bool, failure error) {
	now := *sel // what comes or goes meanwhile is announced
	failure = classify(s.awaitFetch(a.tag, a.fetch, now.learn))
	return failure == nil && len(a.came.uids) == int(now.messages), failure
}

// fewUIDs reports whether all UIDs of a folder are among those that one FETCH asks for, by its listing.
func fewUIDs(f endpoint.Folder) bool {
	st, ok := parseState(f.State)
	return ok && st.uidNext <= pageItems+1
}

// atOnce asks for all messages of a folder with few UIDs, and reports whether all of them came: as many as
// the server said last that there are. Then nobody need search for their UIDs, for which servers look at
// each message. Otherwise nothing is kept of what came.
func (w sweep[T]) atOnce(ctx context.Context, p *progress, b *batch[T]) (all bool, err error) {
	a := w.askAll(b)
	var failure error
	asked, again := false, false
	err = w.driver.examine(ctx, w.folder, func(s *session) {
		if asked = !again; asked {
			a.send(s)
		}
		again = true // a message that ends the connection is for first to find
	}, func(s *session, sel *selected) error {
		if asked {
			all, failure = a.await(s, sel)
		}
		return nil
	})
	if a.came.sort(a.came.uids); all {
		p.left, p.limit = b.uids, len(b.uids)
	} else {
		b.reset(nil)
	}
	return all, w.conclude(ctx, b, nil, err, failure)
}
