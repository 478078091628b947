package endpoint_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/watermark"
)

// scripted is a driver that answers what a test says, right or wrong, and notes what it was asked.
type scripted struct {
	endpoint.Unimplemented
	typeName string // default "mem"
	caps     endpoint.Capabilities
	folders  []endpoint.Folder
	items    []endpoint.Item
	refs     []string
	marks    []endpoint.Sighting
	bodies   []endpoint.Body
	results  []endpoint.PutResult
	err      error // ends every sequence and fails every other method

	mu    sync.Mutex
	calls []string
}

func (d *scripted) asked(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls = append(d.calls, name)
}

// answer yields values, then the error of the script.
func answer[T any](d *scripted, name string, values []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		d.asked(name)
		for _, v := range values {
			if !yield(v, nil) {
				return
			}
		}
		var none T
		if d.err != nil && yield(none, d.err) {
			yield(none, errors.New("a second error"))
		}
	}
}

func (d *scripted) Info() endpoint.Info {
	if d.typeName != "" {
		return endpoint.Info{Type: d.typeName}
	}
	return endpoint.Info{Type: "mem", Driver: "scripted/1"}
}

func (d *scripted) Capabilities(context.Context) (endpoint.Capabilities, error) {
	d.asked("Capabilities")
	return d.caps, d.err
}

func (d *scripted) Folders(context.Context) iter.Seq2[endpoint.Folder, error] {
	return answer(d, "Folders", d.folders)
}

func (d *scripted) State(context.Context, endpoint.Folder, string) (string, error) {
	d.asked("State")
	return "2", d.err
}

func (d *scripted) List(context.Context, endpoint.Folder, string) iter.Seq2[endpoint.Item, error] {
	return answer(d, "List", d.items)
}

func (d *scripted) Refs(context.Context, endpoint.Folder) iter.Seq2[string, error] {
	return answer(d, "Refs", d.refs)
}

func (d *scripted) Read(context.Context, endpoint.Folder, []string, endpoint.ReadOptions) iter.Seq2[endpoint.Body, error] {
	return answer(d, "Read", d.bodies)
}

func (d *scripted) Marks(context.Context, endpoint.Folder, string) iter.Seq2[endpoint.Sighting, error] {
	return answer(d, "Marks", d.marks)
}

func (d *scripted) Put(context.Context, endpoint.Folder, []endpoint.Put) iter.Seq2[endpoint.PutResult, error] {
	return answer(d, "Put", d.results)
}

func (d *scripted) CreateFolder(_ context.Context, f endpoint.Folder) (endpoint.Folder, error) {
	d.asked("CreateFolder")
	return f, d.err
}

func (d *scripted) DeleteFolder(context.Context, endpoint.Folder) error {
	d.asked("DeleteFolder")
	return d.err
}

func (d *scripted) Subscribe(context.Context, endpoint.Folder) error {
	d.asked("Subscribe")
	return d.err
}

func (d *scripted) Close() error {
	d.asked("Close")
	return d.err
}

// whole is a driver whose every sequence has two good values.
func whole() *scripted {
	return &scripted{
		caps:    endpoint.Capabilities{StateSince: true, CreateFolder: true, DeleteFolder: true, Subscribe: true},
		folders: []endpoint.Folder{{ID: "1", Path: []string{"A"}}, {ID: "2", Path: []string{"B"}}},
		items:   []endpoint.Item{{Ref: "1", Kind: endpoint.Mail}, {Ref: "2", Kind: endpoint.Mail}},
		refs:    []string{"1", "2"},
		marks:   []endpoint.Sighting{{Ref: "1"}, {Ref: "2"}},
		bodies:  []endpoint.Body{{Ref: "1", Content: text("a")}, {Ref: "2", Content: text("b")}},
		results: []endpoint.PutResult{{Mark: mark(1)}, {Mark: mark(2)}},
	}
}

func text(s string) endpoint.Content { return endpoint.Bytes(endpoint.RFC822, []byte(s)) }

// mark returns a mark that differs from the other marks; nobody here verifies it.
func mark(n byte) watermark.Mark {
	return watermark.Mark{Types: watermark.Types{Source: "mem", Destination: "mem"}, Item: watermark.ID{n}}
}

func put(n byte) endpoint.Put {
	return endpoint.Put{Mark: mark(n), Kind: endpoint.Mail, Content: text("x")}
}

// sequences are the methods of a mailbox that return one. Each, given a mailbox, calls the method
// once and returns what ranges over the sequence.
func sequences() map[string]func(context.Context, *endpoint.Mailbox) ranger {
	var f endpoint.Folder
	return map[string]func(context.Context, *endpoint.Mailbox) ranger{
		"folders": func(ctx context.Context, m *endpoint.Mailbox) ranger { return over(m.Folders(ctx)) },
		"list":    func(ctx context.Context, m *endpoint.Mailbox) ranger { return over(m.List(ctx, f, "")) },
		"refs":    func(ctx context.Context, m *endpoint.Mailbox) ranger { return over(m.Refs(ctx, f)) },
		"marks":   func(ctx context.Context, m *endpoint.Mailbox) ranger { return over(m.Marks(ctx, f, "")) },
		"read": func(ctx context.Context, m *endpoint.Mailbox) ranger {
			return over(m.Read(ctx, f, []string{"1", "2"}, endpoint.ReadOptions{}))
		},
		"put": func(ctx context.Context, m *endpoint.Mailbox) ranger {
			return over(m.Put(ctx, f, []endpoint.Put{put(1), put(2)}))
		},
	}
}

// ranger ranges over a sequence until it has seen limit values, and returns how many it saw and the
// errors that came.
type ranger func(limit int) (values int, errs []error)

func over[T any](seq iter.Seq2[T, error]) ranger {
	return func(limit int) (values int, errs []error) {
		for _, err := range seq {
			if err != nil {
				errs = append(errs, err)
				continue
			}
			if values++; values == limit {
				break
			}
		}
		return values, errs
	}
}

// collect returns what a sequence yields and the error that ends it.
func collect[T any](seq iter.Seq2[T, error]) (list []T, err error) {
	for v, err := range seq {
		if err != nil {
			return list, err
		}
		list = append(list, v)
	}
	return list, nil
}

func wantCalls(t *testing.T, d *scripted, want ...string) {
	t.Helper()
	if !slices.Equal(d.calls, want) {
		t.Errorf("driver was asked %q, want %q", d.calls, want)
	}
}

func wantCode(t *testing.T, err error, code endpoint.Code) {
	t.Helper()
	if err == nil || endpoint.CodeOf(err) != code {
		t.Errorf("error is %v, want code %v", err, code)
	}
}

func TestUnimplemented(t *testing.T) {
	t.Parallel()
	var d endpoint.Unimplemented
	ctx, f := t.Context(), endpoint.Folder{}
	_, created := d.CreateFolder(ctx, f)
	_, state := d.State(ctx, f, "")
	_, quota := d.Quota(ctx)
	_, written := collect(d.Put(ctx, f, []endpoint.Put{put(1)}))
	_, deleted := collect(d.Delete(ctx, f, nil))
	_, flags := collect(d.Flags(ctx, f, nil))
	_, flagged := collect(d.SetFlags(ctx, f, nil))
	_, found := collect(d.Find(ctx, f, ""))
	for name, err := range map[string]error{
		"State": state, "CreateFolder": created, "DeleteFolder": d.DeleteFolder(ctx, f), "Subscribe": d.Subscribe(ctx, f),
		"Quota": quota, "Put": written, "Delete": deleted, "Flags": flags, "SetFlags": flagged, "Find": found,
	} {
		if !errors.Is(err, endpoint.ErrUnsupported) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if d.Wire() != (endpoint.Wire{}) {
		t.Errorf("wire: %+v", d.Wire())
	}
}

func TestErrorTextHasNoDriverTwice(t *testing.T) {
	t.Parallel()
	inner := endpoint.New(&scripted{err: endpoint.Errorf(endpoint.Denied, "ask the owner")})
	_, err := collect(inner.Refs(t.Context(), endpoint.Folder{}))
	_, again := collect(endpoint.New(&scripted{err: err}).Refs(t.Context(), endpoint.Folder{}))
	if got := again.Error(); strings.Count(got, "mem list") != 1 || !strings.HasSuffix(got, "denied: ask the owner") {
		t.Errorf("error: %q", got)
	}
}
