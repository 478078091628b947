package pass

import (
	"context"
	"fmt"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/store"
)

// scanner looks at the destination for the marks of this pass.
func (r *running) scanner() scanner {
	return scanner{
		destination: r.pair.Destination, to: r.to, ledger: r.ledger, mint: r.mint,
		crew: func() *crew { return r.crew(r.pair.Destination) }, persist: !r.dry && r.knowsDestination(), locate: r.locates(),
		skipsEmpty: r.skipsEmpty(), same: r.knowsDestination(),
	}
}

// skipsEmpty reports whether the number of items that is listed with a folder is enough to know that there are none. It is not where
// something may be in doubt, for it may come late, nor where the states are younger than the listing.
func (r *running) skipsEmpty() bool {
	inDoubt := r.records(func(s store.Stat) bool { return s.Status == store.Intent }) > 0
	return r.lastView == nil && !inDoubt && !r.to.statesSince
}

// locates reports whether the pass needs to know where items are at the destination.
func (r *running) locates() bool {
	return r.opts.Kind == Verify || r.opts.Policies.some(func(p Policy) bool { return touches(p) || merges(p) })
}

// scanDestination is phase 3. Intents of a pass that was cut just now were given the time to land
// before. Where marks show a generation above our own, the database forgot it: it is taken over.
func (r *running) scanDestination(ctx context.Context) (*view, error) {
	trusts, err := r.trusts(ctx)
	if err != nil {
		return nil, err
	}
	if trusts {
		v, complete, err := r.scanner().trust(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the folders of the destination: %w", err)
		}
		if complete {
			return v, nil
		}
	}
	rebuilding := r.ledger.Meta().Rebuilding
	begins := r.opts.Kind == Rebuild && !rebuilding // a generation of which no mark may be there
	// Copies of older generations are counted, and what is remembered of a scan says nothing of them.
	whole := r.opts.FullScan || r.opts.Kind == Verify || r.opts.Kind == Rebuild || rebuilding
	for {
		v, err := r.glance(ctx, whole, nil)
		if err != nil || v.highest < r.mint.generation || v.highest == r.mint.generation && !begins {
			return v, err
		}
		r.failures.warn("the database had forgotten that the pair is at generation %d", v.highest)
		r.mint.generation = v.highest
		if begins {
			r.mint.generation++
		}
	}
}

// trusts reports whether the destination is not to be scanned, because the ledger is believed to
// know what is there. One that knows nothing, was cut in the middle, was reset since the last scan,
// or was scanned for marks of other endpoint types, is not: marks may protect what it forgot.
func (r *running) trusts(ctx context.Context) (bool, error) {
	settled := r.records(func(s store.Stat) bool { return r.ownsStat(s) && s.Status == store.Settled })
	if !r.opts.TrustDatabase || settled == 0 || r.ledger.Meta().Types != r.mint.types {
		return false, nil
	}
	past, err := r.past(ctx)
	if err != nil || past != ended {
		return false, err
	}
	scanned, err := positions(ctx, r.ledger, store.Destination)
	return len(scanned) > 0, err
}

// look scans the destination, and loads what is remembered of it.
func (r *running) look(ctx context.Context, whole bool) (*view, error) {
	v, err := r.glance(ctx, whole, nil)
	if err != nil {
		return nil, err
	}
	return v, v.load(ctx)
}

// glance scans the destination, trying again where that can help, and notes of items that were written where
// they are seen. What it returns is still to be loaded.
func (r *running) glance(ctx context.Context, whole bool, written *idSet) (*view, error) {
	var v *view
	err := restarting(func() (err error) {
		s := r.scanner()
		s.written = written
		v, err = s.scan(ctx, whole)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("scan the destination for marks: %w", err)
	}
	return v, nil
}

// awaitLanding returns when everything that earlier passes sent is there to be seen, or never will be.
func (r *running) awaitLanding(ctx context.Context) error {
	until, err := r.landing(ctx)
	wait := time.Until(until)
	if err != nil || wait <= 0 {
		return err
	}
	r.tell(Waiting{Side: store.Destination, For: wait, Code: endpoint.InDoubt})
	return sleep(ctx, wait)
}

// landing is the end of that time, or long ago. All that is known of when an item in doubt was sent
// is that it was before this pass opened the ledger: what waited for a throttled endpoint goes out
// long after its intent. A settled one was there when it was committed.
func (r *running) landing(ctx context.Context) (time.Time, error) {
	for _, s := range r.ledger.Stats() {
		if s.Status == store.Intent && s.Records > 0 {
			return r.opened.Add(max(r.dstCaps.PutGrace, r.dstCaps.Visibility)), nil
		}
	}
	var newest time.Time
	if r.dstCaps.Visibility == 0 {
		return newest, nil
	}
	for rec, err := range r.ledger.Records(ctx, store.AllFolders) {
		if err != nil {
			return newest, err
		}
		if rec.Status == store.Settled && rec.At.After(newest) {
			newest = rec.At
		}
	}
	if newest.After(r.opened) {
		newest = r.opened // the clock was set back
	}
	return newest.Add(r.dstCaps.Visibility + time.Second), nil // records hold seconds
}
