package pass

import (
	"iter"
	"sync"
	"time"

	"github.com/dandyroll/dandyroll/store"
)

const (
	// firstWindow is how many items a window holds before anything is known of the destination.
	firstWindow = 64
	// leastWindow is how few items a window holds where they are slow; maxWindow is how many it may hold: the settlements of one
	// window and the intents of the next go into one batch.
	leastWindow = 4
	maxWindow   = (store.MaxBatch - 8) / 2
	// windowTime is how long a window is to take: so much work is looked at again after a cut.
	windowTime = 3 * time.Second
	// maxGrowth is how many times as large a window may be as the one before, which may have been lucky.
	maxGrowth = 8
	// unknownSize is what an item counts whose size the source does not state.
	unknownSize = 128 << 10
)

// pace is how many items of a folder are written between two commits: as many as Options.Window says, else as many as can be written
// within windowTime. It is safe for concurrent use.
type pace struct {
	fixed bool
	bytes int64

	mu    sync.Mutex
	items int
}

func newPace(o Options) *pace {
	return &pace{fixed: !o.adaptive, bytes: o.WindowBytes, items: o.Window}
}

// next returns the window of some work that begins at a place.
func (p *pace) next(work *workList, at int) []workItem {
	p.mu.Lock()
	defer p.mu.Unlock()
	return work.window(at, p.items, p.bytes)
}

// learn takes into account how long a window of some items took: to be read or to be written, whichever took longer.
func (p *pace) learn(items int, took time.Duration) {
	if p.fixed || items == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	grown := min(p.items*maxGrowth, maxWindow)
	if took > 0 {
		grown = int(min(int64(grown), int64(items)*int64(windowTime)/int64(took)))
	}
	p.items = max(grown, leastWindow)
}

// distrust lets windows be no greater than the first one: the items turned out to be much larger than the source states, and each
// that does not fit into memory takes a file.
func (p *pace) distrust() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.items = min(p.items, firstWindow)
}

// fitting returns how many of some items fit into a window: at least one, if there is any.
func fitting[T any](work []T, size func(T) int64, items int, bytes int64) int {
	n, total := 0, int64(0)
	for n < len(work) && n < items {
		next := size(work[n])
		if next < 0 {
			next = unknownSize
		}
		if total += next; n > 0 && total > bytes {
			break
		}
		n++
	}
	return n
}

// windows cuts work into pieces that are committed together.
func windows[T any](work []T, size func(T) int64, o Options) iter.Seq[[]T] {
	return func(yield func([]T) bool) {
		for len(work) > 0 {
			n := fitting(work, size, o.Window, o.WindowBytes)
			if !yield(work[:n]) {
				return
			}
			work = work[n:]
		}
	}
}
