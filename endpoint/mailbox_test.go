package endpoint_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/watermark"
)

func TestSequencePassesValues(t *testing.T) {
	t.Parallel()
	for name, start := range sequences() {
		if values, errs := start(t.Context(), endpoint.New(whole()))(0); values != 2 || errs != nil {
			t.Errorf("%s: %d values, errors %v", name, values, errs)
		}
	}
}

func TestSequenceIsLazyAndUsedOnce(t *testing.T) {
	t.Parallel()
	for name, start := range sequences() {
		d := whole()
		seq := start(t.Context(), endpoint.New(d))
		wantCalls(t, d)
		seq(1)
		values, errs := seq(0)
		if values != 0 || len(errs) != 1 || !errors.Is(errs[0], endpoint.ErrInvalid) {
			t.Errorf("%s, ranged again: %d values, errors %v", name, values, errs)
		}
		if len(d.calls) != 1 {
			t.Errorf("%s: driver was asked %q", name, d.calls)
		}
	}
}

func TestSequenceEndsWithOneErrorWrappedOnce(t *testing.T) {
	t.Parallel()
	ops := map[string]string{"refs": "list", "marks": "scan"}
	for name, start := range sequences() {
		d := whole()
		d.err = &endpoint.Error{Code: endpoint.Throttled, RetryAfter: time.Minute, Err: errors.New("slow down")}
		values, errs := start(t.Context(), endpoint.New(d))(0)
		if values != 2 || len(errs) != 1 {
			t.Fatalf("%s: %d values, errors %v", name, values, errs)
		}
		op := name
		if ops[name] != "" {
			op = ops[name]
		}
		e, ok := errors.AsType[*endpoint.Error](errs[0])
		if !ok || e.Op != op || e.Driver != "mem" || e.Code != endpoint.Throttled || e.RetryAfter != time.Minute {
			t.Errorf("%s: error %+v", name, errs[0])
		}
		if got, want := errs[0].Error(), "mem "+op+": throttled: slow down"; got != want {
			t.Errorf("error is %q, want %q", got, want)
		}
	}
}

func TestErrorWithoutCodeIsUnknown(t *testing.T) {
	t.Parallel()
	cause := errors.New("no idea")
	_, err := collect(endpoint.New(&scripted{err: cause}).Folders(t.Context()))
	if !errors.Is(err, cause) || err.Error() != "mem folders: failed: no idea" {
		t.Errorf("error: %v", err)
	}
	wantCode(t, err, endpoint.Unknown)
}

func TestContextErrorsAreNotWrapped(t *testing.T) {
	t.Parallel()
	for _, cause := range []error{context.Canceled, context.DeadlineExceeded, fmt.Errorf("fetch: %w", context.Canceled)} {
		_, err := collect(endpoint.New(&scripted{err: cause}).Folders(t.Context()))
		if err != cause { //nolint:errorlint // the very same
			t.Errorf("%v became %v", cause, err)
		}
	}
}

// A driver's own timeout is no end of the caller's context, although package net says that it is
// context.DeadlineExceeded.
func TestTimeoutOfDriverIsWrapped(t *testing.T) {
	t.Parallel()
	cause := endpoint.Errorf(endpoint.Unavailable, "dial: %w", context.DeadlineExceeded)
	_, err := collect(endpoint.New(&scripted{err: cause}).Folders(t.Context()))
	e, ok := errors.AsType[*endpoint.Error](err)
	if !ok || e.Op != "folders" || e.Code != endpoint.Unavailable {
		t.Errorf("error: %#v", err)
	}
}

func TestEndedContextReachesNoDriver(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d := whole()
	for name, start := range sequences() {
		values, errs := start(ctx, endpoint.New(d))(0)
		if values != 0 || len(errs) != 1 || !errors.Is(errs[0], context.Canceled) {
			t.Errorf("%s: %d values, errors %v", name, values, errs)
		}
	}
	for name, err := range otherCalls(ctx, endpoint.New(d)) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
	wantCalls(t, d)
}

func TestClosedMailbox(t *testing.T) {
	t.Parallel()
	d := whole()
	m := endpoint.New(d)
	if err := errors.Join(m.Close(), m.Close()); err != nil {
		t.Fatal(err)
	}
	for name, start := range sequences() {
		if values, errs := start(t.Context(), m)(0); values != 0 || len(errs) != 1 || !errors.Is(errs[0], endpoint.ErrInvalid) {
			t.Errorf("%s: %d values, errors %v", name, values, errs)
		}
	}
	for name, err := range otherCalls(t.Context(), m) {
		if !errors.Is(err, endpoint.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	wantCalls(t, d, "Close")
}

func TestCloseError(t *testing.T) {
	t.Parallel()
	m := endpoint.New(&scripted{err: endpoint.Errorf(endpoint.Unavailable, "lost")})
	if err := m.Close(); err == nil || err.Error() != "mem close: unavailable: lost" {
		t.Errorf("error: %v", err)
	}
	if err := m.Close(); err != nil {
		t.Errorf("closed again: %v", err)
	}
}

// otherCalls calls the methods of a mailbox that return no sequence.
func otherCalls(ctx context.Context, m *endpoint.Mailbox) map[string]error {
	f := endpoint.Folder{ID: "1", Path: []string{"A"}}
	_, caps := m.Capabilities(ctx)
	_, created := m.CreateFolder(ctx, f)
	_, quota := m.Quota(ctx)
	_, state := m.State(ctx, f, "1")
	return map[string]error{
		"Capabilities": caps, "State": state, "CreateFolder": created, "Quota": quota,
		"DeleteFolder": m.DeleteFolder(ctx, f), "Subscribe": m.Subscribe(ctx, f),
	}
}

func TestMissingAbilitiesReachNoDriver(t *testing.T) {
	t.Parallel()
	d := &scripted{}
	errs := otherCalls(t.Context(), endpoint.New(d))
	if errs["Capabilities"] != nil {
		t.Fatal(errs["Capabilities"])
	}
	for _, name := range []string{"State", "CreateFolder", "DeleteFolder", "Subscribe", "Quota"} {
		if !errors.Is(errs[name], endpoint.ErrUnsupported) {
			t.Errorf("%s: %v", name, errs[name])
		}
	}
	wantCalls(t, d, "Capabilities")
	if got := errs["Subscribe"].Error(); got != "mem subscribe: not supported" {
		t.Errorf("error is %q", got)
	}
}

func TestAbilitiesReachTheDriver(t *testing.T) {
	t.Parallel()
	d := whole()
	m := endpoint.New(d)
	for name, err := range otherCalls(t.Context(), m) {
		if err != nil && name != "Quota" {
			t.Errorf("%s: %v", name, err)
		}
	}
	wantCalls(t, d, "Capabilities", "CreateFolder", "State", "DeleteFolder", "Subscribe")
	d.err = endpoint.Errorf(endpoint.Denied, "ask the owner")
	err := m.DeleteFolder(t.Context(), endpoint.Folder{})
	if err == nil || err.Error() != "mem delete folder: denied: ask the owner" {
		t.Errorf("error: %v", err)
	}
}

func TestCreateFolderChecksThePath(t *testing.T) {
	t.Parallel()
	d := whole()
	for _, path := range [][]string{nil, {""}, {"A", ""}} {
		_, err := endpoint.New(d).CreateFolder(t.Context(), endpoint.Folder{Path: path})
		wantCode(t, err, endpoint.Invalid)
	}
	wantCalls(t, d, "Capabilities", "Capabilities", "Capabilities")
}

func TestCapabilitiesAreAskedUntilTheyAreKnown(t *testing.T) {
	t.Parallel()
	d := &scripted{err: endpoint.Errorf(endpoint.Unauthenticated, "check the password"), caps: endpoint.Capabilities{MaxItem: 7}}
	m := endpoint.New(d)
	_, err := m.Capabilities(t.Context())
	if !errors.Is(err, endpoint.ErrUnauthenticated) || !strings.HasPrefix(err.Error(), "mem connect: ") {
		t.Errorf("error: %v", err)
	}
	d.err = nil
	for range 2 {
		caps, err := m.Capabilities(t.Context())
		if err != nil || caps.MaxItem != 7 || caps.Concurrency != 1 {
			t.Errorf("capabilities: %+v, %v", caps, err)
		}
	}
	wantCalls(t, d, "Capabilities", "Capabilities")
}

func TestTypeThatNoMarkCanCarry(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"IMAP", "toolong", "a.b", "a b"} {
		d := &scripted{typeName: name}
		_, err := endpoint.New(d).Capabilities(t.Context())
		wantCode(t, err, endpoint.Invalid)
		wantCalls(t, d)
	}
}

func TestBadValuesAreDamage(t *testing.T) {
	t.Parallel()
	both := endpoint.Body{Ref: "1", Content: text("a"), Err: errors.New("x")}
	cases := map[string]struct {
		d        *scripted
		sequence string
	}{
		"folder without ID":         {&scripted{folders: []endpoint.Folder{{Path: []string{"A"}}}}, "folders"},
		"folder without path":       {&scripted{folders: []endpoint.Folder{{ID: "1"}}}, "folders"},
		"folder without a name":     {&scripted{folders: []endpoint.Folder{{ID: "1", Path: []string{"A", ""}}}}, "folders"},
		"item without ref":          {&scripted{items: []endpoint.Item{{Kind: endpoint.Mail}}}, "list"},
		"item without kind":         {&scripted{items: []endpoint.Item{{Ref: "1"}}}, "list"},
		"body without anything":     {&scripted{bodies: []endpoint.Body{{Ref: "1"}}}, "read"},
		"body with content and err": {&scripted{bodies: []endpoint.Body{both}}, "read"},
	}
	for name, c := range cases {
		values, errs := sequences()[c.sequence](t.Context(), endpoint.New(c.d))(0)
		if values != 0 || len(errs) != 1 || !errors.Is(errs[0], endpoint.ErrDamaged) {
			t.Errorf("%s: %d values, errors %v", name, values, errs)
		}
	}
}

func TestBodyErrorIsWrapped(t *testing.T) {
	t.Parallel()
	d := &scripted{bodies: []endpoint.Body{{Ref: "1", Err: endpoint.Errorf(endpoint.NotFound, "gone")}}}
	bodies, err := collect(endpoint.New(d).Read(t.Context(), endpoint.Folder{}, []string{"1"}, endpoint.ReadOptions{}))
	if err != nil || len(bodies) != 1 || bodies[0].Err.Error() != "mem read: not found: gone" {
		t.Errorf("bodies %+v, %v", bodies, err)
	}
}

func TestPutWithoutResultIsInDoubt(t *testing.T) {
	t.Parallel()
	d := &scripted{results: []endpoint.PutResult{{Mark: mark(2), Ref: "7"}}}
	items := []endpoint.Put{put(1), put(2), put(3), put(4)}
	results, err := collect(endpoint.New(d).Put(t.Context(), endpoint.Folder{}, items))
	if err != nil || len(results) != 4 || results[0].Ref != "7" || results[0].Err != nil {
		t.Fatalf("results %+v, %v", results, err)
	}
	for i, want := range []watermark.Mark{mark(1), mark(3), mark(4)} {
		if r := results[i+1]; r.Mark != want {
			t.Errorf("result %d is for %v, want %v", i+1, r.Mark, want)
		}
		wantCode(t, results[i+1].Err, endpoint.InDoubt)
	}
}

func TestPutInventsNoResultAfterAnError(t *testing.T) {
	t.Parallel()
	d := &scripted{
		results: []endpoint.PutResult{{Mark: mark(1), Err: endpoint.Errorf(endpoint.OverQuota, "full")}},
		err:     endpoint.Errorf(endpoint.Unavailable, "lost"),
	}
	results, err := collect(endpoint.New(d).Put(t.Context(), endpoint.Folder{}, []endpoint.Put{put(1), put(2)}))
	wantCode(t, err, endpoint.Unavailable)
	if len(results) != 1 || results[0].Err.Error() != "mem put: mailbox full: full" {
		t.Errorf("results: %+v", results)
	}
}

func TestPutAnswersNobodyAskedFor(t *testing.T) {
	t.Parallel()
	for name, results := range map[string][]endpoint.PutResult{
		"another item": {{Mark: mark(9)}},
		"twice":        {{Mark: mark(1)}, {Mark: mark(1)}},
	} {
		d := &scripted{results: results}
		got, err := collect(endpoint.New(d).Put(t.Context(), endpoint.Folder{}, []endpoint.Put{put(1), put(2)}))
		wantCode(t, err, endpoint.InDoubt)
		if len(got) != len(results)-1 {
			t.Errorf("%s: results %+v", name, got)
		}
	}
}

func TestPutChecksItems(t *testing.T) {
	t.Parallel()
	with := func(change func(*endpoint.Put)) []endpoint.Put {
		bad := put(2)
		change(&bad)
		return []endpoint.Put{put(1), bad}
	}
	for name, items := range map[string][]endpoint.Put{
		"no kind":       with(func(p *endpoint.Put) { p.Kind = 0 }),
		"no content":    with(func(p *endpoint.Put) { p.Content = nil }),
		"negative size": with(func(p *endpoint.Put) { p.Content = sized{text("x"), -1} }),
		"no type":       with(func(p *endpoint.Put) { p.Mark.Types.Source = "" }),
		"bad type":      with(func(p *endpoint.Put) { p.Mark.Types.Destination = "x y" }),
		"same mark":     {put(1), put(2), put(1)},
	} {
		d := whole()
		results, err := collect(endpoint.New(d).Put(t.Context(), endpoint.Folder{}, items))
		if len(results) != 0 || !errors.Is(err, endpoint.ErrInvalid) {
			t.Errorf("%s: results %+v, %v", name, results, err)
		}
		wantCalls(t, d)
	}
}

// Leaving the loop at a result that the mailbox adds, too, must end the sequence.
func TestPutLeftAtAnAddedResult(t *testing.T) {
	t.Parallel()
	values, errs := sequences()["put"](t.Context(), endpoint.New(&scripted{}))(1)
	if values != 1 || errs != nil {
		t.Errorf("%d values, errors %v", values, errs)
	}
}

// sized is a content that lies about its size.
type sized struct {
	endpoint.Content
	size int64
}

func (c sized) Size() int64 { return c.size }

func TestBodiesHaveTheirSize(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name string
		size int64
		want error
	}{
		{"exact", 4, nil},
		{"longer than said", 3, endpoint.ErrDamaged},
		{"much longer than said", 0, endpoint.ErrDamaged},
		{"shorter than said", 5, io.ErrUnexpectedEOF},
	}
	for _, c := range cases {
		content := readOne(t, sized{text("four"), c.size})
		if content.Size() != c.size {
			t.Errorf("%s: size %d", c.name, content.Size())
		}
		for name, slow := range map[string]func(io.Reader) io.Reader{
			"at once": func(r io.Reader) io.Reader { return r }, "byte by byte": iotest.OneByteReader,
		} {
			r, err := content.Open()
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(slow(r))
			if !errors.Is(err, c.want) || err == nil && string(b) != "four" {
				t.Errorf("%s, %s: read %q, %v", c.name, name, b, err)
			}
			if err != nil {
				wantCode(t, err, endpoint.Damaged)
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// unopenable is a content that cannot be opened.
type unopenable struct{ endpoint.Content }

func (unopenable) Open() (io.ReadCloser, error) { return nil, os.ErrClosed }

func TestBodyThatCannotBeOpened(t *testing.T) {
	t.Parallel()
	if r, err := readOne(t, unopenable{text("x")}).Open(); r != nil || !errors.Is(err, os.ErrClosed) {
		t.Errorf("opened %v, %v", r, err)
	}
}

// readOne returns a content as a mailbox hands it out.
func readOne(t *testing.T, c endpoint.Content) endpoint.Content {
	t.Helper()
	d := &scripted{bodies: []endpoint.Body{{Ref: "1", Content: c}}}
	bodies, err := collect(endpoint.New(d).Read(t.Context(), endpoint.Folder{}, []string{"1"}, endpoint.ReadOptions{}))
	if err != nil || len(bodies) != 1 {
		t.Fatalf("bodies %+v, %v", bodies, err)
	}
	return bodies[0].Content
}

func TestMailboxShowsItsDriver(t *testing.T) {
	t.Parallel()
	d := whole()
	m := endpoint.New(d)
	if m.Driver() != d || m.Info() != d.Info() || m.Wire() != (endpoint.Wire{}) {
		t.Errorf("driver %v, info %+v", m.Driver(), m.Info())
	}
}
