package memendpoint

import (
	"slices"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
)

// Quirks are misbehaviours and missing abilities of a session, each like one of real servers. The
// zero value has none. Those that Capabilities can tell, they do; a dropped mark is not told.
type Quirks struct {
	// DropMark stores what Put writes without its mark.
	DropMark bool
	// IgnoreReceived gives what Put writes a time of receipt of the mailbox's own.
	IgnoreReceived bool
	// Rewrite adds an empty line to the end of every body that Put writes.
	Rewrite bool
	// NoStates leaves Folder.State empty, so that every scan is complete.
	NoStates bool
	// StateSince leaves Folder.State empty, too, and has the method State tell it: a new one each
	// time, unless it is asked since one after which nothing changed.
	StateSince bool
	// NoKeywords keeps only the system flags of what Put writes.
	NoKeywords bool
	// NoDeletedFlag keeps the flag \Deleted no more than it keeps \Recent.
	NoDeletedFlag bool
	// OwnIdentities identifies items by numbers of the mailbox's own, so that no two items share one.
	// An item that is moved keeps its number.
	OwnIdentities bool
	// NoCreateFolder makes CreateFolder fail with Unsupported.
	NoCreateFolder bool
	// NoDelete makes Delete fail with Unsupported.
	NoDelete bool
	// NoFlags makes Flags and SetFlags fail with Unsupported, and hides from Folder.State what
	// becomes of flags.
	NoFlags bool
	// NoVersions leaves Item.Version empty, and hides from Folder.State and from listings since one
	// what the user's updates change.
	NoVersions bool
	// Outlines lists folders also by Outline, and has Read tell identities.
	Outlines bool
	// NoFind makes Find fail with Unsupported.
	NoFind bool
	// Kinds are those that can be read and written. Nil means all.
	Kinds []endpoint.Kind
	// MaxItem is the greatest size of an item in bytes, mark included. Zero means no limit.
	MaxItem int64
	// Visibility is for how long what Put has written is missing from List, Refs, Marks and the
	// number of items of its folder, for every session. It is measured with package time.
	Visibility time.Duration
	// Throttle is asked at every call of a method of this session that takes a context, with the
	// number of the call, from 1. A duration above zero makes it fail with Throttled and that
	// RetryAfter, without effect.
	Throttle func(call int) time.Duration
	// LoseAnswer is asked for every item that Put has written in this session, with its number,
	// from 1. If it says true, the result of the item, which is there, is an error with code
	// InDoubt, and the sequence ends with one with code Unavailable.
	LoseAnswer func(item int) bool
}

// capabilities returns what a session with these quirks can do.
func (q Quirks) capabilities() endpoint.Capabilities {
	formats := make(map[endpoint.Kind][]endpoint.Format)
	for _, k := range q.kinds() {
		formats[k] = []endpoint.Format{formatOf(k)}
	}
	identity := "memendpoint/1"
	if q.OwnIdentities {
		identity = ""
	}
	return endpoint.Capabilities{
		Read: formats, Write: formats,
		States:       !q.NoStates && !q.StateSince,
		StateSince:   q.StateSince,
		CreateFolder: !q.NoCreateFolder,
		DeleteFolder: true,
		Subscribe:    true,
		Delete:       !q.NoDelete,
		Flags:        !q.NoFlags,
		SetFlags:     !q.NoFlags,
		FlagStates:   !q.NoFlags && (!q.NoStates || q.StateSince),
		Find:         !q.NoFind,
		Versions:     !q.NoVersions,
		Identity:     identity,
		Outlines:     q.Outlines,
		Keywords:     !q.NoKeywords,
		Received:     !q.IgnoreReceived,
		Exact:        !q.Rewrite,
		MaxItem:      q.MaxItem,
		Concurrency:  4,
		Visibility:   q.Visibility,
	}
}

// version returns the Version of an item.
func (q Quirks) version(it *item) string {
	if q.NoVersions {
		return ""
	}
	return decimal(it.version)
}

// identity returns the Identity of an item.
func (q Quirks) identity(it *item) string {
	if q.OwnIdentities {
		return "item " + decimal(it.number)
	}
	return it.identity
}

// keep returns the flags that a session keeps of some, and those that it does not.
func (q Quirks) keep(flags []endpoint.Flag) (kept, dropped []endpoint.Flag) {
	kept, dropped = keepFlags(flags, !q.NoKeywords)
	if i := slices.Index(kept, endpoint.Deleted); q.NoDeletedFlag && i >= 0 {
		kept = slices.Delete(kept, i, i+1)
		for _, f := range flags {
			if systemFlag(f) == endpoint.Deleted {
				dropped = append(dropped, f)
			}
		}
	}
	return kept, dropped
}

// kinds returns the kinds that can be read and written.
func (q Quirks) kinds() []endpoint.Kind {
	if q.Kinds == nil {
		return endpoint.AllKinds()
	}
	return slices.Clone(q.Kinds)
}

func (q Quirks) knows(k endpoint.Kind) bool { return slices.Contains(q.kinds(), k) }
