package pass_test

import (
	"context"
	"fmt"
	"iter"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/pass"
)

// distant is a mailbox each of whose calls takes the time of a round trip.
type distant struct {
	endpoint.Driver
	trip time.Duration
}

// far makes both mailboxes of a pair distant.
func far(p pass.Pair, trip time.Duration) pass.Pair {
	p.Source = endpoint.New(&distant{p.Source.Driver(), trip})
	p.Destination = endpoint.New(&distant{p.Destination.Driver(), trip})
	return p
}

// delayed is a sequence that begins after a round trip.
func delayed[T any](d *distant, seq iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		time.Sleep(d.trip)
		seq(yield)
	}
}

func (d *distant) Capabilities(ctx context.Context) (endpoint.Capabilities, error) {
	time.Sleep(d.trip)
	return d.Driver.Capabilities(ctx)
}

func (d *distant) Folders(ctx context.Context) iter.Seq2[endpoint.Folder, error] {
	return delayed(d, d.Driver.Folders(ctx))
}

func (d *distant) List(ctx context.Context, f endpoint.Folder, since string) iter.Seq2[endpoint.Item, error] {
	return delayed(d, d.Driver.List(ctx, f, since))
}

func (d *distant) Outline(ctx context.Context, f endpoint.Folder, since string) iter.Seq2[endpoint.Item, error] {
	return delayed(d, d.Driver.Outline(ctx, f, since))
}

func (d *distant) Refs(ctx context.Context, f endpoint.Folder) iter.Seq2[string, error] {
	return delayed(d, d.Driver.Refs(ctx, f))
}

func (d *distant) Read(ctx context.Context, f endpoint.Folder, refs []string, o endpoint.ReadOptions) iter.Seq2[endpoint.Body, error] {
	return delayed(d, d.Driver.Read(ctx, f, refs, o))
}

func (d *distant) Marks(ctx context.Context, f endpoint.Folder, since string) iter.Seq2[endpoint.Sighting, error] {
	return delayed(d, d.Driver.Marks(ctx, f, since))
}

func (d *distant) Put(ctx context.Context, f endpoint.Folder, items []endpoint.Put) iter.Seq2[endpoint.PutResult, error] {
	return delayed(d, d.Driver.Put(ctx, f, items))
}

func (d *distant) CreateFolder(ctx context.Context, f endpoint.Folder) (endpoint.Folder, error) {
	time.Sleep(d.trip)
	return d.Driver.CreateFolder(ctx, f)
}

func (d *distant) DeleteFolder(ctx context.Context, f endpoint.Folder) error {
	time.Sleep(d.trip)
	return d.Driver.DeleteFolder(ctx, f)
}

func (d *distant) Subscribe(ctx context.Context, f endpoint.Folder) error {
	time.Sleep(d.trip)
	return d.Driver.Subscribe(ctx, f)
}

// A pass waits for few calls, one after the other, however far away the mailboxes are.
func TestCallsThatAPassWaitsFor(t *testing.T) {
	for name, test := range map[string]struct {
		folders int // at once
		first   int // calls one after the other of a first pass over 500 items in 5 folders
		nothing int // of a pass with nothing to do
		more    int // of a pass with something new in one folder
	}{
		"four folders at once": {4, 15, 1, 8},
		"one connection":       {1, 31, 1, 8},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.srcOpts.Quirks.Outlines, w.srcOpts.Quirks.NoVersions = true, true
				w.deliver(100, inbox)
				for i := range 4 {
					folder := fmt.Sprint("Folder ", i)
					w.must(w.src.CreateFolder(folder))
					w.must(w.src.SetSubscribed(true, folder))
					w.deliver(100, folder)
				}
				p := far(w.open(), time.Second)
				calls := func() int {
					began := time.Now()
					r, err := w.engine().Run(t.Context(), p, pass.Options{Folders: test.folders})
					w.must(err)
					if !r.Complete {
						t.Errorf("%v", r)
					}
					return int(time.Since(began).Round(time.Second) / time.Second)
				}
				first, nothing := calls(), calls()
				w.deliver(1, "Folder 2")
				if more := calls(); first > test.first || nothing > test.nothing || more > test.more {
					t.Errorf("a first pass waited for %d calls, one with nothing to do for %d, one with a new item for %d, want up to %d, %d, %d",
						first, nothing, more, test.first, test.nothing, test.more)
				}
			})
		})
	}
}
