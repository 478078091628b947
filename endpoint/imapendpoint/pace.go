package imapendpoint

import (
	"sync"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/internal/climb"
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
	// enoughTime is how long a Put takes, at least, of which it is asked whether it could go faster: what a server does in less, further
	// connections to the same folder hardly make up for what it costs to make them.
	enoughTime = 100 * time.Millisecond
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
	pushing climb.Climb // connections, where literals are sent unasked
	asking  climb.Climb // connections, where they are not: each message costs a round trip
	batch   climb.Climb // batchMessages and batchBytes times this
	turn    bool        // to try something with batch
	strikes int         // batches that were refused before one was taken; below zero once one was
}

// newPace begins with one connection where that keeps the line busy, else with all there may be.
func newPace(connections int) *pace {
	return &pace{
		pushing: climb.New(1, connections),
		asking:  climb.New(connections, connections),
		batch:   climb.New(firstBatch, mostBatch),
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
		out.lanes = min(p.asking.Level(), max(n, 1))
	} else {
		out.lanes = min(p.pushing.Level(), n/laneMessages+1)
	}
	l := &out.limits
	if out.pushes && s.batches() && p.strikes < maxStrikes {
		// No connection takes so much that nothing is left for the others.
		l.batch = max(1, min(batchMessages*p.batch.Level(), n/out.lanes))
	}
	l.batchBytes = int64(batchBytes * p.batch.Level())
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
		p.batch.Shrink()
	}
	if t.throttled {
		lanes.Shrink()
	}
	work := t.bytes + messageCost*int64(t.messages)
	if t.refused || t.throttled || work < enoughWork || took < enoughTime || of.lanes < lanes.Level() {
		return
	}
	p.measured(lanes, float64(work)/took.Seconds(), of.limits.batch > 1)
}

// measured lets one thing at a time be tried: what is on trial, else the two in turn.
func (p *pace) measured(lanes *climb.Climb, rate float64, batches bool) {
	if batches && !lanes.Trying() && (p.batch.Trying() || p.turn) {
		p.batch.Observe(rate)
	} else {
		lanes.Observe(rate)
	}
	p.turn = !p.turn
}
