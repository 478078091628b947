package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
)

// times are how long the runs of one contender took.
type times []time.Duration

// median is the middle one, or the mean of the middle two.
func (t times) median() time.Duration {
	sorted := slices.Sorted(slices.Values(t))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// String says median and extremes.
func (t times) String() string {
	return fmt.Sprintf("%s (%s–%s)", short(t.median()), short(slices.Min(t)), short(slices.Max(t)))
}

func short(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d >= time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	default:
		return fmt.Sprintf("%.0f ms", float64(d.Microseconds())/1000)
	}
}

// race is one case that several contenders run, in turns.
type race struct {
	addr string // of the server, or of a proxy before it, at both sides
	from string // the account that is copied
	want contents
	runs int
}

// result is what the runs of one contender took.
type result struct {
	took   times
	cpu    times // of the program
	server times // of the processors, for the server
	peak   int64 // the greatest of all runs
}

// String says what the result is computed from, and who was busy meanwhile.
func (r result) String() string {
	text := fmt.Sprintf("%v; processors: program %s, server %s", r.took, short(r.cpu.median()), short(r.server.median()))
	if r.peak > 0 {
		text += fmt.Sprintf("; %d MiB", r.peak>>20)
	}
	return text
}

func (r *result) add(u usage, server time.Duration) {
	r.took, r.cpu, r.server = append(r.took, u.took), append(r.cpu, u.cpu), append(r.server, server)
	r.peak = max(r.peak, u.peak)
}

// copies lets the contenders copy the mailbox, each time into a fresh account, and checks each copy. Who
// comes first changes from turn to turn.
func (w *world) copies(ctx context.Context, r race, contenders ...contender) ([]result, error) {
	results := make([]result, len(contenders))
	for turn := range r.runs {
		for i := range contenders {
			n := (i + turn) % len(contenders)
			if err := w.copyOnce(ctx, r, contenders[n], &results[n]); err != nil {
				return nil, fmt.Errorf("%s: %w", contenders[n].name, err)
			}
		}
	}
	return results, nil
}

func (w *world) copyOnce(ctx context.Context, r race, c contender, to *result) error {
	user, state := w.fresh(w.dir)
	before, err := w.serverTime(ctx)
	if err != nil {
		return err
	}
	u, err := c.copy(ctx, job{source: r.addr, destination: r.addr, from: r.from, to: user, state: state})
	if err != nil {
		return err
	}
	after, err := w.serverTime(ctx)
	if err != nil {
		return err
	}
	to.add(u, after-before)
	w.say("  %-12s %s, processors: program %s, server %s; %d MiB", c.name, short(u.took), short(u.cpu), short(after-before), u.peak>>20)
	have, err := look(ctx, w.server.Addr(), user, c.mark)
	if err == nil {
		err = r.want.compare(have)
	}
	return errors.Join(err, w.post.remove(user), os.RemoveAll(state))
}
