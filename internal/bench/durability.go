package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/store/memstore"
	"github.com/dandyroll/dandyroll/watermark"
)

// durability compares passes whose database is on a disk with passes that remember nothing: on a server that works elsewhere, and on
// one that has no other processors than the program, at a round trip of 1 ms. The latter are long enough that opening and closing the
// database, once a pass, says little of the rate.
func (w *world) durability(ctx context.Context) ([]row, error) {
	m := mix{seed: 5, messages: w.size.of(12_000), bytes: w.size.bytes(78_000_000), median: 3_000, folders: w.size.folders(8)}
	w.say("durability: %d messages", m.messages)
	user, err := w.source("durable", m)
	if err != nil {
		return nil, err
	}
	want, err := look(ctx, w.server.Addr(), user, "")
	if err != nil {
		return nil, err
	}
	proxy, err := w.far(ctx, time.Millisecond)
	if err != nil {
		return nil, err
	}
	defer proxy.Close()
	var waits waits
	durable := func(ctx context.Context, j job) (usage, error) { return w.durablePass(ctx, j, &waits) }
	r := race{addr: proxy.Addr(), from: user, want: want, runs: w.size.runs + w.size.extra}
	results, err := w.copies(ctx, r,
		contender{"badgerstore", watermark.Field, durable},
		contender{"memstore", watermark.Field, w.forgetfulPass})
	if err != nil {
		return nil, err
	}
	slow, err := w.waiting(ctx)
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("the same to Dovecot on the same processors, round trip of 1 ms, %s messages", count(m.messages))
	return []row{slow, waits.row(name, results[0].took, results[1].took)}, nil
}

// waits are how long the database of each pass was waited for: when it was opened and closed, and for each commit.
type waits struct{ edges, commits times }

func (t *waits) add(s *stopwatch) {
	t.edges, t.commits = append(t.edges, s.edges), append(t.commits, s.commits...)
}

// row compares passes that remember with those that do not.
func (t *waits) row(name string, remembering, forgetful times) row {
	return row{
		name: name, value: 100 * ratio(forgetful, remembering), format: "%.0f %%", least: atLeast(95),
		how: fmt.Sprintf("Badger %v, memstore %v; opening and closing Badger takes %v, each of %d commits of a pass %v",
			remembering, forgetful, t.edges, len(t.commits)/len(t.edges), t.commits),
	}
}

// durablePass runs a pass whose database is on a disk, whatever the job says, and adds how long that was waited for.
func (w *world) durablePass(ctx context.Context, j job, waits *waits) (u usage, err error) {
	if j.state, err = os.MkdirTemp(w.disk, "state-"); err != nil {
		return u, err
	}
	var watched *stopwatch
	began := time.Now()
	u.report, err = w.passOver(ctx, j, func() (_ store.Store, err error) {
		watched, err = watch(w.badger(j.state))
		return watched, err
	}, way{})
	u.took = time.Since(began)
	waits.add(watched)
	return u, errors.Join(err, os.RemoveAll(j.state))
}

// forgetfulPass runs a pass whose database is in memory.
func (w *world) forgetfulPass(ctx context.Context, j job) (u usage, err error) {
	began := time.Now()
	u.report, err = w.passOver(ctx, j, func() (store.Store, error) { return memstore.New(), nil }, way{})
	u.took = time.Since(began)
	return u, err
}
