package pass

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/watermark"
)

// Verified is what a Verify pass found. Present, Moved, Missing, Altered and Partial add up to
// Checked.
type Verified struct {
	// Sample is the percentage of items that were looked at, and Seed what chose them.
	Sample float64 `json:"sample"`
	Seed   uint64  `json:"seed,omitempty"`

	Checked int `json:"checked"`
	// Present are where they were put, as they were sent.
	Present int `json:"present"`
	// Moved are as they were sent, in another folder.
	Moved int `json:"moved"`
	// Missing are nowhere at the destination.
	Missing int `json:"missing"`
	// Altered differ from what was sent in bytes, date or flags; FlagsOnly of them in flags alone, as
	// when their user read them.
	Altered   int `json:"altered"`
	FlagsOnly int `json:"flagsOnly"`
	// Partial are shorter than what was sent.
	Partial int `json:"partial"`
	// Unknown, which are part of the others, could not be compared in bytes: the database does not
	// know what was sent, and the source has it no more.
	Unknown int `json:"unknown"`
	// Repaired are missing and partial ones that were written again, or in a dry run would be.
	Repaired int `json:"repaired"`

	Findings []Finding `json:"findings"`
}

// Finding is an item that is not as it was sent, or not where it was put.
type Finding struct {
	Folder string `json:"folder"` // path at the source, joined by slashes
	ID     string `json:"id"`     // reference at the source, as it is or was
	What   string `json:"what"`   // moved, missing, altered or partial
	// Differs names what does: "bytes", "size", "date", "flags" or "unreadable".
	Differs []string `json:"differs,omitempty"`
}

// String returns the findings in numbers, a line each.
func (v *Verified) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "  checked %d", v.Checked)
	if v.Sample < 100 {
		fmt.Fprintf(&b, ", a sample of %g %% with seed %d", v.Sample, v.Seed)
	}
	fmt.Fprintf(&b, ": %d present, %d moved, %d missing, %d altered (%d in flags only), %d partial; %d repaired\n",
		v.Present, v.Moved, v.Missing, v.Altered, v.FlagsOnly, v.Partial, v.Repaired)
	if v.Unknown > 0 {
		fmt.Fprintf(&b, "  of %d the bytes could not be compared\n", v.Unknown)
	}
	return b.String()
}

// check is a migrated item that is to be looked at.
type check struct {
	record store.Record
	item   *listed // nil if the source has it no more
}

// broken is an item of which a copy at the destination is there in part only.
type broken struct {
	plan *folderPlan
	check
	old []place
	// whole says that a good copy is there besides.
	whole bool
}

// verify looks at every migrated item, and makes work of what is to be repaired.
func (r *running) verify(ctx context.Context) error {
	r.tell(PhaseStarted{Verifying})
	v := r.opts.Verify
	r.verified = &Verified{Sample: v.Sample, Seed: v.Seed, Findings: []Finding{}}
	if v.Sample == 0 {
		r.verified.Sample = 100
	} else if v.Seed == 0 {
		r.verified.Seed = rand.Uint64() | 1
	}
	for _, plan := range r.everyPlan() {
		for _, rec := range plan.gone {
			plan.checks = append(plan.checks, check{record: rec})
		}
		for some := range slices.Chunk(r.sample(plan), r.opts.Window) {
			if err := r.opts.Pause.wait(ctx, r.tell); err != nil {
				return err
			}
			if err := r.verifySome(ctx, plan, some); err != nil {
				return fmt.Errorf("verify: %w", err)
			}
		}
	}
	return nil
}

// sample returns the items of a folder that are looked at.
func (r *running) sample(plan *folderPlan) []check {
	return slices.DeleteFunc(plan.checks, func(c check) bool {
		item := itemOf(c.record)
		if c.item != nil {
			item = c.item.Item
		}
		plan.counts.Listed++
		if r.opts.Select.takes(item) && r.sampled(c.record.ID) {
			plan.counts.Deferred++ // until it is looked at
			return false
		}
		plan.counts.Filtered++
		return true
	})
}

// sampled decides by seed and ID alone, so that the same seed looks at the same items again.
func (r *running) sampled(id watermark.ID) bool {
	if r.verified.Sample >= 100 {
		return true
	}
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(id[:], r.verified.Seed))
	return float64(binary.BigEndian.Uint64(sum[:8]))/math.MaxUint64 < r.verified.Sample/100
}

// verifySome compares some items of a folder with what was sent.
func (r *running) verifySome(ctx context.Context, plan *folderPlan, some []check) error {
	var places []place
	for _, c := range some {
		places = append(places, r.lastView.copies(c.record)...)
	}
	found, err := r.inspect(ctx, places)
	if err != nil {
		return err
	}
	learnt, err := r.learn(ctx, plan, some, found)
	if err != nil {
		return err
	}
	for _, c := range some {
		r.judge(plan, c, found)
	}
	for chunk := range chunks(learnt) {
		if err := r.ledger.Commit(ctx, store.Batch{Records: chunk}); err != nil {
			return err
		}
	}
	return nil
}

// learn asks the source for what was sent where the database does not know, and returns the
// records that know it now. It changes them in some, too.
func (r *running) learn(ctx context.Context, plan *folderPlan, some []check, found map[place]copyAt) ([]store.Record, error) {
	unknown := map[string]*check{}
	var refs []string
	for i, c := range some {
		if c.record.Digest == [16]byte{} && c.item != nil && len(r.lastView.copies(c.record)) > 0 {
			unknown[c.item.Ref] = &some[i]
			refs = append(refs, c.item.Ref)
		}
	}
	if len(refs) == 0 {
		return nil, nil
	}
	var learnt []store.Record
	err := r.from.persist(ctx, func(ctx context.Context) error {
		learnt = nil
		for body, err := range r.pair.Source.Read(ctx, plan.source, refs, r.reading()) {
			if err != nil {
				return err
			}
			c, asked := unknown[body.Ref]
			if !asked || body.Err != nil { // stays unknown
				closeBody(body)
				continue
			}
			rec, err := r.recall(*c, body, found)
			closeBody(body)
			if err != nil {
				return err
			}
			if rec.Digest != [16]byte{} {
				c.record = rec
				learnt = append(learnt, rec)
			}
		}
		return nil
	})
	if r.dry {
		return nil, err
	}
	return learnt, err
}

// recall returns the record of an item with what its source has now, if a copy at the destination
// is the same: then that is what was sent.
func (r *running) recall(c check, body endpoint.Body, found map[place]copyAt) (store.Record, error) {
	digest, err := digestOf(body.Content)
	rec := c.record
	for _, at := range r.lastView.copies(rec) {
		if copied := found[at]; copied.is(digest) {
			rec.Digest, rec.Size, rec.Version = digest, body.Content.Size(), c.item.Version
			if flags := flagText(body.Flags); rec.Flags == "" && systemFlags(copied.flags) == systemFlags(flags) {
				rec.Flags = flags
			}
		}
	}
	return rec, err
}

// verdictOf is what one copy is, best first.
type copyVerdict uint8

const (
	intact   copyVerdict = iota // where it was put, as it was sent
	moved                       // elsewhere, as it was sent
	reworked                    // differs
	partial                     // shorter than what was sent
	absent
)

func (v copyVerdict) String() string {
	return [...]string{"present", "moved", "altered", "partial", "missing"}[v]
}

// judge enters what became of one item. Of several copies the best one counts.
func (r *running) judge(plan *folderPlan, c check, found map[place]copyAt) {
	best, differs := absent, []string(nil)
	var parts []place
	for _, at := range r.lastView.copies(c.record) {
		copied, ok := found[at]
		if !ok || endpoint.CodeOf(copied.err) == endpoint.NotFound {
			continue
		}
		what, how := r.judgeCopy(plan, c.record, at, copied)
		if what == partial && at.folder.Role != endpoint.Trash { // what is there was removed already
			parts = append(parts, at)
		}
		if what < best {
			best, differs = what, how
		}
	}
	r.enterVerdict(plan, c, best, differs)
	r.repair(plan, c, best, parts)
}

func (r *running) judgeCopy(plan *folderPlan, rec store.Record, at place, c copyAt) (copyVerdict, []string) {
	if c.err != nil {
		return reworked, []string{"unreadable"}
	}
	shorter := !slices.ContainsFunc(c.originals, func(o original) bool { return o.size >= rec.Size })
	var differs []string
	switch {
	case rec.Digest == [16]byte{}, c.is(rec.Digest), !r.keeps(r.dstCaps.Exact, r.profile.BytesExact):
	case shorter:
		return partial, []string{"size"}
	default:
		differs = append(differs, "bytes")
	}
	// Of what is no mail the date is that of its making, which no destination can be given.
	if endpoint.Kind(rec.Kind) == endpoint.Mail && r.keeps(r.dstCaps.Received, r.profile.DateKept) && !sameDate(c.received, rec.Received) {
		differs = append(differs, "date")
	}
	if rec.Flags != "" && systemFlags(c.flags) != systemFlags(rec.Flags) {
		differs = append(differs, "flags")
	}
	switch {
	case len(differs) > 0:
		return reworked, differs
	case plan.path != nil && !slices.Equal(at.folder.Path, plan.path):
		return moved, nil
	}
	return intact, nil
}

// keeps reports whether the destination keeps something: it says so, and the canary did not find
// otherwise.
func (r *running) keeps(says, found bool) bool { return says && (found || !r.profile.known()) }

// sameDate compares times of receipt as far as mailboxes keep them: to the second, from 1970 on.
func sameDate(a, b time.Time) bool {
	return b.IsZero() || b.Unix() <= 0 || a.Unix() == b.Unix()
}

func (r *running) enterVerdict(plan *folderPlan, c check, what copyVerdict, differs []string) {
	v := r.verified
	v.Checked++
	plan.counts.Deferred--
	count := map[copyVerdict]*int{intact: &v.Present, moved: &v.Moved, reworked: &v.Altered, partial: &v.Partial, absent: &v.Missing}
	*count[what]++
	if what == reworked && slices.Equal(differs, []string{"flags"}) {
		v.FlagsOnly++
	}
	if what != absent && c.record.Digest == [16]byte{} {
		v.Unknown++
	}
	if what == absent {
		plan.counts.RemovedAtDestination++
	} else {
		plan.counts.Already++
	}
	if what != intact {
		v.Findings = append(v.Findings, Finding{display(plan.source.Path), c.record.Ref, what.String(), differs})
	}
}

// repair makes work of an item, if it is to be repaired and can be: the source still has it, and the
// destination takes its kind.
func (r *running) repair(plan *folderPlan, c check, what copyVerdict, parts []place) {
	repair := r.opts.Verify.Repair
	switch {
	case c.item == nil, len(r.srcCaps.Offers(c.item.Kind, r.dstCaps)) == 0:
	case what == absent && len(r.lastView.copies(c.record)) > 0: // it was there a moment ago: its user may be moving it
	case what == absent && repair >= RepairMissing:
		plan.counts.RemovedAtDestination--
		plan.counts.Deferred++
		w := c.item.work()
		w.before = &c.record
		plan.work.add(w)
	case len(parts) > 0 && repair == RepairPartial:
		r.broken = append(r.broken, broken{plan, c, parts, what != partial})
		if r.dry && what == partial {
			r.verified.Repaired++
		}
	}
}

// mend writes anew what is there in part only. Once a whole copy is seen, the parts are removed.
func (r *running) mend(ctx context.Context) error {
	if len(r.broken) == 0 || r.dry {
		return nil
	}
	view, err := r.look(ctx, false)
	if err != nil {
		return err
	}
	p := &propagator{running: r, view: view, replaced: map[watermark.ID]store.Record{}}
	for _, b := range r.broken {
		if err := r.opts.Pause.wait(ctx, r.tell); err != nil {
			return err
		}
		re := &replacement{update: update{*b.item, b.record}, old: b.old, target: *b.old[0].folder, repair: true}
		if b.whole {
			re.state = written
		}
		n, err := p.replaceSome(ctx, b.plan, []*replacement{re})
		if err != nil {
			return err
		}
		if !b.whole {
			r.verified.Repaired += n
		}
	}
	if p.acts {
		_, err = r.look(ctx, false)
	}
	return err
}
