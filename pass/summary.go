package pass

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/store"
)

// A summary is what a pass with nothing new reports of a folder of the source. It stands beside the
// position up to which the folder was gone through, and holds as long as the source still has the
// folder in that state and all of the destination is as it was. Then no item and no record of the
// folder is looked at.
//
// It is taken away before anything is changed that it rests on: by each pass that plans the folder
// otherwise, by a purge, and by a rebind; resets and voided references take the position with it.

// summaryForm is the first byte of every summary of this form.
const summaryForm = 1

// summary encodes counts that hold while the destination has a fingerprint.
func (c Counts) summary(destination fingerprint) string {
	text := append([]byte{summaryForm}, destination[:]...)
	for _, n := range []int{c.Already, c.Adopted, c.RemovedAtDestination, c.OriginatedHere} {
		text = binary.AppendUvarint(text, uint64(max(n, 0)))
	}
	return string(text)
}

// parseSummary inverts summary, if that was made of a destination with the same fingerprint.
func parseSummary(text string, destination fingerprint) (c Counts, ok bool) {
	head := 1 + len(destination)
	if len(text) <= head || text[0] != summaryForm || text[1:head] != string(destination[:]) {
		return Counts{}, false
	}
	rest := []byte(text[head:])
	for _, n := range []*int{&c.Already, &c.Adopted, &c.RemovedAtDestination, &c.OriginatedHere} {
		value, size := binary.Uvarint(rest)
		if size <= 0 {
			return Counts{}, false
		}
		*n, rest = int(value), rest[size:] //nolint:gosec // a number of items
	}
	c.Listed = c.Already + c.RemovedAtDestination + c.OriginatedHere
	return c, len(rest) == 0
}

// fingerprint stands for the states of all folders of the destination; zero if one has none.
type fingerprint [sha256.Size]byte

// fingerprintOf makes that of folders, in whatever order they are listed.
func fingerprintOf(folders []endpoint.Folder) fingerprint {
	sorted := slices.SortedFunc(slices.Values(folders), func(a, b endpoint.Folder) int {
		return cmp.Or(slices.Compare(a.Path, b.Path), cmp.Compare(a.ID, b.ID))
	})
	sum := sha256.New()
	for _, f := range sorted {
		if f.State == "" {
			return fingerprint{}
		}
		_, _ = fmt.Fprintf(sum, "%q %q %q %q\n", f.Path, f.Role, f.Validity, f.State) // cannot fail
	}
	return fingerprint(sum.Sum(nil))
}

// summarizes reports whether a pass decides as every later pass with plain options does, so that what it
// finds of a folder may be summarized, and summaries are believed.
func (r *running) summarizes() bool {
	o, s := r.opts, r.opts.Select
	return o.Kind.propagates() && !o.Policies.some(func(p Policy) bool { return p != Policy{} }) &&
		!o.FullCompare && !o.SendBack && !o.TrustDatabase &&
		s.Kinds == nil && s.MaxSize == 0 && !s.dated() &&
		r.forget == nil && !r.sourceMoved() && r.knowsDestination() && !r.ledger.Meta().Rebuilding &&
		(!r.profile.known() || r.profile.MarkSurvives)
}

// summarized plans a folder from the summary at its position, if that holds. Since is the state from
// which its listing may go on.
func (p planner) summarized(plan *folderPlan, position store.Folder, since string) bool {
	if !p.summarizes || since == "" || since != plan.source.State || p.view.fingerprint == (fingerprint{}) {
		return false
	}
	counts, ok := parseSummary(position.Summary, p.view.fingerprint)
	if ok {
		plan.counts, plan.summarized = counts, true
	}
	return ok
}

// recount returns what a pass with nothing new would report of a folder that was gone through to its
// end, by the records of its items alone. It is not ok if one of them is still to be dealt with.
func (p planner) recount(ctx context.Context, plan *folderPlan) (c Counts, ok bool, err error) {
	if err := p.view.load(ctx); err != nil {
		return c, false, err
	}
	for rec, err := range p.ledger.Records(ctx, plan.name) {
		if err != nil {
			return c, false, err
		}
		if !p.mint.owns(rec) || !listedIn(plan.source, rec) {
			continue
		}
		c.Listed++
		present := p.view.has(rec.ID, rec.Trashed)
		switch {
		case rec.Status == store.Adopted:
			c.Already++
			c.Adopted++
		case rec.Status == store.Settled && present:
			c.Already++
		case rec.Status == store.Settled:
			c.RemovedAtDestination++
		case rec.Status == store.Originated && !present:
			c.OriginatedHere++
		default:
			return c, false, nil
		}
	}
	return c, true, nil
}

// outset is what a view was by: as much as is to be known of it to say what became of it since.
type outset struct {
	folders  []endpoint.Folder
	markless bool // nothing of the pair was there
}

func (v *view) outset() outset { return outset{v.folders, v.loaded() && v.markless()} }

// foresees reports whether of all that was at the destination at the outset nothing is gone, and nothing came but
// what the pass wrote. Then what was found out of known items, and what was written, is all that there is to be
// known. The view is that of the last look.
func (r *running) foresees(v *view) bool {
	if v == r.lastView {
		return true // nobody had to look again
	}
	if !v.extendsOnly(r.before.folders) || !r.before.markless && !v.extendsAll(r.before.folders) {
		return false
	}
	return v.holdsWritten()
}

// holdsWritten reports whether all that a view holds is what the pass wrote.
func (v *view) holdsWritten() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.written == nil || v.present.len() > 0 {
		return false
	}
	for _, bits := range v.written.all() {
		there := bits&(alive|trashed) != 0
		if there && (bits&wroteItem == 0 || bits&wroteTrashed != 0 && bits&alive == 0) {
			return false
		}
	}
	return true
}

// extendsOnly reports whether all that a view takes for granted is what was there when folders were listed before:
// nobody looked in between.
func (v *view) extendsOnly(earlier []endpoint.Folder) bool {
	states := map[string]string{}
	for _, f := range earlier {
		states[store.FolderKey(f.Path)] = f.State
	}
	for key, since := range v.extends {
		if since == "" || states[key] != since {
			return false
		}
	}
	return true
}

// extendsAll reports whether nothing left any of these folders since they were listed before, and a view saw all
// that came.
func (v *view) extendsAll(earlier []endpoint.Folder) bool {
	now := map[string]endpoint.Folder{}
	for _, f := range v.folders {
		now[store.FolderKey(f.Path)] = f
	}
	return !slices.ContainsFunc(earlier, func(f endpoint.Folder) bool {
		key := store.FolderKey(f.Path)
		_, extended := v.extends[key]
		return !extended || now[key].Role != f.Role
	})
}

// foreseen returns what a pass with nothing new would report of a folder in which this one dealt with every
// item, where that can be told from its own counts.
func (c Counts) foreseen() (next Counts, ok bool) {
	next = Counts{
		Listed: c.Listed, Already: c.Already + c.Migrated, Adopted: c.Adopted,
		RemovedAtDestination: c.RemovedAtDestination, OriginatedHere: c.OriginatedHere,
	}
	return next, next.Listed == next.Already+next.RemovedAtDestination+next.OriginatedHere
}

// summarize leaves summaries of the folders that were gone through to their end, at the end of a pass.
// The view is that of the last look at the destination. A pass that is cancelled just then lacks nothing.
func (r *running) summarize(ctx context.Context, v *view) error {
	if !r.summarizes() || v.trusted || v.fingerprint == (fingerprint{}) {
		return nil
	}
	err := r.summarizeFolders(ctx, v)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (r *running) summarizeFolders(ctx context.Context, v *view) error {
	stored, err := positions(ctx, r.ledger, store.Source)
	if err != nil {
		return err
	}
	foresees := r.foresees(v)
	p := r.planner(v)
	var summaries []store.Folder
	for _, plan := range r.plans {
		position := stored[plan.name]
		if plan.broken || plan.source.State == "" || r.mint.reached(position, plan.source) != plan.source.State {
			continue
		}
		if _, holds := parseSummary(position.Summary, v.fingerprint); holds {
			continue
		}
		counts, ok := plan.counts.foreseen()
		if !foresees || !ok {
			if counts, ok, err = p.recount(ctx, plan); err != nil {
				return err
			}
		}
		if position.Summary = ""; ok && counts.Listed == plan.counts.Listed {
			position.Summary = counts.summary(v.fingerprint)
			summaries = append(summaries, position)
		}
	}
	return commitPositions(ctx, r.ledger, summaries)
}

// dropOutdated takes away the summaries of the folders that were planned otherwise, before anything is
// done about their items.
func (r *running) dropOutdated(ctx context.Context) error {
	var bare []store.Folder
	for _, plan := range r.plans {
		if plan.outdated != nil && !r.dry {
			bare = append(bare, *plan.outdated)
		}
	}
	return commitPositions(ctx, r.ledger, bare)
}

// dropSummaries takes all summaries away, before something is changed that they rest on.
func (r *running) dropSummaries(ctx context.Context) error {
	stored, err := positions(ctx, r.ledger, store.Source)
	if err != nil {
		return err
	}
	var bare []store.Folder
	for _, position := range stored {
		if position.Summary != "" {
			position.Summary = ""
			bare = append(bare, position)
		}
	}
	return commitPositions(ctx, r.ledger, bare)
}

func commitPositions(ctx context.Context, ledger store.Ledger, all []store.Folder) error {
	for chunk := range chunks(all) {
		if err := ledger.Commit(ctx, store.Batch{Folders: chunk}); err != nil {
			return err
		}
	}
	return nil
}
