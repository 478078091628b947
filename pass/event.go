package pass

import (
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/store"
)

// Event is something that an Observer is told: one of the types of this file.
type Event interface{ isEvent() }

// PhaseStarted says that a phase began.
type PhaseStarted struct{ Phase Phase }

// Phase is a part of a pass.
type Phase uint8

// The phases of a pass, in order.
const (
	Opening Phase = iota + 1
	Preflighting
	ScanningDestination
	Planning
	Transferring
	Verifying
	Propagating
	Closing
)

// String says in words what happens in the phase.
func (p Phase) String() string {
	switch p {
	case Opening:
		return "opening the database"
	case Preflighting:
		return "preflight"
	case ScanningDestination:
		return "scanning the destination"
	case Planning:
		return "listing the source"
	case Transferring:
		return "transferring"
	case Verifying:
		return "verifying"
	case Propagating:
		return "carrying over changes"
	case Closing:
		return "confirming"
	}
	return "unknown"
}

// Opened says, before anything is looked at, how much the database has of the pair.
type Opened struct{ Records int }

// Voiding says, before anything is written, how many earlier marks are void because the endpoint
// types changed: their items will be written again.
type Voiding struct{ Marks int }

// FolderPlanned says what is to be done in one folder.
type FolderPlanned struct {
	Folder string // path at the source, joined by slashes
	Items  int    // to be migrated
	Bytes  int64  // an estimate
	Counts Counts // what is decided already
}

// WindowDone says that some items of a folder were settled.
type WindowDone struct {
	Folder string
	Items  int // that need nothing more in this pass, failures included
	Bytes  int64
}

// ItemFailed says that an item could not be migrated.
type ItemFailed struct{ Failure Failure }

// FolderDone says that nothing more will be done in a folder.
type FolderDone struct {
	Folder string
	Counts Counts
}

// Waiting says that nothing happens for some time, and why.
type Waiting struct {
	Side store.Side
	For  time.Duration
	Code endpoint.Code // Throttled, Unavailable, InDoubt
}

// Scheduled says that the pass waits for its time to begin.
type Scheduled struct{ At time.Time }

// WindowFixed says, before anything is looked at, which dates the pass takes.
type WindowFixed struct{ Window Window }

// Paused says that a folder's work halts, or goes on, because of Options.Pause.
type Paused struct{ Held bool }

func (Scheduled) isEvent()     {}
func (WindowFixed) isEvent()   {}
func (Paused) isEvent()        {}
func (PhaseStarted) isEvent()  {}
func (Opened) isEvent()        {}
func (Voiding) isEvent()       {}
func (FolderPlanned) isEvent() {}
func (WindowDone) isEvent()    {}
func (ItemFailed) isEvent()    {}
func (FolderDone) isEvent()    {}
func (Waiting) isEvent()       {}
