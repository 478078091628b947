package pass_test

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/pass"
)

// timed is a mailbox that knows its round trip. A put takes a moment.
type timed struct {
	endpoint.Driver
	trip time.Duration

	mu       sync.Mutex
	putting  int
	most     int   // puts at once
	foreseen []int // calls
	outlines int   // that are foreseen
}

func (d *timed) Wire() endpoint.Wire { return endpoint.Wire{RoundTrip: d.trip} }

func (d *timed) Foresee(_ context.Context, calls int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.foreseen = append(d.foreseen, calls)
}

func (d *timed) ForeseeOutlines(_ context.Context, folders []endpoint.Folder) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.outlines += len(folders)
}

func (d *timed) Put(ctx context.Context, f endpoint.Folder, items []endpoint.Put) iter.Seq2[endpoint.PutResult, error] {
	return func(yield func(endpoint.PutResult, error) bool) {
		d.count(1)
		defer d.count(-1)
		time.Sleep(time.Millisecond)
		d.Driver.Put(ctx, f, items)(yield)
	}
}

func (d *timed) count(by int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.putting += by
	d.most = max(d.most, d.putting)
}

// A few folders at once are enough where both mailboxes are near, and connections are made early where one is far away.
func TestFoldersAtOnceByRoundTrip(t *testing.T) {
	for name, test := range map[string]struct {
		source, destination time.Duration
		folders             int // Options.Folders
		most                int // puts at once
		early               int // calls that are foreseen of the source
		outlines            int // that are foreseen
	}{
		"both are near":      {time.Millisecond, time.Millisecond, 0, 2, 0, 0},
		"one is far away":    {20 * time.Millisecond, time.Millisecond, 0, 4, 4, 9},
		"both are far away":  {20 * time.Millisecond, 20 * time.Millisecond, 0, 4, 4, 9},
		"nothing is known":   {0, 0, 0, 4, 0, 0},
		"the caller decides": {time.Millisecond, time.Millisecond, 3, 3, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.srcOpts.Quirks.Outlines, w.srcOpts.Quirks.NoVersions = true, true
				for i := range 8 {
					folder := fmt.Sprint("Folder ", i)
					w.must(w.src.CreateFolder(folder))
					w.deliver(3, folder)
				}
				p := w.open()
				source := &timed{Driver: p.Source.Driver(), trip: test.source}
				destination := &timed{Driver: p.Destination.Driver(), trip: test.destination}
				p.Source, p.Destination = endpoint.New(source), endpoint.New(destination)
				_, err := w.engine().Run(t.Context(), p, pass.Options{Folders: test.folders})
				w.must(err)
				if destination.most != test.most {
					t.Errorf("%d puts at once, want %d", destination.most, test.most)
				}
				early := 0
				if len(source.foreseen) > 0 {
					early = source.foreseen[0]
				}
				if early != test.early {
					t.Errorf("%d calls to the source are foreseen, want %d", early, test.early)
				}
				if len(destination.foreseen) == 0 || destination.foreseen[len(destination.foreseen)-1] != test.most {
					t.Errorf("calls to the destination that are foreseen: %v, want %d", destination.foreseen, test.most)
				}
				if source.outlines != test.outlines {
					t.Errorf("%d outlines are foreseen, want %d", source.outlines, test.outlines)
				}
				source.foreseen, source.outlines = nil, 0
				_, err = w.engine().Run(t.Context(), p, pass.Options{Folders: test.folders})
				w.must(err)
				if source.foreseen != nil || source.outlines > 0 {
					t.Errorf("a pass with nothing to do foresees %v calls and %d outlines", source.foreseen, source.outlines)
				}
			})
		})
	}
}
