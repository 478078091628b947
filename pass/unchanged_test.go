package pass_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/faultendpoint"
	"github.com/dandyroll/dandyroll/endpoint/memendpoint"
	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store"
)

// worldState is all that a pass might have changed.
type worldState struct {
	source, destination map[string][]memendpoint.Stored
	folders             [][]string
	ledger              string
}

func (w *world) state() worldState {
	w.t.Helper()
	return worldState{contents(w.src), contents(w.dst), w.dst.FolderPaths(), w.ledger()}
}

// isStill checks that nothing changed since.
func (w *world) isStill(before worldState) {
	w.t.Helper()
	after := w.state()
	if !reflect.DeepEqual(after.source, before.source) {
		w.t.Error("the source was changed")
	}
	if !reflect.DeepEqual(after.destination, before.destination) || !reflect.DeepEqual(after.folders, before.folders) {
		w.t.Error("the destination was changed")
	}
	if after.ledger != before.ledger {
		for line := range strings.Lines(after.ledger) {
			if !strings.Contains(before.ledger, line) {
				w.t.Errorf("the ledger was changed: %s", line)
			}
		}
		w.t.Error("the ledger was changed")
	}
}

// ledger returns everything that the ledger of the pair holds, in order.
func (w *world) ledger() string {
	w.t.Helper()
	l, err := w.store.Open(w.t.Context(), w.pair)
	w.must(err)
	defer func() { w.must(l.Close()) }()
	lines := []string{fmt.Sprintf("%+v", l.Meta())}
	add := func(v any, err error) {
		w.must(err)
		lines = append(lines, fmt.Sprintf("%+v", v))
	}
	for r, err := range l.Records(w.t.Context(), store.AllFolders) {
		add(r, err)
	}
	for _, side := range []store.Side{store.Source, store.Destination} {
		for f, err := range l.Folders(w.t.Context(), side) {
			add(f, err)
			for s, err := range l.Sightings(w.t.Context(), f.Name) {
				add(s, err)
			}
		}
	}
	n, _ := w.passes()
	lines = append(lines, fmt.Sprint(n, " passes"))
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// refused checks that a pass is refused for a reason, by Run, Plan and Check alike, and that
// nothing is written anywhere.
func (w *world) refused(o pass.Options, reason error, texts ...string) {
	w.t.Helper()
	before := w.state()
	_, run := w.try(w.t.Context(), o)
	_, plan := w.engine().Plan(w.t.Context(), w.open(), o)
	_, check := w.engine().Check(w.t.Context(), w.open(), o)
	for name, err := range map[string]error{"run": run, "plan": plan, "check": check} {
		if !errors.Is(err, reason) || !errors.Is(err, pass.ErrRefused) {
			w.t.Errorf("%s: err %v", name, err)
			continue
		}
		for _, text := range texts {
			if !strings.Contains(err.Error(), text) {
				w.t.Errorf("%s: the error does not say %q: %v", name, text, err)
			}
		}
	}
	w.isStill(before)
}

// denying returns a mailbox of which one folder is listed and cannot be opened.
func (w *world) denying(m *endpoint.Mailbox, folder string) *endpoint.Mailbox {
	w.t.Helper()
	plan := faultendpoint.Plan{}
	for _, method := range []string{"list", "refs", "read", "flags"} {
		rules, err := faultendpoint.Parse(fmt.Sprintf("before denied on method=%s folder=%s", method, folder))
		w.must(err)
		plan = append(plan, rules...)
	}
	return faultendpoint.Wrap(m, "src", faultendpoint.NewProcess(plan, nil))
}

// refusedByScan checks that a pass is refused for what it found at the destination, where nothing
// changes.
func (w *world) refusedByScan(o pass.Options, reason error) {
	w.t.Helper()
	before := w.state()
	if _, err := w.try(w.t.Context(), o); !errors.Is(err, reason) || !errors.Is(err, pass.ErrRefused) {
		w.t.Errorf("err %v", err)
	}
	if !reflect.DeepEqual(contents(w.dst), before.destination) {
		w.t.Error("the destination was changed")
	}
}

// A folder of which the listing says that nothing is in it is not looked into, unless something may be under way to it.
func TestEmptyFoldersAreNotScanned(t *testing.T) {
	w := newWorld(t)
	for i := range 5 {
		w.must(w.dst.CreateFolder(fmt.Sprint("Folder ", i)))
	}
	refs := w.deliver(2, inbox)
	w.run(pass.Options{})
	if n := w.dst.Counts().MarkScans; n != 2 {
		t.Errorf("%d folders were scanned, want that of the canary and the one that was filled", n)
	}
	w.doubt(refs[0])
	w.must(w.dst.CreateFolder("Folder 5"))
	before := w.dst.Counts().MarkScans
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 2, Migrated: 1, Already: 1, Recovered: 1})
	if n := w.dst.Counts().MarkScans - before; n != 1 {
		t.Errorf("%d folders were scanned with an item in doubt, want the one of which nothing is known", n)
	}
}
