package pass

import (
	"context"
	"errors"
	"fmt"

	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/watermark"
)

// Fit is how well two mailboxes fit what the database knows of a pair.
type Fit struct {
	// Records is how many items were migrated in all.
	Records int `json:"records"`
	// Settled is how many migrated items were at the destination when it was last scanned, and Found
	// how many of them are in this one, by their marks.
	Settled int `json:"settled"`
	Found   int `json:"found"`
	// SourceKnown is how many migrated items the source had when it was last listed, and SourceFound
	// how many of them are in this one.
	SourceKnown int `json:"sourceKnown"`
	SourceFound int `json:"sourceFound"`
}

// fits reports whether these are the mailboxes of the pair: at least half of what was there must be
// there. A mailbox of somebody else has nothing of it, nor has one that its user emptied before.
func (f Fit) fits() bool {
	return 2*f.Found >= f.Settled && 2*f.SourceFound >= f.SourceKnown && (f.Found > 0 || f.Records == 0)
}

// Rebind tells the database that the mailboxes of a pair have new addresses or hosts, as after a
// switch of the domain. It looks through both first, and fails with ErrNoFit, counts in its text,
// if they are not the mailboxes that the database knows. With dry set, it only looks.
func (e *Engine) Rebind(ctx context.Context, p Pair, dry bool) (_ *Fit, err error) {
	r, err := e.begin(ctx, p, Options{FullScan: true}, true)
	if err != nil {
		return nil, refuse(err)
	}
	defer func() { err = errors.Join(err, r.ledger.Close()) }()
	fit, err := r.fit(ctx)
	switch {
	case err != nil:
		return nil, refuse(err)
	case !fit.fits():
		return fit, refuse(fmt.Errorf("%w: of %d items at the destination %d are in this one, of %d at the source %d; "+
			"check both addresses, or give these mailboxes a pair ID of their own, or reset the pair if its user emptied them",
			ErrNoFit, fit.Settled, fit.Found, fit.SourceKnown, fit.SourceFound))
	case dry:
		return fit, nil
	}
	if r.sourceMoved() {
		if err := r.voidRefs(ctx); err != nil {
			return fit, err
		}
	}
	if err := r.dropSummaries(ctx); err != nil {
		return fit, err
	}
	meta := r.ledger.Meta()
	meta.Source, meta.Destination = r.mint.binding(p.Source.Info()), r.mint.binding(p.Destination.Info())
	return fit, r.ledger.Commit(ctx, store.Batch{Meta: &meta})
}

// fit looks through both mailboxes.
func (r *running) fit(ctx context.Context) (*Fit, error) {
	if err := r.connect(ctx); err != nil {
		return nil, err
	}
	if err := r.checkTypes(); err != nil {
		return nil, err
	}
	fit := &Fit{}
	v, err := r.locateAll(ctx)
	if err != nil {
		return nil, err
	}
	if err := r.fitDestination(ctx, v, fit); err != nil {
		return nil, err
	}
	r.opts.Kind = Verify // which goes through what was migrated
	r.lastView = v
	if err := restarting(func() error { return r.plan(ctx, v) }); err != nil {
		return nil, err
	}
	for _, plan := range r.plans {
		for _, c := range plan.checks {
			if !c.record.Gone {
				fit.SourceFound++
			}
		}
	}
	return fit, nil
}

// fitDestination counts what was seen at the destination, and what of it is in a view.
func (r *running) fitDestination(ctx context.Context, v *view, fit *Fit) error {
	seen := map[watermark.ID]bool{}
	scanned, err := sightings(ctx, r.ledger)
	if err != nil {
		return err
	}
	for _, folder := range scanned {
		for _, s := range folder {
			seen[s.ID] = true
		}
	}
	for rec, err := range r.ledger.Records(ctx, store.AllFolders) {
		switch {
		case err != nil:
			return err
		case rec.Status != store.Settled || !r.mint.owns(rec):
			continue
		case !rec.Gone:
			fit.SourceKnown++
		}
		fit.Records++
		if seen[rec.ID] {
			fit.Settled++
			if v.has(rec.ID, false) {
				fit.Found++
			}
		}
	}
	return nil
}
