package memendpoint

import (
	"context"
	"errors"
	"io"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
)

func TestDefaults(t *testing.T) {
	t.Parallel()
	one, other := NewServer(), NewServer()
	got := one.Open(nil).Info()
	if got.Type != "mem" || got.Account != one.Open(nil).Info().Account || got.Account == other.Open(nil).Info().Account || got.Driver == "" {
		t.Errorf("info: %+v", got)
	}
	got = NewServer().Open(&Options{Type: "imap", Account: "ann"}).Info()
	if got.Type != "imap" || got.Account != "ann" {
		t.Errorf("info: %+v", got)
	}
}

func TestEveryKindArrivesWithItsMark(t *testing.T) {
	t.Parallel()
	for _, kind := range endpoint.AllKinds() {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			s := NewServer()
			mb := s.Open(nil)
			inbox := folderAt(t, mb, "INBOX")
			at := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
			put := endpoint.Put{
				Mark: testMark(t, 0), Kind: kind, Content: endpoint.Bytes(formatOf(kind), []byte(sample(kind))),
				Flags: []endpoint.Flag{endpoint.Seen, "work"}, Received: at,
			}
			results := all(t, mb.Put(t.Context(), inbox, []endpoint.Put{put}))
			if len(results) != 1 || results[0].Err != nil || results[0].Mark != put.Mark || len(results[0].Dropped) != 0 {
				t.Fatalf("results: %+v", results)
			}
			checkStored(t, mb, inbox, put, results[0].Ref)
			if without := withoutMark(string(s.Messages("INBOX")[0].Body)); without != sample(kind) {
				t.Errorf("without its mark, the body is %q", without)
			}
		})
	}
}

// checkStored reads an item back in every way there is.
func checkStored(t *testing.T, mb *endpoint.Mailbox, f endpoint.Folder, put endpoint.Put, ref string) {
	t.Helper()
	item := all(t, mb.List(t.Context(), f, ""))[0]
	if item.Ref != ref || item.Kind != put.Kind || !item.Received.Equal(put.Received) || len(item.Marks.Marks) != 1 {
		t.Errorf("listed as %+v", item)
	}
	if want := identify(put.Kind, []byte(sample(put.Kind))); item.Identity != want {
		t.Errorf("the mark changes the identity from %q to %q", want, item.Identity)
	}
	sighting := all(t, mb.Marks(t.Context(), f, ""))[0]
	if sighting.Ref != ref || sighting.Marks.Fields() != 1 || sighting.Marks.Marks[0] != put.Mark {
		t.Errorf("scanned as %+v", sighting)
	}
	body := all(t, mb.Read(t.Context(), f, []string{ref}, endpoint.ReadOptions{}))[0]
	if body.Err != nil || body.Content.Format() != put.Content.Format() || body.Content.Size() != item.Size {
		t.Fatalf("read as %+v", body)
	}
	if !slices.Equal(body.Flags, put.Flags) || !body.Received.Equal(put.Received) {
		t.Errorf("read with flags %v, received %v", body.Flags, body.Received)
	}
	mustDo(t, body.Content.Close())
}

// withoutMark removes the line of the mark.
func withoutMark(body string) string {
	var out strings.Builder
	for line := range strings.Lines(body) {
		if !strings.HasPrefix(strings.ToLower(line), "x-dandyroll:") {
			out.WriteString(line)
		}
	}
	return out.String()
}

func TestListSinceYieldsOnlyNewer(t *testing.T) {
	t.Parallel()
	s := NewServer()
	mb := s.Open(nil)
	deliver(t, s, Message{Body: []byte(plainMail)}, "INBOX")
	inbox := folderAt(t, mb, "INBOX")
	all(t, mb.Put(t.Context(), inbox, testPuts(t, 1)))
	deliver(t, s, Message{Body: []byte(plainMail)}, "INBOX")

	newer := all(t, mb.List(t.Context(), inbox, inbox.State))
	if len(newer) != 2 || newer[0].Ref != "2" || newer[1].Ref != "3" {
		t.Errorf("newer: %+v", newer)
	}
	if marks := all(t, mb.Marks(t.Context(), inbox, inbox.State)); len(marks) != 1 || marks[0].Ref != "2" {
		t.Errorf("newer marks: %+v", marks)
	}
	now := folderAt(t, mb, "INBOX").State
	if marks := all(t, mb.Marks(t.Context(), inbox, now)); len(marks) != 0 {
		t.Errorf("nothing is newer than now, but %+v", marks)
	}
	_, err := collect(mb.List(t.Context(), inbox, "yesterday"))
	wantCode(t, err, endpoint.Invalid)
	_, err = collect(mb.List(t.Context(), inbox, "1.x.0.0.0.0"))
	wantCode(t, err, endpoint.Invalid)
	_, err = collect(mb.List(t.Context(), inbox, "77.1.0.0.0.0"))
	wantCode(t, err, endpoint.Stale)
}

func TestStateChangesExactlyWhenItemsDo(t *testing.T) {
	t.Parallel()
	s := NewServer()
	mb := s.Open(nil)
	inbox := []string{"INBOX"}
	mustDo(t, s.CreateFolder("A"))
	seen := map[string]string{folderAt(t, mb, "INBOX").State: "the beginning"}
	steps := []struct {
		name string
		do   func() error
	}{
		{"deliver", func() error { _, err := s.Deliver(inbox, Message{}); return err }},
		{"delete", func() error { return s.Delete(inbox, "1") }},
		{"deliver again", func() error { _, err := s.Deliver(inbox, Message{}); return err }},
		{"move out", func() error { _, err := s.Move(inbox, "2", []string{"A"}); return err }},
		{"move in", func() error { _, err := s.Move([]string{"A"}, "1", inbox); return err }},
		{"put", func() error {
			_, err := collect(mb.Put(t.Context(), folderAt(t, mb, "INBOX"), testPuts(t, 1)))
			return err
		}},
		{"change validity", func() error { return s.ChangeValidity("INBOX") }},
	}
	for _, step := range steps {
		mustDo(t, step.do())
		state := folderAt(t, mb, "INBOX").State
		if earlier, known := seen[state]; known {
			t.Errorf("state %s after %q is that after %q", state, step.name, earlier)
		}
		seen[state] = step.name
	}
	before := folderAt(t, mb, "INBOX").State
	mustDo(t, s.SetFlags(inbox, s.Messages("INBOX")[0].Ref))
	mustDo(t, s.SetSubscribed(false, "INBOX"))
	if after := folderAt(t, mb, "INBOX").State; after != before {
		t.Errorf("state went from %s to %s without any item", before, after)
	}
}

func TestStaleFolder(t *testing.T) {
	t.Parallel()
	s := NewServer()
	mustDo(t, s.CreateFolder("A"))
	mb := s.Open(nil)
	stale := folderAt(t, mb, "A")
	mustDo(t, s.ChangeValidity("A"))
	errs := map[string]error{
		"subscribe": mb.Subscribe(t.Context(), stale),
		"delete":    mb.DeleteFolder(t.Context(), stale),
	}
	_, errs["list"] = collect(mb.List(t.Context(), stale, ""))
	_, errs["refs"] = collect(mb.Refs(t.Context(), stale))
	_, errs["marks"] = collect(mb.Marks(t.Context(), stale, stale.State))
	_, errs["read"] = collect(mb.Read(t.Context(), stale, []string{"1"}, endpoint.ReadOptions{}))
	_, errs["put"] = collect(mb.Put(t.Context(), stale, testPuts(t, 1)))
	for name, err := range errs {
		if !errors.Is(err, endpoint.ErrStale) {
			t.Errorf("%s: %v, want stale", name, err)
		}
	}
	if s.Counts().Puts != 0 {
		t.Error("something was put")
	}
}

func TestReadAnswersForEachRef(t *testing.T) {
	t.Parallel()
	s := NewServer()
	deliver(t, s, Message{Body: []byte(plainMail)}, "INBOX")
	mb := s.Open(nil)
	inbox := folderAt(t, mb, "INBOX")
	bodies := all(t, mb.Read(t.Context(), inbox, []string{"1", "9", "nonsense"}, endpoint.ReadOptions{Memory: 1 << 10}))
	if len(bodies) != 3 || bodies[0].Err != nil || bodies[0].Ref != "1" {
		t.Fatalf("bodies: %+v", bodies)
	}
	wantCode(t, bodies[1].Err, endpoint.NotFound)
	wantCode(t, bodies[2].Err, endpoint.NotFound)
	if got := readAll(t, bodies[0].Content); got != plainMail {
		t.Errorf("body: %q", got)
	}
	if n := s.Counts().Reads; n != 1 {
		t.Errorf("%d bodies counted, want 1", n)
	}
	formats := map[endpoint.Kind][]endpoint.Format{endpoint.Mail: {"application/other"}}
	bodies = all(t, mb.Read(t.Context(), inbox, []string{"1"}, endpoint.ReadOptions{Formats: formats}))
	wantCode(t, bodies[0].Err, endpoint.Unsupported)
}

func TestCallersMayChangeWhatTheyGot(t *testing.T) {
	t.Parallel()
	s := NewServer()
	kinds := []endpoint.Kind{endpoint.Mail}
	mb := s.Open(&Options{Quirks: Quirks{Kinds: kinds}})
	deliver(t, s, Message{Body: []byte(plainMail), Flags: []endpoint.Flag{endpoint.Seen}}, "INBOX")
	inbox := folderAt(t, mb, "INBOX")
	inbox.Path[0], inbox.Kinds[0] = "changed", endpoint.Note
	all(t, mb.Read(t.Context(), inbox, []string{"1"}, endpoint.ReadOptions{Memory: 1 << 10}))[0].Flags[0] = "changed"
	stored := s.Messages("INBOX")
	stored[0].Body[0], stored[0].Flags[0] = 'X', "changed"
	s.FolderPaths()[0][0] = "changed"

	if f := folderAt(t, mb, "INBOX"); f.Kinds[0] != endpoint.Mail {
		t.Errorf("kinds: %v", f.Kinds)
	}
	if got := s.Messages("INBOX")[0]; string(got.Body) != plainMail || got.Flags[0] != endpoint.Seen {
		t.Errorf("message: %+v", got)
	}
}

func TestReadBeyondMemoryLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	s := NewServer()
	body := plainMail + strings.Repeat("x", 4096)
	deliver(t, s, Message{Body: []byte(body)}, "INBOX")
	mb := s.Open(nil)
	refs := []string{"1"}
	bodies := all(t, mb.Read(t.Context(), folderAt(t, mb, "INBOX"), refs, endpoint.ReadOptions{TempDir: t.TempDir()}))
	if got := readAll(t, bodies[0].Content); got != body {
		t.Errorf("body of %d bytes: %.40q", len(got), got)
	}
	mustDo(t, bodies[0].Content.Close())
	missing := endpoint.ReadOptions{TempDir: t.TempDir() + "/missing"}
	if _, err := collect(mb.Read(t.Context(), folderAt(t, mb, "INBOX"), refs, missing)); err == nil {
		t.Error("a body that must not be in memory was read without a place for it")
	}
}

func readAll(t *testing.T, c endpoint.Content) string {
	t.Helper()
	r, err := c.Open()
	mustDo(t, err)
	b, err := io.ReadAll(r)
	mustDo(t, err)
	mustDo(t, r.Close())
	return string(b)
}

func TestWritesAreDenied(t *testing.T) {
	t.Parallel()
	s := NewServer()
	mustDo(t, s.CreateFolder("A"))
	mustDo(t, s.SetReadOnly(true, "A"))
	for name, o := range map[string]*Options{"folder": nil, "session": {ReadOnly: true}} {
		mb := s.Open(o)
		f := folderAt(t, mb, "A")
		results := all(t, mb.Put(t.Context(), f, testPuts(t, 2)))
		if len(results) != 2 {
			t.Fatalf("%s: %d results", name, len(results))
		}
		wantCode(t, results[0].Err, endpoint.Denied)
		wantCode(t, results[1].Err, endpoint.Denied)
		wantCode(t, mb.DeleteFolder(t.Context(), f), endpoint.Denied)
		if o == nil {
			continue
		}
		wantCode(t, mb.Subscribe(t.Context(), f), endpoint.Denied)
		_, err := mb.CreateFolder(t.Context(), endpoint.Folder{Path: []string{"B"}})
		wantCode(t, err, endpoint.Denied)
	}
	wantCode(t, s.Open(nil).DeleteFolder(t.Context(), folderAt(t, s.Open(nil), "INBOX")), endpoint.Denied)
	if c := s.Counts(); c.Puts+c.FoldersCreated+c.FoldersDeleted+c.Subscribed != 0 || len(s.FolderPaths()) != 2 {
		t.Errorf("something was written: %+v", c)
	}
}

func TestQuota(t *testing.T) {
	t.Parallel()
	s := NewServer()
	mb := s.Open(nil)
	inbox := folderAt(t, mb, "INBOX")
	if q, err := mb.Quota(t.Context()); err != nil || q.Limit != -1 || q.Used != 0 {
		t.Errorf("quota %+v, %v", q, err)
	}
	all(t, mb.Put(t.Context(), inbox, testPuts(t, 1)))
	size := int64(len(s.Messages("INBOX")[0].Body))
	s.SetLimit(2 * size)
	results := all(t, mb.Put(t.Context(), inbox, testPuts(t, 2)))
	if results[0].Err != nil {
		t.Error(results[0].Err)
	}
	wantCode(t, results[1].Err, endpoint.OverQuota)
	if q, err := mb.Quota(t.Context()); err != nil || q.Limit != 2*size || q.Used != 2*size {
		t.Errorf("quota %+v, %v", q, err)
	}
	mustDo(t, s.Delete([]string{"INBOX"}, "1"))
	if r := all(t, mb.Put(t.Context(), inbox, testPuts(t, 1)))[0]; r.Err != nil {
		t.Errorf("no room after a deletion: %v", r.Err)
	}
	mustDo(t, s.CreateFolder("A"))
	_, err := s.Move([]string{"INBOX"}, "2", []string{"A"})
	mustDo(t, err)
	mustDo(t, s.DeleteFolder("A"))
	if q, err := mb.Quota(t.Context()); err != nil || q.Used != size {
		t.Errorf("quota %+v, %v, want %d used", q, err, size)
	}
}

func TestPutRefusesWhatItCannotStore(t *testing.T) {
	t.Parallel()
	s := NewServer()
	mb := s.Open(nil)
	inbox := folderAt(t, mb, "INBOX")
	broken := errors.New("disk gone")
	mail := func(c endpoint.Content) endpoint.Put {
		return endpoint.Put{Mark: testMark(t, 0), Kind: endpoint.Mail, Content: c}
	}
	cases := []struct {
		name string
		put  endpoint.Put
		want error
	}{
		{"other format", mail(endpoint.Bytes(endpoint.VCard, []byte(plainCard))), endpoint.ErrUnsupported},
		{"too short", mail(fakeContent{size: 5, body: "four"}), endpoint.ErrDamaged},
		{"too long", mail(fakeContent{size: 3, body: "four"}), endpoint.ErrDamaged},
		{"cannot be opened", mail(fakeContent{openErr: broken}), broken},
		{"cannot be read", mail(fakeContent{size: 4, readErr: broken}), broken},
		{"no component", endpoint.Put{
			Mark: testMark(t, 0), Kind: endpoint.Event, Content: endpoint.Bytes(endpoint.ICalendar, []byte("BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n")),
		}, endpoint.ErrRejected},
	}
	for _, c := range cases {
		results := all(t, mb.Put(t.Context(), inbox, []endpoint.Put{c.put}))
		if len(results) != 1 || !errors.Is(results[0].Err, c.want) {
			t.Errorf("%s: results %+v, want %v", c.name, results, c.want)
		}
	}
	if got := s.Messages("INBOX"); len(got) != 0 {
		t.Errorf("%d items landed", len(got))
	}
}

// fakeContent is a content that does not keep its word.
type fakeContent struct {
	size             int64
	body             string
	openErr, readErr error
}

func (c fakeContent) Format() endpoint.Format { return endpoint.RFC822 }
func (c fakeContent) Size() int64             { return c.size }
func (c fakeContent) Close() error            { return nil }

func (c fakeContent) Open() (io.ReadCloser, error) {
	var r io.Reader = strings.NewReader(c.body)
	if c.readErr != nil {
		r = failingReader{c.readErr}
	}
	return io.NopCloser(r), c.openErr
}

type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }

func TestPutOfOneMarkTwiceMakesTwoItems(t *testing.T) {
	t.Parallel()
	s := NewServer()
	mb := s.Open(nil)
	inbox := folderAt(t, mb, "INBOX")
	all(t, mb.Put(t.Context(), inbox, testPuts(t, 1)))
	all(t, mb.Put(t.Context(), inbox, testPuts(t, 1)))
	if n := len(s.Messages("INBOX")); n != 2 {
		t.Errorf("%d items, want 2: a server does not know of marks", n)
	}
}

func TestFoldersOfASession(t *testing.T) {
	t.Parallel()
	s := NewServer()
	mb := s.Open(nil)
	want := endpoint.Folder{Path: []string{"Team", "Calendar"}, Kinds: []endpoint.Kind{endpoint.Event}}
	made, err := mb.CreateFolder(t.Context(), want)
	mustDo(t, err)
	again, err := mb.CreateFolder(t.Context(), endpoint.Folder{Path: want.Path})
	mustDo(t, err)
	if made.ID == "" || made.ID != again.ID || !slices.Equal(made.Kinds, want.Kinds) || !slices.Equal(again.Kinds, want.Kinds) {
		t.Errorf("made %+v, then %+v", made, again)
	}
	if c := s.Counts(); c.FoldersCreated != 2 {
		t.Errorf("%d folders counted, want the folder and its parent", c.FoldersCreated)
	}
	r := all(t, mb.Put(t.Context(), made, testPuts(t, 1)))[0]
	wantCode(t, r.Err, endpoint.Denied) // mail in a calendar

	mustDo(t, mb.Subscribe(t.Context(), made))
	if !s.Subscribed("Team", "Calendar") || s.Counts().Subscribed != 1 {
		t.Error("not subscribed")
	}
	mustDo(t, mb.DeleteFolder(t.Context(), folderAt(t, mb, "Team")))
	if got := s.FolderPaths(); len(got) != 1 {
		t.Errorf("left: %q", got)
	}
	wantCode(t, mb.Subscribe(t.Context(), made), endpoint.NotFound)
}

func TestCancelledBetweenItems(t *testing.T) {
	t.Parallel()
	s := NewServer()
	mb := s.Open(nil)
	inbox := folderAt(t, mb, "INBOX")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	results := 0
	var last error
	for _, err := range mb.Put(ctx, inbox, testPuts(t, 3)) {
		if last = err; err == nil {
			results++
			cancel()
		}
	}
	if results != 1 || !errors.Is(last, context.Canceled) || s.Counts().Puts != 1 {
		t.Errorf("%d results, %d items, then %v", results, s.Counts().Puts, last)
	}
	if _, err := collect(mb.Read(ctx, inbox, []string{"1"}, endpoint.ReadOptions{})); !errors.Is(err, context.Canceled) {
		t.Errorf("read: %v", err)
	}
	if _, err := collect(mb.Folders(ctx)); !errors.Is(err, context.Canceled) {
		t.Errorf("folders: %v", err)
	}
}

func TestLeavingALoopEarly(t *testing.T) {
	t.Parallel()
	s := NewServer()
	mb := s.Open(nil)
	inbox := folderAt(t, mb, "INBOX")
	first(t, mb.Put(t.Context(), inbox, testPuts(t, 3)))
	if n := s.Counts().Puts; n != 1 {
		t.Errorf("%d items were put after the loop was left at the first", n)
	}
	all(t, mb.Put(t.Context(), inbox, testPuts(t, 2)))
	first(t, mb.List(t.Context(), inbox, ""))
	first(t, mb.Read(t.Context(), inbox, []string{"1", "2"}, endpoint.ReadOptions{Memory: 1 << 10}))
	if n := s.Counts().Reads; n != 1 {
		t.Errorf("%d bodies were read after the loop was left at the first", n)
	}
}

// first leaves a sequence at its first value.
func first[T any](t *testing.T, seq iter.Seq2[T, error]) {
	t.Helper()
	for _, err := range seq {
		if err != nil {
			t.Error(err)
		}
		break
	}
}

func TestAnyMethodFromWithinALoop(t *testing.T) {
	t.Parallel()
	s := NewServer()
	deliver(t, s, Message{Body: []byte(plainMail)}, "INBOX")
	mb := s.Open(nil)
	for f, err := range mb.Folders(t.Context()) {
		mustDo(t, err)
		for it, err := range mb.List(t.Context(), f, "") {
			mustDo(t, err)
			for b, err := range mb.Read(t.Context(), f, []string{it.Ref}, endpoint.ReadOptions{Memory: 1 << 10}) {
				mustDo(t, errors.Join(err, b.Err))
				all(t, mb.Put(t.Context(), f, testPuts(t, 1)))
				mustDo(t, s.Delete(f.Path, it.Ref))
			}
		}
	}
	if got := s.Messages("INBOX"); len(got) != 1 || got[0].Ref != "2" {
		t.Errorf("messages: %+v", got)
	}
}

func TestClosedSession(t *testing.T) {
	t.Parallel()
	s := NewServer()
	deliver(t, s, Message{}, "INBOX")
	deliver(t, s, Message{}, "INBOX")
	mb := s.Open(nil)
	inbox := folderAt(t, mb, "INBOX")
	var last error
	for _, err := range mb.List(t.Context(), inbox, "") { // a call in flight
		mustDo(t, mb.Close())
		last = err
	}
	wantCode(t, last, endpoint.Unavailable)
	mustDo(t, mb.Driver().Close())
	_, err := mb.Driver().Quota(t.Context())
	wantCode(t, err, endpoint.Unavailable)
	if got := refsOf(t, s.Open(nil), "INBOX"); len(got) != 2 {
		t.Errorf("another session sees %v", got)
	}
}

func TestCountsAndWire(t *testing.T) {
	t.Parallel()
	s := NewServer()
	mb := s.Open(nil)
	inbox := folderAt(t, mb, "INBOX")
	all(t, mb.Put(t.Context(), inbox, testPuts(t, 3)))
	all(t, mb.List(t.Context(), inbox, ""))
	all(t, mb.Refs(t.Context(), inbox))
	all(t, mb.Marks(t.Context(), inbox, ""))
	all(t, mb.Read(t.Context(), inbox, []string{"1", "2"}, endpoint.ReadOptions{Memory: 1 << 10}))
	want := Counts{Calls: 6, FoldersListed: 1, Lists: 1, RefLists: 1, MarkScans: 1, Reads: 2, Puts: 3}
	if got := s.Counts(); got != want {
		t.Errorf("counts are %+v, want %+v", got, want)
	}
	size := int64(len(s.Messages("INBOX")[0].Body))
	if got := mb.Wire(); got != (endpoint.Wire{Commands: 6, Sent: 3 * size, Received: 2 * size}) {
		t.Errorf("wire: %+v, bodies have %d bytes", got, size)
	}
}
