package main

import (
	"context"
	"time"

	"github.com/dandyroll/dandyroll/pass"
)

// staged moves people in batches. Between its first pass and its switch, each batch gets a delta every
// evening, so that the last one is short.
func staged(c *company) {
	c.strategy("STAGED", "People are switched over in batches.")
	sales := c.hire([]int{50, 40, 30}, "ann", "bob")
	research := c.hire([]int{50, 40, 30}, "cyd", "dan")

	c.day(-4, "the first batch begins")
	c.run(sales, pass.Options{}, pass.Counts{Listed: 6, Migrated: 6})
	c.evenings(3, func(n int) {
		c.day(n-3, "every evening: a delta for the first batch")
		c.mail("news", sales[0])
		c.run(sales, pass.Options{Kind: pass.Delta}, pass.Counts{Listed: 7 + n, Already: 6 + n, Migrated: 1})
	})

	c.day(0, "the first batch is switched over, and the second begins")
	c.plan(sales, true)
	c.run(research, pass.Options{}, pass.Counts{Listed: 6, Migrated: 6})
	c.mail("straggler", sales[1])
	c.mail("news", research...)

	c.day(3, "the second batch is switched over; a last delta takes both")
	c.plan(research, false)
	c.run(c.people, pass.Options{Kind: pass.Delta}, pass.Counts{Listed: 18, Already: 15, Migrated: 3})
	c.plan(c.people, true)
	c.complete()
}

// every is the whole of a scheduler: it runs passes until the context ends, or a tick is the last. A
// program hands it the channel of a time.Ticker:
//
//	evening := time.NewTicker(24 * time.Hour)
//	defer evening.Stop()
//	every(ctx, evening.C, func(context.Context, time.Time) { … })
//
// A pass that is still running when the next is due makes that one late; ticks do not pile up.
func every(ctx context.Context, ticks <-chan time.Time, run func(ctx context.Context, at time.Time)) {
	for {
		select {
		case at, more := <-ticks:
			if !more {
				return
			}
			run(ctx, at)
		case <-ctx.Done():
			return
		}
	}
}

// evenings lets every run n times, by ticks of the calendar instead of a clock.
func (c *company) evenings(n int, run func(n int)) {
	ticks := make(chan time.Time, n)
	for day := range n {
		ticks <- c.today.AddDate(0, 0, day)
	}
	close(ticks)
	evening := 0
	every(c.ctx, ticks, func(context.Context, time.Time) {
		run(evening)
		evening++
	})
}
