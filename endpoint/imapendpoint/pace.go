package imapendpoint

import (
	"math/bits"
	"slices"
	"sync"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
)

// The size of batches at level 1 of pace.batch.
const (
	batchMessages = 16
	batchBytes    = 128 << 10
	// firstBatch is the level to begin with, mostBatch the greatest.
	firstBatch, mostBatch = 16, 32
)

// How much may be on its way without an answer when literals need no leave, over all connections of
// a Put: what a line holds that is fast and long. Some batches more may be, if they are large.
const (
	windowBytes    = 8 << 20
	windowMessages = 256
	windowBatches  = 16
)

const (
	// messageCost is what a message costs besides its bytes, as if it had so many more of them.
	messageCost = 8 << 10
	// enoughWork is how much of this makes a measurement.
	enoughWork = 1 << 20
	// laneMessages is for how many messages a further connection is worth its while.
	laneMessages = 8
	// maxStrikes is how many batches may be refused before one is taken.
	maxStrikes = 3
)

// pace decides over how many connections the messages of a Put go, and how large the batches are.
// It learns from each Put: both grow while that makes it faster, and shrink when the server is
// asked too much. The zero value is of no use.
type pace struct {
	mu      sync.Mutex
	pushing climb // connections, where literals are sent unasked
	asking  climb // connections, where they are not: each message costs a round trip
	batch   climb // batchMessages and batchBytes times this
	turn    bool  // to try something with batch
	strikes int   // batches that were refused before one was taken; below zero once one was
}

// newPace begins with one connection where that keeps the line busy, else with all there may be.
func newPace(connections int) *pace {
	return &pace{
		pushing: newClimb(1, connections),
		asking:  newClimb(connections, connections),
		batch:   newClimb(firstBatch, mostBatch),
	}
}

// plan is how the messages of one Put go.
type plan struct {
	lanes  int // connections
	limits appendLimits
	pushes bool // literals are sent unasked
}

// plan makes a plan for n messages to the server of s. With ask, every literal asks for leave.
func (p *pace) plan(s *session, n int, ask bool) plan {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := plan{pushes: s.has("LITERAL+") && !ask, limits: appendLimits{batch: 1, ask: ask}}
	if !out.pushes {
		out.lanes = min(p.asking.level(), max(n, 1))
	} else {
		out.lanes = min(p.pushing.level(), n/laneMessages+1)
	}
	l := &out.limits
	if out.pushes && s.batches() && p.strikes < maxStrikes {
		// No connection takes so much that nothing is left for the others.
		l.batch = max(1, min(batchMessages*p.batch.level(), n/out.lanes))
	}
	l.batchBytes = int64(batchBytes * p.batch.level())
	l.window = max(windowMessages, windowBatches*l.batch)
	l.windowBytes = windowBytes / int64(out.lanes)
	return out
}

// tally is what came of a plan.
type tally struct {
	messages  int
	bytes     int64
	throttled bool
	refused   bool // a batch was
	batched   bool // a batch was taken
}

// add notes what became of a message.
func (t *tally) add(m *appendMessage) {
	if r := m.result; r.err != nil {
		t.throttled = t.throttled || endpoint.CodeOf(r.err) == endpoint.Throttled
		t.refused = t.refused || r.batched
		return
	}
	t.messages++
	t.bytes += m.size
	t.batched = t.batched || m.result.batched
}

// learn takes in what came of a plan.
func (p *pace) learn(of plan, t tally, took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	lanes := &p.asking
	if of.pushes {
		lanes = &p.pushing
	}
	switch {
	case t.batched:
		p.strikes = -1
	case t.refused && p.strikes >= 0:
		p.strikes++
	}
	if t.refused || t.throttled {
		p.batch.shrink()
	}
	if t.throttled {
		lanes.shrink()
	}
	work := t.bytes + messageCost*int64(t.messages)
	if t.refused || t.throttled || work < enoughWork || took <= 0 || of.lanes < lanes.level() {
		return
	}
	p.measured(lanes, float64(work)/took.Seconds(), of.limits.batch > 1)
}

// measured lets one thing at a time be tried: what is on trial, else the two in turn.
func (p *pace) measured(lanes *climb, rate float64, batches bool) {
	if batches && !lanes.trying() && (p.batch.trying() || p.turn) {
		p.batch.observe(rate)
	} else {
		lanes.observe(rate)
	}
	p.turn = !p.turn
}

// How a climb goes on.
const (
	climbGain  = 1.15 // how much faster more must be, to be worth it
	firstRest  = 6    // measurements until the first trial, and after one that was of no use; it doubles
	longRest   = 96   // the same at most, and after the server was asked too much
	newestPart = 0.5  // of a measurement in the mean of all at that level
)

// climb looks for the level, from 1 by doubling up to most, at which work is done fastest. Where two
// are as good, it is the lower one.
type climb struct {
	most     int
	rates    []float64 // by step, the mean of what was measured there; 0 if nothing was
	step     int       // the level is 1 doubled so often
	fresh    bool      // the level is new: what it takes to get there spoils the first measurement
	rest     int       // measurements until the next trial
	patience int       // the rest after the next failure
}

// newClimb begins at a level. There is always the level 1.
func newClimb(first, most int) climb {
	most = max(most, 1)
	c := climb{most: most, rates: make([]float64, bits.Len(uint(most-1))+1), fresh: true, rest: firstRest, patience: firstRest}
	for c.level() < min(first, most) {
		c.step++
	}
	return c
}

func (c *climb) level() int { return min(1<<c.step, c.most) }

// trying reports whether nothing is known of the level yet.
func (c *climb) trying() bool { return c.rates[c.step] == 0 }

// observe takes in the rate that was measured at this level, and tries another one when it is time.
func (c *climb) observe(rate float64) {
	if c.fresh {
		c.fresh = false
		return
	}
	mean := &c.rates[c.step]
	if *mean == 0 {
		*mean = rate
	}
	*mean += newestPart * (rate - *mean)
	switch best := c.best(); {
	case best != c.step:
		c.move(best)
		c.rest, c.patience = c.patience, min(2*c.patience, longRest)
	case c.rest > 0:
		c.rest--
	case c.level() < c.most:
		c.move(c.step + 1)
	case c.step > 0:
		c.move(c.step - 1)
	}
}

// best returns the lowest step of those measured, unless one above is faster by enough.
func (c *climb) best() int {
	best := max(0, slices.IndexFunc(c.rates, func(rate float64) bool { return rate > 0 }))
	for step, rate := range c.rates {
		if rate > c.rates[best]*climbGain {
			best = step
		}
	}
	return best
}

func (c *climb) move(step int) {
	c.fresh = c.fresh || step != c.step
	c.step = step
}

// shrink goes one level down, for a good while.
func (c *climb) shrink() {
	c.move(max(0, c.step-1))
	clear(c.rates[c.step+1:])
	c.rest = longRest
}
