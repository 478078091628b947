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
	wanted := d.ahead.begin(folders)
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
	openings := make([]*opening, len(wanted))
	asked := make([]*allAtOnce[endpoint.Item], len(wanted))
	for i, w := range wanted {
		var err error
		if openings[i], err = s.sendSelect(w.folder.ID, true); err != nil {
			return s.wire.drain()
		}
		asked[i] = d.sweepOutline(w.folder).askAll(&batch[endpoint.Item]{})
		asked[i].send(s)
	}
	for i, w := range wanted {
		sel, err := openings[i].await()
		if err != nil || w.folder.Validity != validityText(sel.validity) {
			return s.wire.drain()
		}
		all, err := asked[i].await(s, sel)
		if err != nil && !s.alive() {
			return err
		}
		w.items = asked[i].came.values
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
	folder endpoint.Folder
	items  []endpoint.Item
	whole  bool          // they are all there
	ended  chan struct{} // closed when it is known
}

// begin notes which outlines are asked for ahead. What nobody wanted of those before is let go.
func (o *outlines) begin(folders []endpoint.Folder) (wanted []*foreseen) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.coming = map[string]*foreseen{}
	left := aheadItems
	for _, f := range folders {
		if !fewUIDs(f) || f.Items > min(aheadLargest, left) || len(wanted) == aheadFolders {
			continue
		}
		left -= f.Items
		w := &foreseen{folder: f, ended: make(chan struct{})}
		o.coming[f.ID] = w
		wanted = append(wanted, w)
	}
	return wanted
}

// take returns the whole outline of a folder, once. It is not ok if it was not asked for ahead, or did not come. One that was asked for
// by another listing is not taken: items may have come since, which are older than the State in this one.
func (o *outlines) take(ctx context.Context, f endpoint.Folder) (items []endpoint.Item, ok bool) {
	o.mu.Lock()
	w := o.coming[f.ID]
	delete(o.coming, f.ID)
	o.mu.Unlock()
	if w == nil || w.folder.State != f.State {
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
