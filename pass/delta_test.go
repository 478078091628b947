package pass_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/memendpoint"
	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/store/memstore"
	"github.com/dandyroll/dandyroll/watermark"
)

// filled returns a world whose first pass has moved 6 mails of INBOX and 4 of Work.
func filled(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.must(w.src.CreateFolder("Work"))
	w.deliver(6, inbox)
	w.deliver(4, "Work")
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 10, Migrated: 10})
	w.same(inbox)
	w.same("Work")
	return w
}

func TestNothingNew(t *testing.T) {
	w := filled(t)
	before, source := w.dst.Counts(), w.src.Counts()
	r := w.run(pass.Options{})
	want(t, r, pass.Counts{Listed: 10, Already: 10})
	after := w.dst.Counts()
	if after.Puts != before.Puts || w.src.Counts().Reads != source.Reads {
		t.Errorf("a delta with nothing new wrote %d and read %d", after.Puts-before.Puts, w.src.Counts().Reads-source.Reads)
	}
	if after.MarkScans != before.MarkScans || w.src.Counts().Lists != source.Lists {
		t.Errorf("a delta with nothing new looked into unchanged folders: %+v, %+v", after, w.src.Counts())
	}
	if r.Kind != "delta" {
		t.Errorf("kind %q", r.Kind)
	}
}

func TestNewMail(t *testing.T) {
	w := filled(t)
	w.deliver(3, inbox)
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 13, Migrated: 3, Already: 10})
	w.same(inbox)
}

func TestDeletedAtDestinationStaysDeleted(t *testing.T) {
	w := filled(t)
	for _, ref := range w.destRefs(inbox)[:4] {
		w.must(w.dst.Delete([]string{inbox}, ref))
	}
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 10, Already: 6, RemovedAtDestination: 4})
	want(t, w.run(pass.Options{FullScan: true}), pass.Counts{Listed: 10, Already: 6, RemovedAtDestination: 4})
}

func TestMovedAndCopiedAtDestinationIsFound(t *testing.T) {
	for _, lost := range []bool{false, true} {
		w := filled(t)
		w.must(w.dst.CreateFolder("Elsewhere"))
		refs := w.destRefs(inbox)
		for _, ref := range refs[:2] {
			_, err := w.dst.Move([]string{inbox}, ref, []string{"Elsewhere"})
			w.must(err)
		}
		_, err := w.dst.Copy([]string{inbox}, refs[3], []string{"Elsewhere"})
		w.must(err)
		counts := pass.Counts{Listed: 10, Already: 10}
		if lost {
			w.store, counts.Healed = memstore.New(), 10
		}
		want(t, w.run(pass.Options{}), counts)
	}
}

// One of two holders of a mark may go: the item is still there.
func TestOneOfTwoHoldersDeleted(t *testing.T) {
	w := filled(t)
	w.must(w.dst.CreateFolder("Elsewhere"))
	ref := w.destRefs(inbox)[0]
	_, err := w.dst.Copy([]string{inbox}, ref, []string{"Elsewhere"})
	w.must(err)
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 10, Already: 10})
	w.must(w.dst.Delete([]string{inbox}, ref))
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 10, Already: 10})
}

func TestFolderRenamedAtDestinationIsFound(t *testing.T) {
	w := filled(t)
	w.must(w.dst.RenameFolder([]string{"Work"}, []string{"Old work"}))
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 10, Already: 10})
	if n := len(w.dst.FolderPaths()); n != 2 {
		t.Errorf("the renamed folder was made again: %v", w.dst.FolderPaths())
	}
}

func TestFolderDeletedAtDestinationComesBackOnlyWithNewMail(t *testing.T) {
	w := filled(t)
	w.must(w.dst.DeleteFolder("Work"))
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 10, Already: 6, RemovedAtDestination: 4})
	if n := len(w.dst.FolderPaths()); n != 1 {
		t.Errorf("an empty folder came back: %v", w.dst.FolderPaths())
	}
	w.deliver(1, "Work")
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 11, Already: 6, RemovedAtDestination: 4, Migrated: 1})
}

func TestMovedCopiedRenamedAtSourceComesAsNew(t *testing.T) {
	w := filled(t)
	refs := w.src.Messages(inbox)
	_, err := w.src.Move([]string{inbox}, refs[0].Ref, []string{"Work"})
	w.must(err)
	_, err = w.src.Copy([]string{inbox}, refs[1].Ref, []string{"Work"})
	w.must(err)
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 11, Migrated: 2, Already: 9})
	w.must(w.src.RenameFolder([]string{"Work"}, []string{"Labour"}))
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 11, Migrated: 6, Already: 5})
}

func TestDeletedAtSourceStaysAtDestination(t *testing.T) {
	w := filled(t)
	for _, m := range w.src.Messages(inbox)[:5] {
		w.must(w.src.Delete([]string{inbox}, m.Ref))
	}
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 5, Already: 5})
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 5, Already: 5})
	if n := len(w.dst.Messages(inbox)); n != 6 {
		t.Errorf("%d items at the destination, want 6", n)
	}
}

func TestValidityChanged(t *testing.T) {
	w := filled(t)
	w.must(w.dst.ChangeValidity(inbox))
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 10, Already: 10})
	w.must(w.src.ChangeValidity(inbox))
	w.must(w.src.ChangeValidity("Work"))
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 10, Already: 10})
	w.deliver(1, inbox)
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 11, Already: 10, Migrated: 1})
}

func TestDatabaseLost(t *testing.T) {
	w := filled(t)
	w.store = memstore.New()
	puts := w.dst.Counts().Puts
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 10, Already: 10, Healed: 10})
	if n := w.dst.Counts().Puts; n != puts {
		t.Errorf("%d items were written", n-puts)
	}
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 10, Already: 10})
}

func TestReset(t *testing.T) {
	w := filled(t)
	for _, ref := range w.destRefs(inbox)[:2] {
		w.must(w.dst.Delete([]string{inbox}, ref))
	}
	for _, ref := range w.destRefs("Work")[:1] {
		w.must(w.dst.Delete([]string{"Work"}, ref))
	}
	w.run(pass.Options{})
	n, err := w.store.Reset(t.Context(), w.pair, store.Filter{Folders: []string{"Work"}}, false)
	w.must(err)
	if n.Records != 4 || n.Removed != 1 {
		t.Errorf("reset of a folder forgot %+v", n)
	}
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 10, Already: 7, Healed: 3, RemovedAtDestination: 2, Migrated: 1})
	w.same("Work")
	_, err = w.store.Reset(t.Context(), w.pair, store.ResetAll, false)
	w.must(err)
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 10, Already: 8, Healed: 8, Migrated: 2})
	w.same(inbox)
}

func TestEndpointTypeChanged(t *testing.T) {
	w := filled(t)
	w.dstOpts.Type = "other"
	_, err := w.try(t.Context(), pass.Options{OnTypeChange: pass.RefuseType})
	if !errors.Is(err, pass.ErrTypeChange) || !errors.Is(err, pass.ErrRefused) {
		t.Errorf("err %v", err)
	}
	voided := 0
	r := w.run(pass.Options{Observer: func(ev pass.Event) {
		if v, ok := ev.(pass.Voiding); ok && w.dst.Counts().Puts == 11 { // 10 items and the canary
			voided = v.Marks
		}
	}})
	want(t, r, pass.Counts{Listed: 10, Migrated: 10, Voided: 10})
	if voided != 10 {
		t.Errorf("announced %d void marks before the first write", voided)
	}
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 10, Already: 10})
	w.dstOpts.Type = "dst"
	r, err = w.try(t.Context(), pass.Options{})
	w.must(err)
	want(t, r, pass.Counts{Listed: 10, Already: 10, Voided: 10})
}

func TestTwins(t *testing.T) {
	const text = "Message-ID: <twin@old.example>\r\n\r\nsame\r\n"
	w := newWorld(t)
	for range 3 {
		w.deliverText(text, inbox)
	}
	w.deliverText("", inbox)
	w.deliverText("no header at all", inbox)
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 5, Migrated: 5})
	if n := len(w.dst.Messages(inbox)); n != 5 {
		t.Errorf("%d items at the destination", n)
	}
	w.store = memstore.New()
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 5, Already: 5, Healed: 5})
	// A twin that comes after another went is not mistaken for it.
	w.must(w.src.Delete([]string{inbox}, w.src.Messages(inbox)[0].Ref))
	w.deliverText(text, inbox)
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 5, Already: 4, Migrated: 1})
}

func TestForgedAndForeignMarks(t *testing.T) {
	w := newWorld(t)
	w.deliver(2, inbox)
	w.run(pass.Options{})
	stolen := w.dst.Messages(inbox)[0].Mark.Marks[0]
	forged := stolen
	forged.MAC[0] ^= 1
	// Replayed and forged marks at the source are content: they suppress nothing.
	w.deliverText(watermark.Field+": "+stolen.String()+"\r\nSubject: replay\r\n\r\nx", inbox)
	w.deliverText(watermark.Field+": "+forged.String()+"\r\nSubject: forgery\r\n\r\nx", inbox)
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 4, Migrated: 2, Already: 2})
	// A forged mark at the destination is not counted as an item's.
	_, err := w.dst.Deliver([]string{inbox}, memendpoint.Message{Body: []byte(watermark.Field + ": " + forged.String() + "\r\n\r\nx")})
	w.must(err)
	want(t, w.run(pass.Options{FullScan: true}), pass.Counts{Listed: 4, Already: 4})

	// Another key: everything there is foreign.
	key := w.key
	w.key, w.store = watermark.NewKey(), memstore.New()
	_, err = w.try(t.Context(), pass.Options{})
	if !errors.Is(err, pass.ErrForeignMarks) || !strings.Contains(err.Error(), ": 5 items") {
		t.Errorf("err %v", err)
	}
	// The old key still reads what it made.
	e, err := pass.New(pass.Config{Store: w.store, Key: w.key, OldKeys: []watermark.Key{key}})
	w.must(err)
	r, err := e.Run(t.Context(), w.open(), pass.Options{})
	w.must(err)
	want(t, r, pass.Counts{Listed: 4, Already: 4, Healed: 4})
	w.deliver(1, inbox)
	r, err = e.Run(t.Context(), w.open(), pass.Options{})
	w.must(err)
	want(t, r, pass.Counts{Listed: 5, Already: 4, Migrated: 1})
	// A caller who knows better writes everything anew.
	w.key, w.store, w.pair = watermark.NewKey(), memstore.New(), "anew"
	want(t, w.run(pass.Options{AcceptForeignMarks: true}), pass.Counts{Listed: 5, Migrated: 5})
}

func TestNewerMarkIsRefused(t *testing.T) {
	w := filled(t)
	deliver := func(pair string) {
		mark := watermark.Field + ": 2.src.dst." + w.key.Tag(pair).String() + ".something.else\r\n\r\nx"
		_, err := w.dst.Deliver([]string{inbox}, memendpoint.Message{Body: []byte(mark)})
		w.must(err)
	}
	// One that a stranger made up, who does not know the tag of the pair, stops nothing.
	deliver("another")
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 10, Already: 10})
	deliver(w.pair)
	w.deliver(1, inbox)
	_, err := w.try(t.Context(), pass.Options{})
	if !errors.Is(err, pass.ErrNewerMark) || !errors.Is(err, pass.ErrRefused) {
		t.Errorf("err %v", err)
	}
}

// A generation that the database forgot is found again in the marks.
func TestGenerationIsFoundInMarks(t *testing.T) {
	w := newWorld(t)
	w.deliver(3, inbox)
	l, err := w.store.Open(t.Context(), w.pair)
	w.must(err)
	w.must(l.Commit(t.Context(), store.Batch{Meta: &store.Meta{Generation: 3}}))
	w.must(l.Close())
	if r := w.run(pass.Options{}); r.Generation != 3 {
		t.Fatalf("generation %d", r.Generation)
	}
	w.store = memstore.New()
	r := w.run(pass.Options{})
	want(t, r, pass.Counts{Listed: 3, Already: 3, Healed: 3})
	if r.Generation != 3 || w.meta().Generation != 3 {
		t.Errorf("generation %d, in the ledger %d", r.Generation, w.meta().Generation)
	}
}

func TestRoundTripAndChain(t *testing.T) {
	ab := newWorld(t)
	ab.deliver(3, inbox)
	ab.run(pass.Options{})

	// B→A: what came from A is not sent back.
	ba := *ab
	ba.src, ba.dst, ba.pair = ab.dst, ab.src, "back"
	ba.srcOpts, ba.dstOpts = ab.dstOpts, memendpoint.Options{Type: "src", Account: "ann@old.example"}
	_, err := ba.src.Deliver([]string{inbox}, memendpoint.Message{Body: []byte("Subject: new at B\r\n\r\nx")})
	ba.must(err)
	want(t, ba.run(pass.Options{}), pass.Counts{Listed: 4, OriginatedHere: 3, Migrated: 1})
	want(t, ba.run(pass.Options{}), pass.Counts{Listed: 4, OriginatedHere: 3, Already: 1})
	want(t, ba.run(pass.Options{SendBack: true}), pass.Counts{Listed: 4, Migrated: 3, Already: 1})

	// With the database lost, the caller can still say so.
	ba.store, ba.dst = memstore.New(), memendpoint.NewServer()
	p := ba.open()
	p.ReverseOf = ab.pair
	r, err := ba.engine().Run(t.Context(), p, pass.Options{})
	ba.must(err)
	want(t, r, pass.Counts{Listed: 4, OriginatedHere: 3, Migrated: 1})

	// B→C under the same key carries everything.
	bc := *ab
	bc.src, bc.dst, bc.pair = ab.dst, memendpoint.NewServer(), "onward"
	bc.srcOpts, bc.dstOpts = ab.dstOpts, memendpoint.Options{Type: "dst", Account: "ann@third.example"}
	want(t, bc.run(pass.Options{}), pass.Counts{Listed: 4, Migrated: 4})
	want(t, bc.run(pass.Options{}), pass.Counts{Listed: 4, Already: 4})
}

func TestFilters(t *testing.T) {
	w := newWorld(t)
	day := func(d int) time.Time { return time.Date(2026, 1, d, 0, 0, 0, 0, time.UTC) }
	for d := 1; d <= 5; d++ {
		_, err := w.src.Deliver([]string{inbox}, memendpoint.Message{Received: day(d), Body: []byte(strings.Repeat("x", d*100))})
		w.must(err)
	}
	_, err := w.src.Deliver([]string{inbox}, memendpoint.Message{Kind: endpoint.Contact, Received: day(3), Body: []byte("BEGIN:VCARD\r\nUID:1\r\nEND:VCARD\r\n")})
	w.must(err)
	w.must(w.src.CreateFolder("Junk"))
	w.deliver(2, "Junk")
	mail := []endpoint.Kind{endpoint.Mail}
	noJunk := func(f endpoint.Folder) bool { return f.Path[0] != "Junk" }
	want(t, w.run(pass.Options{Select: pass.Selection{Since: day(2), Before: day(4), Kinds: mail, Folder: noJunk}}),
		pass.Counts{Listed: 8, Migrated: 2, Filtered: 6, OutOfWindow: 3})
	if n := len(w.dst.FolderPaths()); n != 1 {
		t.Errorf("an excluded folder was made: %v", w.dst.FolderPaths())
	}
	want(t, w.run(pass.Options{Select: pass.Selection{MaxSize: 450, Folder: noJunk}}),
		pass.Counts{Listed: 8, Migrated: 3, Already: 2, Filtered: 3})
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 8, Migrated: 3, Already: 5})
	want(t, w.run(pass.Options{Select: pass.Selection{Before: day(2)}}), pass.Counts{Listed: 8, Already: 3, Filtered: 5, OutOfWindow: 5}) // two have a date of 2001
}

func TestPlanAndCheckWriteNothing(t *testing.T) {
	w := newWorld(t)
	w.must(w.src.CreateFolder("Work", "2026"))
	w.deliver(3, inbox)
	w.deliver(1, "Work", "2026")
	e := w.engine()
	pf, err := e.Check(t.Context(), w.open(), pass.Options{})
	w.must(err)
	if len(pf.Folders) != 3 || !pf.Folders[2].Create || pf.Folders[0].Create {
		t.Errorf("check: %+v", pf.Folders)
	}
	r, err := e.Plan(t.Context(), w.open(), pass.Options{})
	w.must(err)
	want(t, r, pass.Counts{Listed: 4, Migrated: 4})
	if !strings.Contains(r.String(), "would be migrated") {
		t.Error(r)
	}
	if c := w.dst.Counts(); c.Puts+c.FoldersCreated > 0 {
		t.Errorf("something was written: %+v", c)
	}
	l, err := w.store.Open(t.Context(), w.pair)
	w.must(err)
	if s := l.Stats(); len(s) > 0 {
		t.Errorf("the ledger has records: %v", s)
	}
	w.must(l.Close())
	w.run(pass.Options{})
	r, err = e.Plan(t.Context(), w.open(), pass.Options{})
	w.must(err)
	want(t, r, pass.Counts{Listed: 4, Already: 4})
}

func TestFailedItemIsQuarantinedAndTriedAgain(t *testing.T) {
	w := newWorld(t)
	w.dstOpts.Quirks.MaxItem = 1000
	w.deliver(2, inbox)
	w.deliverText("Subject: big\r\n\r\n"+strings.Repeat("x", 2000), inbox)
	w.deliver(2, inbox)
	for range 2 {
		r, err := w.try(t.Context(), pass.Options{})
		w.must(err)
		if r.Totals.Failed != 1 || len(r.Failures) != 1 || r.Failures[0].Code != "too-large" || !r.Complete {
			t.Errorf("report %+v", r)
		}
	}
	w.dstOpts.Quirks.MaxItem = 0
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 5, Already: 4, Migrated: 1})
}

func TestReadOnlyFolderFailsAlone(t *testing.T) {
	w := newWorld(t)
	w.must(w.src.CreateFolder("Work"))
	w.must(w.dst.CreateFolder("Work"))
	w.must(w.dst.SetReadOnly(true, "Work"))
	w.deliver(3, inbox)
	w.deliver(2, "Work")
	r, err := w.try(t.Context(), pass.Options{})
	w.must(err)
	want(t, r, pass.Counts{Listed: 5, Migrated: 3, Failed: 2})
	if r.Failures[0].Code != "denied" {
		t.Errorf("failures %v", r.Failures)
	}
	w.must(w.dst.SetReadOnly(false, "Work"))
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 5, Migrated: 2, Already: 3})
}

func TestFullMailboxStopsThePass(t *testing.T) {
	w := newWorld(t)
	w.deliver(10, inbox)
	w.deliverText("Subject: big\r\n\r\n"+strings.Repeat("x", 10_000), inbox) // the first that finds no room
	w.deliver(189, inbox)
	w.dst.SetLimit(1)
	_, err := w.try(t.Context(), pass.Options{})
	if !errors.Is(err, endpoint.ErrOverQuota) || !errors.Is(err, pass.ErrRefused) {
		t.Errorf("full from the beginning: %v", err)
	}
	w.dst.SetLimit(6000)
	r, err := w.try(t.Context(), pass.Options{})
	if !errors.Is(err, endpoint.ErrOverQuota) || errors.Is(err, pass.ErrRefused) {
		t.Errorf("full on the way: %v", err)
	}
	if r.Totals.Migrated == 0 || r.Totals.Deferred == 0 || r.Totals.Failed != 0 || r.Complete {
		t.Errorf("totals %+v", r.Totals)
	}
	// What was answered after the refusal counts, too: smaller items may still have found room.
	if n := len(w.dst.Messages(inbox)); n != r.Totals.Migrated {
		t.Errorf("%d items at the destination, %d reported", n, r.Totals.Migrated)
	}
	w.dst.SetLimit(1 << 30)
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 200, Already: r.Totals.Migrated, Migrated: 200 - r.Totals.Migrated})
	w.same(inbox)
}

func TestDroppedMarks(t *testing.T) {
	w := newWorld(t)
	w.dstOpts.Quirks.DropMark = true
	w.deliver(3, inbox)
	_, err := w.try(t.Context(), pass.Options{})
	if !errors.Is(err, pass.ErrMarksDropped) || !errors.Is(err, pass.ErrRefused) {
		t.Errorf("err %v", err)
	}
	if n := len(w.dst.FolderPaths()); n != 1 || len(w.dst.Messages(inbox)) > 0 {
		t.Errorf("something stayed behind: %v", w.dst.FolderPaths())
	}
	r := w.run(pass.Options{AllowUnmarked: true})
	want(t, r, pass.Counts{Listed: 3, Migrated: 3})
	if !strings.Contains(r.String(), "does not keep marks") {
		t.Error(r)
	}
	want(t, w.run(pass.Options{AllowUnmarked: true}), pass.Counts{Listed: 3, Already: 3})
}

func TestCanaryTellsWhatIsNotKept(t *testing.T) {
	w := newWorld(t)
	w.dstOpts.Quirks = memendpoint.Quirks{IgnoreReceived: true, Rewrite: true, NoKeywords: true}
	w.deliver(1, inbox)
	pf, err := w.engine().Check(t.Context(), w.open(), pass.Options{})
	w.must(err)
	if len(pf.Losses) != 3 {
		t.Errorf("losses %v", pf.Losses)
	}
	w.run(pass.Options{})
}

// lossy is a mailbox that says what it does not preserve.
type lossy struct {
	endpoint.Driver
	caps func(*endpoint.Capabilities)
}

func (d lossy) Capabilities(ctx context.Context) (endpoint.Capabilities, error) {
	caps, err := d.Driver.Capabilities(ctx)
	d.caps(&caps)
	return caps, err
}

// What is lost is told for each kind, in the format that both sides choose, and once.
func TestCheckListsLosses(t *testing.T) {
	w := newWorld(t)
	w.dstOpts.Quirks = memendpoint.Quirks{Rewrite: true, Kinds: []endpoint.Kind{endpoint.Mail, endpoint.Event}}
	w.srcOpts.Quirks.Kinds = []endpoint.Kind{endpoint.Mail, endpoint.Event, endpoint.Contact}
	people := w.src.Open(nil)
	_, err := people.CreateFolder(t.Context(), endpoint.Folder{Path: []string{"People"}, Kinds: []endpoint.Kind{endpoint.Contact}})
	w.must(err)
	for n := range 3 {
		_, err := w.src.Deliver([]string{"People"}, memendpoint.Message{Kind: endpoint.Contact, Body: fmt.Appendf(nil, "BEGIN:VCARD\r\nUID:%d\r\nEND:VCARD\r\n", n)})
		w.must(err)
	}
	p := w.open()
	p.Source = endpoint.New(lossy{p.Source.Driver(), func(c *endpoint.Capabilities) {
		c.Read[endpoint.Mail] = []endpoint.Format{"application/native", endpoint.RFC822}
		c.ReadLosses = map[endpoint.Format][]string{"application/native": {"everything"}, endpoint.RFC822: {"the order of header fields"}}
	}})
	p.Destination = endpoint.New(lossy{p.Destination.Driver(), func(c *endpoint.Capabilities) {
		c.WriteLosses = map[endpoint.Format][]string{
			endpoint.RFC822: {"the order of header fields", "multipart/alternative"}, endpoint.ICalendar: {"free text of alarms"},
		}
	}})
	check := func(want ...string) {
		t.Helper()
		pf, err := w.engine().Check(t.Context(), p, pass.Options{})
		w.must(err)
		if !slices.Equal(pf.Losses, want) {
			t.Errorf("losses\nhave %q\nwant %q", pf.Losses, want)
		}
	}
	mail := []string{
		"items of kind mail: not preserved: the order of header fields",
		"items of kind mail: not preserved: multipart/alternative",
	}
	event := "items of kind event: not preserved: free text of alarms"
	contact := ": the destination takes none in a format that the source offers"
	// INBOX, which has nothing, may hold contacts as well.
	check(append(mail, event, "items of kind contact, of which there are 3"+contact)...)
	w.deliver(1, inbox)
	check(append(mail, event, "items of kind contact"+contact)...)
}

// Of a kind that cannot be carried, and of which there is nothing, nothing is lost.
func TestCheckListsNoLossOfNothing(t *testing.T) {
	w := newWorld(t)
	w.dstOpts.Quirks.Kinds = []endpoint.Kind{endpoint.Mail}
	w.srcOpts.Quirks.Kinds = []endpoint.Kind{endpoint.Mail, endpoint.Journal}
	pf, err := w.engine().Check(t.Context(), w.open(), pass.Options{})
	w.must(err)
	if len(pf.Losses) > 0 {
		t.Errorf("losses %q of an empty mailbox", pf.Losses)
	}
}

// A new folder is made for the kinds of item that its source may hold.
func TestFolderIsMadeForItsKinds(t *testing.T) {
	w := newWorld(t)
	path, kinds := []string{"Calendar"}, []endpoint.Kind{endpoint.Event, endpoint.Task}
	_, err := w.src.Open(nil).CreateFolder(t.Context(), endpoint.Folder{Path: path, Kinds: kinds})
	w.must(err)
	w.run(pass.Options{})
	for f, err := range w.dst.Open(nil).Folders(t.Context()) {
		w.must(err)
		if slices.Equal(f.Path, path) && !slices.Equal(f.Kinds, kinds) {
			t.Errorf("it is made for %v, want %v", f.Kinds, kinds)
		}
	}
	if len(w.dst.FolderPaths()) != 2 {
		t.Errorf("folders are %v", w.dst.FolderPaths())
	}
}

func TestLostAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.deliver(50, inbox)
		w.dstOpts.Quirks.LoseAnswer = func(n int) bool { return n%7 == 3 }
		r := w.run(pass.Options{Window: 10})
		if r.Totals.Migrated != 50 || r.Totals.Recovered == 0 {
			t.Errorf("totals %+v", r.Totals)
		}
		w.same(inbox)
	})
}

func TestThrottlingIsWaitedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.deliver(20, inbox)
		w.dstOpts.Quirks.Throttle = func(call int) time.Duration {
			if call%3 == 0 {
				return 5 * time.Minute
			}
			return 0
		}
		var waits []pass.Waiting
		r := w.run(pass.Options{Window: 5, Observer: func(ev pass.Event) {
			if wait, ok := ev.(pass.Waiting); ok {
				waits = append(waits, wait)
			}
		}})
		want(t, r, pass.Counts{Listed: 20, Migrated: 20})
		if len(waits) == 0 || waits[0].Code != endpoint.Throttled || waits[0].For != 5*time.Minute {
			t.Errorf("waits %v", waits)
		}
		w.same(inbox)
	})
}

func TestSlowVisibility(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.deliver(20, inbox)
		w.dstOpts.Quirks.Visibility = time.Minute
		w.dstOpts.Quirks.LoseAnswer = func(n int) bool { return n == 5 }
		r := w.run(pass.Options{})
		want(t, r, pass.Counts{Listed: 20, Migrated: 20, Recovered: r.Totals.Recovered})
		w.same(inbox)
		want(t, w.run(pass.Options{}), pass.Counts{Listed: 20, Already: 20})
	})
}

func TestCancelStopsCleanly(t *testing.T) {
	w := newWorld(t)
	w.deliver(100, inbox)
	ctx, cancel := context.WithCancel(t.Context())
	windows := 0
	r, err := w.try(ctx, pass.Options{Window: 10, Observer: func(ev pass.Event) {
		if _, ok := ev.(pass.WindowDone); ok {
			if windows++; windows == 3 {
				cancel()
			}
		}
	}})
	if !errors.Is(err, context.Canceled) || errors.Is(err, pass.ErrRefused) {
		t.Errorf("err %v", err)
	}
	want(t, r, pass.Counts{Listed: 100, Migrated: 30, Deferred: 70})
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 100, Already: 30, Migrated: 70})
	w.same(inbox)
}
