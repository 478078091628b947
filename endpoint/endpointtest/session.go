package endpointtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/watermark"
)

func sessionClauses() []clause {
	return []clause{
		{"E25", "CancelledReading", "a call whose context ends returns the context's error soon", testCancelledReading},
		{"E25", "CancelledPut", "a Put whose context ends writes nothing afterwards", testCancelledPut},
		{"E26", "Close", "Close may be called twice, and what is called afterwards fails", testClose},
		{"E26", "CloseUnblocks", "Close ends the calls in flight", testCloseUnblocks},
		{"E27", "Concurrency", "as many calls may run at once as Capabilities.Concurrency says", testConcurrency},
		{"E28", "Subscribe", "Subscribe makes the folder one that is shown, and no other", testSubscribe},
		{"E29", "DeleteFolder", "DeleteFolder deletes the folder with its items, and no other", testDeleteFolder},
		{"E29", "FolderMadeAnew", "a folder made anew under the path of another shares no reference with it", testFolderMadeAnew},
		{"E32", "Quota", "Quota says what is known, or ErrUnsupported", testQuota},
	}
}

func testCancelledReading(s *scene) {
	f := s.workFolder()
	s.deliver(work(), 0, 5)
	if len(s.caps.Write[endpoint.Mail]) > 0 {
		s.mustPut(f, s.mails(3)...)
	}
	refs := all(s, s.box.Refs(s.Context(), f))
	cancelAt(s, "Folders", func(ctx context.Context) func(func(endpoint.Folder, error) bool) { return s.box.Folders(ctx) })
	cancelAt(s, "List", func(ctx context.Context) func(func(endpoint.Item, error) bool) { return s.box.List(ctx, f, "") })
	cancelAt(s, "Refs", func(ctx context.Context) func(func(string, error) bool) { return s.box.Refs(ctx, f) })
	cancelAt(s, "Marks", func(ctx context.Context) func(func(endpoint.Sighting, error) bool) { return s.box.Marks(ctx, f, "") })
	cancelAt(s, "Read", func(ctx context.Context) func(func(endpoint.Body, error) bool) {
		return s.box.Read(ctx, f, refs, endpoint.ReadOptions{Memory: 1 << 16})
	})
	if s.caps.StateSince {
		ended, cancel := context.WithCancel(s.Context())
		cancel()
		if _, err := s.box.Driver().State(ended, f, ""); !errors.Is(err, context.Canceled) {
			s.Errorf("State with an ended context: %v", err)
		}
	}
	s.look(s.box, f)
}

// cancelAt ends the context before a sequence begins, and then at its first value. It may go on
// with what it had already, and says why if it leaves anything out.
func cancelAt[T any](s *scene, name string, start func(context.Context) func(func(T, error) bool)) {
	s.Helper()
	ended, cancel := context.WithCancel(s.Context())
	cancel()
	if values, err := collect(s, start(ended)); len(values) != 0 || !errors.Is(err, context.Canceled) {
		s.Errorf("%s with an ended context: %d values, %v", name, len(values), err)
	}
	whole, err := collect(s, start(s.Context()))
	if err != nil {
		s.Fatalf("%s: %v", name, err)
	}
	ctx, cancel := context.WithCancel(s.Context())
	defer cancel()
	begin, n := time.Now(), 0
	var last error
	for _, err := range start(ctx) {
		cancel()
		if last = err; err == nil {
			n++
		}
	}
	if took := time.Since(begin); took > patience {
		s.Errorf("%s took %v to end", name, took)
	}
	if last == nil && n < len(whole) || last != nil && !errors.Is(last, context.Canceled) {
		s.Errorf("%s cancelled at its first value ends after %d of %d with %v", name, n, len(whole), last)
	}
}

// cancellingContent ends a context once some of its bytes are read.
type cancellingContent struct {
	endpoint.Content
	cancel context.CancelFunc
}

func (c cancellingContent) Open() (io.ReadCloser, error) {
	r, err := c.Content.Open()
	return struct {
		io.Reader
		io.Closer
	}{&cancellingReader{r, 100_000, c.cancel}, r}, err
}

type cancellingReader struct {
	r      io.Reader
	left   int // until it cancels
	cancel context.CancelFunc
}

func (r *cancellingReader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p[:min(len(p), 4096)])
	if r.left -= n; r.left < 0 {
		r.cancel()
	}
	return n, err
}

func testCancelledPut(s *scene) {
	s.writes()
	f := s.workFolder()
	ended, cancel := context.WithCancel(s.Context())
	cancel()
	never := s.mails(2)
	if results, err := collect(s, s.box.Put(ended, f, never)); len(results) != 0 || !errors.Is(err, context.Canceled) {
		s.Errorf("with an ended context: results %+v, %v", results, err)
	}
	ctx, cancel := context.WithCancel(s.Context())
	defer cancel()
	items := s.mails(20)
	body := large(1, 400_000)
	items[1].Content = cancellingContent{endpoint.Bytes(endpoint.RFC822, body), cancel}
	last := &lateContent{Content: items[19].Content, ended: ctx.Done()}
	items[19].Content = last
	begin := time.Now()
	results, err := collect(s, s.box.Put(ctx, f, items))
	if took := time.Since(begin); took > patience || !errors.Is(err, context.Canceled) && len(results) < len(items) {
		s.Errorf("a cancelled Put ends after %v with %d results and %v", took, len(results), err)
	}
	answers := map[watermark.Mark]error{}
	for _, r := range results {
		answers[r.Mark] = r.Err
	}
	time.Sleep(s.caps.PutGrace + s.caps.Visibility) // after which nothing may come any more
	s.wantAnswered(f, items, answers)
	found := s.sightings(s.open(), f, "")
	if !last.early.Load() { // else several connections were quicker with all items than one of them with the second
		never = append(never, items[19])
	}
	for i, it := range never {
		if _, there := found[it.Mark]; there {
			s.Errorf("item %d was written, although it had not begun when the context ended", i)
		}
	}
}

// lateContent notes whether it was opened before a context ended.
type lateContent struct {
	endpoint.Content
	ended <-chan struct{}
	early atomic.Bool
}

func (c *lateContent) Open() (io.ReadCloser, error) {
	select {
	case <-c.ended:
	default:
		c.early.Store(true)
	}
	return c.Content.Open()
}

// wantAnswered checks the answers to items against what is there: whole items only, none that was
// said to be refused, and all that were said to be written.
func (s *scene) wantAnswered(f endpoint.Folder, items []endpoint.Put, answers map[watermark.Mark]error) {
	s.Helper()
	box := s.open()
	found := s.sightings(box, f, "")
	for i, it := range items {
		sighting, there := found[it.Mark]
		err, answered := answers[it.Mark]
		switch {
		case answered && err == nil && !there:
			s.Errorf("item %d was answered as written and is not there", i)
		case answered && err != nil && !errors.Is(err, endpoint.ErrInDoubt) && !errors.Is(err, context.Canceled) && there:
			s.Errorf("item %d was answered with %v and is there", i, err)
		}
		if there && (err == nil || errors.Is(err, endpoint.ErrInDoubt)) {
			body := s.contentOnce(it.Content)
			s.wantBody("an item that was written", s.read(box, f, sighting.Ref)[sighting.Ref].bytes, stamped(it, body))
		}
	}
}

func testClose(s *scene) {
	f := s.workFolder()
	refs := s.deliver(work(), 0, 2)
	b := all(s, s.box.Read(s.Context(), f, refs[:1], endpoint.ReadOptions{TempDir: s.TempDir()}))[0]
	d := s.box.Driver()
	for range 2 {
		if err := d.Close(); err != nil {
			s.Errorf("close: %v", err)
		}
	}
	if b.Err != nil || !bytes.Equal(s.content(b.Content), message(0)) && s.caps.Exact {
		s.Error("a content does not outlive its session")
	}
	box := s.open() // other sessions go on
	if got := len(all(s, box.Refs(s.Context(), f))); got != 2 {
		s.Errorf("another session sees %d items, want 2", got)
	}
	_, folders := collect(s, s.box.Folders(s.Context()))
	_, state := s.box.Driver().State(s.Context(), f, "") // unsupported, or of a session that is closed
	_, list := collect(s, s.box.List(s.Context(), f, ""))
	_, read := collect(s, s.box.Read(s.Context(), f, refs, endpoint.ReadOptions{Memory: 1 << 16}))
	results, put := collect(s, s.box.Put(s.Context(), f, s.mails(1)))
	if len(results) == 1 {
		put = results[0].Err
	}
	for name, err := range map[string]error{"Folders": folders, "State": state, "List": list, "Read": read, "Put": put} {
		if err == nil {
			s.Errorf("%s works on a closed session", name)
		}
	}
	if got := len(all(s, box.Refs(s.Context(), f))); got != 2 {
		s.Errorf("after a Put into a closed session the folder has %d items, want 2", got)
	}
}

func testCloseUnblocks(s *scene) {
	f := s.workFolder()
	refs := s.deliver(work(), 0, 20)
	calls := []func() error{
		func() error { _, err := collect(s, s.box.Folders(s.Context())); return err },
		func() error { _, err := collect(s, s.box.List(s.Context(), f, "")); return err },
		func() error { return s.readAll(f, refs) },
	}
	var busy sync.WaitGroup
	var closed atomic.Bool
	started := make(chan struct{}, 2*len(calls))
	for _, call := range slices.Concat(calls, calls) {
		busy.Go(func() {
			err := call()
			started <- struct{}{}
			for err == nil {
				late := closed.Load()
				if err = call(); late && err == nil {
					s.Error("a call that began after Close works")
					return
				}
			}
		})
	}
	for range cap(started) {
		<-started
	}
	begin := time.Now()
	if err := s.box.Driver().Close(); err != nil {
		s.Errorf("close: %v", err)
	}
	closed.Store(true)
	busy.Wait()
	if took := time.Since(begin); took > patience {
		s.Errorf("calls went on for %v after Close", took)
	}
}

// readAll reads items to their ends, as far as the session lets it.
func (s *scene) readAll(f endpoint.Folder, refs []string) error {
	bodies, err := collect(s, s.box.Read(s.Context(), f, refs, endpoint.ReadOptions{Memory: 1 << 20}))
	for _, b := range bodies {
		if b.Err != nil {
			err = b.Err
			continue
		}
		_ = b.Content.Close() // in memory
	}
	return err
}

func testConcurrency(s *scene) {
	s.writes()
	f := s.workFolder()
	const rounds, each = 3, 4
	callers := s.caps.Concurrency
	var items [][]endpoint.Put // made here, for marks have a counter
	for range callers * rounds {
		items = append(items, s.mails(each))
	}
	var calls sync.WaitGroup
	var written atomic.Int64
	for share := range slices.Chunk(items, rounds) {
		calls.Go(func() {
			for _, some := range share {
				results, err := collect(s, s.box.Put(s.Context(), f, some))
				for _, r := range results {
					err = errors.Join(err, r.Err)
					written.Add(1)
				}
				_, listed := collect(s, s.box.List(s.Context(), f, ""))
				_, folders := collect(s, s.box.Folders(s.Context()))
				if err = errors.Join(err, listed, folders); err != nil {
					s.Error(err)
				}
			}
		})
	}
	calls.Wait()
	s.settle()
	want := callers * rounds * each
	if got := len(s.sightings(s.open(), f, "")); got != want || written.Load() != int64(want) || len(s.fixture.Messages(work())) != want {
		s.Errorf("%d marks after %d results, want %d, each once", got, written.Load(), want)
	}
}

func testSubscribe(s *scene) {
	if !s.caps.Subscribe {
		s.Skip("Capabilities.Subscribe is false")
	}
	f := s.workFolder()
	s.fixture.CreateFolder("Other")
	before := map[string]bool{}
	for _, f := range all(s, s.box.Folders(s.Context())) {
		before[f.ID] = f.Subscribed
	}
	for range 2 { // again is no error
		if err := s.box.Subscribe(s.Context(), f); err != nil {
			s.Fatal(err)
		}
	}
	for _, g := range all(s, s.open().Folders(s.Context())) {
		if want := before[g.ID] || g.ID == f.ID; g.Subscribed != want {
			s.Errorf("folder %q: subscribed is %v, want %v", g.Path, g.Subscribed, want)
		}
	}
}

func testDeleteFolder(s *scene) {
	if !s.caps.DeleteFolder {
		s.Skip("Capabilities.DeleteFolder is false")
	}
	f := s.workFolder()
	s.fixture.CreateFolder("Workshop") // a name that begins alike
	refs := s.deliver(work(), 0, 3)
	s.deliver(inbox(), 3, 1)
	kept := s.fixture.Messages(inbox())
	s.look(s.box, f)
	if err := s.box.DeleteFolder(s.Context(), f); err != nil {
		s.Fatal(err)
	}
	for _, box := range []*endpoint.Mailbox{s.box, s.open()} {
		if _, there := s.find(box, work()); there {
			s.Error("the folder is still listed")
		}
		s.folder(box, []string{"Workshop"})
	}
	_, list := collect(s, s.box.List(s.Context(), f, ""))
	_, listed := collect(s, s.box.Refs(s.Context(), f))
	_, marks := collect(s, s.box.Marks(s.Context(), f, ""))
	bodies, read := collect(s, s.box.Read(s.Context(), f, refs[:1], endpoint.ReadOptions{Memory: 1 << 16}))
	if read == nil && len(bodies) == 1 {
		read = bodies[0].Err
	}
	again := s.box.DeleteFolder(s.Context(), f)
	for name, err := range map[string]error{"List": list, "Refs": listed, "Marks": marks, "Read": read, "DeleteFolder": again} {
		s.wantCode(name+" of a deleted folder", err, endpoint.NotFound)
	}
	if err := s.box.DeleteFolder(s.Context(), s.folder(s.box, inbox())); err == nil {
		s.Error("INBOX was deleted")
	}
	s.wantMessages(inbox(), kept)
}

func testFolderMadeAnew(s *scene) {
	if !s.caps.DeleteFolder || !s.caps.CreateFolder {
		s.Skip("Capabilities.DeleteFolder or CreateFolder is false")
	}
	seen := map[string]bool{}
	for range 4 {
		f, err := s.box.CreateFolder(s.Context(), endpoint.Folder{Path: work()})
		if err != nil {
			s.Fatal(err)
		}
		ref := s.deliver(work(), len(seen), 1)[0]
		name := f.ID + " " + f.Validity + " " + ref
		if seen[name] {
			s.Errorf("a new folder has the ID, validity and reference %q of one that was deleted", name)
		}
		seen[name] = true
		if err := s.box.DeleteFolder(s.Context(), f); err != nil {
			s.Fatal(err)
		}
	}
}

func testQuota(s *scene) {
	q, err := s.box.Quota(s.Context())
	if err != nil {
		s.wantCode("Quota", err, endpoint.Unsupported)
		return
	}
	if q.Used < -1 || q.Limit < -1 {
		s.Errorf("quota is %+v", q)
	}
	s.workFolder()
	s.fixture.Deliver(work(), Message{Body: large(1, 100_000), Received: someTime()})
	after, err := s.box.Quota(s.Context())
	if err != nil || q.Used >= 0 && after.Used <= q.Used {
		s.Errorf("quota is %+v, %v after a delivery, and was %+v", after, err, q)
	}
}
