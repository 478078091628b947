package pass

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
)

// Report is what became of every item that a pass looked at. Its JSON form is stable.
type Report struct {
	Pair       string    `json:"pair"`
	Kind       string    `json:"kind"`
	DryRun     bool      `json:"dryRun,omitempty"` // Migrated then means: would be
	Generation uint32    `json:"generation"`
	Started    time.Time `json:"started"`
	Finished   time.Time `json:"finished"`
	// Complete says that the pass came to its end, nothing was deferred, and the counts close. It
	// may have failures.
	Complete bool           `json:"complete"`
	Totals   Counts         `json:"totals"`
	Folders  []FolderReport `json:"folders"`
	Failures []Failure      `json:"failures"`
	// Window is which dates the pass took; nil if all.
	Window *Window `json:"window,omitempty"`
	// Conflicts are items that a policy would have changed at the destination, had nobody else.
	Conflicts []Conflict `json:"conflicts,omitempty"`
	// Verified is what a Verify pass found; nil for others.
	Verified *Verified `json:"verified,omitempty"`
	Warnings []string  `json:"warnings,omitempty"`
	Wire     Wires     `json:"wire"`
}

// Window is the dates that a pass takes, absolute since its beginning.
type Window struct {
	Since  time.Time `json:"since,omitzero"`
	Before time.Time `json:"before,omitzero"`
	// Field is the date that counts, "received" or "sent".
	Field string `json:"field"`
	// LeftOut is how many items the window leaves out, of those that are selected otherwise.
	LeftOut int `json:"leftOut"`
}

// Conflict is an item that was changed at both sides.
type Conflict struct {
	Folder string `json:"folder"` // path at the source, joined by slashes
	ID     string `json:"id"`     // reference at the source, as it is or was
	Reason string `json:"reason"`
}

// Counts are numbers of items. The first nine outcomes exclude each other and add up to Listed;
// Healed, Adopted and Updated are part of Already, Recovered and Duplicates of Migrated, OutOfWindow
// of Filtered. Bytes are those of the migrated items. The fields from Followed on count what became of
// copies at the destination, of items that the source lists or not.
type Counts struct {
	Listed               int   `json:"listed"`
	Migrated             int   `json:"migrated"`
	Already              int   `json:"already"`
	RemovedAtDestination int   `json:"removedAtDestination"`
	OriginatedHere       int   `json:"originatedHere"`
	Filtered             int   `json:"filtered"`
	Unsupported          int   `json:"unsupported"`
	Failed               int   `json:"failed"`
	Vanished             int   `json:"vanished"`
	Deferred             int   `json:"deferred"`
	Healed               int   `json:"healed"`
	Recovered            int   `json:"recovered"`
	Voided               int   `json:"voided"`
	Bytes                int64 `json:"bytes"`

	// Adopted are items for which one stands that was at the destination already.
	Adopted int `json:"adopted,omitempty"`
	// Updated are those that were replaced because they changed at the source.
	Updated int `json:"updated,omitempty"`
	// Duplicates are those of which a copy of an older generation is at the destination, too.
	Duplicates int `json:"duplicates,omitempty"`
	// OutOfWindow are those that the dates leave out.
	OutOfWindow int `json:"outOfWindow,omitempty"`

	// Followed were taken away from the folder that they left at the source, after they came into
	// another.
	Followed int `json:"followed,omitempty"`
	// Removed were taken away because the source has them no more; HeldBack would have been, but for
	// Options.MaxDeleteShare or because the listing of their folder was not certain.
	Removed  int `json:"removed,omitempty"`
	HeldBack int `json:"heldBack,omitempty"`
	// Merged had their flags changed.
	Merged int `json:"merged,omitempty"`
	// Conflicts were left alone because they were changed at the destination.
	Conflicts int `json:"conflicts,omitempty"`
}

// FolderReport is the part of one folder of the source.
type FolderReport struct {
	Folder      string `json:"folder"`      // path at the source, joined by slashes
	Destination string `json:"destination"` // path at the destination, likewise
	// Create says that the destination had no such folder, and gets one.
	Create bool `json:"create,omitempty"`
	Counts
}

// Failure is one item, or with an empty ID one folder, that could not be migrated.
type Failure struct {
	Folder string `json:"folder"`
	// ID is the reference of the item at the source.
	ID string `json:"id"`
	// Code is that of an endpoint.Error, such as "too-large".
	Code   string `json:"code"`
	Reason string `json:"reason"`
}

// Wires is what a pass sent and received.
type Wires struct {
	Source      endpoint.Wire `json:"source"`
	Destination endpoint.Wire `json:"destination"`
}

// String says in words which dates are taken.
func (w *Window) String() string {
	var parts []string
	if !w.Since.IsZero() {
		parts = append(parts, "from "+w.Since.UTC().Format(time.RFC3339))
	}
	if !w.Before.IsZero() {
		parts = append(parts, "before "+w.Before.UTC().Format(time.RFC3339))
	}
	return fmt.Sprintf("only items %s %s; %d left out by that", w.Field, strings.Join(parts, " and "), w.LeftOut)
}

// Closes reports whether every listed item ended in exactly one outcome.
func (c Counts) Closes() bool {
	return c.Listed == c.Migrated+c.Already+c.RemovedAtDestination+c.OriginatedHere+c.Filtered+
		c.Unsupported+c.Failed+c.Vanished+c.Deferred
}

func (c *Counts) add(d Counts) {
	c.Listed += d.Listed
	c.Migrated += d.Migrated
	c.Already += d.Already
	c.RemovedAtDestination += d.RemovedAtDestination
	c.OriginatedHere += d.OriginatedHere
	c.Filtered += d.Filtered
	c.Unsupported += d.Unsupported
	c.Failed += d.Failed
	c.Vanished += d.Vanished
	c.Deferred += d.Deferred
	c.Healed += d.Healed
	c.Recovered += d.Recovered
	c.Voided += d.Voided
	c.Bytes += d.Bytes
	c.Adopted += d.Adopted
	c.Updated += d.Updated
	c.Followed += d.Followed
	c.Duplicates += d.Duplicates
	c.OutOfWindow += d.OutOfWindow
	c.Removed += d.Removed
	c.HeldBack += d.HeldBack
	c.Merged += d.Merged
	c.Conflicts += d.Conflicts
}

// Closes reports whether the counts of every folder close and add up to the totals.
func (r *Report) Closes() bool {
	sum := Counts{Voided: r.Totals.Voided}
	for _, f := range r.Folders {
		if !f.Counts.Closes() {
			return false
		}
		sum.add(f.Counts)
	}
	return sum == r.Totals
}

// String returns the report for people, without names of folders or items.
func (r *Report) String() string {
	var b strings.Builder
	verdict := "complete"
	switch {
	case r.DryRun:
		verdict = "dry run, nothing was written"
	case !r.Complete:
		verdict = "INCOMPLETE, run again to go on"
	case r.Totals.Failed > 0:
		verdict = "complete, with failures"
	}
	fmt.Fprintf(&b, "%s pass, generation %d, %v: %s\n", r.Kind, r.Generation,
		r.Finished.Sub(r.Started).Round(time.Millisecond), verdict)
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, line := range r.Totals.lines(r.DryRun) {
		if line.n > 0 || line.always {
			_, _ = fmt.Fprintf(w, "  %d\t  %s\n", line.n, line.what)
		}
	}
	_ = w.Flush() // cannot fail: it writes to memory
	if r.Window != nil {
		fmt.Fprintf(&b, "  %v\n", r.Window)
	}
	if r.Verified != nil {
		b.WriteString(r.Verified.String())
	}
	for _, text := range r.Warnings {
		fmt.Fprintf(&b, "  note: %s\n", text)
	}
	return b.String()
}

func pick(dry bool, would, did string) string {
	if dry {
		return would
	}
	return did
}

type countLine struct {
	n      int
	what   string
	always bool
}

func (c Counts) lines(dry bool) []countLine {
	migrated := fmt.Sprintf("migrated (%d bytes)", c.Bytes)
	if dry {
		migrated = fmt.Sprintf("would be migrated (about %d bytes)", c.Bytes)
	}
	return []countLine{
		{c.Listed, "listed at the source", true},
		{c.Migrated, migrated, true},
		{c.Recovered, "of these recovered after an interruption", false},
		{c.Already, "already migrated", true},
		{c.Healed, "of these entered into the database again", false},
		{c.RemovedAtDestination, "removed at the destination by its user", false},
		{c.OriginatedHere, "came from the destination", false},
		{c.Filtered, "left out by the filter", false},
		{c.Unsupported, "of a kind that cannot be carried", false},
		{c.Failed, "FAILED, to be tried again by the next pass", false},
		{c.Vanished, "vanished from the source meanwhile", false},
		{c.Deferred, "DEFERRED to the next pass", false},
		{c.Adopted, "of those already there not ours, taken for the source's by identity", false},
		{c.Updated, pick(dry, "would be replaced, because they changed at the source", "replaced, because they changed at the source"), false},
		{c.Followed, pick(dry, "would leave the folder that they left at the source", "left the folder that they left at the source"), false},
		{c.Duplicates, "of the migrated with an older copy at the destination beside them", false},
		{c.OutOfWindow, "of those left out because of their date", false},
		{c.Removed, pick(dry, "would be removed, because the source has them no more", "removed, because the source has them no more"), false},
		{c.HeldBack, "NOT removed: too many of a folder at once, or its listing is not certain", false},
		{c.Merged, pick(dry, "whose flags would change", "whose flags changed"), false},
		{c.Conflicts, "CONFLICTS, left alone: changed at the destination as well", false},
		{c.Voided, "earlier marks void, because the endpoint types changed", false},
	}
}
