package imapendpoint

import (
	"context"
	"sync"

	"github.com/dandyroll/dandyroll/endpoint"
)

// Of the outlines that are asked for ahead: in how many folders, with how many messages together, and in one.
const (
	aheadFolders = 32
	aheadItems   = 4 * pageItems
	aheadLargest = 1000
)

// Foresee begins to make as many sessions, with those that there are.
func (d *driver) Foresee(ctx context.Context, calls int) { d.pool.foresee(ctx, calls) }

// ForeseeOutlines asks for all messages of small folders in one flight, where Outline would take one for each folder.
func (d *driver) ForeseeOutlines(ctx context.Context, folders []endpoint.Folder) {
	wanted := d.outlines.begin(folders)
	if len(wanted) == 0 {
		return
	}
	begun := d.pool.background(ctx, func(ctx context.Context) {
		defer endAll(wanted)
		_ = d.with(ctx, anyFolder, func(s *session) error {
			_ = s.guard(ctx, func() error { return d.outlineAll(s, wanted) })
			return nil // once: Outline asks for what did not come
		})
	})
	if !begun {
		endAll(wanted)
	}
}

// outlineAll sends everything, and then takes in what comes.
func (d *driver) outlineAll(s *session, wanted []*foreseen) error {
	flights := make([]*allAtOnce[endpoint.Item], len(wanted))
	for i, w := range wanted {
		o, err := s.sendSelect(w.folder.ID, true)
		if err != nil {
			return s.wire.drain()
		}
		flights[i] = d.sweepOutline(w.folder).askAll(&batch[endpoint.Item]{})
		flights[i].send(s)
		w.opening = o
	}
	for i, w := range wanted {
		sel, err := w.opening.await()
		if err != nil || w.folder.Validity != validityText(sel.validity) {
			return s.wire.drain()
		}
		all, err := flights[i].await(s, sel)
		if err != nil && !s.alive() {
			return err
		}
		if all {
			w.items = flights[i].came.values
		}
		w.end(all)
	}
	return nil
}

// outlines are those that are asked for ahead.
type outlines struct {
	mu     sync.Mutex
	coming map[string]*foreseen // by the ID of the folder
}

// foreseen is the outline of one folder, which whoever asks for it waits for.
type foreseen struct {
	folder  endpoint.Folder
	opening *opening
	items   []endpoint.Item
	whole   bool          // they are all there
	ended   chan struct{} // closed when it is known
}

// begin notes which outlines are asked for ahead. What nobody wanted of those before is let go.
func (o *outlines) begin(folders []endpoint.Folder) (wanted []*foreseen) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.coming = map[string]*foreseen{}
	left := int64(aheadItems)
	for _, f := range folders {
		st, ok := parseState(f.State)
		if !ok || st.uidNext > pageItems+1 || st.messages > min(aheadLargest, left) || len(wanted) == aheadFolders {
			continue
		}
		left -= st.messages
		w := &foreseen{folder: f, ended: make(chan struct{})}
		o.coming[f.ID] = w
		wanted = append(wanted, w)
	}
	return wanted
}

// take returns the whole outline of a folder, once. It is not ok if it was not asked for ahead, or did not come.
func (o *outlines) take(ctx context.Context, f endpoint.Folder) (items []endpoint.Item, ok bool) {
	o.mu.Lock()
	w := o.coming[f.ID]
	delete(o.coming, f.ID)
	o.mu.Unlock()
	if w == nil || w.folder.Validity != f.Validity {
		return nil, false
	}
	select {
	case <-w.ended:
		return w.items, w.whole
	case <-ctx.Done():
		return nil, false
	}
}

// end tells those who wait that the outline is there, whole or not. It may be called again, to no effect.
func (w *foreseen) end(whole bool) {
	select {
	case <-w.ended:
	default:
		w.whole = whole
		close(w.ended)
	}
}

func endAll(wanted []*foreseen) {
	for _, w := range wanted {
		w.end(false)
	}
}
