package pass_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/faultendpoint"
	"github.com/dandyroll/dandyroll/endpoint/memendpoint"
	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/store/faultstore"
	"github.com/dandyroll/dandyroll/store/memstore"
	"github.com/dandyroll/dandyroll/watermark"
)

// scene is a state of two mailboxes and a store before a pass whose outcome is known.
type scene struct {
	name string
	set  func(*stage)
}

// stage is a world with a model of the destination: what it holds, and what a pass adds.
type stage struct {
	*world
	kept   map[string][]memendpoint.Stored // what the pass must leave as it is, by folder
	source map[string][]memendpoint.Stored // what the source holds, by folder
	adds   map[string][]string             // bodies that the pass must bring, by folder
	gone   int                             // items of the source whose copies users removed
	shown  []string                        // a folder that must be subscribed in the end, or nil
	held   *openContents                   // by the last process; one that crashed before may hold others until it ends
}

// build sets a scene. Its key is always the same, so that plans mean the same in every process.
func (sc scene) build(t *testing.T) *stage {
	t.Helper()
	s := &stage{world: newWorld(t), adds: map[string][]string{}}
	var err error
	s.key, err = watermark.KeyFromBytes(make([]byte, watermark.KeySize))
	s.must(err)
	sc.set(s)
	s.kept, s.source = contents(s.dst), contents(s.src)
	return s
}

// contents returns the items of a mailbox, by folder.
func contents(s *memendpoint.Server) map[string][]memendpoint.Stored {
	all := map[string][]memendpoint.Stored{}
	for _, path := range s.FolderPaths() {
		all[strings.Join(path, "/")] = s.Messages(path...)
	}
	return all
}

// brings delivers mails that the next pass is to bring to a folder of the same path.
func (s *stage) brings(n int, path ...string) {
	s.t.Helper()
	s.deliver(n, path...)
	all := s.src.Messages(path...)
	s.expect(path, all[len(all)-n:]...)
}

func (s *stage) bringsText(text string, path ...string) {
	s.t.Helper()
	s.deliverText(text, path...)
	s.expect(path, memendpoint.Stored{Body: []byte(text)})
}

// expect says that the next pass brings items to a folder.
func (s *stage) expect(path []string, items ...memendpoint.Stored) {
	name := strings.Join(path, "/")
	for _, m := range items {
		s.adds[name] = append(s.adds[name], string(m.Body))
	}
}

const canary = "Dandyroll canary "

const twin = "Message-ID: <twin@old.example>\r\nSubject: twin\r\n\r\nsame\r\n"

// fill makes the mailboxes of a pair before their first pass.
func fill(s *stage) {
	s.must(s.src.CreateFolder("Work", "2026"))
	s.shown = []string{"Work", "2026"}
	s.must(s.src.SetSubscribed(true, s.shown...))
	s.must(s.src.CreateFolder("Lists"))
	s.brings(3, inbox)
	s.bringsText(twin, inbox)
	s.bringsText(twin, inbox)
	s.bringsText("\r\nan empty header\r\n", inbox)
	s.brings(4, "Work")
	s.brings(2, "Work", "2026")
	s.bringsText(twin, "Lists")
	s.bringsText(twin, "Lists")
	_, err := s.dst.Deliver([]string{inbox}, memendpoint.Message{Body: []byte("Subject: here before\r\n\r\nx")})
	s.must(err)
}

// settle runs the first pass. Its items are part of what is there from then on.
func settle(s *stage) {
	fill(s)
	s.run(pass.Options{Folders: 1})
	clear(s.adds)
}

// change does on both sides what users and servers do between two passes.
func change(s *stage) {
	s.brings(2, inbox)
	s.bringsText(twin, inbox)
	first := s.src.Messages(inbox)
	s.must(s.src.Delete([]string{inbox}, first[0].Ref))
	_, err := s.src.Move([]string{inbox}, first[1].Ref, []string{"Work"})
	s.must(err)
	s.expect([]string{"Work"}, first[1])
	work := s.src.Messages("Work")
	_, err = s.src.Copy([]string{"Work"}, work[0].Ref, []string{inbox})
	s.must(err)
	s.expect([]string{inbox}, work[0])
	s.shown = []string{"Work", "2027"}
	s.must(s.src.RenameFolder([]string{"Work", "2026"}, s.shown))
	s.expect([]string{"Work", "2027"}, s.src.Messages("Work", "2027")...)
	s.must(s.src.ChangeValidity("Lists"))
	s.brings(1, "Lists")

	there := s.dst.Messages(inbox)
	s.must(s.dst.SetFlags([]string{inbox}, there[1].Ref, endpoint.Seen, endpoint.IsFlagged))
	s.must(s.dst.Delete([]string{inbox}, there[2].Ref)) // which moved away at the source
	s.must(s.dst.CreateFolder("Mine"))
	_, err = s.dst.Move([]string{inbox}, there[3].Ref, []string{"Mine"})
	s.must(err)
	_, err = s.dst.Deliver([]string{"Mine"}, memendpoint.Message{Body: []byte("Subject: mine\r\n\r\nx")})
	s.must(err)
	s.must(s.dst.RenameFolder([]string{"Lists"}, []string{"Old lists"}))
	s.must(s.dst.ChangeValidity("Work"))
}

// removeFirst deletes the first mail of INBOX at the destination that was migrated, and returns
// what it was at the source.
func removeFirst(s *stage) memendpoint.Stored {
	s.must(s.dst.Delete([]string{inbox}, s.dst.Messages(inbox)[1].Ref))
	return s.src.Messages(inbox)[0]
}

func scenes() []scene {
	return []scene{
		{"first pass", fill},
		{"nothing new", settle},
		{"changes on both sides", func(s *stage) { settle(s); change(s) }},
		{"database lost", func(s *stage) {
			settle(s)
			s.store = memstore.New()
			s.brings(2, "Work")
			s.expect([]string{inbox}, removeFirst(s)) // only the database knew of it
		}},
		{"reset", func(s *stage) {
			settle(s)
			s.expect([]string{inbox}, removeFirst(s))
			s.run(pass.Options{})
			_, err := s.store.Reset(s.t.Context(), s.pair, store.ResetAll, false)
			s.must(err)
		}},
		{"type changed", func(s *stage) {
			settle(s)
			s.dstOpts.Type = "other"
			for _, path := range s.src.FolderPaths() {
				s.expect(path, s.src.Messages(path...)...)
			}
		}},
		{"slow destination", func(s *stage) {
			fill(s)
			s.dstOpts.Quirks.Visibility = time.Minute
		}},
		{"outlines", func(s *stage) {
			s.srcOpts.Quirks.Outlines, s.srcOpts.Quirks.NoVersions = true, true
			fill(s)
		}},
		{"states since a state", func(s *stage) {
			s.srcOpts.Quirks.StateSince, s.dstOpts.Quirks.StateSince = true, true
			settle(s)
			s.src.ExpireStates()
			change(s)
		}},
	}
}

// through returns an engine and a pair whose calls go through a process.
func (s *stage) through(p *faultendpoint.Process) (*pass.Engine, pass.Pair) {
	s.held = new(openContents)
	e, err := pass.New(pass.Config{Store: faultstore.Wrap(s.store, p), Key: s.key})
	s.must(err)
	pair := s.open()
	pair.Source = faultendpoint.Wrap(endpoint.New(&counting{pair.Source.Driver(), s.held}), "src", p)
	pair.Destination = faultendpoint.Wrap(pair.Destination, "dst", p)
	return e, pair
}

// verdict is what was wrong after a pass.
type verdict struct {
	lost, duplicated int
	unexplained      []string
}

func (v *verdict) bad() bool { return v.lost+v.duplicated+len(v.unexplained) > 0 }

func (v *verdict) odd(format string, args ...any) {
	v.unexplained = append(v.unexplained, fmt.Sprintf(format, args...))
}

// interrupted runs a pass in which faults happen, and holds it to what is true of every pass. It
// returns at once when the process crashes, without a report.
func (s *stage) interrupted(v *verdict, p *faultendpoint.Process, o pass.Options) (*pass.Report, error) {
	before := contents(s.dst)
	report, err := s.attempt(p, o)
	var now verdict
	s.compare(&now)
	v.duplicated += now.duplicated
	if p.Crashed() {
		return nil, faultendpoint.ErrCrashed
	}
	if report.Complete && report.Totals.Failed+report.Totals.Vanished == 0 {
		v.lost += now.lost
	}
	s.judge(v, report, err, before)
	return report, err
}

// attempt runs a pass in which faults happen. It returns nothing when the process crashes.
func (s *stage) attempt(p *faultendpoint.Process, o pass.Options) (*pass.Report, error) {
	type result struct {
		report *pass.Report
		err    error
	}
	e, pair := s.through(p)
	ended := make(chan result, 1)
	go func() {
		r, err := e.Run(s.t.Context(), pair, o)
		ended <- result{r, err}
	}()
	select {
	case r := <-ended:
		ended <- r
	case <-p.Done():
		s.t.Cleanup(func() { <-ended }) // what is left of it has no effect, but must end
	}
	s.store = s.store.Clone() // what a process that died leaves; it also frees the pair
	if p.Crashed() {
		return nil, faultendpoint.ErrCrashed
	}
	r := <-ended
	return r.report, r.err
}

// judge holds the report of a pass to what it promises.
func (s *stage) judge(v *verdict, r *pass.Report, err error, before map[string][]memendpoint.Stored) {
	if !r.Closes() {
		v.odd("the report does not close: %+v", r.Totals)
	}
	if n := s.held.now.Load(); n != 0 {
		v.odd("%d contents were not closed", n)
	}
	if r.Complete != (err == nil && r.Totals.Deferred == 0) {
		v.odd("complete %v, error %v, %d deferred", r.Complete, err, r.Totals.Deferred)
	}
	if errors.Is(err, pass.ErrRefused) && wrote(before, contents(s.dst)) {
		v.odd("something was written, and the pass says that it was not: %v", err)
	}
	if slices.ContainsFunc(r.Warnings, func(w string) bool { return strings.Contains(w, "subscription") }) {
		s.shown = nil // it was reported
	}
}

// wrote reports whether anything came to a mailbox or changed there.
func wrote(before, after map[string][]memendpoint.Stored) bool {
	for name, items := range after {
		if had, ok := before[name]; !ok || !reflect.DeepEqual(had, items) {
			return true
		}
	}
	return false
}

// resumed runs a pass without faults, which must bring everything, and one more, which must find
// nothing to do.
func (s *stage) resumed(v *verdict) {
	r, err := s.engine().Run(s.t.Context(), s.open(), pass.Options{Window: 4})
	if err != nil || !r.Complete || !r.Closes() || r.Totals.Failed+r.Totals.Vanished > 0 || r.Totals.RemovedAtDestination != s.gone {
		v.odd("the next pass: %v\n%v%v", err, r, r.Failures)
	}
	s.compare(v)
	s.folders(v)
	written, read := s.dst.Counts(), s.src.Counts().Reads
	r, err = s.engine().Run(s.t.Context(), s.open(), pass.Options{})
	if err != nil || !r.Complete || !r.Closes() || r.Totals.Migrated+r.Totals.Failed+r.Totals.Healed > 0 {
		v.odd("the pass after it: %v\n%v%v", err, r, r.Failures)
	}
	now := s.dst.Counts()
	if now.Puts != written.Puts || now.FoldersCreated != written.FoldersCreated ||
		now.FoldersDeleted != written.FoldersDeleted || now.Subscribed != written.Subscribed || s.src.Counts().Reads != read {
		v.odd("a pass with nothing to do wrote or read something: %+v, then %+v", written, now)
	}
}

// compare holds both mailboxes to the model. The folder of the canary is left out.
func (s *stage) compare(v *verdict) {
	if now := contents(s.src); !reflect.DeepEqual(now, s.source) {
		v.odd("the source was changed")
	}
	now := contents(s.dst)
	for name := range s.adds {
		now[name] = slices.Clip(now[name]) // a folder that is missing is one without items
	}
	for name, have := range now {
		if strings.HasPrefix(name, canary) {
			continue
		}
		missing, extra := s.difference(v, name, have)
		v.lost += missing
		v.duplicated += extra
	}
	for name := range s.kept {
		if _, ok := now[name]; !ok {
			v.odd("folder %q is gone", name)
		}
	}
}

// difference compares one folder of the destination with the model.
func (s *stage) difference(v *verdict, name string, have []memendpoint.Stored) (missing, extra int) {
	var came []string
	untouched := 0
	for _, m := range have {
		if slices.ContainsFunc(s.kept[name], func(k memendpoint.Stored) bool { return k.Ref == m.Ref && reflect.DeepEqual(k, m) }) {
			untouched++
			continue
		}
		came = append(came, unmarked(m))
	}
	if untouched != len(s.kept[name]) {
		v.odd("%d of %d items in %q were changed or removed", len(s.kept[name])-untouched, len(s.kept[name]), name)
	}
	for _, body := range s.adds[name] {
		if i := slices.Index(came, body); i >= 0 {
			came = slices.Delete(came, i, i+1)
		} else {
			missing++
		}
	}
	return missing, len(came)
}

// unmarked returns the body of an item without its mark, or all of it if it has none.
func unmarked(m memendpoint.Stored) string {
	if mark, body, ok := strings.Cut(string(m.Body), "\r\n"); ok && len(m.Mark.Marks) == 1 && strings.HasPrefix(mark, watermark.Field) {
		return body
	}
	return string(m.Body)
}

// folders checks that there are the folders of the model and no others.
func (s *stage) folders(v *verdict) {
	if s.shown != nil && !s.dst.Subscribed(s.shown...) {
		v.odd("the subscription was not carried over")
	}
	for name := range contents(s.dst) {
		if _, known := s.kept[name]; !known && s.adds[name] == nil {
			v.odd("folder %q was left behind", name)
		}
	}
}
