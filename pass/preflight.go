package pass

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/store"
)

// preflight is phase 2: it finds out what both sides can do, and whether they may form a pair.
func (r *running) preflight(ctx context.Context) error {
	if err := r.connect(ctx); err != nil {
		return err
	}
	if err := r.findReverse(ctx); err != nil {
		return err
	}
	r.profile = r.storedProfile()
	return errors.Join(r.checkTypes(), r.checkPolicies(), r.checkSelection(ctx), r.begun(ctx))
}

// begun is what the kind of the pass asks of the passes before it.
func (r *running) begun(ctx context.Context) error {
	meta := r.ledger.Meta()
	switch r.opts.Kind { //nolint:exhaustive // the others ask nothing
	case Rebuild:
		if !meta.Rebuilding {
			r.mint.generation = meta.Generation + 1
		}
	case RetryFailed:
		return r.checkRetry(ctx)
	case Resume:
		past, err := r.past(ctx)
		if r.nothing = past == ended; r.nothing {
			r.failures.warn("the last pass came to its end: there is nothing to resume; a delta takes what failed or is new")
		}
		return err
	}
	return nil
}

// checkRetry refuses a RetryFailed that has nothing to do, or that comes too early.
func (r *running) checkRetry(ctx context.Context) error {
	past, err := r.past(ctx)
	failed := r.records(func(s store.Stat) bool { return r.ownsStat(s) && s.Status == store.Failed })
	switch {
	case err != nil:
		return err
	case past == cut:
		return fmt.Errorf("%w: the last pass did not come to its end; run that again first", ErrNothingFailed)
	case failed == 0:
		return fmt.Errorf("%w: every item of the last pass was migrated, or left out", ErrNothingFailed)
	}
	return nil
}

// past is how the last pass of a pair ended.
type past uint8

const (
	none  past = iota // there was none, or its history was reset
	ended             // it came to its end
	cut
)

func (r *running) past(ctx context.Context) (past, error) {
	last := none
	for pass, err := range r.cfg.Store.History(ctx, r.pair.ID) {
		if err != nil {
			return none, err
		}
		if last = cut; pass.Complete {
			last = ended
		}
	}
	if r.records(func(s store.Stat) bool { return r.ownsStat(s) && s.Status == store.Intent }) > 0 {
		return cut, nil
	}
	return last, nil
}

// sourceFolders lists the folders of the source, unless that was done ahead.
func (r *running) sourceFolders(ctx context.Context) ([]endpoint.Folder, error) {
	all, err := r.sources, error(nil)
	if r.sources = nil; all == nil {
		all, err = gather(ctx, r.from, r.pair.Source.Folders)
	}
	if err != nil {
		return nil, fmt.Errorf("list the folders of the source: %w", err)
	}
	return all, nil
}

// listSourcesAhead lists the folders of the source for whoever asks for them next.
func (r *running) listSourcesAhead(ctx context.Context) error {
	all, err := r.sourceFolders(ctx)
	r.sources = all
	return err
}

// connect learns the capabilities of both sides and makes sure that they can form a pair.
func (r *running) connect(ctx context.Context) error {
	src, dst := r.pair.Source.Info(), r.pair.Destination.Info()
	if src.Type == dst.Type && src.Account == dst.Account {
		return ErrSameMailbox
	}
	err := together(ctx, func(ctx context.Context) (err error) {
		if r.srcCaps, err = capabilities(ctx, r.from, r.pair.Source); err != nil {
			return fmt.Errorf("source: %w", err)
		}
		return nil
	}, func(ctx context.Context) (err error) {
		if r.dstCaps, err = capabilities(ctx, r.to, r.pair.Destination); err != nil {
			return fmt.Errorf("destination: %w", err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	r.from.statesSince, r.to.statesSince = r.srcCaps.StateSince, r.dstCaps.StateSince
	return nil
}

// checkSelection reports everything that is selected by name and that the source does not have. Its
// folders are listed for that only where some are named.
func (r *running) checkSelection(ctx context.Context) error {
	var errs []error
	for _, k := range r.opts.Select.Kinds {
		if len(r.srcCaps.Read[k]) == 0 {
			errs = append(errs, fmt.Errorf("Select.Kinds: the source has no items of kind %s", k))
		}
	}
	if r.opts.Select.namesFolders() {
		if err := r.listSourcesAhead(ctx); err != nil {
			return err
		}
		errs = append(errs, r.opts.Select.checkFolders(r.sources)...)
	}
	if len(errs) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrInvalid, errors.Join(errs...))
}

func capabilities(ctx context.Context, a *account, m *endpoint.Mailbox) (caps endpoint.Capabilities, err error) {
	err = a.persist(ctx, func(ctx context.Context) (err error) {
		caps, err = m.Capabilities(ctx)
		return err
	})
	return caps, err
}

// findReverse learns the tags of the pairs that went from this destination to this source.
func (r *running) findReverse(ctx context.Context) error {
	source, destination := r.mint.bindings(r.pair.Source.Info()), r.mint.bindings(r.pair.Destination.Info())
	for p, err := range r.cfg.Store.Pairs(ctx) {
		if err != nil {
			return err
		}
		if p.ID != r.pair.ID && slices.Contains(destination, p.Meta.Source) && slices.Contains(source, p.Meta.Destination) {
			r.mint.addReverse(p.ID)
		}
	}
	return nil
}

// checkTypes announces, or refuses, that the marks of earlier passes are void.
func (r *running) checkTypes() error {
	last := r.ledger.Meta().Types
	if last == r.mint.types || last.Source == "" {
		return nil
	}
	if r.opts.OnTypeChange == RefuseType {
		return fmt.Errorf("%w: from %s→%s to %s→%s; go back to the old types, or allow that everything is written again",
			ErrTypeChange, last.Source, last.Destination, r.mint.types.Source, r.mint.types.Destination)
	}
	return nil
}

// admit decides, after the scan of the destination, whether it may be written to.
func (r *running) admit(v *view) error {
	ours := v.present.len() + len(v.void) + v.others
	switch {
	case v.newer > 0:
		return fmt.Errorf("%w: %d items; use the version of the program that wrote them, or a newer one", ErrNewerMark, v.newer)
	case v.foreign > 0 && ours == 0 && !r.opts.AcceptForeignMarks && !r.opts.Policies.some(adopts):
		return fmt.Errorf("%w: %d items; give the key that made them, adopt by identity, or accept foreign marks to write everything anew",
			ErrForeignMarks, v.foreign)
	}
	if err := r.checkDestination(v); err != nil {
		return err
	}
	r.countVoid(v)
	return nil
}

// checkDestination refuses a mailbox with another address than before in which none of our marks
// is found: it is another mailbox, and nothing would be known to be missing there.
func (r *running) checkDestination(v *view) error {
	settled := r.records(func(s store.Stat) bool { return r.ownsStat(s) && s.Status == store.Settled })
	if r.knowsDestination() || settled == 0 || v.present.len() > 0 {
		return nil
	}
	return fmt.Errorf("%w: its address changed, and none of the %d items migrated before is there; "+
		"give this mailbox a pair ID of its own, or rebind the pair", ErrOtherMailbox, settled)
}

// knowsDestination reports whether the destination has the address of earlier passes, if there were
// any. Until it is known to be the same mailbox under another address, what is seen there must not
// take the place of what was seen before: that is what a Rebind goes by.
func (r *running) knowsDestination() bool {
	bound := r.ledger.Meta().Destination
	return bound == (store.Binding{}) || slices.Contains(r.mint.bindings(r.pair.Destination.Info()), bound)
}

// countVoid counts what a change of endpoint types made void: marks that are there, and records of
// items whose marks are not.
func (r *running) countVoid(v *view) {
	last := r.ledger.Meta().Types
	if last == r.mint.types {
		return
	}
	settled := r.records(func(s store.Stat) bool { return s.Types != r.mint.types && s.Status == store.Settled })
	r.voided = max(settled, len(v.void))
	if r.voided > 0 {
		r.tell(Voiding{Marks: r.voided})
	}
}

func (r *running) ownsStat(s store.Stat) bool {
	return s.Types == r.mint.types && s.Generation == r.mint.generation
}

func anyStat(store.Stat) bool { return true }

// records counts the records of the pair that are in statistics which counts selects.
func (r *running) records(counts func(store.Stat) bool) int {
	n := 0
	for _, s := range r.ledger.Stats() {
		if counts(s) {
			n += s.Records
		}
	}
	return n
}

// check is phases 1 and 2 and the mapping of folders.
func (e *Engine) check(ctx context.Context, p Pair, o Options) (_ *Preflight, err error) {
	r, err := e.begin(ctx, p, o, true)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.ledger.Close()) }()
	if err := r.preflight(ctx); err != nil {
		return nil, err
	}
	sources, err := r.sourceFolders(ctx)
	if err != nil {
		return nil, err
	}
	targets, err := gather(ctx, r.to, p.Destination.Folders)
	if err != nil {
		return nil, fmt.Errorf("list the folders of the destination: %w", err)
	}
	taken, left := r.divide(sources)
	r.disable(len(left))
	ways, err := routes(taken, targets, rootsOf(r.srcCaps, r.dstCaps), r.opts)
	if err != nil {
		return nil, err
	}
	pf := &Preflight{
		Source: r.srcCaps, Destination: r.dstCaps, Losses: losses(r.srcCaps, r.dstCaps, taken), Warnings: r.failures.warned(),
	}
	for _, way := range ways {
		pf.Folders = append(pf.Folders, FolderMapping{
			Source: way.source.Path, Destination: way.path, Create: way.found == nil, Items: way.source.Items,
		})
	}
	return pf, nil
}
