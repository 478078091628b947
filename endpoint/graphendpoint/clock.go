package graphendpoint

import (
	"context"
	"time"
)

// clock is the time that passes while something is waited for. Tests have one that does not wait.
type clock struct {
	now   func() time.Time
	sleep func(context.Context, time.Duration) error
}

func realTime() clock { return clock{now: time.Now, sleep: sleep} }

// backOff calls try until it succeeds or says that asking again is of no use. The pauses between calls double, from one second to a
// minute, unless try asks for longer ones.
func (c clock) backOff(ctx context.Context, try func(waited time.Duration) (again bool, pause time.Duration, err error)) error {
	start := c.now()
	for usual := time.Second; ; usual = min(2*usual, time.Minute) {
		again, pause, err := try(c.now().Sub(start))
		if err == nil || !again {
			return err
		}
		if ended := c.sleep(ctx, max(usual, pause)); ended != nil {
			return ended
		}
	}
}
