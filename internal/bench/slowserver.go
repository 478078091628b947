package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/store/memstore"
)

// slowDestination takes some time for each item, in which no processor works for it.
type slowDestination struct {
	*fakeDestination
	each time.Duration
}

func (d slowDestination) Put(ctx context.Context, f endpoint.Folder, items []endpoint.Put) iter.Seq2[endpoint.PutResult, error] {
	return func(yield func(endpoint.PutResult, error) bool) {
		for i := range items {
			time.Sleep(d.each) // what is measured, and no waiting for a condition
			for result, err := range d.fakeDestination.Put(ctx, f, items[i:i+1]) {
				if !yield(result, err) {
					return
				}
			}
		}
	}
}

// waiting compares passes whose database is on a disk with passes that remember nothing, where a server takes 1 ms for each item. All
// items are in one folder: nothing else is done while the database is waited for.
func (w *world) waiting(ctx context.Context) (row, error) {
	items := w.size.of(4000)
	w.say("durability: %d items, each of which takes 1 ms", items)
	var waits waits
	var remembering, forgetful times
	for i := range 2 * w.size.runs {
		durable := (i+1)/2%2 == 0 // each goes first as often
		took, watched, err := w.slowPass(ctx, items, durable)
		if err != nil {
			return row{}, err
		}
		if !durable {
			forgetful = append(forgetful, took)
			continue
		}
		remembering = append(remembering, took)
		waits.add(watched)
	}
	name := "cost of durability, a server that takes 1 ms for each of %s items of one folder: rate with Badger on a disk, of that with memstore"
	return waits.row(fmt.Sprintf(name, count(items)), remembering, forgetful), nil
}

// slowPass runs one pass to a slowDestination, with opening and closing the database.
func (w *world) slowPass(ctx context.Context, items int, durable bool) (took time.Duration, watched *stopwatch, err error) {
	dir, err := os.MkdirTemp(w.disk, "state-")
	if err != nil {
		return 0, nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	open := w.badger(dir)
	if !durable {
		open = func() (store.Store, error) { return memstore.New(), nil }
	}
	began := time.Now()
	if watched, err = watch(open); err != nil {
		return 0, nil, err
	}
	to := newFakeDestination(w.key, 0)
	engine, err := pass.New(pass.Config{Store: watched, Key: w.key})
	if err == nil {
		pair := pass.Pair{
			ID: pairID, Source: endpoint.New(fakeSource{items: items}),
			Destination: endpoint.New(slowDestination{to, time.Millisecond}),
		}
		var report *pass.Report
		report, err = engine.Run(ctx, pair, pass.Options{})
		err = errors.Join(err, complete(report))
	}
	err = errors.Join(err, watched.Close())
	took = time.Since(began)
	if n, solid := to.holds(); err == nil && (n != items || !solid) {
		err = fmt.Errorf("%d of %d items came", n, items)
	}
	return took, watched, err
}
