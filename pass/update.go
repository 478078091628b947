package pass

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/watermark"
)

// replacement is an item that may have changed at the source, while it is dealt with.
type replacement struct {
	update
	body   endpoint.Body
	digest [16]byte // of the source's bytes as they are now
	old    []place  // copies of what was migrated before
	target endpoint.Folder
	state  replaceState
	// repair says that the old copies are broken ones, and known.
	repair bool
}

// replaceState is how far a replacement came.
type replaceState uint8

const (
	unread  replaceState = iota
	same                 // the content did not change
	wanted               // a new copy is to be written
	written              // a new copy is at the destination
	dropped              // nothing more is to be done: a conflict, a failure, or gone
)

// replace writes anew what changed at the source, and then removes the old copies. What it finds
// tells it how far an earlier pass came that was cut: a copy of the bytes of the source is the new
// one, and one of the bytes that the record knows the old one.
func (p *propagator) replace(ctx context.Context, plan *folderPlan) (done int, err error) {
	for some := range windows(plan.updates, func(u update) int64 { return u.item.Size }, p.opts) {
		all := make([]*replacement, len(some))
		for i, u := range some {
			all[i] = &replacement{update: u}
		}
		n, err := p.replaceSome(ctx, plan, all)
		if done += n; err != nil {
			return done, err
		}
	}
	return done, nil
}

func (p *propagator) replaceSome(ctx context.Context, plan *folderPlan, all []*replacement) (done int, err error) {
	defer func() {
		for _, re := range all {
			closeBody(re.body)
		}
	}()
	for _, step := range []func(context.Context, *folderPlan, []*replacement) error{p.readSources, p.compareCopies} {
		if err := step(ctx, plan, all); err != nil {
			return 0, err
		}
	}
	if !p.dry {
		for _, step := range []func(context.Context, *folderPlan, []*replacement) error{p.putNew, p.dropOld} {
			if err := step(ctx, plan, all); err != nil {
				return 0, err
			}
		}
	}
	return p.settleReplaced(ctx, plan, all)
}

// readSources reads the items as they are now. One for which the source does not answer stays unread,
// for the next pass.
func (p *propagator) readSources(ctx context.Context, plan *folderPlan, all []*replacement) error {
	byRef := map[string]*replacement{}
	var refs []string
	for _, re := range all {
		byRef[re.item.Ref] = re
		refs = append(refs, re.item.Ref)
	}
	err := p.from.persist(ctx, func(ctx context.Context) error {
		for body, err := range p.pair.Source.Read(ctx, plan.source, refs, p.reading()) {
			if err != nil {
				return err
			}
			re, asked := byRef[body.Ref]
			if !asked {
				closeBody(body)
				continue
			}
			closeBody(re.body) // of an attempt before
			re.body = body
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, re := range all {
		switch {
		case re.body.Err != nil:
			p.unreadable(plan, re, re.body.Err)
		case re.body.Content != nil:
			if err := re.digestSource(); err != nil {
				return err
			}
		}
	}
	return nil
}

// digestSource compares an item as it is now with what was migrated.
func (re *replacement) digestSource() (err error) {
	if re.digest, err = digestOf(re.body.Content); err != nil {
		return err
	}
	switch {
	case re.repair && re.state == written: // a whole copy is there
	case !re.repair && re.digest == re.record.Digest:
		re.state = same
	default:
		re.state = wanted
	}
	return nil
}

func (p *propagator) unreadable(plan *folderPlan, re *replacement, err error) {
	re.state = dropped
	if endpoint.CodeOf(err) == endpoint.NotFound {
		return // gone meanwhile: the next pass sees that
	}
	p.failedUpdate(plan, re, err)
}

// failedUpdate makes a failure of an item that was migrated before and could not be replaced.
func (p *propagator) failedUpdate(plan *folderPlan, re *replacement, err error) {
	re.state = dropped
	plan.counts.Already--
	plan.counts.Failed++
	p.failures.add(plan, re.item.Ref, err)
}

// compareCopies finds the old and the new copies of items that changed.
func (p *propagator) compareCopies(ctx context.Context, plan *folderPlan, all []*replacement) error {
	var places []place
	for _, re := range all {
		if re.state == wanted && !re.repair {
			places = append(places, p.view.alive(re.record.ID)...)
		}
	}
	found, err := p.inspect(ctx, places)
	if err != nil {
		return err
	}
	for _, re := range all {
		if re.state == wanted && !re.repair {
			p.divideCopies(plan, re, found)
		}
	}
	return nil
}

func (p *propagator) divideCopies(plan *folderPlan, re *replacement, found map[place]copyAt) {
	isNew := false
	reason := ""
	for _, at := range p.view.alive(re.record.ID) {
		c := found[at]
		why, gone := p.untouchable(re.record, c)
		switch {
		case c.is(re.digest):
			isNew, re.target = true, *at.folder
		case gone:
		case why == "" && plan.path != nil && !slices.Equal(at.folder.Path, plan.path):
			reason = "it was moved to another folder at the destination"
		case why != "":
			reason = why
		default:
			re.old, re.target = append(re.old, at), *at.folder
		}
	}
	switch {
	case isNew:
		re.state = written
	case reason != "":
		re.state = dropped
		p.conflict(plan, re.record, reason)
	case len(re.old) > 1:
		re.state = dropped
		p.conflict(plan, re.record, "there are several copies of it at the destination")
	case len(re.old) == 0:
		re.state = dropped // its user removed it meanwhile
	}
}

// putNew writes new copies, and looks for them.
func (p *propagator) putNew(ctx context.Context, plan *folderPlan, all []*replacement) error {
	byFolder := map[string][]*replacement{}
	for _, re := range all {
		if re.state == wanted {
			byFolder[re.target.ID] = append(byFolder[re.target.ID], re)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(byFolder)) {
		some := byFolder[id]
		if err := p.putInto(ctx, plan, some); err != nil {
			return err
		}
	}
	if len(byFolder) == 0 {
		return nil
	}
	if err := sleep(ctx, p.dstCaps.Visibility); err != nil {
		return err
	}
	view, err := p.look(ctx, false)
	if err != nil {
		return err
	}
	p.view = view
	for _, re := range all {
		if re.state == wanted {
			p.confirmNew(plan, re)
		}
	}
	return nil
}

// putInto writes new copies into a folder. Whether those that get no answer are there is for a look to
// tell, once whatever was under way has landed or never will.
func (p *propagator) putInto(ctx context.Context, plan *folderPlan, some []*replacement) error {
	w := newCopies{propagator: p, plan: plan, target: some[0].target, untried: some}
	p.acts, p.touched = true, true
	if err := p.to.persist(ctx, w.put); err != nil || !w.doubtful {
		return err
	}
	p.tell(Waiting{Side: store.Destination, For: p.dstCaps.PutGrace, Code: endpoint.InDoubt})
	return sleep(ctx, p.dstCaps.PutGrace)
}

// newCopies are the new copies of items of one folder, while they are written.
type newCopies struct {
	*propagator
	plan     *folderPlan
	target   endpoint.Folder
	untried  []*replacement // of which nothing was sent, or what was sent was refused for now
	doubtful bool           // some were sent and got no answer
}

// put sends what is untried, once. It may be called again after an error.
func (w *newCopies) put(ctx context.Context) error {
	if len(w.untried) == 0 {
		return nil
	}
	var puts []endpoint.Put
	open := map[watermark.Mark]*replacement{} // those without an answer
	for _, re := range w.untried {
		put := endpoint.Put{
			Mark: w.mint.mark(re.record.ID), Kind: re.item.Kind, Content: re.body.Content,
			Flags: re.body.Flags, Received: re.body.Received,
		}
		puts = append(puts, put)
		open[put.Mark] = re
	}
	sent := w.untried
	w.untried = nil
	var grave error // concerns more than one item; the answers for the others still come
	for result, err := range w.pair.Destination.Put(ctx, w.target, puts) {
		if err != nil {
			return cmp.Or(w.ended(sent, open, err), grave)
		}
		if err := w.answered(open[result.Mark], result.Err); grave == nil {
			grave = err
		}
		delete(open, result.Mark)
	}
	return grave
}

// answered takes the answer for one item. It returns an error that concerns more than this item.
func (w *newCopies) answered(re *replacement, err error) error {
	switch {
	case err == nil:
	case endpoint.CodeOf(err) == endpoint.InDoubt, isContext(err):
		w.doubtful = true
	case fatal(err):
		w.untried = append(w.untried, re)
		return err
	default:
		w.failedUpdate(w.plan, re, err)
	}
	return nil
}

// ended takes the error that ended a put. It may say that the items without an answer were refused.
func (w *newCopies) ended(sent []*replacement, open map[watermark.Mark]*replacement, err error) error {
	if isContext(err) {
		return err
	}
	if !endpoint.CodeOf(err).Refuses() {
		w.doubtful = true
		return nil
	}
	var grave error
	for _, re := range sent {
		if open[w.mint.mark(re.record.ID)] == re {
			grave = w.answered(re, err)
		}
	}
	return grave
}

// confirmNew believes in a new copy that it sees.
func (p *propagator) confirmNew(plan *folderPlan, re *replacement) {
	fresh := slices.ContainsFunc(p.view.alive(re.record.ID), func(at place) bool {
		return !slices.ContainsFunc(re.old, func(old place) bool { return samePlace(old, at) })
	})
	if fresh {
		re.state = written
		return
	}
	p.failedUpdate(plan, re, endpoint.Errorf(endpoint.Unconfirmed, "the new copy is not there; the old one stays"))
}

// samePlace compares places of two views.
func samePlace(a, b place) bool { return a.ref == b.ref && a.folder.ID == b.folder.ID }

// dropOld removes the old copies of items whose new ones were seen. Where one stays, the item is left
// to the next pass, which finds both.
func (p *propagator) dropOld(ctx context.Context, _ *folderPlan, all []*replacement) error {
	var old []holding
	for _, re := range all {
		if re.state == written {
			for _, at := range re.old {
				old = append(old, holding{record: re.record, at: at})
			}
		}
	}
	gone, err := p.take(ctx, old)
	left := map[watermark.ID]int{}
	for _, h := range old {
		left[h.record.ID]++
	}
	for _, h := range gone {
		left[h.record.ID]--
	}
	for _, re := range all {
		if left[re.record.ID] > 0 {
			re.state = dropped
		}
	}
	return err
}

// settleReplaced notes what is there now. It returns how many items need no other look.
func (p *propagator) settleReplaced(ctx context.Context, plan *folderPlan, all []*replacement) (done int, err error) {
	var records []store.Record
	for _, re := range all {
		rec := re.record
		switch re.state {
		case same:
			rec.Version = re.item.Version
		case written:
			rec.Version, rec.Digest, rec.Size = re.item.Version, re.digest, re.body.Content.Size()
			rec.Flags, rec.Received = flagText(re.body.Flags), re.body.Received
			rec.Trashed = rec.Trashed || p.hasTrash()
			if !re.repair {
				plan.counts.Updated++
			}
		case wanted: // in a dry run
			plan.counts.Updated++
			continue
		case unread, dropped:
			continue
		}
		done++
		if p.replaced[rec.ID] = rec; rec != re.record {
			records = append(records, rec)
		}
	}
	if p.dry {
		return 0, nil
	}
	return done, p.commitRecords(ctx, records)
}

// hasTrash reports whether what is removed goes to a trash.
func (p *propagator) hasTrash() bool {
	return slices.ContainsFunc(p.view.folders, func(f endpoint.Folder) bool { return f.Role == endpoint.Trash })
}
