package endtoend_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/internal/dovecot"
	"github.com/dandyroll/dandyroll/internal/graphserve"
	"github.com/dandyroll/dandyroll/internal/imapraw"
	"github.com/dandyroll/dandyroll/pass"
)

// deliverMany puts n mails of the corpus into a folder of the service, with all the flags that its users can set.
func deliverMany(t *testing.T, box *graphserve.Mailbox, folder string, messages *corpus, n int) (ids []string) {
	t.Helper()
	for range n {
		m := messages.next()
		received, err := time.Parse("_2-Jan-2006 15:04:05 -0700", m.date)
		if err != nil {
			t.Fatal(err)
		}
		id, err := box.Deliver(folder, m.body, graphserve.Delivery{
			Received: received, Read: slices.Contains(m.flags, `\Seen`), Draft: slices.Contains(m.flags, `\Draft`),
			Flagged: slices.Contains(m.flags, `\Flagged`),
		})
		if err == nil && slices.Contains(m.flags, `\Answered`) {
			err = box.SetProperty(id, "Integer 0x1081", "102")
		}
		if err == nil && slices.Contains(m.flags, "Projekt_7") {
			err = box.Update(id, map[string]any{"categories": []any{"Projekt_7"}})
		}
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	return ids
}

// fromGraph is a migration from the service to a Dovecot.
type fromGraph struct {
	*move
	server *graphserve.Server
	a      *graphserve.Mailbox
	b      *imapraw.Client
}

func newFromGraph(t *testing.T) *fromGraph {
	t.Helper()
	imap := dovecot.Start(t, dovecot.Config{Format: "maildir", Separator: ".", Prefix: "INBOX.", NoFsync: true})
	w := &fromGraph{server: startGraph(t), b: user(t, imap)}
	w.a = w.server.AddMailbox(annGraph, "Ann")
	w.move = newMove(t, graphBox(t, w.server, annGraph), imapBox(imap))
	return w
}

// same compares all mails of the service with those of Dovecot, by the folders of a report.
func (w *fromGraph) same(r *pass.Report, folders map[string]string) {
	w.t.Helper()
	for path, id := range folders {
		i := slices.IndexFunc(r.Folders, func(f pass.FolderReport) bool { return f.Folder == path })
		if i < 0 {
			w.t.Errorf("the report does not know %q", path)
			continue
		}
		sameLetters(w.t, path, imapLetters(w.t, w.b, target(r.Folders[i].Destination)), graphLetters(w.t, w.a, id))
	}
}

// TestGraphToIMAP moves 2,000 mails from the service to Dovecot.
func TestGraphToIMAP(t *testing.T) {
	t.Parallel()
	w := newFromGraph(t)
	folders := map[string]string{
		"INBOX": w.a.Folder("Inbox"), "Sent Items": w.a.Folder("Sent Items"), "Deleted Items": w.a.Folder("Deleted Items"),
	}
	parent := w.a.Folder()
	for _, path := range []string{"Projects", "Projects/Größe & Co", "Projects/Größe & Co/日本語"} {
		id, err := w.a.CreateFolder(parent, path[strings.LastIndex(path, "/")+1:])
		w.must(err)
		folders[path], parent = id, id
	}
	messages := newCorpus()
	for _, path := range []string{"Sent Items", "Deleted Items", "Projects", "Projects/Größe & Co", "Projects/Größe & Co/日本語"} {
		deliverMany(t, w.a, folders[path], messages, 100)
	}
	inbox := deliverMany(t, w.a, folders["INBOX"], messages, 1500)
	r := w.run(pass.Options{}, pass.Counts{Listed: 2000, Migrated: 2000})
	w.same(r, folders)

	r = w.run(pass.Options{}, pass.Counts{Listed: 2000, Already: 2000})
	if r.Wire.Source.Commands > 60 {
		t.Errorf("a delta with nothing new: %+v", r.Wire)
	}
	w.a.ExpireDeltas()
	w.run(pass.Options{}, pass.Counts{Listed: 2000, Already: 2000})

	for _, id := range inbox[:3] {
		w.must(w.a.Move(id, folders["Projects"]))
	}
	w.must(w.a.Delete(inbox[3]))
	deliverMany(t, w.a, folders["INBOX"], messages, 9)
	r = w.run(pass.Options{}, pass.Counts{Listed: 2008, Already: 1996, Migrated: 12})
	if r.Wire.Source.Commands > 120 {
		t.Errorf("a delta with 12 new mails: %+v", r.Wire)
	}

	for _, id := range inbox[10:30] {
		item, err := w.a.Item(id)
		w.must(err)
		w.must(w.a.MarkRead(id, item.Fields["isRead"] != true))
	}
	merge := policy(pass.Policy{OnFlags: pass.MergeFlags})
	w.run(merge, pass.Counts{Listed: 2008, Already: 2008, Merged: 20})
	w.run(merge, pass.Counts{Listed: 2008, Already: 2008})

	w.b.Expunge("INBOX", w.b.Messages("INBOX")[0].UID)
	w.run(pass.Options{}, pass.Counts{Listed: 2008, Already: 2007, RemovedAtDestination: 1})
	w.lose()
	w.run(pass.Options{}, pass.Counts{Listed: 2008, Already: 2007, Healed: 2007, Migrated: 1})
	w.run(pass.Options{FullScan: true}, pass.Counts{Listed: 2008, Already: 2008})
	delete(folders, "INBOX") // where mails stay that left it at the source
	delete(folders, "Projects")
	w.same(r, folders)
}
