package pass

import "fmt"

// Ready reports whether users may be switched over to the destination, going by this report: every
// item that is selected is there. If not, each reason is a sentence for people.
//
// It holds for the time at which the pass ended. What came to the source since then, only a later
// report knows: that of [Engine.Plan] says how much it is, that of [Engine.Run] that it was migrated.
func (r *Report) Ready() (bool, []string) {
	var reasons []string
	because := func(n int, format string) {
		if n > 0 {
			reasons = append(reasons, fmt.Sprintf(format, n))
		}
	}
	if text := r.partial(); text != "" {
		reasons = append(reasons, text)
	}
	if !r.Complete {
		reasons = append(reasons, "the pass did not come to its end; run again to go on")
	}
	t := r.Totals
	if r.DryRun {
		because(t.Migrated, "not at the destination yet: %d"+bytesOf(t)+"; run a pass")
		because(t.Updated+t.Removed+t.Merged, "changed at the source, and not carried over yet: %d; run a pass")
	}
	because(t.Failed, "failed: %d; see the failures of the report")
	because(r.brokenFolders(), "folders that could not be migrated: %d; see the failures of the report")
	because(t.Deferred, "deferred: %d; run again to go on")
	because(t.Unsupported, "of a kind that the destination does not take: %d")
	because(t.Conflicts, "changed at both sides: %d; decide which version holds")
	because(t.HeldBack, "gone at the source, and not removed: %d; look at them, or raise MaxDeleteShare")
	return len(reasons) == 0, reasons
}

// Lag returns how many items of the source are not at the destination as they are at the source,
// and, where known, the bytes of those that are new: after a dry run what it found to do, and always
// what failed or was deferred. Items that are not selected, or that the destination cannot take, do
// not count. Only a report that is complete knows of all.
func (r *Report) Lag() (items int, bytes int64) {
	t := r.Totals
	items = t.Failed + t.Deferred
	if r.DryRun {
		items, bytes = items+t.Migrated+t.Updated+t.Merged, t.Bytes
	}
	return items, bytes
}

// partial says why a pass of this kind tells nothing of the whole mailbox, or is empty.
func (r *Report) partial() string {
	switch kind, _ := ParseKind(r.Kind); {
	case kind == PreStage, kind == RetryFailed, kind == Verify, kind == Trial:
		return fmt.Sprintf("a %v pass does not migrate everything; run a full or delta pass", kind)
	case kind == Resume && r.Complete && len(r.Folders) == 0:
		return "the pass had nothing to go on with, and looked at nothing; run a delta pass"
	}
	return ""
}

// brokenFolders counts the folders that failed as a whole; how many items they hold may be unknown.
func (r *Report) brokenFolders() int {
	n := 0
	for _, f := range r.Failures {
		if f.ID == "" {
			n++
		}
	}
	return n
}

// bytesOf says in brackets how large migrated items are, if that is known.
func bytesOf(c Counts) string {
	if c.Bytes == 0 {
		return ""
	}
	return fmt.Sprintf(" (%d bytes)", c.Bytes)
}
