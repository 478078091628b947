package pass_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/memendpoint"
	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/store/memstore"
)

var errCut = errors.New("cut")

// cutStore fails every commit from the n-th on, as a process that died would: the n-th before or
// after its effect.
type cutStore struct {
	store.Store
	n     int64
	after bool
	seen  atomic.Int64
}

type cutLedger struct {
	store.Ledger
	*cutStore
}

func (s *cutStore) Open(ctx context.Context, pair string) (store.Ledger, error) {
	l, err := s.Store.Open(ctx, pair)
	return &cutLedger{l, s}, err
}

func (l *cutLedger) Close() error { return l.Ledger.Close() }

func (l *cutLedger) Commit(ctx context.Context, b store.Batch) error {
	n := l.seen.Add(1)
	if n == l.n && l.after {
		return errors.Join(l.Ledger.Commit(ctx, b), errCut)
	}
	if n >= l.n {
		return errCut
	}
	return l.Ledger.Commit(ctx, b)
}

// Whatever commit the process dies at, the next pass ends with every item at the destination once,
// and the one after it writes nothing.
func TestCutAtEveryCommit(t *testing.T) {
	for i := range 4 {
		after, outlines := i%2 == 1, i > 1
		for n := int64(1); ; n++ {
			fired := false
			synctest.Test(t, func(t *testing.T) { fired = cutAt(t, n, after, outlines) })
			if !fired {
				t.Logf("%d commits, after the effect: %v, outlines: %v", n-1, after, outlines)
				break
			}
			if t.Failed() {
				t.Fatalf("cut at commit %d, after the effect: %v, outlines: %v", n, after, outlines)
			}
		}
	}
}

func cutAt(t *testing.T, n int64, after, outlines bool) (fired bool) {
	t.Helper()
	w := newWorld(t)
	w.srcOpts.Quirks.Outlines, w.srcOpts.Quirks.NoVersions = outlines, outlines
	w.must(w.src.CreateFolder("Work"))
	w.deliver(7, inbox)
	w.deliver(5, "Work")
	w.deliverText("Subject: too big\r\n\r\n"+string(make([]byte, 3000)), "Work")
	w.dstOpts.Quirks.MaxItem = 2000

	cut := &cutStore{Store: w.store, n: n, after: after}
	e, err := pass.New(pass.Config{Store: cut, Key: w.key})
	w.must(err)
	r, err := e.Run(t.Context(), w.open(), pass.Options{Window: 3})
	if fired = cut.seen.Load() >= n; fired != errors.Is(err, errCut) {
		t.Errorf("commit %d: err %v", n, err)
	}
	if !r.Closes() || fired && r.Complete {
		t.Errorf("report of the pass that was cut: %+v", r)
	}
	w.dstOpts.Quirks.MaxItem = 0
	w.run(pass.Options{Window: 4})
	w.same(inbox)
	w.same("Work")
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 13, Already: 13})
	if n := len(w.dst.FolderPaths()); n != 2 {
		t.Errorf("folders left behind: %v", w.dst.FolderPaths())
	}
	return fired
}

// liar is a destination that accepts items and does not store them, from the n-th on, to the last one if
// that is not 0.
type liar struct {
	endpoint.Driver
	n    int
	last int
	puts int
}

func (l *liar) Put(ctx context.Context, f endpoint.Folder, items []endpoint.Put) iter.Seq2[endpoint.PutResult, error] {
	return func(yield func(endpoint.PutResult, error) bool) {
		for _, it := range items {
			l.puts++
			if l.puts >= l.n && (l.last == 0 || l.puts <= l.last) {
				if !yield(endpoint.PutResult{Mark: it.Mark}, nil) {
					return
				}
				continue
			}
			for r, err := range l.Driver.Put(ctx, f, []endpoint.Put{it}) {
				if !yield(r, err) || err != nil {
					return
				}
			}
		}
	}
}

// A destination that says yes and stores nothing is found out, and the items come again.
func TestAcceptedButNotStored(t *testing.T) {
	w := newWorld(t)
	w.deliver(10, inbox)
	p := w.open()
	p.Destination = endpoint.New(&liar{Driver: p.Destination.Driver(), n: 8})
	r, err := w.engine().Run(t.Context(), p, pass.Options{})
	w.must(err)
	want(t, r, pass.Counts{Listed: 10, Migrated: 6, Failed: 4})
	if r.Failures[0].Code != "unconfirmed" {
		t.Errorf("failures %v", r.Failures)
	}
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 10, Already: 6, Migrated: 4})
	w.same(inbox)
}

// Of very many items, only what the ledger has of them is known when some turn out not to be there.
func TestAcceptedManyAndSomeNotStored(t *testing.T) {
	w := newWorld(t)
	const many, n, last = 2100, 1000, 1003
	w.deliver(many, inbox)
	for attempt := range uint8(2) {
		p := w.open()
		l := &liar{Driver: p.Destination.Driver(), n: n, last: last}
		if attempt > 0 {
			l.n, l.last = 1, 4 // those of the first time, and nothing else
		}
		p.Destination = endpoint.New(l)
		r, err := w.engine().Run(t.Context(), p, pass.Options{})
		w.must(err)
		if c := r.Totals; c.Failed != 4 || c.Migrated+c.Already != many-4 || len(r.Failures) != 4 || !r.Closes() {
			t.Fatalf("pass %d: %v", attempt, r)
		}
		failed := w.failed()
		slices.SortFunc(failed, func(a, b store.Record) int { return a.Received.Compare(b.Received) })
		for i, rec := range failed {
			if rec.Attempts != attempt+1 || rec.Flags != "" || rec.Digest != [16]byte{} || rec.Size == 0 || rec.Ref != r.Failures[i].ID {
				t.Errorf("record %+v of failure %+v", rec, r.Failures[i])
			}
		}
		if len(failed) != 4 {
			t.Errorf("%d records of failures", len(failed))
		}
	}
	want(t, w.run(pass.Options{}), pass.Counts{Listed: many, Already: many - 4, Migrated: 4})
	w.same(inbox)
}

// failed returns the records of failures.
func (w *world) failed() (failed []store.Record) {
	w.t.Helper()
	ledger, err := w.store.Open(w.t.Context(), w.pair)
	w.must(err)
	defer func() { w.must(ledger.Close()) }()
	for rec, err := range ledger.Records(w.t.Context(), store.AllFolders) {
		w.must(err)
		if rec.Status == store.Failed {
			failed = append(failed, rec)
		}
	}
	return failed
}

// rebuilt is a destination whose folder is rebuilt while it is looked at for the last time, and then lacks
// an item.
type rebuilt struct {
	endpoint.Driver
	put   string // the last item that was put
	stale bool   // the look that the rebuilding cut is over
}

func (d *rebuilt) Put(ctx context.Context, f endpoint.Folder, items []endpoint.Put) iter.Seq2[endpoint.PutResult, error] {
	return func(yield func(endpoint.PutResult, error) bool) {
		for r, err := range d.Driver.Put(ctx, f, items) {
			if f.Path[0] == inbox {
				d.put = r.Ref
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

func (d *rebuilt) Marks(ctx context.Context, f endpoint.Folder, since string) iter.Seq2[endpoint.Sighting, error] {
	return func(yield func(endpoint.Sighting, error) bool) {
		for s, err := range d.Driver.Marks(ctx, f, since) {
			if d.stale && f.Path[0] == inbox && s.Ref == d.put {
				continue
			}
			if !yield(s, err) {
				return
			}
		}
		if d.put != "" && !d.stale && f.Path[0] == inbox {
			d.stale = true
			yield(endpoint.Sighting{}, endpoint.Errorf(endpoint.Stale, "the folder was rebuilt"))
		}
	}
}

// What an attempt at the last look saw does not count once it has to begin again.
func TestLastLookBeginsAgain(t *testing.T) {
	w := newWorld(t)
	w.deliver(10, inbox)
	p := w.open()
	d := &rebuilt{Driver: p.Destination.Driver()}
	p.Destination = endpoint.New(d)
	r, err := w.engine().Run(t.Context(), p, pass.Options{})
	w.must(err)
	if !d.stale {
		t.Fatal("the folder was not rebuilt")
	}
	want(t, r, pass.Counts{Listed: 10, Migrated: 9, Failed: 1})
}

// tricky is a source whose bodies are damaged, gone or fail.
type tricky struct {
	endpoint.Driver
	in                    string // the folder in which they are, or empty
	gone, damaged, silent string
	fail                  error
}

func (d *tricky) Read(ctx context.Context, f endpoint.Folder, refs []string, o endpoint.ReadOptions) iter.Seq2[endpoint.Body, error] {
	if d.in != "" && f.Path[0] != d.in {
		return d.Driver.Read(ctx, f, refs, o)
	}
	return func(yield func(endpoint.Body, error) bool) {
		for b, err := range d.Driver.Read(ctx, f, refs, o) {
			switch b.Ref {
			case d.silent:
				continue
			case d.gone:
				b = endpoint.Body{Ref: b.Ref, Err: endpoint.Errorf(endpoint.NotFound, "gone")}
			case d.damaged:
				b = endpoint.Body{Ref: b.Ref, Err: endpoint.Errorf(endpoint.Damaged, "the server cannot send it")}
			}
			if !yield(b, err) {
				return
			}
		}
		if d.fail != nil {
			err := d.fail
			d.fail = nil
			yield(endpoint.Body{}, err)
		}
	}
}

func TestVanishedDamagedAndMissingBodies(t *testing.T) {
	w := newWorld(t)
	refs := w.deliver(6, inbox)
	p := w.open()
	p.Source = endpoint.New(&tricky{Driver: p.Source.Driver(), gone: refs[1], damaged: refs[2], silent: refs[3]})
	r, err := w.engine().Run(t.Context(), p, pass.Options{})
	w.must(err)
	want(t, r, pass.Counts{Listed: 6, Migrated: 3, Vanished: 1, Failed: 2})
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 6, Migrated: 3, Already: 3})
	w.same(inbox)
}

// A source whose folder is rebuilt in the middle defers what was not read of that folder alone.
func TestSourceRebuiltDuringThePass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.must(w.src.CreateFolder("Work"))
		w.deliver(6, inbox)
		w.deliver(3, "Work")
		rebuilt := false
		r, err := w.try(t.Context(), pass.Options{Window: 2, Folders: 1, Observer: func(ev pass.Event) {
			if done, ok := ev.(pass.WindowDone); ok && done.Folder == inbox && !rebuilt {
				synctest.Wait() // until the window after it is read
				rebuilt = true
				w.must(w.src.ChangeValidity(inbox))
			}
		}})
		w.must(err)
		want(t, r, pass.Counts{Listed: 9, Migrated: 7, Deferred: 2})
		if r.Complete || len(r.Warnings) != 1 {
			t.Errorf("report %+v", r)
		}
		want(t, w.run(pass.Options{}), pass.Counts{Listed: 9, Already: 7, Migrated: 2})
	})
}

func TestUnavailableForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.deliver(6, inbox)
		p := w.open()
		p.Source = endpoint.New(&tricky{Driver: p.Source.Driver(), fail: endpoint.Errorf(endpoint.Unavailable, "gone away")})
		r, err := w.engine().Run(t.Context(), p, pass.Options{})
		w.must(err)
		want(t, r, pass.Counts{Listed: 6, Migrated: 6})
	})
}

func TestRefusals(t *testing.T) {
	w := newWorld(t)
	w.must(w.src.CreateFolder("Work"))
	w.deliver(1, inbox)
	_, err := w.try(t.Context(), pass.Options{MapFolder: func(endpoint.Folder, []string) []string { return []string{"One"} }})
	if !errors.Is(err, pass.ErrCollision) || !errors.Is(err, pass.ErrRefused) {
		t.Errorf("collision: %v", err)
	}
	_, err = w.try(t.Context(), pass.Options{MapFolder: func(endpoint.Folder, []string) []string { return nil }})
	if !errors.Is(err, pass.ErrInvalid) {
		t.Errorf("mapping to nothing: %v", err)
	}
	same := w.open()
	same.Destination = same.Source
	if _, err = w.engine().Run(t.Context(), same, pass.Options{}); !errors.Is(err, pass.ErrSameMailbox) {
		t.Errorf("same mailbox: %v", err)
	}
	_, err = w.try(t.Context(), pass.Options{Select: pass.Selection{Kinds: []endpoint.Kind{99}}, Window: -1, Folders: -1})
	if !errors.Is(err, pass.ErrInvalid) || len(fmt.Sprint(err)) < 80 {
		t.Errorf("several options: %v", err)
	}
	l, err := w.store.Open(t.Context(), w.pair)
	w.must(err)
	if _, err = w.try(t.Context(), pass.Options{}); !errors.Is(err, store.ErrBusy) || !errors.Is(err, pass.ErrRefused) {
		t.Errorf("busy: %v", err)
	}
	w.must(l.Close())
	if _, err := pass.New(pass.Config{}); !errors.Is(err, pass.ErrInvalid) {
		t.Errorf("no store and no key: %v", err)
	}
	if c := w.dst.Counts(); c.Puts > 0 {
		t.Errorf("something was written: %+v", c)
	}
}

// The address of a mailbox may change, the mailbox may not.
func TestOtherMailboxUnderTheSamePair(t *testing.T) {
	w := filled(t)
	w.dstOpts.Account = "ann@renamed.example"
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 10, Already: 10})
	w.dst, w.dstOpts.Account = memendpoint.NewServer(), "bob@elsewhere.example"
	_, err := w.try(t.Context(), pass.Options{})
	if !errors.Is(err, pass.ErrOtherMailbox) || !errors.Is(err, pass.ErrRefused) {
		t.Errorf("err %v", err)
	}
}

func TestFolderMapping(t *testing.T) {
	w := newWorld(t)
	w.must(w.src.CreateFolder("Sent", "2025"))
	w.must(w.src.SetRole(endpoint.Sent, "Sent"))
	w.must(w.src.SetSubscribed(true, "Sent", "2025"))
	w.must(w.src.CreateFolder("Empty"))
	w.must(w.dst.CreateFolder("Gesendet"))
	w.must(w.dst.SetRole(endpoint.Sent, "Gesendet"))
	w.deliver(2, "Sent")
	w.deliver(3, "Sent", "2025")
	r := w.run(pass.Options{MapFolder: func(f endpoint.Folder, path []string) []string {
		if f.Path[0] == "Empty" {
			return []string{"Archive", "Empty"}
		}
		return path
	}})
	want(t, r, pass.Counts{Listed: 5, Migrated: 5})
	if n, m := len(w.dst.Messages("Gesendet")), len(w.dst.Messages("Gesendet", "2025")); n != 2 || m != 3 {
		t.Errorf("%d and %d items", n, m)
	}
	if !w.dst.Subscribed("Gesendet", "2025") {
		t.Error("the subscription was not carried over")
	}
	if paths := fmt.Sprint(w.dst.FolderPaths()); paths != "[[Archive] [Archive Empty] [Gesendet] [Gesendet 2025] [INBOX]]" {
		t.Error(paths)
	}
	w.must(w.dst.SetSubscribed(false, "Gesendet", "2025"))
	w.deliver(1, "Sent", "2025")
	w.run(pass.Options{})
	if w.dst.Subscribed("Gesendet", "2025") {
		t.Error("the user's choice was overruled")
	}
}

// Two folders that serve the same purpose stay two, even if the destination knows one of them.
func TestFolderWithThePathOfAnothersRole(t *testing.T) {
	w := newWorld(t)
	w.must(w.src.CreateFolder("Sent"))
	w.must(w.src.SetRole(endpoint.Sent, "Sent"))
	w.must(w.src.CreateFolder("Sent Items"))
	w.must(w.dst.CreateFolder("Sent Items"))
	w.must(w.dst.SetRole(endpoint.Sent, "Sent Items"))
	w.deliver(2, "Sent")
	w.deliver(3, "Sent Items")
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 5, Migrated: 5})
	w.same("Sent")
	w.same("Sent Items")
}

func TestAllKinds(t *testing.T) {
	w := newWorld(t)
	for kind, body := range map[endpoint.Kind]string{
		endpoint.Event:   "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
		endpoint.Task:    "BEGIN:VCALENDAR\r\nBEGIN:VTODO\r\nUID:1\r\nEND:VTODO\r\nEND:VCALENDAR\r\n",
		endpoint.Contact: "BEGIN:VCARD\r\nVERSION:4.0\r\nUID:1\r\nEND:VCARD\r\n",
		endpoint.Note:    "Subject: note\r\n\r\nx",
		endpoint.Mail:    "Subject: mail\r\n\r\nx",
	} {
		_, err := w.src.Deliver([]string{inbox}, memendpoint.Message{Kind: kind, Body: []byte(body)})
		w.must(err)
	}
	w.dstOpts.Quirks.Kinds = []endpoint.Kind{endpoint.Mail, endpoint.Event, endpoint.Contact}
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 5, Migrated: 3, Unsupported: 2})
	w.dstOpts.Quirks.Kinds = nil
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 5, Already: 3, Migrated: 2})
	w.store = memstore.New()
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 5, Already: 5, Healed: 5})
}
