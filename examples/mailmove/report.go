package main

import (
	"fmt"
	"strings"

	"github.com/dandyroll/dandyroll/pass"
)

// shownFailures is how many failures are printed for people. The JSON report has them all.
const shownFailures = 20

func (p program) printReport(s settings, r *pass.Report) {
	if s.json {
		p.printJSON(r)
		return
	}
	if r.Totals.Listed == 0 && len(r.Folders) == 0 && !r.Complete {
		return // it ended before there was anything to tell; the error says why
	}
	p.stdout.printf("pair %s\n", safe(r.Pair))
	for line := range strings.Lines(r.String()) {
		p.stdout.printf("%s\n", safe(strings.TrimSuffix(line, "\n")))
	}
	for i, f := range r.Failures {
		if i == shownFailures {
			p.stdout.printf("  and %d more failures; -json lists them all\n", len(r.Failures)-i)
			break
		}
		p.stdout.printf("  failed: %s\n", failureText(f))
	}
}

func failureText(f pass.Failure) string {
	item := "the whole folder"
	if f.ID != "" {
		item = "item " + safe(f.ID)
	}
	return fmt.Sprintf("%s, %s: %s: %s", safe(f.Folder), item, f.Code, safe(f.Reason))
}

// countsText says what became of a folder, leaving out what did not occur.
func countsText(c pass.Counts) string {
	var parts []string
	for _, part := range []struct {
		n    int
		what string
	}{
		{c.Migrated, "migrated"},
		{c.Already, "already there"},
		{c.RemovedAtDestination, "removed there by the user"},
		{c.OriginatedHere, "came from there"},
		{c.Filtered, "left out"},
		{c.Unsupported, "of a kind that cannot be carried"},
		{c.Vanished, "vanished"},
		{c.Failed, "FAILED"},
		{c.Deferred, "deferred"},
	} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.what))
		}
	}
	if len(parts) == 0 {
		return "empty"
	}
	if c.Bytes > 0 {
		parts = append(parts, bytesText(c.Bytes))
	}
	return strings.Join(parts, ", ")
}

// bytesText writes a number of bytes with a unit, such as 4.5 MB.
func bytesText(n int64) string {
	value, unit := float64(n), 0
	units := []string{"B", "kB", "MB", "GB", "TB", "PB", "EB"}
	for value >= 999.5 && unit < len(units)-1 {
		value /= 1000
		unit++
	}
	if unit == 0 || value >= 99.95 {
		return fmt.Sprintf("%.0f %s", value, units[unit])
	}
	return fmt.Sprintf("%.1f %s", value, units[unit])
}
