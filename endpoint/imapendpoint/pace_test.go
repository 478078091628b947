package imapendpoint

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/internal/climb"
)

// serverOf is a session that knows nothing but what its server offers.
func serverOf(offers ...string) *session {
	caps := capabilities{}
	for _, c := range offers {
		caps[c] = true
	}
	return &session{caps: caps}
}

// puts lets a pace plan n Puts to a server on which rate says how fast a plan is, and returns the last plan.
func puts(p *pace, s *session, n int, rate func(plan) float64) plan {
	var last plan
	for range n {
		last = p.plan(s, 1000, false)
		t := tally{messages: 1000, bytes: 8 << 20, batched: last.limits.batch > 1}
		work := float64(t.bytes + messageCost*int64(t.messages))
		p.learn(last, t, time.Duration(work/rate(last)*float64(time.Second)))
	}
	return last
}

func TestPaceFindsWhatIsFast(t *testing.T) {
	plus, multi := serverOf("LITERAL+"), serverOf("LITERAL+", "MULTIAPPEND")
	const mega = 1 << 20
	tests := map[string]struct {
		server *session
		rate   func(plan) float64
		lanes  int
		batch  int
	}{
		"each connection adds":        {plus, func(p plan) float64 { return mega * float64(p.lanes) }, 4, 0},
		"connections make no odds":    {multi, func(plan) float64 { return mega }, 1, 0},
		"connections get in the way":  {multi, func(p plan) float64 { return mega / float64(p.lanes) }, 1, 0},
		"two are better, four worse":  {multi, func(p plan) float64 { return []float64{0, 1, 2, 2, 1}[p.lanes] * mega }, 2, 0},
		"batches cost the server":     {multi, func(p plan) float64 { return mega * math.Sqrt(float64(p.limits.batch)) }, 1, batchMessages * mostBatch},
		"the server is fast as it is": {multi, func(p plan) float64 { return 1 << 30 * float64(p.lanes) }, 1, batchMessages * firstBatch},
		"nothing goes unasked":        {serverOf(), func(p plan) float64 { return mega * float64(p.lanes) }, 4, 1},
		"unasked alone is in the way": {serverOf(), func(p plan) float64 { return mega / float64(p.lanes) }, 2, 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := newPace(4)
			puts(p, tt.server, 8*climb.FirstRest, tt.rate)
			lanes := map[int]int{}
			batch := 0
			for range 20 {
				last := puts(p, tt.server, 1, tt.rate)
				lanes[last.lanes]++
				batch = max(batch, last.limits.batch)
			}
			if lanes[tt.lanes] < 14 {
				t.Errorf("Puts by connections: %v, want mostly %d", lanes, tt.lanes)
			}
			if tt.batch > 0 && batch != tt.batch {
				t.Errorf("batches of %d, want %d", batch, tt.batch)
			}
		})
	}
}

// TestPaceShrinks has the server refuse: less and less is asked of it, and nothing more soon.
func TestPaceShrinks(t *testing.T) {
	s := serverOf("LITERAL+", "MULTIAPPEND")
	rate := func(p plan) float64 { return 1 << 20 * float64(p.lanes) }
	p := newPace(4)
	before := puts(p, s, 8*climb.FirstRest, rate)
	throttled := tally{}
	throttled.add(&appendMessage{result: appendResult{err: endpoint.Errorf(endpoint.Throttled, "slow down")}})
	p.learn(before, throttled, time.Second)
	after := puts(p, s, climb.LongRest/2, rate)
	if before.lanes != 4 || after.lanes != 2 || after.limits.batchBytes >= before.limits.batchBytes {
		t.Errorf("%+v before, %+v after", before, after)
	}
	for range 20 {
		p.learn(after, throttled, time.Second)
	}
	if last := p.plan(s, 1000, false); last.lanes != 1 || last.limits.batch != batchMessages {
		t.Errorf("at last %+v", last)
	}
}

// TestPaceGivesUpBatches has the server refuse all batches, or some.
func TestPaceGivesUpBatches(t *testing.T) {
	s := serverOf("LITERAL+", "MULTIAPPEND")
	var refused, taken tally
	refused.add(&appendMessage{result: appendResult{err: errors.New("no"), batched: true}})
	taken.add(&appendMessage{result: appendResult{batched: true}})
	for _, tt := range []struct {
		name     string
		outcomes []tally
		batches  bool
	}{
		{"never taken", []tally{refused, refused, refused}, false},
		{"taken once", []tally{refused, taken, refused, refused, refused, refused}, true},
	} {
		p := newPace(1)
		for _, o := range tt.outcomes {
			p.learn(p.plan(s, 1000, false), o, time.Second)
		}
		if got := p.plan(s, 1000, false).limits.batch > 1; got != tt.batches {
			t.Errorf("%s: batches are sent: %t", tt.name, got)
		}
	}
}

// TestPaceShares proves that no connection takes all there is, and that a small Put needs no other.
func TestPaceShares(t *testing.T) {
	s := serverOf("LITERAL+", "MULTIAPPEND")
	p := newPace(4)
	puts(p, s, 8*climb.FirstRest, func(p plan) float64 { return 1 << 20 * float64(p.lanes) })
	if got := p.plan(s, 100, false); got.lanes*got.limits.batch > 100 || int64(got.lanes)*got.limits.windowBytes > windowBytes {
		t.Errorf("100 messages: %+v", got)
	}
	if got := p.plan(s, 3, false); got.lanes != 1 {
		t.Errorf("3 messages: %+v", got)
	}
	if got := p.plan(s, 1000, true); got.lanes != 4 || !got.limits.ask {
		t.Errorf("after a BAD: %+v", got)
	}
}
