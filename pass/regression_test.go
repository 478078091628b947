package pass_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/memendpoint"
	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/store/memstore"
	"github.com/dandyroll/dandyroll/watermark"
)

// The shortest forms of the histories that found a bug.

// rotate gives the world another key; the old one still verifies.
func (w *world) rotate() pass.Config {
	old := w.key
	w.key = watermark.NewKey()
	return pass.Config{Store: w.store, Key: w.key, OldKeys: []watermark.Key{old}}
}

// moody is a mailbox whose first calls fail.
type moody struct {
	endpoint.Driver
	create, list []error // nil is a call that does not
}

func (d *moody) CreateFolder(ctx context.Context, f endpoint.Folder) (endpoint.Folder, error) {
	if err := next(&d.create); err != nil {
		return endpoint.Folder{}, err
	}
	return d.Driver.CreateFolder(ctx, f)
}

func (d *moody) List(ctx context.Context, f endpoint.Folder, since string) iter.Seq2[endpoint.Item, error] {
	if err := next(&d.list); err != nil {
		return func(yield func(endpoint.Item, error) bool) { yield(endpoint.Item{}, err) }
	}
	return d.Driver.List(ctx, f, since)
}

func next(errs *[]error) error {
	if len(*errs) == 0 {
		return nil
	}
	err := (*errs)[0]
	*errs = (*errs)[1:]
	return err
}

// A folder whose creation is throttled is created afterwards, and under its own name.
func TestFolderCreationIsThrottled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.must(w.src.CreateFolder("Work"))
		w.deliver(2, "Work")
		p := w.open()
		p.Destination = endpoint.New(&moody{Driver: p.Destination.Driver(), create: []error{
			nil, // the folder of the canary
			endpoint.Errorf(endpoint.Throttled, "slowly"),
		}})
		r, err := w.engine().Run(t.Context(), p, pass.Options{})
		w.must(err)
		want(t, r, pass.Counts{Listed: 2, Migrated: 2})
		w.same("Work")
	})
}

// A cut between the scan that finds a forgotten generation and the commit that makes it known
// again does not make the marks of that generation look like those of another.
func TestForgottenGenerationAndACut(t *testing.T) {
	w := newWorld(t)
	w.deliver(3, inbox)
	l, err := w.store.Open(t.Context(), w.pair)
	w.must(err)
	w.must(l.Commit(t.Context(), store.Batch{Meta: &store.Meta{Generation: 2}}))
	w.must(l.Close())
	w.run(pass.Options{})
	for n := int64(1); n < 12; n++ {
		w.store = memstore.New()
		e, err := pass.New(pass.Config{Store: &cutStore{Store: w.store, n: n, after: true}, Key: w.key})
		w.must(err)
		if _, err = e.Run(t.Context(), w.open(), pass.Options{}); err != nil && !errors.Is(err, errCut) {
			t.Fatal(err)
		}
		if r := w.run(pass.Options{}); r.Generation != 2 || r.Totals.Migrated > 0 {
			t.Errorf("cut at commit %d: generation %d, %+v", n, r.Generation, r.Totals)
		}
	}
	w.same(inbox)
}

// The time for which an endpoint throttles is not taken off the patience with its failures.
func TestPatienceAfterThrottling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.deliver(4, inbox)
		p := w.open()
		p.Source = endpoint.New(&moody{Driver: p.Source.Driver(), list: []error{
			&endpoint.Error{Code: endpoint.Throttled, RetryAfter: time.Hour},
			endpoint.Errorf(endpoint.Unavailable, "gone away"),
		}})
		r, err := w.engine().Run(t.Context(), p, pass.Options{})
		w.must(err)
		want(t, r, pass.Counts{Listed: 4, Migrated: 4})
	})
}

// With another key, or through another type of endpoint, a mailbox is still the same, even if its
// user has removed all that was migrated.
func TestEmptiedMailboxIsStillTheSame(t *testing.T) {
	for _, change := range []string{"key", "type"} {
		w := newWorld(t)
		w.deliver(2, inbox)
		w.run(pass.Options{})
		empty := func() {
			for _, ref := range w.destRefs(inbox) {
				w.must(w.dst.Delete([]string{inbox}, ref))
			}
		}
		c := pass.Config{Store: w.store, Key: w.key}
		if change == "key" {
			c = w.rotate()
		} else {
			w.dstOpts.Type = "other"
			w.run(pass.Options{})
			w.dstOpts.Type = "dst"
		}
		empty()
		e, err := pass.New(c)
		w.must(err)
		r, err := e.Run(t.Context(), w.open(), pass.Options{})
		if err != nil || r.Totals.RemovedAtDestination != 2 {
			t.Errorf("another %s: %v, %+v", change, err, r.Totals)
		}
	}
}

// What came from a destination is not sent back either after the key was changed.
func TestRoundTripWithAnotherKey(t *testing.T) {
	ab := newWorld(t)
	ab.deliver(3, inbox)
	ab.run(pass.Options{})
	ba := *ab
	ba.src, ba.dst, ba.pair = ab.dst, ab.src, "back"
	ba.srcOpts, ba.dstOpts = ab.dstOpts, memendpoint.Options{Type: "src", Account: "ann@old.example"}
	e, err := pass.New(ba.rotate())
	ba.must(err)
	r, err := e.Run(t.Context(), ba.open(), pass.Options{})
	ba.must(err)
	want(t, r, pass.Counts{Listed: 3, OriginatedHere: 3})
}

// An item that could not be sent back, because it was refused or the pass was cut, is not tried
// again by a pass that sends nothing back.
func TestSendingBackThatFailed(t *testing.T) {
	for n := range int64(10) { // 0 is no cut
		w := newWorld(t)
		mark := w.key.Mark(watermark.Types{Source: "dst", Destination: "src"}, "back", 1, watermark.ID{1})
		w.deliverText(fmt.Sprintf("%s: %s\r\nSubject: x\r\n\r\n%s", watermark.Field, mark, strings.Repeat("x", 600)), inbox)
		run := func(s store.Store, o pass.Options) pass.Counts {
			p := w.open()
			p.ReverseOf = "back"
			e, err := pass.New(pass.Config{Store: s, Key: w.key})
			w.must(err)
			r, err := e.Run(t.Context(), p, o)
			if err != nil && !errors.Is(err, errCut) {
				t.Fatal(err)
			}
			return r.Totals
		}
		if c := run(w.store, pass.Options{}); c.OriginatedHere != 1 {
			t.Errorf("not sent back: %+v", c)
		}
		if n > 0 {
			run(&cutStore{Store: w.store, n: n, after: true}, pass.Options{SendBack: true})
		} else {
			w.dstOpts.Quirks.MaxItem = 600
			run(w.store, pass.Options{SendBack: true})
		}
		sent := len(w.dst.Messages(inbox))
		if c := run(w.store, pass.Options{}); c.OriginatedHere != 1-sent || c.Already+c.Recovered != sent {
			t.Errorf("after a pass that was cut at %d and sent back %d: %+v", n, sent, c)
		}
	}
}

// A twin does not take the place of one that is gone and never was migrated, because it would be
// written again there.
func TestTwinOfOneThatWasNeverMigrated(t *testing.T) {
	const text = "Message-ID: <twin@old.example>\r\n\r\n"
	for _, change := range []string{"validity", "database"} {
		w := newWorld(t)
		w.deliverText(text+strings.Repeat("x", 900), inbox)
		w.deliverText(text+"small", inbox)
		want(t, w.run(pass.Options{Select: pass.Selection{MaxSize: 500}}), pass.Counts{Listed: 2, Migrated: 1, Filtered: 1})
		w.must(w.src.Delete([]string{inbox}, w.src.Messages(inbox)[0].Ref))
		if change == "validity" {
			w.must(w.src.ChangeValidity(inbox))
		} else {
			w.store = memstore.New()
		}
		w.run(pass.Options{})
		w.same(inbox)
	}
}

// With all of them still there, twins are matched by their order: what its user removed at the
// destination comes back after the loss of the database, and not another in its place.
func TestTwinRemovedBeforeTheDatabaseWasLost(t *testing.T) {
	w := newWorld(t)
	for i := range 3 {
		w.deliverText(fmt.Sprintf("Message-ID: <twin@old.example>\r\n\r\n%d", i), inbox)
	}
	w.run(pass.Options{})
	w.must(w.dst.Delete([]string{inbox}, w.destRefs(inbox)[0]))
	w.store = memstore.New()
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 3, Already: 2, Healed: 2, Migrated: 1})
	w.same(inbox)
}

// A filter sees the item that is there, not the one whose place it took.
func TestFilterAfterATwinTookThePlaceOfAnother(t *testing.T) {
	const text = "Message-ID: <twin@old.example>\r\n\r\n"
	w := newWorld(t)
	w.must(w.src.CreateFolder("Work"))
	w.deliverText(text, "Work")
	w.run(pass.Options{})
	w.must(w.src.DeleteFolder("Work"))
	w.must(w.src.CreateFolder("Work"))
	w.deliverText(text+strings.Repeat("x", 900), "Work")
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 1, Already: 1})
	for _, full := range []bool{false, true} {
		o := pass.Options{FullScan: full, Select: pass.Selection{MaxSize: 500}}
		want(t, w.run(o), pass.Counts{Listed: 1, Filtered: 1})
	}
}
