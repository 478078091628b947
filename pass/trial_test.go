package pass_test

import (
	"context"
	"errors"
	"iter"
	"sync"
	"testing"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/pass"
)

// rendezvous is a pair whose source lists nothing before the destination was read: only its trial is, so early.
type rendezvous struct {
	tried chan struct{}
	once  sync.Once
	fail  error // of the listing
}

type metSource struct {
	endpoint.Driver
	*rendezvous
}

func (d *metSource) Outline(ctx context.Context, f endpoint.Folder, since string) iter.Seq2[endpoint.Item, error] {
	return func(yield func(endpoint.Item, error) bool) {
		select {
		case <-d.tried:
		case <-ctx.Done():
			yield(endpoint.Item{}, ctx.Err())
			return
		}
		if d.fail != nil {
			yield(endpoint.Item{}, d.fail)
			return
		}
		d.Driver.Outline(ctx, f, since)(yield)
	}
}

type metDestination struct {
	endpoint.Driver
	*rendezvous
}

func (d *metDestination) Read(ctx context.Context, f endpoint.Folder, refs []string, o endpoint.ReadOptions) iter.Seq2[endpoint.Body, error] {
	d.once.Do(func() { close(d.tried) })
	return d.Driver.Read(ctx, f, refs, o)
}

func (w *world) rendezvous(fail error) pass.Pair {
	w.srcOpts.Quirks.Outlines, w.srcOpts.Quirks.NoVersions = true, true
	m := &rendezvous{tried: make(chan struct{}), fail: fail}
	p := w.open()
	p.Source = endpoint.New(&metSource{p.Source.Driver(), m})
	p.Destination = endpoint.New(&metDestination{p.Destination.Driver(), m})
	return p
}

// Where something is surely to be written, the destination is tried while the source is listed.
func TestTrialIsEarly(t *testing.T) {
	w := newWorld(t)
	w.deliver(5, inbox)
	r, err := w.engine().Run(t.Context(), w.rendezvous(nil), pass.Options{})
	w.must(err)
	want(t, r, pass.Counts{Listed: 5, Migrated: 5})
	w.onlyInbox()
}

// A pass that ends with its plan clears its trial away, and wrote nothing.
func TestEarlyTrialOfAPassThatFails(t *testing.T) {
	w := newWorld(t)
	w.deliver(5, inbox)
	refused := endpoint.Errorf(endpoint.Unauthenticated, "the password was changed")
	_, err := w.engine().Run(t.Context(), w.rendezvous(refused), pass.Options{})
	if !errors.Is(err, pass.ErrRefused) || endpoint.CodeOf(err) != endpoint.Unauthenticated {
		t.Errorf("error %v", err)
	}
	w.onlyInbox()
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 5, Migrated: 5})
	w.onlyInbox()
}

// Nothing is tried where items may be left out, and all are.
func TestNoTrialWhereNothingIsWritten(t *testing.T) {
	w := newWorld(t)
	w.deliver(5, inbox)
	o := pass.Options{Select: pass.Selection{MaxSize: 1}}
	want(t, w.run(o), pass.Counts{Listed: 5, Filtered: 5})
	if w.meta().Profile != nil {
		t.Error("the destination was tried")
	}
}

// onlyInbox checks that the destination has no other folder, such as one of a trial.
func (w *world) onlyInbox() {
	w.t.Helper()
	for f, err := range w.dst.Open(&w.dstOpts).Folders(w.t.Context()) {
		w.must(err)
		if f.Role != endpoint.Inbox {
			w.t.Errorf("there is a folder %q at the destination", f.Path)
		}
	}
}
