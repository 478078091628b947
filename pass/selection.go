package pass

import (
	"fmt"
	"slices"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
)

// Selection narrows a pass. The zero value selects everything. What it leaves out is counted as
// filtered, leaves no record, and may be selected by a later pass.
type Selection struct {
	// Kinds of items; nil means all.
	Kinds []endpoint.Kind
	// Since and Before bound the date of an item: not earlier than, earlier than. Zero means no
	// bound. An item without a date is selected.
	Since, Before time.Time
	// DateField is the date that Since and Before bound: ByReceived by default.
	DateField DateField
	// MaxSize is the greatest size in bytes, as the source states it; 0 means no bound.
	MaxSize int64
	// Include and Exclude name folders of the source: those that are included, or all if nothing is,
	// without those that are excluded. A pattern that names no folder is an error.
	Include, Exclude []Pattern
	// Roles, if it is not empty, takes only folders with one of these roles; NotRoles takes none
	// with one of these: endpoint.Trash is everything but deleted items.
	Roles, NotRoles []endpoint.Role
	// Folder says whether to take a folder that the fields above would take; nil means yes.
	Folder func(endpoint.Folder) bool
}

// DateField is a date that an item has.
type DateField uint8

// The dates of an item.
const (
	ByReceived DateField = iota // when it came into the mailbox (INTERNALDATE)
	BySent                      // when its author says it was sent (Date, RFC 5322 section 3.6.1)
)

// String returns "received" or "sent".
func (f DateField) String() string {
	if f == BySent {
		return "sent"
	}
	return "received"
}

// validate reports what is wrong with a selection for a pass that begins now.
func (s Selection) validate(now time.Time) []error {
	var errs []error
	wrong := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	wrong(s.MaxSize < 0, "Select.MaxSize: %d is negative", s.MaxSize)
	wrong(s.DateField > BySent, "Select.DateField: %d is no date of an item", s.DateField)
	wrong(!s.Since.IsZero() && !s.Before.IsZero() && !s.Since.Before(s.Before),
		"Select.Since and Select.Before: nothing lies between them; exchange them or widen one")
	wrong(s.Since.After(now), "Select.Since: it lies in the future, so that every item is left out; give an earlier time")
	wrong(!s.Before.IsZero() && s.Before.Before(time.Unix(0, 0)),
		"Select.Before: it lies before 1970, so that every item is left out; give a later time")
	wrong(s.Kinds != nil && len(s.Kinds) == 0, "Select.Kinds: the list is empty, so that every item is left out; leave it nil for all")
	for _, k := range s.Kinds {
		_, known := endpoint.ParseKind(k.String())
		wrong(!known, "Select.Kinds: %d is no kind of item", k)
	}
	for field, patterns := range map[string][]Pattern{"Select.Include": s.Include, "Select.Exclude": s.Exclude} {
		for _, p := range patterns {
			if err := p.Validate(); err != nil {
				errs = append(errs, fmt.Errorf("%s: %q: %w", field, p, err))
			}
		}
	}
	for _, role := range s.Roles {
		wrong(slices.Contains(s.NotRoles, role), "Select.Roles and Select.NotRoles: both name %q; take it out of one", role)
	}
	return errs
}

// takesFolder reports whether a folder is selected.
func (s Selection) takesFolder(f endpoint.Folder) bool {
	switch {
	case len(s.Include) > 0 && !anyMatches(s.Include, f.Path), anyMatches(s.Exclude, f.Path),
		len(s.Roles) > 0 && !slices.Contains(s.Roles, f.Role), f.Role != endpoint.NoRole && slices.Contains(s.NotRoles, f.Role):
		return false
	}
	return s.Folder == nil || s.Folder(f)
}

// namesFolders reports whether the selection has parts that must fit some folder of the source.
func (s Selection) namesFolders() bool { return len(s.Include)+len(s.Exclude)+len(s.Roles) > 0 }

// checkFolders reports every part of the selection that fits no folder of the source.
func (s Selection) checkFolders(folders []endpoint.Folder) []error {
	var errs []error
	for _, list := range []struct {
		field    string
		patterns []Pattern
	}{{"Select.Include", s.Include}, {"Select.Exclude", s.Exclude}} {
		for _, p := range list.patterns {
			if !slices.ContainsFunc(folders, func(f endpoint.Folder) bool { return p.Matches(f.Path) }) {
				errs = append(errs, fmt.Errorf("%s: %q names no folder of the source; correct it, or leave it out", list.field, p))
			}
		}
	}
	for _, role := range s.Roles {
		if !slices.ContainsFunc(folders, func(f endpoint.Folder) bool { return f.Role == role }) {
			errs = append(errs, fmt.Errorf("Select.Roles: no folder of the source has the role %q; leave it out", role))
		}
	}
	return errs
}

// takes reports whether an item of a folder that is selected is, too.
func (s Selection) takes(it endpoint.Item) bool { return s.fits(it) && s.inTime(it) }

// outOfWindow reports whether an item is left out because of its date alone.
func (s Selection) outOfWindow(it endpoint.Item) bool { return s.fits(it) && !s.inTime(it) }

// fits reports whether an item is of a kind and size that are selected.
func (s Selection) fits(it endpoint.Item) bool {
	return (s.Kinds == nil || slices.Contains(s.Kinds, it.Kind)) && (s.MaxSize == 0 || it.Size <= s.MaxSize)
}

// inTime reports whether the date of an item is within bounds. One without a date is.
func (s Selection) inTime(it endpoint.Item) bool {
	date := it.Received
	if s.DateField == BySent {
		date = it.Sent
	}
	if date.IsZero() {
		return true
	}
	return !date.Before(s.Since) && (s.Before.IsZero() || date.Before(s.Before))
}

// dated reports whether the selection leaves out items by their date.
func (s Selection) dated() bool { return !s.Since.IsZero() || !s.Before.IsZero() }
