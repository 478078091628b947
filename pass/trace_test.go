package pass_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/dandyroll/dandyroll/endpoint/faultendpoint"
	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/store/memstore"
)

var update = flag.Bool("update", false, "write the traces in testdata/trace anew") //nolint:gochecknoglobals // a flag of the test

// traced is a pass whose order of effects is kept in a file.
type traced struct {
	name   string // of the file
	set    func(*stage)
	plan   string // faults
	cancel int    // after so many windows; 0 means never
	canary bool   // the destination is not known yet
	// options are those of the pass, but for windows; policies and repairs are part of them.
	options pass.Options
}

func traces() []traced {
	all := []traced{
		{name: "first-pass", set: fill, canary: true},
		{name: "delta-nothing-new", set: settle},
		{name: "delta-new-mail", set: func(s *stage) { settle(s); s.brings(2, inbox); s.brings(1, "Work") }},
		{name: "lost-answer", set: fill, plan: "after unavailable on side=dst method=put folder=INBOX at=2 nth=1", canary: true},
		{name: "database-lost", canary: true, set: func(s *stage) { settle(s); s.store = memstore.New(); s.brings(1, "Work") }},
		{name: "reset", set: func(s *stage) {
			settle(s)
			removeFirst(s)
			s.run(pass.Options{Folders: 1})
			_, err := s.store.Reset(s.t.Context(), s.pair, store.ResetAll, false)
			s.must(err)
		}},
		{name: "cancelled", set: fill, cancel: 1, canary: true},
		{name: "type-change", set: func(s *stage) { settle(s); s.dstOpts.Type = "other" }},
	}
	for _, sc := range policyScenes() {
		switch sc.name {
		case "replace", "remove", "follow", "merge", "verify repair", "rebuild":
			all = append(all, traced{name: strings.ReplaceAll(sc.name, " ", "-"), set: sc.set, options: sc.options})
		}
	}
	return all
}

// A change in the order of effects shows as a change of a file. Run with -update to accept it.
func TestTraces(t *testing.T) {
	for _, tr := range traces() {
		t.Run(tr.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				calls, text := tr.record(t)
				if tr.options.Policies == nil && tr.options.Kind != pass.Verify {
					checkOrder(t, calls, tr.canary)
				}
				checkRemovals(t, calls)
				file := filepath.Join("testdata", "trace", tr.name+".txt")
				if *update {
					if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(file)
				if err != nil || string(want) != text {
					t.Errorf("%v: the order of effects changed; it is now\n%s", err, text)
				}
			})
		})
	}
}

// record runs the pass, and returns its calls, and those that matter as text: those of the database and the destination in their
// order, then those of the source in theirs, since the source is read while the destination is written.
func (tr traced) record(t *testing.T) ([]faultendpoint.Call, string) {
	t.Helper()
	s := scene{tr.name, tr.set}.build(t)
	plan, err := faultendpoint.Parse(tr.plan)
	s.must(err)
	var calls []faultendpoint.Call
	var text, source strings.Builder
	p := faultendpoint.NewProcess(plan, func(c faultendpoint.Call, e faultendpoint.Effect) {
		calls = append(calls, c)
		to := &text
		if c.Side == "src" {
			to = &source
		}
		switch {
		case e.Do != 0:
			fmt.Fprintf(to, "%v ! %v\n", c, e)
		case c.At == faultendpoint.Start && (c.Side != "store" || c.Writes):
			fmt.Fprintln(to, c)
		}
	})
	engine, pair := s.through(p)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	windows := 0
	o := tr.options
	o.Window, o.Folders = 3, 1
	o.Observer = func(ev pass.Event) {
		if _, ok := ev.(pass.WindowDone); ok {
			if windows++; windows == tr.cancel {
				synctest.Wait() // until the next window was read
				cancel()
			}
		}
	}
	_, err = engine.Run(ctx, pair, o)
	if (err != nil) != (tr.cancel > 0) || p.Fired() != len(plan) {
		t.Fatalf("%v; %d of %d faults", err, p.Fired(), len(plan))
	}
	return calls, text.String() + "\n" + source.String()
}

// checkOrder holds the calls of a pass to the order of ARCHITECTURE.md.
func checkOrder(t *testing.T, calls []faultendpoint.Call, canaryWanted bool) {
	t.Helper()
	o := order{t: t}
	for _, c := range calls {
		if c.Side == "src" && c.Writes {
			t.Errorf("call %d writes to the source: %v", c.N, c)
		}
		if c.At == faultendpoint.Start {
			o.next(c)
		}
	}
	if o.canary != canaryWanted {
		t.Errorf("canary: %v, want %v", o.canary, canaryWanted)
	}
}

// checkRemovals checks that nothing is removed before what was written last was looked for, and that
// the source is never written to.
func checkRemovals(t *testing.T, calls []faultendpoint.Call) {
	t.Helper()
	seen := true
	for _, c := range calls {
		switch {
		case c.Side == "src" && c.Writes:
			t.Errorf("call %d writes to the source: %v", c.N, c)
		case c.Side != "dst" || c.At != faultendpoint.Start:
		case c.Method == "put" && !strings.HasPrefix(c.Folder, canary):
			seen = false
		case c.Method == "marks":
			seen = true
		case c.Method == "delete" && !seen:
			t.Errorf("call %d removes something before what was written was seen: %v", c.N, c)
		}
	}
}

// order is how far a pass has come.
type order struct {
	t       *testing.T
	wrote   bool // at the destination
	canary  bool // was the first thing that was written
	intends bool // the transfer has begun; what was settled before was found, not written
	open    int  // items whose intent is durable, and whose outcome is not
	sent    int  // items that were written
	settled int  // items whose settlement is durable
}

func (o *order) next(c faultendpoint.Call) {
	switch {
	case c.Side == "dst" && c.Writes:
		if !o.wrote {
			o.wrote, o.canary = true, strings.HasPrefix(c.Folder, canary)
		}
		if c.Method == "put" && !strings.HasPrefix(c.Folder, canary) {
			n, err := strconv.Atoi(c.Detail)
			if err != nil || n > o.open {
				o.t.Errorf("call %d: %v, with %d intents durable (%v)", c.N, c, o.open, err)
			}
			o.sent += n
		}
	case c.Side == "src" && c.Method != "read" && o.wrote:
		o.t.Errorf("call %d: %v, after the first write", c.N, c)
	case c.Method == "commit":
		o.commit(c)
	}
}

// commit follows the counts of a commit in the transfer.
func (o *order) commit(c faultendpoint.Call) {
	for word := range strings.FieldsSeq(c.Detail) {
		what, number, _ := strings.Cut(word, "=")
		n, _ := strconv.Atoi(number) // "meta" and "pass" have none
		o.intends = o.intends || what == "intend"
		switch {
		case !o.intends:
		case what == "intend":
			o.open += n
		case what == "settle":
			o.settled += n
			o.open -= n
		case what == "fail", what == "forget":
			o.open -= n
		}
	}
	if o.settled > o.sent {
		o.t.Errorf("call %d: %v, %d settled of %d that were written", c.N, c, o.settled, o.sent)
	}
}
