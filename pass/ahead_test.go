package pass_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/memendpoint"
	"github.com/dandyroll/dandyroll/pass"
)

// openContents counts contents that were handed out and not closed yet.
type openContents struct{ now, most atomic.Int64 }

// counting is a source whose contents are counted.
type counting struct {
	endpoint.Driver
	held *openContents
}

func (d *counting) Read(ctx context.Context, f endpoint.Folder, refs []string, o endpoint.ReadOptions) iter.Seq2[endpoint.Body, error] {
	return func(yield func(endpoint.Body, error) bool) {
		for b, err := range d.Driver.Read(ctx, f, refs, o) {
			if b.Content != nil {
				b.Content = &countedContent{Content: b.Content, held: d.held}
				d.held.most.Store(max(d.held.most.Load(), d.held.now.Add(1)))
			}
			if !yield(b, err) {
				return
			}
		}
	}
}

type countedContent struct {
	endpoint.Content
	held   *openContents
	closed atomic.Bool
}

func (c *countedContent) Open() (io.ReadCloser, error) {
	if c.closed.Load() {
		return nil, errors.New("the content was closed")
	}
	return c.Content.Open()
}

func (c *countedContent) Close() error {
	if !c.closed.Swap(true) {
		c.held.now.Add(-1)
	}
	return c.Content.Close()
}

// slow is a mailbox in which each read and each put takes some time.
type slow struct {
	endpoint.Driver
	read, put time.Duration
}

func (d *slow) Read(ctx context.Context, f endpoint.Folder, refs []string, o endpoint.ReadOptions) iter.Seq2[endpoint.Body, error] {
	time.Sleep(d.read)
	return d.Driver.Read(ctx, f, refs, o)
}

func (d *slow) Put(ctx context.Context, f endpoint.Folder, items []endpoint.Put) iter.Seq2[endpoint.PutResult, error] {
	time.Sleep(d.put)
	return d.Driver.Put(ctx, f, items)
}

// slowly is a pair that takes some time for each window, and counts contents.
func (w *world) slowly(read, put time.Duration, h *openContents) pass.Pair {
	p := w.open()
	p.Source = endpoint.New(&slow{Driver: &counting{p.Source.Driver(), h}, read: read})
	p.Destination = endpoint.New(&slow{Driver: p.Destination.Driver(), put: put})
	return p
}

// A window is read while the one before it is written, also the first one of the next folder; no more than two are held.
func TestReadingAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.must(w.src.CreateFolder("Work"))
		w.deliver(16, inbox)
		w.deliver(14, "Work")
		var h openContents
		began := time.Now()
		// The canary is a put, too, while the first window is read.
		r, err := w.engine().Run(t.Context(), w.slowly(time.Minute, time.Minute, &h), pass.Options{Window: 2, Folders: 1})
		w.must(err)
		want(t, r, pass.Counts{Listed: 30, Migrated: 30})
		if took := time.Since(began).Round(time.Second); took != 16*time.Minute {
			t.Errorf("15 windows took %v, of which each takes a minute to read and one to write", took)
		}
		if h.most.Load() != 4 || h.now.Load() != 0 {
			t.Errorf("%d contents were held, %d are not closed", h.most.Load(), h.now.Load())
		}
	})
}

// What was written becomes durable soon, also while the next window takes long to be read.
func TestSettlementsDoNotWaitForASlowSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.deliver(6, inbox)
		var h openContents
		p := w.slowly(0, 0, &h)
		source := p.Source.Driver().(*slow)
		windows := 0
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		cut := &cutStore{Store: w.store, n: 1 << 30}
		_, err := w.over(cut).Run(ctx, p, pass.Options{Window: 2, Folders: 1, Observer: func(ev pass.Event) {
			if _, ok := ev.(pass.WindowDone); !ok {
				return
			}
			synctest.Wait() // until the window after it was read
			source.read = time.Hour
			if windows++; windows == 2 {
				before := cut.seen.Load()
				time.AfterFunc(10*time.Minute, func() {
					if n := cut.seen.Load() - before; n != 1 {
						t.Errorf("%d commits ten minutes after a window was written", n)
					}
				})
			}
		}})
		w.must(err)
		w.same(inbox)
	})
}

// A window takes some seconds: few items where they take long, many where they do not. The second one is begun before anything is
// known.
func TestWindowsFollowTheRate(t *testing.T) {
	for name, test := range map[string]struct {
		each  time.Duration // for an item to be written
		items int
		want  []int
	}{
		"slow":   {time.Second, 140, []int{64, 64, 4, 4, 4}},
		"steady": {10 * time.Millisecond, 1000, []int{64, 64, 300, 300, 272}},
		"quick":  {time.Millisecond, 3000, []int{64, 64, 512, 2044, 316}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.deliver(test.items, inbox)
				p := w.open()
				p.Destination = endpoint.New(&steady{p.Destination.Driver(), test.each})
				var sizes []int
				_, err := w.engine().Run(t.Context(), p, pass.Options{Observer: func(ev pass.Event) {
					if done, ok := ev.(pass.WindowDone); ok {
						sizes = append(sizes, done.Items)
					}
				}})
				w.must(err)
				if !slices.Equal(sizes, test.want) {
					t.Errorf("windows of %d items, want %d", sizes, test.want)
				}
			})
		})
	}
}

// steady is a destination that takes some time for each item.
type steady struct {
	endpoint.Driver
	each time.Duration
}

func (d *steady) Put(ctx context.Context, f endpoint.Folder, items []endpoint.Put) iter.Seq2[endpoint.PutResult, error] {
	time.Sleep(time.Duration(len(items)) * d.each)
	return d.Driver.Put(ctx, f, items)
}

// Where the destination turns out to drop marks, what was read meanwhile is closed.
func TestReadingAheadOfARefusedCanary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.dstOpts.Quirks = memendpoint.Quirks{DropMark: true}
		for _, folder := range []string{"A", "B", "C"} {
			w.must(w.src.CreateFolder(folder))
			w.deliver(3, folder)
		}
		var h openContents
		if _, err := w.engine().Run(t.Context(), w.slowly(0, time.Minute, &h), pass.Options{Folders: 2}); err == nil {
			t.Fatal("it was not refused")
		}
		if h.most.Load() != 6 || h.now.Load() != 0 {
			t.Errorf("%d contents were held, %d are not closed", h.most.Load(), h.now.Load())
		}
	})
}
