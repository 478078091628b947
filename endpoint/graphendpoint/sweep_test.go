package graphendpoint

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/memendpoint"
	"github.com/dandyroll/dandyroll/internal/graphserve"
	"github.com/dandyroll/dandyroll/internal/prove"
	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store/memstore"
	"github.com/dandyroll/dandyroll/watermark"
)

// TestProveGraphFaults migrates a mailbox of all kinds to the service while one of its requests fails, each of them in turn and in
// several ways. Whatever became of that pass, the next ones bring every item, whole and once.
func TestProveGraphFaults(t *testing.T) {
	t.Parallel()
	for _, route := range []string{"json", "import", "upload"} {
		t.Run(route, func(t *testing.T) {
			t.Parallel()
			clean := newVoyage(t, route)
			if r := clean.sail(t, 1); r.Totals.Failed > 0 {
				t.Fatalf("a pass without faults: %v %v", r, r.Failures)
			}
			requests, want := len(clean.dst.Requests()), clean.snapshot(t)
			if again := clean.sail(t, 1); again.Totals.Already != again.Totals.Listed {
				t.Errorf("the second pass: %+v", again.Totals)
			}
			var mu sync.Mutex
			var figures prove.Figures
			t.Run("faults", func(t *testing.T) {
				for _, tr := range trials(requests) {
					t.Run(tr.String(), func(t *testing.T) {
						t.Parallel()
						v := newVoyage(t, route)
						v.dst.Inject(graphserve.Fault{Skip: tr.request, Kind: tr.kind})
						v.sail(t, 4)
						lost, more := difference(want, v.snapshot(t))
						if len(lost)+len(more) > 0 {
							t.Errorf("missing: %q, not expected: %q", lost, more)
						}
						mu.Lock()
						defer mu.Unlock()
						figures.Tried++
						figures.Lost += len(lost)
						figures.Duplicated += len(more)
					})
				}
			})
			prove.Record(t, "faults of Graph, by "+route, figures)
		})
	}
}

// A message that is too much for an import goes as MIME.
func TestGreatMailGoesAsMIME(t *testing.T) {
	t.Parallel()
	v := newVoyage(t, "import")
	_, err := v.bob.Mailbox(address).Deliver("inbox", largeMail(25_000), graphserve.Delivery{})
	noError(t, err)
	if r := v.sail(t, 1); r.Totals.Migrated != 5 {
		t.Errorf("%+v, want five migrated", r.Totals)
	}
	if n := v.dst.Count(postImport); n != 5 {
		t.Errorf("%d imports, want five, of which one was refused", n)
	}
	if again := v.sail(t, 1); again.Totals.Already != 5 {
		t.Errorf("the second pass: %+v", again.Totals)
	}
}

// largeMail has an attachment of so many lines of 72 bytes. With 60,000, it takes an upload of its own.
func largeMail(lines int) []byte {
	return []byte("MIME-Version: 1.0\r\nSubject: large\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n" +
		"--b\r\nContent-Type: application/octet-stream; name=large.bin\r\nContent-Disposition: attachment; filename=large.bin\r\n\r\n" +
		strings.Repeat(strings.Repeat("0123456789", 7)+"\r\n", lines) + "\r\n--b--\r\n")
}

// trial is a request of the first pass that fails in some way.
type trial struct {
	request int
	kind    graphserve.FaultKind
}

func (tr trial) String() string { return fmt.Sprintf("request %d fault %d", tr.request, tr.kind) }

// trials returns every request with three or four of the faults, by turns, or, in the short form, each sixteenth request with one of
// them. All of them with all faults would be some 5,000 trials and a quarter of an hour on two cores.
func trials(requests int) []trial {
	kinds := []graphserve.FaultKind{
		graphserve.ResetAfter, graphserve.TimeoutAfter, graphserve.Truncated, graphserve.UnavailableBefore, graphserve.UnavailableAfter,
		graphserve.Throttled, graphserve.TimeoutBefore, graphserve.ServerErrorBefore, graphserve.TokenExpired, graphserve.Forbidden,
		graphserve.MailboxNotEnabled, graphserve.CorruptData, graphserve.ResetBefore,
	}
	var all []trial
	for n := range requests {
		for i, kind := range kinds {
			if prove.Long() && (n+i)%4 == 0 || n%16 == 0 && n/16%len(kinds) == i {
				all = append(all, trial{n, kind})
			}
		}
	}
	return all
}

// voyage is a source in memory, a destination of the service, and a program that migrates from one to the other.
type voyage struct {
	src   *memendpoint.Server
	bob   *graphserve.Server // the source instead of src, if mail is to be exported
	dst   *graphserve.Server
	box   *graphserve.Mailbox
	store *memstore.Store
	key   watermark.Key
}

func newVoyage(t *testing.T, route string) *voyage {
	t.Helper()
	v := &voyage{dst: graphserve.New(graphserve.Config{}), store: memstore.New(), key: watermark.NewKey()}
	t.Cleanup(v.dst.Close)
	v.box = v.dst.AddMailbox(address, "Ann")
	switch route {
	case "import":
		v.bob = startServer(t, graphserve.Quirks{})
		box := v.bob.AddMailbox(address, "Ann")
		for n := range 4 {
			_, err := box.Deliver("inbox", fmt.Appendf(nil, "Subject: mail %d\r\n\r\nbody\r\n", n), graphserve.Delivery{Read: n%2 == 0})
			noError(t, err)
		}
	case "json":
		v.src = memendpoint.NewServer()
		v.fill(t)
	case "upload":
		v.src = memendpoint.NewServer()
		v.deliver(t, "INBOX", endpoint.Mail, []byte("Subject: one\r\n\r\nbody\r\n"), largeMail(prove.Scale(1_000, 60_000)))
	}
	return v
}

// fill puts items of each kind into the source: some that one request writes, and some that take several.
func (v *voyage) fill(t *testing.T) {
	t.Helper()
	v.deliver(t, "INBOX", endpoint.Mail, []byte("Subject: one\r\n\r\nbody\r\n"), example(t, "messages/alternative.eml"))
	v.deliver(t, "Meetings", endpoint.Event, example(t, "events/all-day.ics"), example(t, "events/exceptions-over-dst.ics"), example(t, "events/attachments.ics"))
	v.deliver(t, "People", endpoint.Contact, example(t, "contacts/minimal.vcf"), example(t, "contacts/photo_v4.vcf"))
	v.deliver(t, "Chores", endpoint.Task, example(t, "tasks/minimal.ics"), example(t, "tasks/checklist.ics"))
}

// deliver makes a folder at the source and puts items into it.
func (v *voyage) deliver(t *testing.T, folder string, kind endpoint.Kind, bodies ...[]byte) {
	t.Helper()
	open := v.src.Open(nil)
	_, err := open.CreateFolder(t.Context(), endpoint.Folder{Path: []string{folder}, Kinds: []endpoint.Kind{kind}})
	noError(t, err)
	for _, body := range bodies {
		_, err := v.src.Deliver([]string{folder}, memendpoint.Message{Kind: kind, Body: body})
		noError(t, err)
	}
}

func example(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	noError(t, err)
	return b
}

// sail runs passes, each in a new session as after a crash, until one is complete and failed nothing, and returns its report.
func (v *voyage) sail(t *testing.T, most int) *pass.Report {
	t.Helper()
	for n := 1; ; n++ {
		r, err := v.pass(t)
		if r != nil && !r.Closes() {
			t.Fatalf("pass %d does not close: %+v", n, r)
		}
		if err == nil && r.Complete && r.Totals.Failed == 0 {
			return r
		}
		if n == most {
			t.Fatalf("pass %d: %v\n%v", n, err, r)
		}
	}
}

func (v *voyage) pass(t *testing.T) (*pass.Report, error) {
	t.Helper()
	engine, err := pass.New(pass.Config{Store: v.store, Key: v.key})
	noError(t, err)
	destination := testMailbox(t, v.dst)
	defer func() { _ = destination.Close() }()
	source := v.source(t)
	defer func() { _ = source.Close() }()
	return engine.Run(t.Context(), pass.Pair{ID: "ann", Source: source, Destination: destination}, pass.Options{Window: 3, Folders: 1})
}

func (v *voyage) source(t *testing.T) *endpoint.Mailbox {
	t.Helper()
	if v.bob != nil {
		return testMailbox(t, v.bob)
	}
	return v.src.Open(nil)
}

// snapshot tells everything that is at the destination, an item a line.
func (v *voyage) snapshot(t *testing.T) []string {
	t.Helper()
	v.dst.ClearFaults()
	if n := v.dst.Invitations(); n > 0 {
		t.Errorf("%d people were invited", n)
	}
	if v.dst.LeakedTokens() > 0 || v.dst.MaxConcurrent() > maxConcurrent {
		t.Errorf("%d tokens leaked, %d requests at once", v.dst.LeakedTokens(), v.dst.MaxConcurrent())
	}
	m := testMailbox(t, v.dst)
	var all []string
	for f, err := range m.Folders(t.Context()) {
		noError(t, err)
		all = append(all, v.inFolder(t, m, f)...)
	}
	slices.Sort(all)
	return all
}

func (v *voyage) inFolder(t *testing.T, m *endpoint.Mailbox, f endpoint.Folder) []string {
	t.Helper()
	all := []string{strings.Join(f.Path, "/")}
	marks := map[string]int{}
	for s, err := range m.Marks(t.Context(), f, "") {
		noError(t, err)
		marks[s.Ref] = len(s.Marks.Marks)
	}
	var refs []string
	for ref, err := range m.Refs(t.Context(), f) {
		noError(t, err)
		refs = append(refs, ref)
	}
	for body, err := range m.Read(t.Context(), f, refs, endpoint.ReadOptions{Memory: 1 << 20, TempDir: t.TempDir()}) {
		noError(t, err)
		noError(t, body.Err)
		all = append(all, fmt.Sprintf("%s: %s, marks %d, flags %v", all[0], gist(t, body.Content), marks[body.Ref], body.Flags))
	}
	return all
}

// gist is a content without what the service makes anew each time: which lines it has, but for dates of today, IDs and boundaries.
func gist(t *testing.T, c endpoint.Content) string {
	t.Helper()
	defer func() { _ = c.Close() }()
	r, err := c.Open()
	noError(t, err)
	b, err := io.ReadAll(r)
	noError(t, err)
	var subject string
	parts := 0
	for line := range strings.Lines(string(b)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch name {
		case "Subject", "SUMMARY", "FN":
			subject += value
		case "RECURRENCE-ID", "EXDATE", "ATTACH", "PHOTO", "X-CHECKLIST-ITEM", "Content-Disposition":
			parts++
		}
	}
	return fmt.Sprintf("%q with %d parts and about %d kB", subject, parts, len(b)/2048)
}

// difference returns the lines that only one of two sorted lists has.
func difference(want, have []string) (lost, more []string) {
	for len(want)+len(have) > 0 {
		switch {
		case len(have) == 0 || len(want) > 0 && want[0] < have[0]:
			lost, want = append(lost, want[0]), want[1:]
		case len(want) == 0 || have[0] < want[0]:
			more, have = append(more, have[0]), have[1:]
		default:
			want, have = want[1:], have[1:]
		}
	}
	return lost, more
}
