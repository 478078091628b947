package store

import (
	"slices"
	"strings"
	"time"
)

// Filter selects records for a reset. Every field that is set narrows it; the zero value, which
// is ResetAll, selects everything.
type Filter struct {
	Folders  []string  // names as FolderKey makes them; nil means all
	Kinds    []uint8   // endpoint.Kinds; nil means all
	Since    time.Time // items received at or after; items without a time are selected
	Before   time.Time // items received before; items without a time are selected
	Statuses []Status  // nil means all
	// Removed selects only settled records whose mark the last scan of the destination did not
	// find: what users removed there. Before a scan, or after another reset, there is none.
	Removed bool
}

// ResetAll selects every record of a pair.
//
//nolint:gochecknoglobals // a constant, if Go had constant structs
var ResetAll = Filter{}

// Forgotten is how many records a reset forgot, or would.
type Forgotten struct {
	Records int // in all
	Settled int
	Failed  int
	Intents int
	// Adopted ones are copied by the next pass, unless it adopts again.
	Adopted int
	// Removed is how many of the settled ones users removed at the destination, as far as the last
	// scan tells: these items come back with the next pass.
	Removed int
}

// Matches reports whether the filter selects r; present says whether the last scan of the
// destination found its mark.
func (f Filter) Matches(r Record, present bool) bool {
	switch {
	case f.Folders != nil && !slices.Contains(f.Folders, r.Folder),
		f.Kinds != nil && !slices.Contains(f.Kinds, r.Kind),
		f.Statuses != nil && !slices.Contains(f.Statuses, r.Status),
		f.Removed && (r.Status != Settled || present):
		return false
	case r.Received.IsZero():
		return true
	}
	return (f.Since.IsZero() || !r.Received.Before(f.Since)) && (f.Before.IsZero() || r.Received.Before(f.Before))
}

// Count adds a record that a reset forgets.
func (n *Forgotten) Count(r Record, present bool) {
	n.Records++
	switch r.Status {
	case Settled:
		n.Settled++
		if !present {
			n.Removed++
		}
	case Failed:
		n.Failed++
	case Intent:
		n.Intents++
	case Adopted:
		n.Adopted++
	case Originated, Removed:
	}
}

// FolderKey returns the name under which a ledger knows the folder with the given path. Different
// paths have different names.
func FolderKey(path []string) string {
	var b strings.Builder
	for i, component := range path {
		if i > 0 {
			b.WriteByte('/')
		}
		b.WriteString(strings.NewReplacer("~", "~0", "/", "~1").Replace(component))
	}
	return b.String()
}

// FolderPath inverts FolderKey.
func FolderPath(key string) []string {
	path := strings.Split(key, "/")
	for i, component := range path {
		path[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(component)
	}
	return path
}
