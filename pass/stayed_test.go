package pass_test

import (
	"bytes"
	"context"
	"iter"
	"strconv"
	"strings"
	"testing"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/memendpoint"
	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/watermark"
)

// meddled is a destination whose user does something in the middle of a pass.
type meddled struct {
	endpoint.Driver
	put, marks func() // before the first put, and before the first look at marks that follows it; nil afterwards
	lose       bool   // the first put is lost, with its answer
	lenient    bool   // Stayed says nothing of what came and left between two states
}

func (m *meddled) Put(ctx context.Context, f endpoint.Folder, items []endpoint.Put) iter.Seq2[endpoint.PutResult, error] {
	if m.put != nil {
		m.put()
		m.put = nil
	}
	if m.lose {
		m.lose = false
		return func(yield func(endpoint.PutResult, error) bool) {
			yield(endpoint.PutResult{}, endpoint.Errorf(endpoint.Unavailable, "the connection was lost"))
		}
	}
	return m.Driver.Put(ctx, f, items)
}

func (m *meddled) Marks(ctx context.Context, f endpoint.Folder, since string) iter.Seq2[endpoint.Sighting, error] {
	if m.put == nil && m.marks != nil && f.Path[0] == inbox {
		m.marks()
		m.marks = nil
	}
	return m.Driver.Marks(ctx, f, since)
}

func (m *meddled) Stayed(since, now string) func(string) bool {
	if !m.lenient {
		return m.Driver.Stayed(since, now)
	}
	next, _ := strconv.Atoi(strings.Split(since, ".")[1])
	return func(ref string) bool {
		n, err := strconv.Atoi(ref)
		return err == nil && n < next
	}
}

// meddle runs a pass at whose destination m meddles.
func (w *world) meddle(m *meddled) *pass.Report {
	w.t.Helper()
	p := w.open()
	m.Driver = p.Destination.Driver()
	p.Destination = endpoint.New(m)
	r, err := w.engine().Run(w.t.Context(), p, pass.Options{})
	w.must(err)
	return r
}

// redeliver puts an item of the destination into a folder there, and returns its reference.
func (w *world) redeliver(it memendpoint.Stored, path ...string) string {
	w.t.Helper()
	ref, err := w.dst.Deliver(path, memendpoint.Message{Body: it.Body, Received: it.Received})
	w.must(err)
	return ref
}

// Where items only came, each record and each sighting of what was there before is read once, and neither side is
// asked for its references.
func TestNewMailIsReadOnce(t *testing.T) {
	w := filled(t)
	for n := range 3 {
		known := 10 + 2*n
		w.deliver(1, inbox)
		w.deliver(1, "Work")
		src, dst := w.looks(func() {
			if read := w.counting(pass.Counts{Listed: known + 2, Already: known, Migrated: 2}); read != int64(2*known) {
				t.Errorf("read %d records and sightings of %d items", read, known)
			}
		})
		if src.RefLists+dst.RefLists > 0 {
			t.Errorf("references were asked for: source %+v, destination %+v", src, dst)
		}
		if n := w.counting(pass.Counts{Listed: known + 2, Already: known + 2}); n > 0 {
			t.Errorf("a delta with nothing new read %d records and sightings", n)
		}
	}
}

// Where something left, too, references are asked for.
func TestWhatLeftIsNoticed(t *testing.T) {
	w := filled(t)
	refs := w.deliver(1, inbox)
	w.run(pass.Options{})
	w.must(w.src.Delete([]string{inbox}, refs[0]))
	w.deliver(2, inbox)
	w.must(w.dst.Delete([]string{inbox}, w.destRefs(inbox)[0]))
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 12, Already: 9, Migrated: 2, RemovedAtDestination: 1})
	if n := strings.Count(w.ledger(), " Gone:true "); n != 1 {
		t.Errorf("%d records are of items that are gone, want 1", n)
	}
}

// An item of which the ledger knows nothing is found, although nothing left its folder.
func TestUnknownAmongWhatStayed(t *testing.T) {
	w := filled(t)
	w.deliver(1, inbox)
	l, err := w.store.Open(t.Context(), w.pair)
	w.must(err)
	for r, err := range l.Records(t.Context(), inbox) {
		w.must(err)
		w.must(l.Commit(t.Context(), store.Batch{Forget: []store.Record{r}}))
		break
	}
	w.must(l.Close())
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 11, Already: 10, Migrated: 1, Healed: 1})
}

// A second record of one reference does not make up for an item of which the ledger knows nothing.
func TestUnknownBesideTwoRecordsOfOneReference(t *testing.T) {
	w := filled(t)
	w.deliver(1, inbox)
	l, err := w.store.Open(t.Context(), w.pair)
	w.must(err)
	var records []store.Record
	for r, err := range l.Records(t.Context(), inbox) {
		w.must(err)
		records = append(records, r)
	}
	second := records[1]
	second.ID = watermark.ID(bytes.Repeat([]byte{0xff}, len(second.ID))) // behind the other one
	w.must(l.Commit(t.Context(), store.Batch{Forget: records[:1], Records: []store.Record{second}}))
	w.must(l.Close())
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 11, Already: 10, Migrated: 1, Healed: 1})
}

// A mark that was seen behind the state of its folder, and left again, is remembered no more: what is told of the
// items that were there at that state says nothing of it.
func TestSeenBehindTheState(t *testing.T) {
	w := filled(t)
	lost := w.dst.Messages(inbox)[0]
	w.must(w.dst.Delete([]string{inbox}, lost.Ref))
	w.deliver(1, inbox)
	var again string
	r := w.meddle(&meddled{marks: func() {
		again = w.redeliver(lost, inbox)
	}, put: func() {}})
	want(t, r, pass.Counts{Listed: 11, Already: 9, Migrated: 1, RemovedAtDestination: 1})
	w.must(w.dst.Delete([]string{inbox}, again))
	want(t, w.meddle(&meddled{lenient: true}), pass.Counts{Listed: 11, Already: 10, RemovedAtDestination: 1})
}

// What a pass leaves for the next ones to report is what they would find, whatever the user of the destination did
// while it ran.
func TestSummariesOfMeddledPasses(t *testing.T) {
	for name, meddle := range map[string]func(w *world, removed memendpoint.Stored){
		"nothing":              func(*world, memendpoint.Stored) {},
		"an item goes":         func(w *world, _ memendpoint.Stored) { w.must(w.dst.Delete([]string{inbox}, w.destRefs(inbox)[1])) },
		"a removed item comes": func(w *world, removed memendpoint.Stored) { w.redeliver(removed, "Work") },
		"a removed item comes to a folder of its own": func(w *world, removed memendpoint.Stored) {
			w.must(w.dst.CreateFolder("Own"))
			w.redeliver(removed, "Own")
		},
		"a folder goes": func(w *world, _ memendpoint.Stored) { w.must(w.dst.DeleteFolder("Work")) },
		"an item goes from a folder that gets nothing": func(w *world, _ memendpoint.Stored) {
			w.must(w.dst.Delete([]string{"Work"}, w.destRefs("Work")[0]))
		},
		"a folder is made anew": func(w *world, _ memendpoint.Stored) {
			w.must(w.dst.DeleteFolder("Work"))
			w.must(w.dst.CreateFolder("Work"))
		},
		"a folder has other references, and fewer items": func(w *world, _ memendpoint.Stored) {
			for _, ref := range w.destRefs("Work")[1:] {
				w.must(w.dst.Delete([]string{"Work"}, ref))
			}
			w.must(w.dst.ChangeValidity("Work"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := filled(t)
			removed := w.dst.Messages(inbox)[0]
			w.must(w.dst.Delete([]string{inbox}, removed.Ref))
			w.run(pass.Options{})
			w.deliver(2, inbox)
			w.meddle(&meddled{put: func() { meddle(w, removed) }})
			w.remembersWhatIs()
		})
	}
}

// remembersWhatIs checks that a pass which goes by what is remembered finds what one finds that looks at everything.
func (w *world) remembersWhatIs() {
	w.t.Helper()
	have, err := w.engine().Plan(w.t.Context(), w.open(), pass.Options{})
	w.must(err)
	full, err := w.engine().Plan(w.t.Context(), w.open(), pass.Options{FullScan: true})
	w.must(err)
	if have.Totals != full.Totals {
		w.t.Errorf("by what is remembered\n%+v\nwant\n%+v", have.Totals, full.Totals)
	}
}

// Of an item that goes, which a look in the middle of a pass notices, the last look has nothing to say.
func TestSummaryAfterALookInBetween(t *testing.T) {
	w := filled(t)
	w.deliver(2, inbox)
	w.meddle(&meddled{lose: true, put: func() { w.must(w.dst.Delete([]string{"Work"}, w.destRefs("Work")[0])) }})
	w.remembersWhatIs()
}
