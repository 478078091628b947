package endtoend_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/faultendpoint"
	"github.com/dandyroll/dandyroll/endpoint/graphendpoint"
	"github.com/dandyroll/dandyroll/internal/dovecot"
	"github.com/dandyroll/dandyroll/internal/graphserve"
	"github.com/dandyroll/dandyroll/internal/imapraw"
	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store"
)

// toGraph is a migration from a Dovecot to the service.
type toGraph struct {
	*move
	server *graphserve.Server
	imap   *dovecot.Server
	a      *imapraw.Client
	b      *graphserve.Mailbox
}

func newToGraph(t *testing.T) *toGraph {
	t.Helper()
	w := &toGraph{imap: dovecot.Start(t, dovecot.Config{Format: "sdbox", Separator: "/", NoFsync: true}), server: startGraph(t)}
	w.a, w.b = user(t, w.imap), w.server.AddMailbox(annGraph, "Ann")
	w.move = newMove(t, imapBox(w.imap), graphBox(t, w.server, annGraph))
	return w
}

// folder is the ID of the folder at the destination for one of the source.
func (w *toGraph) folder(r *pass.Report, source string) string {
	w.t.Helper()
	i := slices.IndexFunc(r.Folders, func(f pass.FolderReport) bool { return f.Folder == source })
	if i < 0 {
		w.t.Fatalf("the report does not know folder %q", source)
	}
	path := strings.Split(r.Folders[i].Destination, "/")
	if path[0] == "INBOX" {
		path[0] = "Inbox"
	}
	id := w.b.Folder(path...)
	if id == "" {
		w.t.Fatalf("%q is nowhere", path)
	}
	return id
}

// TestIMAPToGraph moves 2,000 mails of every shape from Dovecot to the service.
func TestIMAPToGraph(t *testing.T) {
	t.Parallel()
	w := newToGraph(t)
	folders := corpusFolders()
	fill(w.a, newCorpus(), 2000, folders)

	first := w.run(pass.Options{}, pass.Counts{Listed: 2000, Migrated: 2000})
	for _, f := range folders {
		sameLetters(t, f, graphLetters(t, w.b, w.folder(first, f)), imapLetters(t, w.a, f))
	}
	if !strings.Contains(strings.Join(first.Warnings, " "), "flag") {
		t.Errorf("keywords that found no place are not told of: %q", first.Warnings)
	}

	r := w.run(pass.Options{}, pass.Counts{Listed: 2000, Already: 2000})
	if r.Wire.Destination.Commands > 120 || r.Wire.Destination.Sent > 4000 {
		t.Errorf("a delta with nothing new: %+v", r.Wire)
	}

	work, before := w.folder(first, "Work"), w.folder(first, "INBOX")
	for _, id := range w.ids(work)[:5] {
		w.must(w.b.Delete(id))
	}
	for _, id := range w.ids(before)[:4] {
		w.must(w.b.Move(id, w.folder(first, "Archive")))
	}
	w.must(w.b.RenameFolder(w.folder(first, "Lists"), "Newsletters"))
	appendMany(w.a, "Sent", newCorpus(), 7)
	w.a.Expunge("Archive/2025", 1, 2, 3)
	w.a.Move("Drafts", 1, "Trash")
	w.run(pass.Options{}, pass.Counts{Listed: 2004, Already: 1991, Migrated: 8, RemovedAtDestination: 5})
	w.run(pass.Options{}, pass.Counts{Listed: 2004, Already: 1999, RemovedAtDestination: 5})

	records := len(w.a.Messages("Work"))
	w.reset(store.Filter{Folders: []string{"Work"}}, records, 5)
	w.run(pass.Options{}, pass.Counts{Listed: 2004, Already: 1999, Healed: records - 5, Migrated: 5})

	w.must(w.b.Delete(w.ids(work)[0]))
	w.run(pass.Options{}, pass.Counts{Listed: 2004, Already: 2003, RemovedAtDestination: 1})
	w.lose()
	w.run(pass.Options{}, pass.Counts{Listed: 2004, Already: 2003, Healed: 2003, Migrated: 1})
	w.run(pass.Options{FullScan: true}, pass.Counts{Listed: 2004, Already: 2004})
	sameLetters(t, "Work", graphLetters(t, w.b, work), imapLetters(t, w.a, "Work"))
	sameLetters(t, "Sent", graphLetters(t, w.b, w.folder(first, "Sent")), imapLetters(t, w.a, "Sent"))
}

// ids are those of the items of a folder at the destination.
func (w *toGraph) ids(folder string) []string { return itemIDs(w.t, w.b, folder) }

func itemIDs(t *testing.T, box *graphserve.Mailbox, folder string) (ids []string) {
	t.Helper()
	items, err := box.Items(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, it := range items {
		ids = append(ids, it.ID)
	}
	return ids
}

// postMessages is the request that makes a message.
const postMessages = "POST /users/{user}/mailFolders/{folder}/messages"

// newFewToGraph has 40 small mails at the source.
func newFewToGraph(t *testing.T) *toGraph {
	t.Helper()
	w := newToGraph(t)
	fill(w.a, &corpus{random: newCorpus().random, n: 1000}, 39, []string{"INBOX", "Work", "Archive"})
	return w
}

// whole checks that each mail of the source is at the destination as often as wanted.
func (w *toGraph) whole(r *pass.Report, times int) {
	w.t.Helper()
	for _, f := range []string{"INBOX", "Work", "Archive"} {
		var want []letter
		for _, l := range imapLetters(w.t, w.a, f) {
			want = append(want, slices.Repeat([]letter{l}, times)...)
		}
		sameLetters(w.t, f, graphLetters(w.t, w.b, w.folder(r, f)), want)
	}
}

// TestGraphTable is what the decision table says about a mail, from IMAP to the service, beyond what TestIMAPToGraph sees.
func TestGraphTable(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(*toGraph){
		"other types": voided, "a reset and everything again": resetAndRebuilt, "failures and lost answers": failedAndLost, "a cut": cutWhilePutting,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			do(newFewToGraph(t))
		})
	}
}

func voided(w *toGraph) {
	other := dovecot.Start(w.t, dovecot.Config{NoFsync: true})
	good := w.dst
	w.dst = imapBox(other)
	w.run(pass.Options{}, pass.Counts{Listed: 39, Migrated: 39})
	w.dst = good
	announced := 0
	r := w.run(pass.Options{Observer: func(ev pass.Event) {
		if v, ok := ev.(pass.Voiding); ok {
			announced = v.Marks
		}
	}}, pass.Counts{Listed: 39, Migrated: 39, Voided: 39})
	if announced != 39 {
		w.t.Errorf("%d marks were announced to be void", announced)
	}
	w.whole(r, 1)
	w.run(pass.Options{}, pass.Counts{Listed: 39, Already: 39})
}

func resetAndRebuilt(w *toGraph) {
	r := w.run(pass.Options{}, pass.Counts{Listed: 39, Migrated: 39})
	for _, id := range w.ids(w.folder(r, "INBOX"))[:4] {
		w.must(w.b.Delete(id))
	}
	w.run(pass.Options{}, pass.Counts{Listed: 39, Already: 35, RemovedAtDestination: 4})
	w.reset(store.ResetAll, 39, 4)
	w.whole(w.run(pass.Options{}, pass.Counts{Listed: 39, Already: 35, Healed: 35, Migrated: 4}), 1)
	w.whole(w.run(pass.Options{Kind: pass.Rebuild}, pass.Counts{Listed: 39, Migrated: 39, Duplicates: 39}), 2)
	w.run(pass.Options{}, pass.Counts{Listed: 39, Already: 39})
}

func failedAndLost(w *toGraph) {
	good := w.src
	w.src = func(ctx context.Context) (*endpoint.Mailbox, error) {
		box, err := good(ctx)
		w.must(err)
		plan, err := faultendpoint.Parse("item damaged on side=src method=read item=3")
		w.must(err)
		return faultendpoint.Wrap(box, "src", faultendpoint.NewProcess(plan, nil)), nil
	}
	w.server.Inject(graphserve.Fault{Route: postMessages, Skip: 19, Times: 3, Kind: graphserve.ResetAfter})
	w.server.Inject(graphserve.Fault{Route: postMessages, Skip: 19, Times: 3, Kind: graphserve.ResetBefore})
	r, err := w.try(w.t.Context(), pass.Options{})
	w.must(err)
	failed := r.Totals.Failed
	if c := r.Totals; failed == 0 || c.Migrated != 39-failed || c.Recovered < 1 || r.Failures[0].Code != "damaged" {
		w.t.Fatalf("totals %+v, failures %+v", c, r.Failures)
	}
	w.src = good
	w.whole(w.run(pass.Options{}, pass.Counts{Listed: 39, Already: 39 - failed, Migrated: failed}), 1)
}

// cutWhilePutting leaves intents in the database: of a mail that is there, and of others that are not.
func cutWhilePutting(w *toGraph) {
	good := w.dst
	w.dst = graphBox(w.t, w.server, annGraph, func(c *graphendpoint.Config) {
		c.Transport = newWitness(w.t, &cutting{next: http.DefaultTransport, after: 9})
	})
	if r, err := w.try(w.t.Context(), pass.Options{Patience: time.Second}); endpoint.CodeOf(err) != endpoint.Unavailable || r.Complete {
		w.t.Fatalf("%v\n%v", err, r)
	}
	w.dst = good
	r, err := w.try(w.t.Context(), pass.Options{})
	w.must(err)
	if c := r.Totals; c.Migrated+c.Already != 39 || c.Recovered < 1 || c.Migrated <= c.Recovered || !r.Complete {
		w.t.Errorf("totals %+v", c)
	}
	w.whole(w.run(pass.Options{}, pass.Counts{Listed: 39, Already: 39}), 1)
}

// cutting does some creates, and then one more whose answer is lost with the network.
type cutting struct {
	next  http.RoundTripper
	after int32
	done  atomic.Int32
}

// RoundTrip fails as a network that is gone does.
func (c *cutting) RoundTrip(r *http.Request) (*http.Response, error) {
	dead := c.done.Load() > c.after
	if !dead && r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/messages") {
		dead = c.done.Add(1) > c.after+1
	}
	if dead {
		return nil, io.ErrUnexpectedEOF
	}
	resp, err := c.next.RoundTrip(r)
	if err == nil && c.done.Load() > c.after {
		return nil, errors.Join(io.ErrUnexpectedEOF, resp.Body.Close())
	}
	return resp, err
}
