package main

import (
	"fmt"
	"strings"

	"github.com/dandyroll/dandyroll/pass"
)

// shownEntries is how many failures, conflicts or findings are printed for people. The JSON report
// has them all.
const shownEntries = 20

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
		p.stdout.printf("%s\n", safe(flagNames(strings.TrimSuffix(line, "\n"))))
	}
	printSome(p.stdout, "failures", r.Failures, func(f pass.Failure) string { return "failed: " + failureText(f) })
	p.printConflicts(r.Conflicts)
	if r.Verified != nil {
		printSome(p.stdout, "findings", r.Verified.Findings, findingText)
	}
}

func (p program) printConflicts(conflicts []pass.Conflict) {
	printSome(p.stdout, "conflicts", conflicts, func(c pass.Conflict) string {
		return fmt.Sprintf("conflict: %s, item %s: %s", safe(c.Folder), safe(c.ID), safe(c.Reason))
	})
}

// printSome prints a line for each entry of a list, but not for too many.
func printSome[T any](o *printer, what string, list []T, text func(T) string) {
	for i, entry := range list {
		if i == shownEntries {
			o.printf("  and %d more %s; -json lists them all\n", len(list)-i, what)
			break
		}
		o.printf("  %s\n", text(entry))
	}
}

func findingText(f pass.Finding) string {
	text := fmt.Sprintf("%s: %s, item %s", f.What, safe(f.Folder), safe(f.ID))
	if len(f.Differs) > 0 {
		text += ": " + strings.Join(f.Differs, ", ")
	}
	return text
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
		{c.Removed, "removed there"},
		{c.Conflicts, "CONFLICTS"},
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
