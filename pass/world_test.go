package pass_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/dandyroll/dandyroll/endpoint/memendpoint"
	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/store/memstore"
	"github.com/dandyroll/dandyroll/watermark"
)

// world is two mailboxes, a store and a key, as a test needs them.
type world struct {
	t        *testing.T
	src, dst *memendpoint.Server
	store    *memstore.Store
	key      watermark.Key
	pair     string
	srcOpts  memendpoint.Options
	dstOpts  memendpoint.Options
	delivers int
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{
		t: t, src: memendpoint.NewServer(), dst: memendpoint.NewServer(), store: memstore.New(),
		key: watermark.NewKey(), pair: "ann",
		srcOpts: memendpoint.Options{Type: "src", Account: "ann@old.example", ReadOnly: true},
		dstOpts: memendpoint.Options{Type: "dst", Account: "ann@new.example"},
	}
}

// engine returns an engine as the world is now.
func (w *world) engine() *pass.Engine {
	w.t.Helper()
	e, err := pass.New(pass.Config{Store: w.store, Key: w.key})
	if err != nil {
		w.t.Fatal(err)
	}
	return e
}

// open returns the pair, with sessions that end with the test.
func (w *world) open() pass.Pair {
	src, dst := w.src.Open(&w.srcOpts), w.dst.Open(&w.dstOpts)
	w.t.Cleanup(func() { _ = src.Close(); _ = dst.Close() })
	return pass.Pair{ID: w.pair, Source: src, Destination: dst}
}

// try runs a pass and checks what holds of every report.
func (w *world) try(ctx context.Context, o pass.Options) (*pass.Report, error) {
	w.t.Helper()
	r, err := w.engine().Run(ctx, w.open(), o)
	if !r.Closes() {
		w.t.Errorf("report does not close: %+v", r)
	}
	return r, err
}

// run runs a pass that must come to its end.
func (w *world) run(o pass.Options) *pass.Report {
	w.t.Helper()
	r, err := w.try(w.t.Context(), o)
	if err != nil {
		w.t.Fatalf("pass: %v", err)
	}
	if !r.Complete {
		w.t.Fatalf("pass is not complete:\n%v%+v", r, r.Failures)
	}
	return r
}

// deliver puts n new mails into a folder of the source and returns their references.
func (w *world) deliver(n int, path ...string) []string {
	w.t.Helper()
	var refs []string
	for range n {
		w.delivers++
		refs = append(refs, w.deliverText(fmt.Sprintf("Message-ID: <%d@old.example>\r\nSubject: %d\r\n\r\nbody %[1]d\r\n", w.delivers, w.delivers), path...))
	}
	return refs
}

func (w *world) deliverText(text string, path ...string) string {
	w.t.Helper()
	ref, err := w.src.Deliver(path, memendpoint.Message{Body: []byte(text)})
	w.must(err)
	return ref
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// want compares totals. Bytes are not compared where want has none.
func want(t *testing.T, r *pass.Report, c pass.Counts) {
	t.Helper()
	have := r.Totals
	if c.Bytes == 0 {
		have.Bytes = 0
	}
	if have != c {
		t.Errorf("totals\n have %+v\n want %+v\nfailures %v", have, c, r.Failures)
	}
}

// bodies returns the bodies of a folder of the destination, without their marks, sorted.
func (w *world) bodies(path ...string) []string {
	w.t.Helper()
	var all []string
	for _, m := range w.dst.Messages(path...) {
		body := m.Body
		if len(m.Mark.Marks) > 0 && bytes.HasPrefix(body, []byte(watermark.Field)) {
			_, body, _ = bytes.Cut(body, []byte("\r\n"))
		}
		all = append(all, string(body))
	}
	slices.Sort(all)
	return all
}

// same checks that a folder of the destination holds exactly what one of the source does.
func (w *world) same(path ...string) {
	w.t.Helper()
	var source []string
	for _, m := range w.src.Messages(path...) {
		source = append(source, string(m.Body))
	}
	slices.Sort(source)
	if have := w.bodies(path...); !slices.Equal(have, source) {
		w.t.Errorf("%v: destination has %d items, source %d, or they differ", path, len(have), len(source))
	}
}

func (w *world) destRefs(path ...string) []string {
	var refs []string
	for _, m := range w.dst.Messages(path...) {
		refs = append(refs, m.Ref)
	}
	return refs
}

// meta returns what the ledger holds of the pair.
func (w *world) meta() store.Meta {
	w.t.Helper()
	l, err := w.store.Open(w.t.Context(), w.pair)
	w.must(err)
	defer func() { w.must(l.Close()) }()
	return l.Meta()
}

// stating is how a mailbox tells the states of its folders.
type stating string

const (
	listed    stating = "listed" // with the folders
	asked     stating = "asked"  // when it is asked for that since another
	stateless stating = "none"
)

func (s stating) set(q *memendpoint.Quirks) { q.StateSince, q.NoStates = s == asked, s == stateless }

// inbox is where most tests work.
const inbox = "INBOX"
