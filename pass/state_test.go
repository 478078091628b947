package pass_test

import (
	"testing"

	"github.com/dandyroll/dandyroll/endpoint/memendpoint"
	"github.com/dandyroll/dandyroll/pass"
)

// filledByAsking is filled, of mailboxes that tell a state when they are asked for it.
func filledByAsking(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	asked.set(&w.srcOpts.Quirks)
	asked.set(&w.dstOpts.Quirks)
	w.must(w.src.CreateFolder("Work"))
	w.deliver(6, inbox)
	w.deliver(4, "Work")
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 10, Migrated: 10})
	return w
}

// looks are what mailboxes did while something went on.
func (w *world) looks(during func()) (src, dst memendpoint.Counts) {
	less := func(now, before memendpoint.Counts) memendpoint.Counts {
		return memendpoint.Counts{
			StatesTold: now.StatesTold - before.StatesTold, Lists: now.Lists - before.Lists, RefLists: now.RefLists - before.RefLists,
			MarkScans: now.MarkScans - before.MarkScans, Reads: now.Reads - before.Reads, Puts: now.Puts - before.Puts,
		}
	}
	source, destination := w.src.Counts(), w.dst.Counts()
	during()
	return less(w.src.Counts(), source), less(w.dst.Counts(), destination)
}

// wantLooks checks what mailboxes did in a pass.
func (w *world) wantLooks(o pass.Options, counts pass.Counts, src, dst memendpoint.Counts) {
	w.t.Helper()
	haveSrc, haveDst := w.looks(func() { want(w.t, w.run(o), counts) })
	if haveSrc != src {
		w.t.Errorf("source: have %+v\nwant %+v", haveSrc, src)
	}
	if haveDst != dst {
		w.t.Errorf("destination: have %+v\nwant %+v", haveDst, dst)
	}
}

// Where nothing is new, each folder is asked for its state, once, and none is looked into.
func TestNothingNewByStatesSince(t *testing.T) {
	w := filledByAsking(t)
	for range 2 {
		w.wantLooks(pass.Options{}, pass.Counts{Listed: 10, Already: 10},
			memendpoint.Counts{StatesTold: 2}, memendpoint.Counts{StatesTold: 2})
	}
}

// What is new is listed since the state before, which the pass replaces.
func TestNewMailByStatesSince(t *testing.T) {
	w := filledByAsking(t)
	w.deliver(3, inbox)
	w.wantLooks(pass.Options{}, pass.Counts{Listed: 13, Already: 10, Migrated: 3},
		memendpoint.Counts{StatesTold: 2, Lists: 1, RefLists: 1, Reads: 3},
		memendpoint.Counts{StatesTold: 4, MarkScans: 1, RefLists: 1, Puts: 3})
	w.same(inbox)
	w.wantLooks(pass.Options{}, pass.Counts{Listed: 13, Already: 13},
		memendpoint.Counts{StatesTold: 2}, memendpoint.Counts{StatesTold: 2})
}

// States that a mailbox has forgotten cost a look at everything, once.
func TestExpiredStates(t *testing.T) {
	w := filledByAsking(t)
	w.src.ExpireStates()
	w.dst.ExpireStates()
	w.wantLooks(pass.Options{}, pass.Counts{Listed: 10, Already: 10},
		memendpoint.Counts{StatesTold: 2, Lists: 2, RefLists: 2},
		memendpoint.Counts{StatesTold: 2, MarkScans: 2, RefLists: 2})
	w.wantLooks(pass.Options{}, pass.Counts{Listed: 10, Already: 10},
		memendpoint.Counts{StatesTold: 2}, memendpoint.Counts{StatesTold: 2})
}

// A full scan does not go by states, but leaves them where the next pass can.
func TestFullScanByStatesSince(t *testing.T) {
	w := filledByAsking(t)
	w.wantLooks(pass.Options{FullScan: true}, pass.Counts{Listed: 10, Already: 10},
		memendpoint.Counts{StatesTold: 2, Lists: 2}, memendpoint.Counts{StatesTold: 2, MarkScans: 2})
	w.wantLooks(pass.Options{}, pass.Counts{Listed: 10, Already: 10},
		memendpoint.Counts{StatesTold: 2}, memendpoint.Counts{StatesTold: 2})
}

// A dry run that looks at everything asks for no state: it saves none.
func TestNoStateIsAskedInVain(t *testing.T) {
	w := filledByAsking(t)
	src, dst := w.looks(func() {
		_, err := w.engine().Plan(t.Context(), w.open(), pass.Options{FullScan: true})
		w.must(err)
	})
	if src != (memendpoint.Counts{Lists: 2}) || dst != (memendpoint.Counts{MarkScans: 2}) {
		t.Errorf("source %+v, destination %+v", src, dst)
	}
}
