package pass_test

import (
	"testing"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/memendpoint"
	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store"
)

// tidied is a pair with three mails and an appointment in each of two folders, of which the user of
// the destination removed one mail of each and one appointment, and with one failed mail.
func tidied(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.dstOpts.Quirks.MaxItem = 1000
	w.must(w.src.CreateFolder("Work"))
	for i, folder := range []string{inbox, "Work"} {
		for n := range 3 {
			_, err := w.src.Deliver([]string{folder}, memendpoint.Message{
				Received: day(10*n + i), Body: []byte("Subject: " + folder + string(rune('a'+n)) + "\r\n\r\nx"),
			})
			w.must(err)
		}
		_, err := w.src.Deliver([]string{folder}, memendpoint.Message{Kind: endpoint.Event, Received: day(1), Body: meeting(folder, "lunch")})
		w.must(err)
	}
	_, err := w.src.Deliver([]string{inbox}, memendpoint.Message{Received: day(5), Body: make([]byte, 2000)})
	w.must(err)
	r, err := w.try(t.Context(), pass.Options{})
	w.must(err)
	want(t, r, pass.Counts{Listed: 9, Migrated: 8, Failed: 1})
	w.must(w.dst.Delete([]string{inbox}, w.destRefs(inbox)[0]))
	w.must(w.dst.Delete([]string{"Work"}, w.destRefs("Work")[0]))
	w.must(w.dst.Delete([]string{"Work"}, w.destRefs("Work")[2]))
	r, err = w.try(t.Context(), pass.Options{})
	w.must(err)
	want(t, r, pass.Counts{Listed: 9, Already: 5, RemovedAtDestination: 3, Failed: 1})
	return w
}

// A reset of some records brings back what users removed among them, and nothing else, as
// Engine.PlanReset says beforehand.
func TestFilteredResets(t *testing.T) {
	cases := []struct {
		name    string
		filter  store.Filter
		forgets store.Forgotten
		then    pass.Counts
	}{
		{
			"by folder",
			store.Filter{Folders: []string{store.FolderKey([]string{"Work"})}},
			store.Forgotten{Records: 4, Settled: 4, Removed: 2},
			pass.Counts{Listed: 9, Already: 5, Healed: 2, RemovedAtDestination: 1, Migrated: 2, Failed: 1},
		},
		{
			"by kind",
			store.Filter{Kinds: []uint8{uint8(endpoint.Event)}},
			store.Forgotten{Records: 2, Settled: 2, Removed: 1},
			pass.Counts{Listed: 9, Already: 5, Healed: 1, RemovedAtDestination: 2, Migrated: 1, Failed: 1},
		},
		{
			"by age",
			store.Filter{Before: day(1)},
			store.Forgotten{Records: 1, Settled: 1, Removed: 1},
			pass.Counts{Listed: 9, Already: 5, RemovedAtDestination: 2, Migrated: 1, Failed: 1},
		},
		{
			"removed by users",
			store.Filter{Removed: true},
			store.Forgotten{Records: 3, Settled: 3, Removed: 3},
			pass.Counts{Listed: 9, Already: 5, Migrated: 3, Failed: 1},
		},
		{
			"failed",
			store.Filter{Statuses: []store.Status{store.Failed}},
			store.Forgotten{Records: 1, Failed: 1},
			pass.Counts{Listed: 9, Already: 5, RemovedAtDestination: 3, Failed: 1},
		},
		{
			"everything", store.ResetAll,
			store.Forgotten{Records: 9, Settled: 8, Failed: 1, Removed: 3},
			pass.Counts{Listed: 9, Already: 5, Healed: 5, Migrated: 3, Failed: 1},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := tidied(t)
			before := w.state()
			plan, err := w.engine().PlanReset(t.Context(), w.open(), pass.Options{}, c.filter)
			w.must(err)
			w.isStill(before)
			for _, dry := range []bool{true, false} {
				n, err := w.store.Reset(t.Context(), w.pair, c.filter, dry)
				w.must(err)
				if n != c.forgets {
					t.Errorf("dry %v: it forgot %+v, want %+v", dry, n, c.forgets)
				}
			}
			r, err := w.try(t.Context(), pass.Options{})
			w.must(err)
			want(t, r, c.then)
			c.then.Failed-- // that it will fail again, a plan does not know
			c.then.Migrated++
			want(t, plan, c.then)
		})
	}
}

// After a reset of a whole mailbox, a filtered pass brings back part of it, and a later one the rest.
func TestResetThenFilterBringsBackAPart(t *testing.T) {
	w := emptied(t)
	w.run(pass.Options{})
	_, err := w.store.Reset(t.Context(), w.pair, store.ResetAll, false)
	w.must(err)
	part := pass.Options{Select: pass.Selection{Include: []pass.Pattern{"Work"}}}
	want(t, w.run(part), pass.Counts{Listed: 10, Migrated: 4, Filtered: 6})
	w.holds(0, inbox)
	w.same("Work")
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 10, Migrated: 6, Already: 4})
	w.same(inbox)
}
