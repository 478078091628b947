package main

import (
	"context"
	"fmt"
)

// settling is a mailbox of small messages in 50 folders, spread evenly.
func (s scale) settling(messages int) mix {
	n := s.of(messages)
	return mix{seed: 4, messages: n, bytes: int64(n) * 1000, median: 950, folders: s.folders(50), even: true}
}

// settled is a mailbox that mailmove and mbsync have copied whole.
type settled struct {
	mix        mix
	user       string
	contenders []contender
	jobs       []job
	took       []times // of passes that find nothing new
	delivered  int     // messages at the source by now
}

// settle makes a mailbox and its copies.
func (w *world) settle(ctx context.Context, m mix) (*settled, error) {
	s := &settled{mix: m, contenders: []contender{w.mailmoveContender(), mbsyncContender()}}
	w.say("delta: a mailbox of %d messages", m.messages)
	var err error
	if s.user, err = w.source(fmt.Sprintf("delta%d", m.messages), s.mix); err != nil {
		return nil, err
	}
	s.delivered = m.messages
	for _, c := range s.contenders {
		user, state := w.fresh(w.dir)
		j := job{source: w.server.Addr(), destination: w.server.Addr(), from: s.user, to: user, state: state}
		s.jobs = append(s.jobs, j)
		s.took = append(s.took, nil)
		for _, what := range []string{"full", "delta"} {
			u, err := c.copy(ctx, j)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			w.say("  %-12s %s %s, %d MiB", c.name, what, short(u.took), u.peak>>20)
		}
	}
	return s, s.check(ctx, w)
}

// check compares the copies with the source.
func (s *settled) check(ctx context.Context, w *world) error {
	want, err := look(ctx, w.server.Addr(), s.user, "")
	if err != nil {
		return err
	}
	for i, c := range s.contenders {
		have, err := look(ctx, w.server.Addr(), s.jobs[i].to, c.mark)
		if err == nil {
			err = want.compare(have)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return nil
}

// turn lets each contender run once more, and adds how long that took. Which turn it is says who begins.
func (s *settled) turn(ctx context.Context, w *world, turn int, took []times) error {
	for i := range s.contenders {
		n := (i + turn) % len(s.contenders)
		u, err := s.contenders[n].copy(ctx, s.jobs[n])
		if err != nil {
			return fmt.Errorf("%s: %w", s.contenders[n].name, err)
		}
		w.say("  %-12s %s, %d MiB", s.contenders[n].name, short(u.took), u.peak>>20)
		took[n] = append(took[n], u.took)
	}
	return nil
}

// nothingTurns is how many turns there are of passes that find nothing new, for one of others: they take a tenth of a second.
const nothingTurns = 5

// delta measures passes over mailboxes that were copied before.
func (w *world) delta(ctx context.Context) (rows []row, plot []point, err error) {
	var all []*settled
	for _, n := range []int{10_000, 30_000, 100_000} {
		s, err := w.settle(ctx, w.size.settling(n))
		if err != nil {
			return nil, nil, err
		}
		all = append(all, s)
	}
	for turn := range w.size.runs * nothingTurns {
		for _, s := range all { // one after the other, for they are compared, too
			if err := s.turn(ctx, w, turn, s.took); err != nil {
				return nil, nil, err
			}
		}
	}
	for _, s := range all {
		plot = append(plot, point{messages: s.mix.messages, ours: s.took[0], theirs: s.took[1]})
	}
	small, big := all[0], all[len(all)-1]
	if rows, err = w.nothingNew(ctx, small, big); err != nil {
		return nil, nil, err
	}
	more, err := w.newMail(ctx, big)
	if err != nil {
		return nil, nil, err
	}
	scanned, err := w.scan(ctx, big)
	return append(append(rows, more...), scanned...), plot, err
}

// nothingNew are the rows of passes that find nothing new.
func (w *world) nothingNew(ctx context.Context, small, big *settled) ([]row, error) {
	with, err := w.countOurs(ctx, big.jobs[0])
	if err != nil {
		return nil, err
	}
	without, err := w.countOurs(ctx, big.jobs[0], "LIST-STATUS")
	if err != nil {
		return nil, err
	}
	theirs, err := w.countMbsync(ctx, big.jobs[1])
	if err != nil {
		return nil, err
	}
	title := fmt.Sprintf("delta, nothing new, %s messages in %d folders", count(big.mix.messages), big.mix.folders)
	return []row{
		{
			name: title + ": commands on the wire, the greater number of both sides", value: float64(with.greater()), format: "%.0f",
			least: atMost(12), moonshot: atMost(8),
			how: fmt.Sprintf("source and destination: mailmove %v; mbsync %v", with, theirs),
		},
		{
			name: "the same, from servers without LIST-STATUS", value: float64(without.greater()), format: "%.0f",
			least: atMost(float64(12 + big.mix.folders)), how: without.String(),
		},
		{
			name: title + ": time, of that of mbsync", value: ratio(big.took[0], big.took[1]), format: "%.2f ×",
			least: atMost(0.5), moonshot: atMost(0.2),
			how: fmt.Sprintf("mailmove %v; mbsync %v", big.took[0], big.took[1]),
		},
		{
			name:  fmt.Sprintf("the same: time at %s messages, of that at %s", count(big.mix.messages), count(small.mix.messages)),
			value: ratio(big.took[0], small.took[0]), format: "%.2f ×", least: atMost(1.2), moonshot: atMost(1),
			how: fmt.Sprintf("mailmove %v and %v; mbsync %v and %v", big.took[0], small.took[0], big.took[1], small.took[1]),
		},
	}, nil
}

// newMail is the row of passes that find one message in a hundred new.
func (w *world) newMail(ctx context.Context, s *settled) ([]row, error) {
	n := max(s.mix.messages/100, s.mix.folders)
	w.say("delta: %d new messages", n)
	took := make([]times, len(s.contenders))
	for turn := range w.size.runs + w.size.extra {
		if err := w.post.deliver(s.user, nil, s.mix.part(s.delivered, n)); err != nil {
			return nil, err
		}
		s.delivered += n
		if err := s.turn(ctx, w, turn, took); err != nil {
			return nil, err
		}
	}
	if err := s.check(ctx, w); err != nil {
		return nil, err
	}
	alone, err := w.alone(ctx, s.mix, n)
	if err != nil {
		return nil, err
	}
	over := took[0].median() - alone.median()
	return []row{{
		name:  fmt.Sprintf("delta, %s new of %s messages: time beyond that of a full pass over these alone", count(n), count(s.mix.messages)),
		value: over.Seconds(), format: "%.2f s", least: atMost(1),
		how: fmt.Sprintf("mailmove %v, a full pass over the new ones alone %v; mbsync %v", took[0], alone, took[1]),
	}}, nil
}

// alone is how long mailmove takes to copy a mailbox that holds nothing but n messages.
func (w *world) alone(ctx context.Context, m mix, n int) (times, error) {
	m.messages, m.bytes = n, m.bytes/int64(m.messages)*int64(n)
	user, err := w.source("alone", m)
	if err != nil {
		return nil, err
	}
	want, err := look(ctx, w.server.Addr(), user, "")
	if err != nil {
		return nil, err
	}
	results, err := w.copies(ctx, race{addr: w.server.Addr(), from: user, want: want, runs: w.size.runs + w.size.extra}, w.mailmoveContender())
	if err != nil {
		return nil, err
	}
	return results[0].took, nil
}

// point is one measurement for the plot.
type point struct {
	messages     int
	ours, theirs times
}
