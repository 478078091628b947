package pass

import (
	"sync"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
)

// Progress keeps count of a pass. Give its Observe method as Options.Observer, alone or from an
// observer of your own, and ask Snapshot at any time, from any goroutine. The zero value is ready.
type Progress struct {
	mu  sync.Mutex
	now Snapshot
}

// Snapshot is how far a pass is.
type Snapshot struct {
	Phase     Phase
	Folders   int   // planned
	Items     int   // to be migrated
	ItemsDone int   // of these settled, failed or vanished
	Bytes     int64 // to be migrated, an estimate
	BytesDone int64
	Failed    int
	// WaitingUntil is when a pass that waits for an endpoint goes on, and Waiting why; zero if it
	// does not wait.
	WaitingUntil time.Time
	Waiting      endpoint.Code
	// Paused says that work halts because of Options.Pause.
	Paused bool
}

// Observe enters an event.
func (p *Progress) Observe(ev Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch ev := ev.(type) {
	case PhaseStarted:
		p.now.Phase = ev.Phase
	case FolderPlanned:
		p.now.Folders++
		p.now.Items += ev.Items
		p.now.Bytes += ev.Bytes
	case WindowDone:
		p.now.ItemsDone += ev.Items
		p.now.BytesDone += ev.Bytes
	case ItemFailed:
		p.now.Failed++
	case Scheduled:
		p.now.WaitingUntil = ev.At
	case Paused:
		p.now.Paused = ev.Held
	case Waiting:
		p.now.WaitingUntil, p.now.Waiting = time.Now().Add(ev.For), ev.Code
	}
}

// Snapshot returns how far the pass is.
func (p *Progress) Snapshot() Snapshot {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.now
	if !time.Now().Before(s.WaitingUntil) {
		s.WaitingUntil, s.Waiting = time.Time{}, endpoint.Unknown
	}
	return s
}
