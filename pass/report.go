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
	Warnings []string       `json:"warnings,omitempty"`
	Wire     Wires          `json:"wire"`
}

// Counts are numbers of items. The first nine outcomes exclude each other and add up to Listed;
// Healed is part of Already, Recovered of Migrated. Bytes are those of the migrated items.
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
}

// FolderReport is the part of one folder of the source.
type FolderReport struct {
	Folder      string `json:"folder"`      // path at the source, joined by slashes
	Destination string `json:"destination"` // path at the destination, likewise
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
	for _, text := range r.Warnings {
		fmt.Fprintf(&b, "  note: %s\n", text)
	}
	return b.String()
}

type countLine struct {
	n      int
	what   string
	always bool
}

func (c Counts) lines(dry bool) []countLine {
	migrated := fmt.Sprintf("migrated (%d bytes)", c.Bytes)
	if dry {
		migrated = "would be migrated"
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
		{c.Voided, "earlier marks void, because the endpoint types changed", false},
	}
}
