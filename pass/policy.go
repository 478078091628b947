package pass

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dandyroll/dandyroll/endpoint"
)

// Policy says what to do about items of one kind that changed at the source after they were
// migrated, or that are at the destination already. The zero value leaves everything alone.
//
// What is done is done only to items with our verified mark and a record that matches, and never to
// one that was changed at the destination since: those are reported as conflicts. What is removed
// goes to the destination's trash where it has one.
type Policy struct {
	OnUpdate OnUpdate
	OnDelete OnDelete
	OnMove   OnMove
	OnFlags  OnFlags
	Adopt    Adopt
}

// OnUpdate is what to do about an item whose content changed at the source. The zero value is
// SkipUpdated.
type OnUpdate uint8

// What to do about changed items.
const (
	SkipUpdated OnUpdate = iota
	// ReplaceUpdated writes the item as it is now; once that is seen at the destination, the old
	// copy is removed.
	ReplaceUpdated
)

// OnDelete is what to do about an item that the source has no more. The zero value is KeepDeleted.
type OnDelete uint8

// What to do about deleted items.
const (
	KeepDeleted OnDelete = iota
	// RemoveDeleted removes the item at the destination, unless more than Options.MaxDeleteShare of
	// a folder would go.
	RemoveDeleted
)

// OnMove is what to do about an item that left one folder of the source and came into another, as
// also those of a renamed folder do. The zero value is CopyMoved.
type OnMove uint8

// What to do about moved items.
const (
	// CopyMoved migrates it as the new item that it is there. The old copy is one that the source has
	// no more.
	CopyMoved OnMove = iota
	// FollowMoved migrates it; once that is seen at the destination, the old copy is removed.
	FollowMoved
)

// OnFlags is what to do about an item whose flags changed at the source. The zero value is KeepFlags.
type OnFlags uint8

// What to do about changed flags.
const (
	KeepFlags OnFlags = iota
	// MergeFlags adds what was added at the source since the last time and removes what was removed.
	// What the user of the destination changed stays. \Deleted is never carried over.
	MergeFlags
)

// Adopt is what to do about an item that is at the destination without a mark of ours, such as one
// that another program brought. The zero value is AdoptNone.
type Adopt uint8

// What to do about items that are there already.
const (
	AdoptNone Adopt = iota
	// AdoptByIdentity takes an item in the folder at the destination for that of the source, if they
	// have the same identity: it is recorded, not copied, and never touched. One item there stands
	// for one item only.
	AdoptByIdentity
)

// Policies are those of each kind of item. A kind that is missing has the zero Policy.
type Policies map[endpoint.Kind]Policy

// ForAllKinds returns the same policy for every kind of item.
func ForAllKinds(p Policy) Policies {
	all := Policies{}
	for _, k := range endpoint.AllKinds() {
		all[k] = p
	}
	return all
}

// some reports whether a kind has a policy of which is is true.
func (p Policies) some(is func(Policy) bool) bool {
	for _, policy := range p {
		if is(policy) {
			return true
		}
	}
	return false
}

func replaces(p Policy) bool { return p.OnUpdate == ReplaceUpdated }
func removes(p Policy) bool  { return p.OnDelete == RemoveDeleted }
func follows(p Policy) bool  { return p.OnMove == FollowMoved }
func merges(p Policy) bool   { return p.OnFlags == MergeFlags }
func adopts(p Policy) bool   { return p.Adopt == AdoptByIdentity }

// touches reports whether a policy may take something away at the destination.
func touches(p Policy) bool { return replaces(p) || removes(p) || follows(p) }

// watch names what policies look at in the source besides what comes and goes, and of which kinds.
func (p Policies) watch() string {
	var watch strings.Builder
	for _, kind := range slices.Sorted(maps.Keys(p)) {
		if replaces(p[kind]) {
			fmt.Fprintf(&watch, "+updates:%v", kind)
		}
		if merges(p[kind]) {
			fmt.Fprintf(&watch, "+flags:%v", kind)
		}
	}
	return watch.String()
}

// validate reports every policy that is none.
func (p Policies) validate() []error {
	var errs []error
	for _, kind := range slices.Sorted(maps.Keys(p)) {
		if _, known := endpoint.ParseKind(kind.String()); !known {
			errs = append(errs, fmt.Errorf("Policies: %d is no kind of item", kind))
		}
		for _, field := range []struct {
			name        string
			value, last uint8
		}{
			{"OnUpdate", uint8(p[kind].OnUpdate), uint8(ReplaceUpdated)},
			{"OnDelete", uint8(p[kind].OnDelete), uint8(RemoveDeleted)},
			{"OnMove", uint8(p[kind].OnMove), uint8(FollowMoved)},
			{"OnFlags", uint8(p[kind].OnFlags), uint8(MergeFlags)},
			{"Adopt", uint8(p[kind].Adopt), uint8(AdoptByIdentity)},
		} {
			if field.value > field.last {
				errs = append(errs, fmt.Errorf("%s of Policies[%v]: %d is no choice", field.name, kind, field.value))
			}
		}
	}
	return errs
}

// checkPolicies reports every policy that one of the endpoints cannot support.
func (r *running) checkPolicies() error {
	var errs []error
	refuse := func(is func(Policy) bool, supported bool, field, reason string) {
		if kinds := r.kindsWith(is); len(kinds) > 0 && !supported {
			errs = append(errs, fmt.Errorf("%s (%s): %s", field, strings.Join(kinds, ", "), reason))
		}
	}
	from, to := r.srcCaps, r.dstCaps
	const (
		inexact = "the destination does not keep items byte for byte, so that nobody can tell what was changed there: "
		fixed   = "the destination cannot remove single items: "
	)
	for _, needs := range []struct {
		supported bool
		reason    string
	}{{to.Exact, inexact}, {to.Delete, fixed}} {
		refuse(replaces, needs.supported, "OnUpdate", needs.reason+"leave it at SkipUpdated, and what changed at the source stays there")
		refuse(removes, needs.supported, "OnDelete", needs.reason+"leave it at KeepDeleted, and remove what has gone by hand")
		refuse(follows, needs.supported, "OnMove", needs.reason+"leave it at CopyMoved, and remove the copies in the old folders by hand")
	}
	refuse(replaces, from.Versions || r.opts.FullCompare, "OnUpdate",
		"the source cannot tell which items changed: set FullCompare to read and compare each of them, or leave it at SkipUpdated")
	refuse(merges, from.Flags, "OnFlags", "the source cannot tell the flags of its items: leave it at KeepFlags")
	refuse(merges, to.SetFlags, "OnFlags", "the destination cannot change flags: leave it at KeepFlags")
	refuse(adopts, from.Identity != "" && from.Identity == to.Identity, "Adopt",
		"source and destination identify items in different ways: leave it at AdoptNone, and what is there already comes a second time")
	if len(errs) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrInvalid, errors.Join(errs...))
}

// kindsWith names the kinds that the source has and whose policy is as asked.
func (r *running) kindsWith(is func(Policy) bool) []string {
	var names []string
	for _, kind := range slices.Sorted(maps.Keys(r.opts.Policies)) {
		if is(r.opts.Policies[kind]) && len(r.srcCaps.Read[kind]) > 0 {
			names = append(names, "Policies["+kind.String()+"]")
		}
	}
	return names
}

// disable turns off what a filter makes impossible to know, and says so.
func (r *running) disable(leftFolders int) {
	off := func(is func(Policy) bool, clear func(*Policy), format string, args ...any) {
		if !r.opts.Policies.some(is) {
			return
		}
		cleared := Policies{}
		for kind, p := range r.opts.Policies {
			clear(&p)
			cleared[kind] = p
		}
		r.opts.Policies = cleared
		r.failures.warn(format, args...)
	}
	noDelete, noMove := func(p *Policy) { p.OnDelete = KeepDeleted }, func(p *Policy) { p.OnMove = CopyMoved }
	if !r.opts.Kind.propagates() {
		why := "a %s pass carries over no changes: %s has no effect"
		off(replaces, func(p *Policy) { p.OnUpdate = SkipUpdated }, why, r.opts.Kind, "OnUpdate")
		off(removes, noDelete, why, r.opts.Kind, "OnDelete")
		off(follows, noMove, why, r.opts.Kind, "OnMove")
		off(merges, func(p *Policy) { p.OnFlags = KeepFlags }, why, r.opts.Kind, "OnFlags")
	}
	if leftFolders > 0 {
		why := "the filter leaves out %d folders of the source, into which items may have moved: %s has no effect"
		off(removes, noDelete, why, leftFolders, "OnDelete")
		off(follows, noMove, why, leftFolders, "OnMove")
	}
	if r.opts.Select.DateField == BySent && r.opts.Select.dated() {
		off(removes, noDelete, "the filter goes by the date of sending, which is not known of deleted items: %s has no effect", "OnDelete")
	}
	narrow := r.opts.Select.dated() || r.opts.Select.MaxSize > 0 || r.opts.Select.Kinds != nil
	if narrow && r.opts.Policies.some(func(p Policy) bool { return touches(p) || merges(p) }) {
		r.failures.warn("the filter leaves out items by kind, date or size: changes of those are not carried over")
	}
}
