package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dandyroll/dandyroll/pass"
)

// control takes passes by the reins: one is cancelled before its time, another halts and goes on.
func control(c *company) {
	c.strategy("CONTROL", "Passes are scheduled, cancelled, halted and resumed.")
	ann := c.hire([]int{9, 8, 7, 6, 5, 4, 3, 2, 1}, "ann")

	c.day(0, "a pass is scheduled for tomorrow, and cancelled")
	c.cancelled(ann)

	c.day(1, "a pass is halted, because the line is needed, and goes on in the evening")
	c.halted(ann)
	c.complete()
}

// cancelled schedules a pass and cancels it as soon as it waits.
func (c *company) cancelled(people []*person) {
	c.do(func() error {
		ctx, cancel := context.WithCancel(c.ctx)
		defer cancel()
		_, err := c.engine.RunAll(ctx, 1, jobs(people, pass.Options{
			StartAt: time.Now().Add(24 * time.Hour),
			Observer: func(ev pass.Event) {
				if _, waits := ev.(pass.Scheduled); waits {
					cancel()
				}
			},
		}, false))
		n := len(everything(people[0].fresh))
		c.note("cancelled before it began; %d items are in the new mailbox", n)
		if !errors.Is(err, context.Canceled) || n != 0 {
			return fmt.Errorf("%d items, error %w", n, err)
		}
		return nil
	})
}

// halted holds a pass after its first window, looks at what is there, and lets it go on.
func (c *company) halted(people []*person) {
	c.do(func() error {
		var pause pass.Pause
		halts := make(chan bool, 2) // one for each event
		ended := make(chan []pass.Outcome, 1)
		options := pass.Options{Window: 3, Pause: &pause, Observer: func(ev pass.Event) {
			switch ev := ev.(type) {
			case pass.WindowDone:
				if len(everything(people[0].fresh)) == 3 {
					pause.Hold() // a program calls it from a button, or at office hours
				}
			case pass.Paused:
				halts <- ev.Held
			}
		}}
		go func() {
			outcomes, _ := c.engine.RunAll(c.ctx, 1, jobs(people, options, false)) // the errors are in the outcomes
			ended <- outcomes
		}()
		select {
		case <-halts:
			c.note("halted between two windows: %d of 9 items are in the new mailbox", len(everything(people[0].fresh)))
			pause.Release()
		case outcomes := <-ended:
			return fmt.Errorf("it did not halt: %w", outcomes[0].Err)
		}
		outcomes := <-ended
		c.note("resumed: %s", describe(outcomes[0].Report.Totals))
		if t := outcomes[0].Report.Totals; outcomes[0].Err != nil || t.Migrated != 9 {
			return fmt.Errorf("%d migrated, error %w", t.Migrated, outcomes[0].Err)
		}
		return nil
	})
}
