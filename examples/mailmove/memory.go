package main

import (
	"runtime/debug"

	"github.com/dandyroll/dandyroll/pass"
)

const (
	// manyItems is how many items a mailbox has at least for memory to count more than time.
	manyItems = 100_000
	// gcPercent is how much garbage there may be then, of what is live, before it is collected. Most of what
	// such a pass holds is soon gone through, for nothing in it points to anything else.
	gcPercent = 50
)

// savingMemory lets the collector of garbage work more often in a pass over very many items, unless the user
// says how often.
func (p program) savingMemory(observe func(pass.Event)) func(pass.Event) {
	if observe == nil || p.getenv("GOGC") != "" {
		return observe
	}
	known, listed := 0, 0
	return func(e pass.Event) {
		before := max(known, listed)
		switch e := e.(type) {
		case pass.Opened:
			known = e.Records
		case pass.FolderPlanned:
			listed += e.Counts.Listed
		}
		if before < manyItems && max(known, listed) >= manyItems {
			debug.SetGCPercent(gcPercent)
		}
		observe(e)
	}
}
