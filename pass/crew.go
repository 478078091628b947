package pass

import (
	"context"
	"sync"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/internal/climb"
	"github.com/dandyroll/dandyroll/store"
)

const (
	// farTrip is the round trip from which on an endpoint is far away: waiting takes the time there, and connections are made before
	// anybody needs them. What was measured is more than the round trip, as long as the server had much to do for each answer.
	farTrip = 10 * time.Millisecond
	// nearHands is how many folders are worked on at once, at first, where no endpoint is far away.
	nearHands = 2
	// crewPieces and crewTime are what makes a measurement, at least.
	crewPieces = 4
	crewTime   = 100 * time.Millisecond
	// itemCost is what an item costs besides its bytes, as if it had so many more of them.
	itemCost = 8 << 10
)

// crew is how many folders are worked on at once: all that may be, where waiting is what takes the time. Where endpoints are near it begins
// with few, since each folder takes a connection and room, and becomes larger where that makes it faster. It is safe for concurrent use.
type crew struct {
	fixed bool
	turns chan struct{} // one for each folder that may be begun

	mu      sync.Mutex
	level   climb.Climb
	surplus int // how many turns are not given back
	began   time.Time
	pieces  int
	work    int64
}

func newCrew(first, most int) *crew {
	c := &crew{fixed: first >= most, turns: make(chan struct{}, most), level: climb.New(first, most), began: time.Now()}
	for range min(first, most) {
		c.turns <- struct{}{}
	}
	return c
}

// crew returns one for calls to one side of the pair, or to both.
func (r *running) crew(sides ...*endpoint.Mailbox) *crew {
	most := r.opts.Folders
	near := !r.opts.fixedFolders
	for _, side := range sides {
		caps := r.srcCaps
		if side == r.pair.Destination {
			caps = r.dstCaps
		}
		most = max(1, min(most, caps.Concurrency))
		trip := side.Wire().RoundTrip
		near = near && trip > 0 && trip < farTrip
	}
	if near {
		return newCrew(nearHands, most)
	}
	return newCrew(most, most)
}

// hands is how many folders are worked on at once now.
func (c *crew) hands() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.level.Level()
}

// each calls do for each item, as parallel does, as many at a time as the crew has hands.
func each[T any](ctx context.Context, c *crew, items []T, do func(context.Context, T) error) error {
	return parallel(ctx, cap(c.turns), items, func(ctx context.Context, item T) error {
		select {
		case <-c.turns:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		defer c.giveBack()
		return do(ctx, item)
	})
}

func (c *crew) giveBack() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.surplus > 0 {
		c.surplus--
		return
	}
	c.turns <- struct{}{} // never more than there is room for
}

// did takes into account that a piece of work is done, and changes the number of hands when it is time.
func (c *crew) did(items int, bytes int64) {
	if c.fixed {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pieces++
	c.work += bytes + itemCost*int64(items)
	took := time.Since(c.began)
	if c.pieces < crewPieces || took < crewTime {
		return
	}
	before := c.level.Level()
	c.level.Observe(float64(c.work) / took.Seconds())
	c.began, c.pieces, c.work = time.Now(), 0, 0
	c.resize(c.level.Level() - before)
}

func (c *crew) resize(by int) {
	for ; by > 0; by-- {
		if c.surplus > 0 {
			c.surplus--
			continue
		}
		c.turns <- struct{}{} // never more than there is room for
	}
	for ; by < 0; by++ {
		select {
		case <-c.turns:
		default:
			c.surplus++
		}
	}
}

// foresee lets connections be made before anybody needs them, where that takes long: a first pass needs all of them.
func (r *running) foresee(ctx context.Context) {
	if r.records(anyStat) > 0 {
		return
	}
	sides := []*endpoint.Mailbox{r.pair.Source, r.pair.Destination}
	if r.dry {
		sides = sides[:1]
	}
	for _, side := range sides {
		if isFar(side) {
			side.Foresee(ctx, r.crew(side).hands())
		}
	}
}

// foreseeOutlines lets the outlines of folders be asked for at once, where each takes long and all are needed: nothing is known of any.
func (r *running) foreseeOutlines(ctx context.Context, p planner, ways []route, stored map[string]store.Folder) {
	if !isFar(p.source) || !p.mayIdentifyLate() || len(stored) > 0 || r.records(anyStat) > 0 {
		return
	}
	folders := make([]endpoint.Folder, len(ways))
	for i, way := range ways {
		folders[i] = way.source
	}
	p.source.ForeseeOutlines(ctx, folders)
}

func isFar(side *endpoint.Mailbox) bool { return side.Wire().RoundTrip >= farTrip }
