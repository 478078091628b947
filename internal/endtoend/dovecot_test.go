package endtoend_test

import (
	"os"
	"slices"
	"testing"

	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/store/badgerstore"
)

// TestRealisticMailbox moves 2,000 messages of every shape between servers of different make, and
// compares every byte, flag, keyword, date and subscription.
func TestRealisticMailbox(t *testing.T) {
	w := newWorld(t)
	folders := corpusFolders()
	fill(w.a, newCorpus(), 2000, folders)
	before := w.a.Messages("INBOX")

	want(t, w.run(pass.Options{}), pass.Counts{Listed: 2000, Migrated: 2000})
	for _, f := range folders {
		w.same(f)
	}
	w.sameSubscriptions()
	if after := w.a.Messages("INBOX"); !slices.EqualFunc(before, after, sameMessage) {
		t.Error("the source was changed")
	}

	r := w.run(pass.Options{})
	want(t, r, pass.Counts{Listed: 2000, Already: 2000})
	if r.Wire.Destination.Sent > 4000 || r.Wire.Source.Received > 20000 {
		t.Errorf("a delta with nothing new: %+v", r.Wire)
	}
	full := w.run(pass.Options{FullScan: true})
	want(t, full, pass.Counts{Listed: 2000, Already: 2000})
}

func (w *world) sameSubscriptions() {
	w.t.Helper()
	have := w.b.Subscribed()
	for _, f := range w.a.Subscribed() {
		if !slices.Contains(have, target(f)) {
			w.t.Errorf("no subscription to %s, only %v", target(f), have)
		}
	}
}

// The cost of a delta with nothing new does not grow with the number of items.
func TestNothingNewCostsTheSameForMore(t *testing.T) {
	w := newWorld(t)
	var commands []int64
	for range 2 {
		appendMany(w.a, "INBOX", newCorpus(), 300)
		w.run(pass.Options{})
		r := w.run(pass.Options{})
		commands = append(commands, r.Wire.Source.Commands+r.Wire.Destination.Commands)
	}
	if commands[0] != commands[1] {
		t.Errorf("commands of a delta with nothing new over 300 and 600 messages: %v", commands)
	}
}

// TestSecondPass is what users do between two passes, and what must come of it.
func TestSecondPass(t *testing.T) {
	start := func(t *testing.T) *world {
		t.Helper()
		w := newWorld(t)
		fill(w.a, newCorpus(), 60, []string{"INBOX", "Work", "Archive"})
		want(t, w.run(pass.Options{}), pass.Counts{Listed: 60, Migrated: 60})
		return w
	}
	uids := func(w *world) (list []uint32) {
		for _, m := range w.b.Messages("INBOX") {
			list = append(list, m.UID)
		}
		return list
	}
	steps := []struct {
		name string
		do   func(w *world)
		want pass.Counts
	}{
		{"nothing", func(*world) {}, pass.Counts{Listed: 60, Already: 60}},
		{
			"deleted at the destination", func(w *world) { w.b.Expunge("INBOX", uids(w)[:8]...) },
			pass.Counts{Listed: 60, Already: 52, RemovedAtDestination: 8},
		},
		{"moved at the destination", func(w *world) {
			for _, uid := range uids(w)[:5] {
				w.b.Move("INBOX", uid, "INBOX.Archive")
			}
		}, pass.Counts{Listed: 60, Already: 60}},
		{"moved at the destination, and the database lost", func(w *world) {
			w.b.Create("INBOX.Elsewhere")
			for _, uid := range uids(w)[:5] {
				w.b.Move("INBOX", uid, "INBOX.Elsewhere")
			}
			w.must(os.RemoveAll(w.state))
		}, pass.Counts{Listed: 60, Already: 60, Healed: 60}},
		{
			"copied at the destination", func(w *world) { w.b.Copy("INBOX", uids(w)[0], "INBOX.Work") },
			pass.Counts{Listed: 60, Already: 60},
		},
		{
			"flags changed at the destination", func(w *world) { w.b.StoreFlags("INBOX", uids(w)[0], "+FLAGS", `\Flagged`, `\Seen`) },
			pass.Counts{Listed: 60, Already: 60},
		},
		{
			"folder renamed at the destination", func(w *world) { w.b.Rename("INBOX.Work", "INBOX.Labour") },
			pass.Counts{Listed: 60, Already: 60},
		},
		{"deleted at the source", func(w *world) { w.a.Expunge("INBOX", 1, 2, 3) }, pass.Counts{Listed: 57, Already: 57}},
		{
			"moved at the source", func(w *world) { w.a.Move("INBOX", 1, "Work") },
			pass.Counts{Listed: 60, Already: 59, Migrated: 1},
		},
		{
			"copied at the source", func(w *world) { w.a.Copy("INBOX", 1, "Work") },
			pass.Counts{Listed: 61, Already: 60, Migrated: 1},
		},
		{
			"folder renamed at the source", func(w *world) { w.a.Rename("Work", "Labour") },
			pass.Counts{Listed: 60, Already: 40, Migrated: 20},
		},
		{
			"new at the source", func(w *world) { appendMany(w.a, "INBOX", newCorpus(), 11) },
			pass.Counts{Listed: 71, Already: 60, Migrated: 11},
		},
		{
			"validity changed at the destination", func(w *world) { w.revalidate("INBOX", true) },
			pass.Counts{Listed: 60, Already: 60},
		},
		{
			"validity changed at the source", func(w *world) { w.revalidate("INBOX", false) },
			pass.Counts{Listed: 60, Already: 60},
		},
		{
			"database lost", func(w *world) { w.must(os.RemoveAll(w.state)) },
			pass.Counts{Listed: 60, Already: 60, Healed: 60},
		},
		{"reset after a deletion", func(w *world) {
			w.b.Expunge("INBOX", uids(w)[:4]...)
			w.run(pass.Options{})
			w.reset(store.ResetAll, 60, 4)
		}, pass.Counts{Listed: 60, Already: 56, Healed: 56, Migrated: 4}},
		{"reset of one folder after deletions in two", func(w *world) {
			w.b.Expunge("INBOX", uids(w)[:4]...)
			w.b.Expunge("INBOX.Work", w.b.Messages("INBOX.Work")[0].UID)
			w.run(pass.Options{})
			w.reset(store.Filter{Folders: []string{"Work"}}, 20, 1)
		}, pass.Counts{Listed: 60, Already: 55, Healed: 19, RemovedAtDestination: 4, Migrated: 1}},
	}
	for _, step := range steps {
		t.Run(step.name, func(t *testing.T) {
			t.Parallel()
			w := start(t)
			step.do(w)
			want(t, w.run(pass.Options{}), step.want)
			again := step.want
			again.Already, again.Migrated, again.Healed = again.Already+again.Migrated, 0, 0
			want(t, w.run(pass.Options{}), again)
		})
	}
}

// revalidate gives the INBOX of one side another UIDVALIDITY.
func (w *world) revalidate(folder string, destination bool) {
	w.t.Helper()
	server, client := w.src, w.a
	if destination {
		server, client = w.dst, w.b
	}
	old := client.UIDValidity(folder)
	_, err := server.Doveadm("mailbox", "update", "-u", "ann", "--uid-validity", "4000000000", folder)
	w.must(err)
	if now := user(w.t, server).UIDValidity(folder); now == old {
		w.t.Fatalf("the validity did not change from %d", old)
	}
}

func (w *world) reset(f store.Filter, records, removed int) {
	w.t.Helper()
	db, err := badgerstore.Open(w.state, &badgerstore.Options{Key: w.key})
	w.must(err)
	defer func() { w.must(db.Close()) }()
	for _, dry := range []bool{true, false} {
		n, err := db.Reset(w.t.Context(), "ann", f, dry)
		w.must(err)
		if n.Records != records || n.Removed != removed {
			w.t.Errorf("reset, dry %v: %+v, want %d records and %d removed", dry, n, records, removed)
		}
	}
}
