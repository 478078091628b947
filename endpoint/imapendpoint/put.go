package imapendpoint

import (
	"context"
	"errors"
	"iter"
	"sync"

	"github.com/dandyroll/dandyroll/endpoint"
)

// Put appends messages, each behind its mark, to a folder, which is created where it is missing.
// Flags that the folder does not keep are dropped, and dates are clamped to 1970 to 2105.
//
// They go over as many connections, and in batches as large, as has proved best so far (see pace).
// Their order in the folder is that of items where one connection is enough.
func (d *driver) Put(ctx context.Context, f endpoint.Folder, items []endpoint.Put) iter.Seq2[endpoint.PutResult, error] {
	return func(yield func(endpoint.PutResult, error) bool) {
		w := newPutWindow(items)
		for i, it := range items {
			w.doubts[i] = d.lost.of(it)
		}
		d.put(ctx, f, w)
		for _, r := range w.results {
			if !yield(r, nil) {
				return
			}
		}
		if ctx.Err() != nil {
			yield(endpoint.PutResult{}, ctx.Err())
		}
	}
}

// put tries the items that are open, again on other connections while that gets anywhere: one
// refused message may cost the others their connection, or their batch.
func (d *driver) put(ctx context.Context, f endpoint.Folder, w *putWindow) {
	created := false
	for before := w.left() + 1; w.left() > 0 && w.left() < before; {
		before = w.left()
		err := d.appendOpen(ctx, f, w)
		d.findRefused(ctx, f, w)
		if err == nil {
			err = w.missingFolder()
		}
		if endpoint.CodeOf(err) == endpoint.NotFound && !created {
			// [TRYCREATE] (RFC 9051 section 6.3.12).
			created, before = true, w.left()+1
			err = d.with(ctx, anyFolder, func(s *session) error { return create(ctx, s, f.ID) })
		}
		if err != nil {
			w.refuse(err)
		}
	}
	w.giveUp()
	d.lost.learn(w.results)
	d.locate(ctx, f, w)
}

// putWindow is what became so far of the items of one Put. Each item belongs to the connection
// that took it off the queue, until the round is over.
type putWindow struct {
	items   []endpoint.Put
	results []endpoint.PutResult
	settled []bool
	alone   []bool // was refused in a batch, and goes by itself from now on
	doubts  []int  // how often its answer was lost before
	wary    bool   // the server answered BAD: no literal goes unasked any more

	mu       sync.Mutex
	queue    []int // the items of this round that no connection has taken
	refused  []int // those that were refused in a batch, this round
	round    tally
	ended    error  // why a connection ended, the last time
	validity uint32 // of the folder, and
	uidNext  uint32 // no more than its UIDNEXT was before the first append; 0 if unknown
}

func newPutWindow(items []endpoint.Put) *putWindow {
	w := &putWindow{
		items: items, doubts: make([]int, len(items)), results: make([]endpoint.PutResult, len(items)),
		settled: make([]bool, len(items)), alone: make([]bool, len(items)),
	}
	for i, it := range items {
		w.results[i].Mark = it.Mark
		if it.Kind != endpoint.Mail || it.Content.Format() != endpoint.RFC822 {
			w.settle(i, endpoint.Errorf(endpoint.Unsupported, "only mail in the format %s can be written", endpoint.RFC822))
		}
	}
	return w
}

func (w *putWindow) settle(i int, err error) {
	w.results[i].Err = err
	w.settled[i] = true
}

// open returns the indices of the items that were not tried yet, or to no effect.
func (w *putWindow) open() []int {
	var out []int
	for i, settled := range w.settled {
		if !settled {
			out = append(out, i)
		}
	}
	return out
}

// left measures what there is to be done. It shrinks in each round that gets anywhere.
func (w *putWindow) left() int {
	n := 0
	for _, i := range w.open() {
		if n++; !w.alone[i] {
			n++
		}
	}
	return n
}

// refuse says of all open items that they are not there and will not come.
func (w *putWindow) refuse(err error) {
	for _, i := range w.open() {
		w.settle(i, err)
	}
}

// giveUp is refuse for items whose own reason is known, or that found no connection.
func (w *putWindow) giveUp() {
	for _, i := range w.open() {
		if w.results[i].Err == nil {
			w.results[i].Err = w.ended
		}
		w.settled[i] = true
	}
}

// missingFolder returns the error of an item that was refused for want of its folder, or nil.
func (w *putWindow) missingFolder() error {
	for _, i := range w.open() {
		if err := w.results[i].Err; endpoint.CodeOf(err) == endpoint.NotFound {
			return err
		}
	}
	return nil
}

// begin notes what a connection was told of the folder before it appended anything. What the first
// one was told holds for all.
func (w *putWindow) begin(sel *selected) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.validity == 0 {
		w.validity, w.uidNext = sel.validity, sel.uidNext
	}
}

// next takes an item off the queue.
func (w *putWindow) next() (i int, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queue) == 0 {
		return 0, false
	}
	i, w.queue = w.queue[0], w.queue[1:]
	return i, true
}

// take notes the answer to an item. It stays open where another connection, a folder, or going by
// itself, is all that it takes.
func (w *putWindow) take(i int, m *appendMessage, sel *selected) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := m.result
	w.results[i].Err = r.err
	w.round.add(m)
	if r.batched && r.err != nil {
		w.refused = append(w.refused, i)
		return
	}
	w.settled[i] = !passes(r.err)
	if r.err == nil && r.uid != 0 && r.validity == sel.validity {
		w.results[i].Ref = refOf(r.uid)
	}
}

// passes reports whether an item that was refused may yet be taken: on another connection, or once
// its folder is there.
func passes(err error) bool {
	code := endpoint.CodeOf(err)
	return code == endpoint.Unavailable || code == endpoint.NotFound
}

// connectionEnded notes why.
func (w *putWindow) connectionEnded(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = err
	w.wary = w.wary || errors.Is(err, errRefused)
}
