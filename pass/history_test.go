package pass_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/memendpoint"
	"github.com/dandyroll/dandyroll/internal/prove"
	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/store/memstore"
	"github.com/dandyroll/dandyroll/watermark"
)

// TestProveHistories lives random histories of a pair, and after every pass of each compares the
// destination, the report and the database with the model. A history that fails is shortened and
// printed with its seed.
func TestProveHistories(t *testing.T) {
	var figures prove.Figures
	defer func() { prove.Record(t, "random histories against the model", figures) }()
	liveAll(t, 14, func(rt *rapid.T) {
		rapid.SyncTest(rt, func(rt *rapid.T) { live(rt, &figures) })
	})
}

// liveAll lives a hundred histories for each of some seeds; the short form of a proof has one seed.
// They are the same each time, so that no change fails by chance: -rapid.seed explores others, and
// -rapid.checks more of them.
func liveAll(t *testing.T, seeds int, live func(*rapid.T)) {
	t.Helper()
	given := map[string]bool{}
	flag.Visit(func(f *flag.Flag) { given[f.Name] = true })
	set := func(name string, value int) {
		f := flag.Lookup(name)
		before := f.Value.String()
		if given[name] {
			return
		}
		if err := f.Value.Set(strconv.Itoa(value)); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Value.Set(before) })
	}
	set("rapid.checks", 100)
	set("rapid.steps", prove.Scale(15, 40))
	if err := flag.Lookup("rapid.nofailfile").Value.Set("true"); err != nil {
		t.Fatal(err)
	}
	for seed := range prove.Scale(1, seeds) {
		set("rapid.seed", 1+seed)
		rapid.Check(t, live)
		if given["rapid.checks"] || given["rapid.seed"] {
			return
		}
	}
}

// history is a pair of mailboxes, their users, and the model of what passes must do.
type history struct {
	src, dst         *memendpoint.Server
	srcOpts, dstOpts memendpoint.Options
	store            *memstore.Store
	model            *model
	readOnly         map[string]bool
	crashed          bool // some pass was cut short
	figures          *prove.Figures
	serial           int
}

// live lives one history.
func live(t *rapid.T, figures *prove.Figures) {
	time.Sleep(time.Until(day(30))) // after all mail came
	h := newHistory(t, figures)
	t.Repeat(map[string]func(*rapid.T){
		"deliver":           h.deliver,
		"user at source":    func(t *rapid.T) { h.user(t, h.src) },
		"user at target":    h.userAtTarget,
		"operator":          h.operator,
		"pass":              func(t *rapid.T) { h.pass(t, h.options(t)) },
		"pass, all of it":   func(t *rapid.T) { h.pass(t, pass.Options{}); h.summariesHold(t) },
		"pass, interrupted": func(t *rapid.T) { h.interrupted(t, h.options(t)) },
		"pass, users awake": func(t *rapid.T) { h.disturbed(t, h.options(t)) },
	})
	h.pass(t, pass.Options{})
	h.nothingToDo(t, pass.Options{})
	h.summariesHold(t)
	for range 2 { // now that everything is summarized, what is new is noticed all the same
		h.userAtTarget(t)
		h.pass(t, pass.Options{})
	}
	h.summariesHold(t)
	figures.Tried++
}

func newHistory(t *rapid.T, figures *prove.Figures) *history {
	h := &history{
		src: memendpoint.NewServer(), dst: memendpoint.NewServer(), store: memstore.New(),
		srcOpts:  memendpoint.Options{Type: "src", Account: "ann@old.example", ReadOnly: true},
		dstOpts:  memendpoint.Options{Type: "dst", Account: "ann@new.example"},
		model:    newModel("ann", "back", watermark.NewKey()),
		readOnly: map[string]bool{}, figures: figures,
	}
	h.model.types = watermark.Types{Source: "src", Destination: "dst"}
	for _, name := range []string{"Work", "Sent"} {
		must(t, h.src.CreateFolder(name))
	}
	drawStates(t, "source", &h.srcOpts.Quirks)
	drawStates(t, "destination", &h.dstOpts.Quirks)
	h.srcOpts.Quirks.OwnIdentities = rapid.Bool().Draw(t, "identities of its own")
	h.srcOpts.Quirks.Outlines = rapid.Bool().Draw(t, "outlines")
	h.srcOpts.Quirks.NoVersions = h.srcOpts.Quirks.Outlines
	h.dstOpts.Quirks.Visibility = rapid.SampledFrom([]time.Duration{0, 30 * time.Second}).Draw(t, "visibility")
	return h
}

// drawStates draws how a mailbox tells the states of its folders.
func drawStates(t *rapid.T, side string, q *memendpoint.Quirks) {
	rapid.SampledFrom([]stating{listed, asked, stateless}).Draw(t, "states of the "+side).set(q)
}

func must(t *rapid.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// refused lets the users try what their mailbox may refuse: then nothing happens.
func refused(t *rapid.T, err error) {
	t.Helper()
	if err != nil && endpoint.CodeOf(err) == endpoint.Unknown {
		t.Fatal(err)
	}
}

// deliver brings new items into a folder of the source.
func (h *history) deliver(t *rapid.T) {
	path := folderOf(t, h.src)
	for range rapid.IntRange(1, 5).Draw(t, "items") {
		_, err := h.src.Deliver(path, h.letter(t))
		must(t, err)
	}
}

// letter draws an item out of so few that twins are common: some differ in what is no part of
// their identity, some have no Message-ID or no header at all, and some carry marks already.
func (h *history) letter(t *rapid.T) memendpoint.Message {
	id, text := rapid.IntRange(0, 4).Draw(t, "letter"), rapid.IntRange(0, 2).Draw(t, "text")
	m := memendpoint.Message{
		Received: day(rapid.IntRange(1, 9).Draw(t, "day")),
		Flags:    rapid.SampledFrom([][]endpoint.Flag{nil, {endpoint.Seen}, {endpoint.IsFlagged, "$work"}}).Draw(t, "flags"),
	}
	body := strings.Repeat(fmt.Sprintf("line %d of text\r\n", text), rapid.SampledFrom([]int{1, 50}).Draw(t, "lines"))
	switch rapid.SampledFrom([]string{"mail", "mail", "mail", "no id", "no header", "note", "contact", "marked", "ours"}).Draw(t, "sort") {
	case "mail":
		m.Body = fmt.Appendf(nil, "Message-ID: <%d@old.example>\r\nSubject: letter\r\n\r\n%s", id, body)
	case "no id":
		m.Body = fmt.Appendf(nil, "Subject: letter %d\r\n\r\n%s", id, body)
	case "no header":
		m.Body = []byte(body)
	case "note":
		m.Kind = endpoint.Note
		m.Body = fmt.Appendf(nil, "Subject: note %d\r\n\r\n%s", id, body)
	case "contact":
		m.Kind = endpoint.Contact
		m.Body = fmt.Appendf(nil, "BEGIN:VCARD\r\nVERSION:4.0\r\nUID:%d\r\nNOTE:%d\r\nEND:VCARD\r\n", id, text)
	case "marked":
		m.Body = fmt.Appendf(nil, "%sMessage-ID: <%d@old.example>\r\n\r\n%s", h.otherMark(t), id, body)
	case "ours": // it came from the destination, by a pair that goes the other way
		h.serial++
		mark := h.model.keys[0].Mark(watermark.Types{Source: "dst", Destination: "src"}, "back", 1, watermark.ID{byte(h.serial)})
		m.Body = fmt.Appendf(nil, "%s: %s\r\nMessage-ID: <back%d@new.example>\r\n\r\n%s", watermark.Field, mark, h.serial, body)
	}
	return m
}

// otherMark draws a field with a mark that a stranger could send: one that he has seen, one that he
// forged, or one that is none.
func (h *history) otherMark(t *rapid.T) string {
	var seen []watermark.Mark
	for _, path := range folders(h.dst) {
		for _, it := range h.dst.Messages(path...) {
			seen = append(seen, it.Mark.Marks...)
		}
	}
	if len(seen) == 0 {
		return watermark.Field + ": 1.no.mark\r\n"
	}
	mark := rapid.SampledFrom(seen).Draw(t, "mark")
	if rapid.Bool().Draw(t, "forged") {
		mark.MAC[0] ^= 1
	}
	return fmt.Sprintf("%s: %s\r\n", watermark.Field, mark)
}

// user does something in a mailbox that its user may do.
func (h *history) user(t *rapid.T, s *memendpoint.Server) {
	path, other := folderOf(t, s), folderOf(t, s)
	name := []string{rapid.SampledFrom([]string{"Work", "Sent", "Private", "Old"}).Draw(t, "name")}
	if rapid.Bool().Draw(t, "beneath") {
		name = append(slices.Clone(path), name...)
	}
	switch do := rapid.SampledFrom([]string{"delete", "delete", "move", "copy", "flag", "rename", "create", "delete folder", "rebuild", "expire"}).Draw(t, "do"); do {
	case "rename":
		refused(t, s.RenameFolder(path, name))
	case "create":
		if len(name) < 4 {
			refused(t, s.CreateFolder(name...))
		}
	case "delete folder":
		refused(t, s.DeleteFolder(path...))
	case "rebuild":
		refused(t, s.ChangeValidity(path...))
	case "expire": // not that a user would
		s.ExpireStates()
	default:
		for range rapid.IntRange(1, 3).Draw(t, "times") {
			h.handle(t, s, do, path, other)
		}
	}
}

// handle does something with one item of a folder.
func (h *history) handle(t *rapid.T, s *memendpoint.Server, do string, path, other []string) {
	all := s.Messages(path...)
	if len(all) == 0 {
		return
	}
	ref := all[rapid.IntRange(0, len(all)-1).Draw(t, "item")].Ref
	var err error
	switch do {
	case "delete":
		err = s.Delete(path, ref)
	case "move":
		_, err = s.Move(path, ref, other)
	case "copy":
		_, err = s.Copy(path, ref, other)
	case "flag":
		err = s.SetFlags(path, ref, endpoint.Answered)
	}
	must(t, err)
}

// userAtTarget is the user of the destination, who gets mail of his own, too.
func (h *history) userAtTarget(t *rapid.T) {
	switch rapid.SampledFrom([]string{"own mail", "read-only", "user", "user", "user"}).Draw(t, "at target") {
	case "own mail":
		_, err := h.dst.Deliver(folderOf(t, h.dst), h.letter(t))
		must(t, err)
	case "read-only":
		path := folderOf(t, h.dst)
		key := store.FolderKey(path)
		h.readOnly = map[string]bool{}
		for _, p := range folders(h.dst) {
			must(t, h.dst.SetReadOnly(false, p...))
		}
		if h.readOnly[key] = rapid.Bool().Draw(t, "read-only"); h.readOnly[key] {
			must(t, h.dst.SetReadOnly(true, path...))
		}
	case "user":
		h.user(t, h.dst)
		h.readOnly = map[string]bool{} // whatever became of the folder
		for _, p := range folders(h.dst) {
			must(t, h.dst.SetReadOnly(false, p...))
		}
	}
}

// operator does what the owner of the program may do between passes.
func (h *history) operator(t *rapid.T) {
	m := h.model
	time.Sleep(h.dstOpts.Quirks.Visibility) // without its records, nobody knows what is to come yet
	switch rapid.SampledFrom([]string{"lose", "reset", "reset some", "types", "key", "generation", "limits"}).Draw(t, "operator") {
	case "lose":
		h.store = memstore.New()
		m.forget()
	case "reset":
		h.reset(t, store.ResetAll)
	case "reset some":
		h.reset(t, rapid.SampledFrom([]store.Filter{
			{Folders: []string{inbox}},
			{Kinds: []uint8{uint8(endpoint.Mail)}},
			{Since: day(3), Before: day(7)},
			{Statuses: []store.Status{store.Failed, store.Intent}},
			{Removed: true},
		}).Draw(t, "filter"))
	case "types":
		h.srcOpts.Type = rapid.SampledFrom([]string{"src", "older"}).Draw(t, "source type")
		h.dstOpts.Type = rapid.SampledFrom([]string{"dst", "newer"}).Draw(t, "destination type")
		m.types = watermark.Types{Source: h.srcOpts.Type, Destination: h.dstOpts.Type}
	case "key":
		if len(m.keys) < 3 {
			m.keys = append([]watermark.Key{watermark.NewKey()}, m.keys...)
		}
	case "generation":
		l := h.ledger(t)
		meta := l.Meta()
		if meta.Generation < 4 {
			meta.Generation++
		}
		must(t, l.Commit(t.Context(), store.Batch{Meta: &meta}))
		must(t, l.Close())
		m.generation = meta.Generation
	case "limits":
		h.dstOpts.Quirks.MaxItem = rapid.SampledFrom([]int64{0, 0, 600}).Draw(t, "greatest item")
		h.dstOpts.Quirks.Kinds = rapid.SampledFrom([][]endpoint.Kind{nil, {endpoint.Mail}, {endpoint.Mail, endpoint.Contact}}).Draw(t, "kinds")
	}
}

func (h *history) ledger(t *rapid.T) store.Ledger {
	l, err := h.store.Open(t.Context(), h.model.pair)
	must(t, err)
	return l
}

func (h *history) reset(t *rapid.T, filter store.Filter) {
	must(t, h.ledger(t).Close()) // a reset needs a pair
	before := maps.Clone(h.model.records)
	_, err := h.store.Reset(t.Context(), h.model.pair, filter, false)
	must(t, err)
	h.learn(t)
	for s, r := range h.model.records {
		if before[s] != r {
			t.Fatalf("a reset changed the record of %v", s)
		}
	}
}

// options draws those of a pass.
func (h *history) options(t *rapid.T) pass.Options {
	o := pass.Options{
		FullScan:    rapid.Bool().Draw(t, "full scan"),
		SendBack:    rapid.IntRange(0, 4).Draw(t, "send back") == 0,
		Folders:     rapid.IntRange(1, 4).Draw(t, "folders at once"),
		Window:      rapid.SampledFrom([]int{1, 2, 3, 5, 64}).Draw(t, "window"),
		WindowBytes: rapid.SampledFrom([]int64{0, 1, 300}).Draw(t, "window bytes"),
	}
	switch rapid.SampledFrom([]string{"all", "all", "since", "before", "kinds", "size", "folders", "include", "exclude"}).Draw(t, "filter") {
	case "since":
		o.Select.Since = day(rapid.IntRange(1, 9).Draw(t, "since"))
	case "before":
		o.Select.Before = day(rapid.IntRange(1, 9).Draw(t, "before"))
	case "kinds":
		o.Select.Kinds = []endpoint.Kind{rapid.SampledFrom([]endpoint.Kind{endpoint.Mail, endpoint.Note, endpoint.Contact}).Draw(t, "selected kind")}
	case "size":
		o.Select.MaxSize = 300
	case "include":
		o.Select.Include = []pass.Pattern{inbox, rapid.SampledFrom([]pass.Pattern{"Work", "Sent"}).Draw(t, "included")}
	case "exclude":
		o.Select.Exclude = []pass.Pattern{rapid.SampledFrom([]pass.Pattern{"Work", "Sent"}).Draw(t, "excluded")}
	case "folders":
		without := rapid.SampledFrom([]string{inbox, "Work", "Sent"}).Draw(t, "without")
		o.Select.Folder = func(f endpoint.Folder) bool { return f.Path[0] != without }
	}
	switch rapid.SampledFrom([]string{"same", "same", "beneath", "exchanged"}).Draw(t, "mapping") {
	case "beneath":
		o.MapFolder = func(f endpoint.Folder, _ []string) []string { return append([]string{"From ann"}, f.Path...) }
	case "exchanged":
		o.MapFolder = func(f endpoint.Folder, _ []string) []string {
			path := slices.Clone(f.Path)
			switch path[0] {
			case "Work":
				path[0] = "Sent"
			case "Sent":
				path[0] = "Work"
			}
			return path
		}
	}
	return h.kindOf(t, o)
}

// kindOf draws the kind of a pass, and what belongs to it.
func (h *history) kindOf(t *rapid.T, o pass.Options) pass.Options {
	switch o.Kind = rapid.SampledFrom(h.kinds()).Draw(t, "kind"); o.Kind { //nolint:exhaustive // the others have no options
	case pass.PreStage:
		o.Select.Kinds, o.Select.Since, o.Select.Before = nil, time.Time{}, time.Time{}
		n := rapid.IntRange(2, 9).Draw(t, "older than")
		if rapid.Bool().Draw(t, "by age") {
			o.PreStage.Age = time.Duration(24*(30-n)+12) * time.Hour
		} else {
			o.PreStage.Before = day(n)
		}
	case pass.Trial:
		o.Trial = pass.TrialLimits{Items: rapid.IntRange(1, 3).Draw(t, "trial items"), MaxSize: rapid.SampledFrom([]int64{300, 5000}).Draw(t, "trial size")}
	case pass.Verify:
		o.Select = pass.Selection{Folder: o.Select.Folder, Include: o.Select.Include, Exclude: o.Select.Exclude}
		o.Verify.Repair = rapid.SampledFrom([]pass.Repair{pass.RepairNone, pass.RepairMissing}).Draw(t, "repair")
	}
	// TrustDatabase goes by sightings, of which the model knows nothing: TestTrustedDatabase… have it.
	return o
}

// kinds are those that a pass may be of; most are such that migrate everything.
func (h *history) kinds() []pass.Kind {
	return []pass.Kind{
		pass.Auto, pass.Full, pass.Delta, pass.Auto, pass.Full, pass.Delta,
		pass.PreStage, pass.Trial, pass.RetryFailed, pass.Resume, pass.Verify, pass.Rebuild,
	}
}

// run runs one pass, or only plans it.
func (h *history) run(ctx context.Context, t *rapid.T, s store.Store, o pass.Options, dst memendpoint.Options, dry bool) (*pass.Report, error) {
	// Anybody may send a forged mark, and where no other is left a pass would be refused.
	o.AcceptForeignMarks = true
	e, err := pass.New(pass.Config{Store: s, Key: h.model.keys[0], OldKeys: h.model.keys[1:]})
	must(t, err)
	p := pass.Pair{ID: h.model.pair, ReverseOf: h.model.reverse, Source: h.src.Open(&h.srcOpts), Destination: h.dst.Open(&dst)}
	defer func() { must(t, errors.Join(p.Source.Close(), p.Destination.Close())) }()
	if dry {
		return e.Plan(ctx, p, o)
	}
	return e.Run(ctx, p, o)
}

// pass runs a pass that nothing interrupts, though the endpoints may be slow and lose answers.
func (h *history) pass(t *rapid.T, o pass.Options) {
	source, before := h.source(t), holdings(h.dst)
	p := h.model.predict(source, h.target(), o)
	if rapid.IntRange(0, 3).Draw(t, "plan") == 0 {
		h.plan(t, p, o)
	}
	dst := h.dstOpts
	var lost atomic.Int64
	if rapid.IntRange(0, 3).Draw(t, "faults") == 0 {
		every := rapid.IntRange(2, 9).Draw(t, "throttle every")
		dst.Quirks.Throttle = func(call int) time.Duration { return time.Duration(1-min(call%every, 1)) * time.Minute }
		after := rapid.IntRange(2, 20).Draw(t, "lose answers after")
		dst.Quirks.LoseAnswer = func(item int) bool { // not so often that an item is given up
			return item >= after && lost.Add(1) <= 2
		}
	}
	r, err := h.run(t.Context(), t, h.store, o, dst, false)
	t.Logf("passed: %v %+v", err, r.Totals)
	if p.refused != nil {
		h.refused(t, p, r, err, before)
		return
	}
	if err != nil || !r.Complete {
		t.Fatalf("pass: %v\n%v%+v", err, r, r.Failures)
	}
	h.compareReport(t, p, r, lost.Load() > 0)
	h.compareDestination(t, p, before)
	h.sourceIsAs(t, source)
	h.model.done(p, o, source)
	h.remembers(t)
}

// refused checks that a pass did nothing, and said why.
func (h *history) refused(t *rapid.T, p *prediction, r *pass.Report, err error, before map[string]memendpoint.Stored) {
	if !errors.Is(err, p.refused) || !errors.Is(err, pass.ErrRefused) || r.Complete || !reflect.DeepEqual(holdings(h.dst), before) {
		h.figures.Unexplained++
		t.Fatalf("a pass that was to be refused with %v: %v\n%+v", p.refused, err, r)
	}
	h.remembers(t)
}

// nothingToDo runs the same pass again: whatever it was, nothing is left to write.
func (h *history) nothingToDo(t *rapid.T, o pass.Options) {
	puts := h.dst.Counts().Puts
	h.pass(t, o)
	if n := h.dst.Counts().Puts - puts; n > 0 {
		h.figures.Duplicated++
		t.Fatalf("a pass with nothing to do wrote %d items", n)
	}
}

// summariesHold checks that a pass which goes by what is remembered of unchanged folders reports what
// one does that looks at every item.
func (h *history) summariesHold(t *rapid.T) {
	var all [2]*pass.Report
	for i, o := range []pass.Options{{}, {FullScan: true}} {
		r, err := h.run(t.Context(), t, h.store, o, h.dstOpts, true)
		if err != nil {
			return // refused, whatever is looked at
		}
		for i := range r.Folders {
			r.Folders[i].Duplicates = 0 // of which only a full scan sees all
		}
		all[i] = r
	}
	if !reflect.DeepEqual(all[0].Folders, all[1].Folders) {
		h.figures.Unexplained++
		t.Fatalf("by what is remembered\nhave %+v\nwant %+v", all[0].Folders, all[1].Folders)
	}
}

// plan checks that Plan says what Run then does, and writes nothing.
func (h *history) plan(t *rapid.T, p *prediction, o pass.Options) {
	puts := h.dst.Counts().Puts
	r, err := h.run(t.Context(), t, h.store, o, h.dstOpts, true)
	if p.refused != nil && errors.Is(err, p.refused) {
		return
	}
	must(t, err)
	want, have := p.totals, r.Totals
	want.Duplicates = p.duplicates(want.Duplicates+p.tooLarge, have.Duplicates)
	want.Migrated, want.Failed = want.Migrated+want.Failed, 0
	want.Bytes, have.Bytes, want.Voided, have.Voided = 0, 0, 0, 0 // an estimate
	if have != want || !r.Closes() || h.dst.Counts().Puts != puts {
		h.figures.Unexplained++
		t.Fatalf("plan\nhave %+v\nwant %+v", have, want)
	}
	h.remembers(t)
}

// interrupted runs a pass that is cancelled or dies somewhere. The model cannot say how far it
// came; but nothing is at the destination that was not to come, and nothing of which the database
// does not know.
func (h *history) interrupted(t *rapid.T, o pass.Options) {
	source, before := h.source(t), holdings(h.dst)
	p := h.model.predict(source, h.target(), o)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cut := &cutStore{Store: h.store, n: 1 << 30}
	dst, n := h.dstOpts, rapid.IntRange(1, 25).Draw(t, "at")
	switch rapid.SampledFrom([]string{"before commit", "after commit", "after put", "cancel"}).Draw(t, "die") {
	case "before commit":
		cut.n = int64(n)
	case "after commit":
		cut.n, cut.after = int64(n), true
	case "after put":
		dst.Quirks.LoseAnswer = func(item int) bool {
			if item >= n {
				cut.seen.Store(1 << 31)
			}
			return item >= n
		}
	case "cancel":
		events := 0
		o.Observer = func(pass.Event) {
			if events++; events == n {
				cancel()
			}
		}
	}
	r, err := h.run(ctx, t, cut, o, dst, false)
	o.Observer = nil
	t.Logf("interrupted: %v: %+v", err, r.Totals)
	if !r.Closes() || err != nil && r.Complete {
		t.Fatalf("report of a pass that ended with %v: %+v", err, r)
	}
	if err == nil && r.Complete {
		h.compareReport(t, p, r, false)
		h.compareDestination(t, p, before)
		h.model.done(p, o, source)
		h.remembers(t)
		return
	}
	h.crashed = true
	h.afterCrash(t, p, before)
	h.sourceIsAs(t, source)
}

// disturbed runs a pass during which a user does something. What it did with the items concerned
// depends on the moment; but no item came twice, and the pass after it knows all about it.
func (h *history) disturbed(t *rapid.T, o pass.Options) {
	source, before := h.source(t), holders(h.dst)
	if p := h.model.predict(source, h.target(), o); p.refused != nil || p.nothing || len(o.Select.Include)+len(o.Select.Exclude) > 0 || o.Verify.Repair > 0 {
		return // a user who moves an item just then makes it look like one that is missing
	}
	at, copied := rapid.IntRange(1, 25).Draw(t, "at"), 0
	do := rapid.SampledFrom([]string{"deliver", "delete", "move", "rename", "move at target", "copy at target", "own mail"}).Draw(t, "meanwhile")
	first, second := rapid.IntRange(0, 50).Draw(t, "first"), rapid.IntRange(0, 50).Draw(t, "second")
	m := h.letter(t)
	o.Observer = func(pass.Event) {
		if at--; at == 0 {
			copied = h.meanwhile(do, first, second, m)
		}
	}
	r, err := h.run(t.Context(), t, h.store, o, h.dstOpts, false)
	t.Logf("disturbed: %v: %+v", err, r.Totals)
	if err != nil || !r.Closes() {
		t.Fatalf("disturbed pass: %v\n%+v", err, r)
	}
	for mark, n := range holders(h.dst) {
		if n > max(before[mark], 1)+copied {
			h.figures.Duplicated++
			t.Fatalf("an item came %d times", n)
		}
	}
	h.model.generation = r.Generation
	h.model.predict(h.source(t), h.target(), pass.Options{}) // names what is new
	h.learn(t)
	h.crashed = true // a folder may have been made, and renamed before it was used
	h.pass(t, pass.Options{})
}

// meanwhile is what a user does during a pass. It returns how many copies he made.
func (h *history) meanwhile(do string, first, second int, m memendpoint.Message) (copied int) {
	s := h.src
	if strings.HasSuffix(do, "target") || do == "own mail" {
		s = h.dst
	}
	paths := folders(s)
	path, other := paths[first%len(paths)], paths[second%len(paths)]
	items := s.Messages(path...)
	switch do {
	case "deliver", "own mail":
		_, _ = s.Deliver(path, m)
		return 1 // it may carry a mark
	case "rename":
		_ = s.RenameFolder(path, []string{"Renamed"})
	}
	if len(items) == 0 {
		return 0
	}
	switch ref := items[second%len(items)].Ref; do {
	case "delete":
		_ = s.Delete(path, ref)
	case "move", "move at target":
		_, _ = s.Move(path, ref, other)
	case "copy at target":
		_, _ = s.Copy(path, ref, other)
		copied = 1
	}
	return copied
}

// holders counts the items of a mailbox by their first mark.
func holders(s *memendpoint.Server) map[watermark.Mark]int {
	all := map[watermark.Mark]int{}
	for _, it := range holdings(s) {
		if len(it.Mark.Marks) > 0 {
			all[it.Mark.Marks[0]]++
		}
	}
	return all
}

// afterCrash compares what an interrupted pass left with what it was to do.
func (h *history) afterCrash(t *rapid.T, p *prediction, before map[string]memendpoint.Stored) {
	was := h.model.records
	h.learn(t)
	is := h.model.records
	expected := map[string]slot{}
	for _, a := range p.arrivals {
		expected[h.look(a)] = a.slot
	}
	for _, text := range h.arrived(t, before) {
		s, known := expected[text]
		delete(expected, text)
		if status := is[s].status; !known || status != store.Intent && status != store.Settled {
			h.figures.Unexplained++
			t.Fatalf("an interrupted pass left %s, with record %q", text, status)
		}
	}
	unsent := map[slot]bool{}
	for _, s := range expected {
		unsent[s] = true
	}
	for s, r := range is {
		if r.status == store.Settled && !p.mended[s] && (unsent[s] || p.records[s].status != store.Settled) {
			h.figures.Lost++
			t.Fatalf("%v is settled, and was not migrated", s)
		}
	}
	for s, r := range was {
		if r.status == store.Settled && is[s].status != store.Settled && !p.mended[s] {
			h.figures.Unexplained++
			t.Fatalf("%v is forgotten", s)
		}
	}
}

// compareReport compares the report of a pass with the prediction.
func (h *history) compareReport(t *rapid.T, p *prediction, r *pass.Report, lostAnswers bool) {
	have, want := r.Totals, p.totals
	if have.Voided < want.Voided || have.Voided > max(p.mostVoided, want.Voided) {
		t.Fatalf("voided %d, want %d to %d", have.Voided, want.Voided, p.mostVoided)
	}
	if !r.Closes() || r.Generation != p.generation || r.Kind != p.kind {
		t.Fatalf("report of a %s pass of generation %d, want %s of %d", r.Kind, r.Generation, p.kind, p.generation)
	}
	for _, f := range append(slices.Clone(r.Folders), pass.FolderReport{Counts: have}) {
		want := want
		if f.Folder != "" {
			want = p.folders[f.Folder]
		}
		want.Voided = f.Voided
		want.Duplicates = p.duplicates(want.Duplicates, f.Duplicates)
		if lostAnswers {
			want.Recovered = f.Recovered
		}
		if f.Counts != want {
			h.classify(f.Migrated - want.Migrated)
			t.Fatalf("counts of folder %q\nhave %+v\nwant %+v\nfailures %v", f.Folder, f.Counts, want, r.Failures)
		}
	}
	if v := r.Verified; v != nil && (v.Checked != p.checked || v.Missing != p.missing || v.Repaired != p.totals.Migrated || v.Partial != 0) {
		h.figures.Unexplained++
		t.Fatalf("verified %+v, want %d checked, %d missing, %d repaired", v, p.checked, p.missing, p.totals.Migrated)
	}
	if len(r.Folders) != len(p.folders) || r.Totals.Failed > len(r.Failures) {
		t.Fatalf("%d folders, want %d; failures %v", len(r.Folders), len(p.folders), r.Failures)
	}
}

// duplicates is what a pass is to count, given all that are there and what it says: no more than
// those.
func (p *prediction) duplicates(all, said int) int {
	if !p.counted {
		return min(all, said)
	}
	return all
}

func (h *history) classify(excess int) {
	switch {
	case excess > 0:
		h.figures.Duplicated++
	case excess < 0:
		h.figures.Lost++
	default:
		h.figures.Unexplained++
	}
}

// compareDestination checks that exactly what was predicted came to the destination.
func (h *history) compareDestination(t *rapid.T, p *prediction, before map[string]memendpoint.Stored) {
	var want []string
	for _, a := range p.arrivals {
		want = append(want, h.look(a))
	}
	have := h.arrived(t, before)
	slices.Sort(want)
	slices.Sort(have)
	if !slices.Equal(have, want) {
		h.classify(len(have) - len(want))
		t.Fatalf("came to the destination\nhave %s\nwant %s", strings.Join(have, "\n     "), strings.Join(want, "\n     "))
	}
	made := map[string]bool{}
	for _, f := range p.made {
		made[f] = true
	}
	now := h.target().folders
	if !maps.Equal(made, now) && !h.crashed {
		h.figures.Unexplained++
		t.Fatalf("folders\nhave %v\nwant %v", now, made)
	}
}

// arrived returns what came to the destination since before. All that was there must be as it was.
func (h *history) arrived(t *rapid.T, before map[string]memendpoint.Stored) []string {
	var all []string
	now := holdings(h.dst)
	for key, was := range before {
		if !reflect.DeepEqual(now[key], was) {
			h.figures.Unexplained++
			t.Fatalf("%s at the destination was changed or deleted", key)
		}
	}
	for key, it := range now {
		if _, old := before[key]; old || len(it.Mark.Marks) == 0 {
			if !old {
				t.Fatalf("%s came without a mark", key)
			}
			continue
		}
		folder, _, _ := strings.Cut(key, "\x00")
		s := h.model.names[it.Mark.Marks[0].Item]
		all = append(all, look(s, folder, it.Kind, sourceBytes(it), it.Flags, it.Received))
	}
	return all
}

// look is how an item looks at the destination.
func (h *history) look(a arrival) string {
	return look(a.slot, a.folder, a.item.Kind, a.item.body, a.item.flags, a.item.Received)
}

func look(s slot, folder string, kind endpoint.Kind, body []byte, flags []endpoint.Flag, received time.Time) string {
	return fmt.Sprintf("%s: %v [%v] %v %v %.6x", folder, kind, s, flags, received.Format(time.DateOnly), sha256.Sum256(body))
}

// sourceBytes returns the body of an item without the mark that was pressed on it.
func sourceBytes(it memendpoint.Stored) []byte {
	if it.Kind != endpoint.Contact {
		_, body, _ := bytes.Cut(it.Body, []byte("\r\n"))
		return bytes.TrimPrefix(body, []byte("\r\n")) // which watermark.Prefix puts where there is no header
	}
	begin := bytes.Index(it.Body, []byte(watermark.Property))
	end := bytes.Index(it.Body, []byte("NOTE"))
	if uid := bytes.Index(it.Body, []byte("UID")); uid > begin {
		end = uid
	}
	return slices.Concat(it.Body[:begin], it.Body[end:])
}

// remembers checks that the database holds exactly what the model does.
func (h *history) remembers(t *rapid.T) {
	want := *h.model
	h.learn(t)
	have := *h.model
	for s, r := range want.records {
		if have.records[s].status != r.status {
			h.figures.Unexplained++
			t.Fatalf("record of %v is %v, want %v", s, have.records[s].status, r.status)
		}
	}
	if len(have.records) != len(want.records) || !maps.Equal(have.entered, want.entered) ||
		have.generation != want.generation || have.lastTypes != want.lastTypes || have.completed != want.completed ||
		have.cut != want.cut || have.rebuilding != want.rebuilding {
		t.Fatalf("database\nhave %+v\nwant %+v", have, want)
	}
}

// learn reads what the database remembers.
func (h *history) learn(t *rapid.T) {
	l, m := h.ledger(t), h.model
	m.generation, m.lastTypes, m.rebuilding = l.Meta().Generation, l.Meta().Types, l.Meta().Rebuilding
	m.records, m.entered = map[slot]memory{}, map[string]bool{}
	for r, err := range l.Records(t.Context(), store.AllFolders) {
		must(t, err)
		s, known := m.names[r.ID]
		if !known || s.folder != r.Folder || s.types != r.Types || s.generation != r.Generation {
			t.Fatalf("the database has a record that no item was to have: %+v", r)
		}
		m.records[s] = memory{r.Status, r.Validity, r.Ref}
	}
	for f, err := range l.Folders(t.Context(), store.Source) {
		must(t, err)
		m.entered[f.Name] = true
	}
	must(t, l.Close())
	m.completed, m.cut = false, false
	for past, err := range h.store.History(t.Context(), m.pair) {
		must(t, err)
		m.completed, m.cut = m.completed || past.Complete, !past.Complete
	}
}

// source lists the source as its driver does.
func (h *history) source(t *rapid.T) []sourceFolder {
	m := h.src.Open(&h.srcOpts)
	defer func() { must(t, m.Close()) }()
	var all []sourceFolder
	for f, err := range m.Folders(t.Context()) {
		must(t, err)
		bodies := map[string]memendpoint.Stored{}
		for _, it := range h.src.Messages(f.Path...) {
			bodies[it.Ref] = it
		}
		sf := sourceFolder{Folder: f}
		for it, err := range m.List(t.Context(), f, "") {
			must(t, err)
			sf.items = append(sf.items, sourceItem{it, bodies[it.Ref].Body, bodies[it.Ref].Flags})
		}
		all = append(all, sf)
	}
	return all
}

func (h *history) sourceIsAs(t *rapid.T, before []sourceFolder) {
	if now := h.source(t); !reflect.DeepEqual(now, before) {
		h.figures.Unexplained++
		t.Fatalf("the source was changed\nhave %v\nwant %v", now, before)
	}
}

// target is what the model is told of the destination.
func (h *history) target() target {
	q := h.dstOpts.Quirks
	t := target{folders: map[string]bool{}, readOnly: h.readOnly, kinds: q.Kinds, maxItem: q.MaxItem, whole: q.NoStates}
	for _, path := range folders(h.dst) {
		t.folders[store.FolderKey(path)] = true
		for _, it := range h.dst.Messages(path...) {
			t.marks = append(t.marks, it.Mark)
		}
	}
	return t
}

// folders lists the folders of a mailbox without that of a canary which an interrupted pass left.
func folders(s *memendpoint.Server) [][]string {
	return slices.DeleteFunc(s.FolderPaths(), func(path []string) bool { return strings.HasPrefix(path[0], "Dandyroll canary") })
}

func folderOf(t *rapid.T, s *memendpoint.Server) []string {
	all := folders(s)
	return all[rapid.IntRange(0, len(all)-1).Draw(t, "folder")]
}

// holdings is all that a mailbox holds, by folder and reference.
func holdings(s *memendpoint.Server) map[string]memendpoint.Stored {
	all := map[string]memendpoint.Stored{}
	for _, path := range folders(s) {
		for _, it := range s.Messages(path...) {
			all[store.FolderKey(path)+"\x00"+it.Ref] = it
		}
	}
	return all
}
