package pass_test

import (
	"fmt"
	"testing"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/memendpoint"
	"github.com/dandyroll/dandyroll/pass"
)

// The nine scenarios are what users do between two passes, and what a delta with no policy makes of
// it. The same scenarios run between two real servers in internal/endtoend.

// office is a pair whose four mails and two appointments were migrated, with a calendar and a trash.
func office(t *testing.T) (w *world, mails, events []string) {
	t.Helper()
	w = withTrash(t)
	w.must(w.src.CreateFolder("Calendar"))
	w.must(w.src.CreateFolder("Work"))
	mails = w.deliver(4, inbox)
	events = []string{w.deliverEvent("1", "lunch", "Calendar"), w.deliverEvent("2", "dinner", "Calendar")}
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 6, Migrated: 6})
	return w, mails, events
}

// holds checks how many items a folder of the destination has.
func (w *world) holds(n int, path ...string) {
	w.t.Helper()
	if have := len(w.dst.Messages(path...)); have != n {
		w.t.Errorf("%v: %d items at the destination, want %d", path, have, n)
	}
}

// quiet checks that another pass finds nothing to do.
func (w *world) quiet(c pass.Counts) {
	w.t.Helper()
	before := w.dst.Counts()
	want(w.t, w.run(pass.Options{}), c)
	if after := w.dst.Counts(); after.Puts != before.Puts || after.Deleted != before.Deleted || after.FlagsSet != before.FlagsSet {
		w.t.Errorf("the destination was changed: %+v, before %+v", after, before)
	}
}

func TestScenarioNewMailComesInTheDelta(t *testing.T) {
	w, _, _ := office(t)
	w.deliver(3, inbox)
	r := w.run(pass.Options{})
	want(t, r, pass.Counts{Listed: 9, Migrated: 3, Already: 6})
	if r.Kind != "delta" {
		t.Errorf("the second pass is called %q", r.Kind)
	}
	w.same(inbox)
	w.quiet(pass.Counts{Listed: 9, Already: 9})
}

func TestScenarioChangedAppointmentStaysAsItWas(t *testing.T) {
	w, _, events := office(t)
	before := w.bodies("Calendar")
	w.must(w.src.Update([]string{"Calendar"}, events[0], meeting("1", "late lunch")))
	w.quiet(pass.Counts{Listed: 6, Already: 6})
	if after := w.bodies("Calendar"); after[0] != before[0] || after[1] != before[1] || len(after) != 2 {
		t.Errorf("the calendar became %q", after)
	}
}

func TestScenarioCopiedItemComesAsAnother(t *testing.T) {
	w, mails, _ := office(t)
	_, err := w.src.Copy([]string{inbox}, mails[0], []string{"Work"})
	w.must(err)
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 7, Migrated: 1, Already: 6})
	w.same(inbox)
	w.same("Work")
	w.quiet(pass.Counts{Listed: 7, Already: 7})
}

func TestScenarioMovedItemIsThereTwice(t *testing.T) {
	w, mails, _ := office(t)
	_, err := w.src.Move([]string{inbox}, mails[0], []string{"Work"})
	w.must(err)
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 6, Migrated: 1, Already: 5})
	w.same("Work")
	w.holds(4, inbox)
	w.quiet(pass.Counts{Listed: 6, Already: 6})
}

func TestScenarioDeletedAppointmentComesFromTheTrash(t *testing.T) {
	w, _, events := office(t)
	_, err := w.src.Move([]string{"Calendar"}, events[0], []string{"Trash"})
	w.must(err)
	w.run(pass.Options{Select: pass.Selection{NotRoles: []endpoint.Role{endpoint.Trash}}})
	w.holds(0, "Trash") // left out
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 6, Migrated: 1, Already: 5})
	w.holds(1, "Trash")
	w.holds(2, "Calendar") // the earlier copy stays
	w.quiet(pass.Counts{Listed: 6, Already: 6})
}

func TestScenarioPermanentlyDeletedItemStays(t *testing.T) {
	w, mails, events := office(t)
	w.must(w.src.Delete([]string{inbox}, mails[0]))
	w.must(w.src.Delete([]string{"Calendar"}, events[0]))
	w.quiet(pass.Counts{Listed: 4, Already: 4})
	w.holds(4, inbox)
	w.holds(2, "Calendar")
	w.holds(0, "Trash")
}

func TestScenarioReadStateIsNotCarriedOver(t *testing.T) {
	w, mails, _ := office(t)
	w.must(w.src.SetFlags([]string{inbox}, mails[0], endpoint.Seen))
	w.quiet(pass.Counts{Listed: 6, Already: 6})
	for _, m := range w.dst.Messages(inbox) {
		if len(m.Flags) > 0 {
			t.Errorf("flags %v", m.Flags)
		}
	}
}

func TestScenarioSeveralJobsShareTheLedger(t *testing.T) {
	w := withTrash(t)
	w.must(w.src.CreateFolder("Calendar"))
	w.must(w.src.CreateFolder("Work"))
	w.deliver(3, inbox)
	w.deliver(2, "Work")
	w.deliverEvent("1", "lunch", "Calendar")
	jobs := []struct {
		job  pass.Selection
		want pass.Counts
	}{
		{pass.Selection{Include: []pass.Pattern{inbox}}, pass.Counts{Listed: 6, Migrated: 3, Filtered: 3}},
		{pass.Selection{Kinds: []endpoint.Kind{endpoint.Mail}}, pass.Counts{Listed: 6, Migrated: 2, Already: 3, Filtered: 1}},
		{pass.Selection{Kinds: []endpoint.Kind{endpoint.Event}}, pass.Counts{Listed: 6, Migrated: 1, Filtered: 5}},
		{pass.Selection{}, pass.Counts{Listed: 6, Already: 6}},
	}
	for _, j := range jobs { // each in an engine of its own, as several programs would
		want(t, w.run(pass.Options{Select: j.job}), j.want)
	}
	if puts := w.dst.Counts().Puts; puts != 6+1 {
		t.Errorf("%d items were written, the canary among them", puts)
	}
}

func TestScenarioTimeFilterRemovedLater(t *testing.T) {
	w := newWorld(t)
	for n := 1; n <= 5; n++ {
		_, err := w.src.Deliver([]string{inbox}, memendpoint.Message{Received: day(n), Body: fmt.Appendf(nil, "Subject: %d\r\n\r\nx", n)})
		w.must(err)
	}
	since := func(n int) pass.Options { return pass.Options{Select: pass.Selection{Since: day(n)}} }
	want(t, w.run(since(5)), pass.Counts{Listed: 5, Migrated: 1, Filtered: 4, OutOfWindow: 4})
	want(t, w.run(since(3)), pass.Counts{Listed: 5, Migrated: 2, Already: 1, Filtered: 2, OutOfWindow: 2}) // wider
	want(t, w.run(since(4)), pass.Counts{Listed: 5, Already: 2, Filtered: 3, OutOfWindow: 3})              // narrower
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 5, Migrated: 2, Already: 3})
	w.same(inbox)
	w.quiet(pass.Counts{Listed: 5, Already: 5})
}
