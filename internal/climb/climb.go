// Package climb looks for the number of hands, or the size of a batch, with which work is done fastest, while it is done.
package climb

import (
	"math/bits"
	"slices"
)

// How a climb goes on.
const (
	gain       = 1.15 // how much faster more must be, to be worth it
	FirstRest  = 6    // measurements until the first trial, and after one that was of no use; it doubles
	LongRest   = 96   // the same at most, and after the server was asked too much
	newestPart = 0.5  // of a measurement in the mean of all at that level
)

// Climb looks for the level, from 1 by doubling up to most, at which work is done fastest. Where two
// are as good, it is the lower one. Below the level where it begins it looks only from the greatest one,
// by one step; Shrink goes further down.
type Climb struct {
	most     int
	rates    []float64 // by step, the mean of what was measured there; 0 if nothing was
	step     int       // the level is 1 doubled so often
	fresh    bool      // the level is new: what it takes to get there spoils the first measurement
	rest     int       // measurements until the next trial
	patience int       // the rest after the next failure
}

// New begins at a level. There is always the level 1.
func New(first, most int) Climb {
	most = max(most, 1)
	c := Climb{most: most, rates: make([]float64, bits.Len(uint(most-1))+1), fresh: true, rest: FirstRest, patience: FirstRest}
	for c.Level() < min(first, most) {
		c.step++
	}
	return c
}

// Level is the level to work at.
func (c *Climb) Level() int { return min(1<<c.step, c.most) }

// Trying reports whether nothing is known of the level yet.
func (c *Climb) Trying() bool { return c.rates[c.step] == 0 }

// Observe takes in the rate that was measured at this level, and tries another one when it is time.
func (c *Climb) Observe(rate float64) {
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
		c.rest, c.patience = c.patience, min(2*c.patience, LongRest)
	case c.rest > 0:
		c.rest--
	case c.Level() < c.most:
		c.move(c.step + 1)
	case c.step > 0:
		c.move(c.step - 1)
	}
}

// best returns the lowest step of those measured, unless one above is faster by enough.
func (c *Climb) best() int {
	best := max(0, slices.IndexFunc(c.rates, func(rate float64) bool { return rate > 0 }))
	for step, rate := range c.rates {
		if rate > c.rates[best]*gain {
			best = step
		}
	}
	return best
}

func (c *Climb) move(step int) {
	c.fresh = c.fresh || step != c.step
	c.step = step
}

// Shrink goes one level down, for a good while.
func (c *Climb) Shrink() {
	c.move(max(0, c.step-1))
	clear(c.rates[c.step+1:])
	c.rest = LongRest
}
