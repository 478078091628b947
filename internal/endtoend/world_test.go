package endtoend_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/imapendpoint"
	"github.com/dandyroll/dandyroll/internal/dovecot"
	"github.com/dandyroll/dandyroll/internal/imapraw"
	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store/badgerstore"
	"github.com/dandyroll/dandyroll/watermark"
)

// world is two Dovecots of different make, a key and a state directory.
type world struct {
	t        *testing.T
	src, dst *dovecot.Server
	key      watermark.Key
	state    string
	name     string          // of the user on both servers
	mails    int             // delivered so far
	a, b     *imapraw.Client // users of the source and of the destination
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{
		t:     t,
		src:   dovecot.Start(t, dovecot.Config{Format: "sdbox", Separator: "/", NoFsync: true}),
		dst:   dovecot.Start(t, dovecot.Config{Format: "maildir", Separator: ".", Prefix: "INBOX.", NoFsync: true}),
		key:   watermark.NewKey(),
		state: filepath.Join(t.TempDir(), "state"),
		name:  "ann",
	}
	w.a, w.b = user(t, w.src), user(t, w.dst)
	return w
}

func user(t *testing.T, s *dovecot.Server) *imapraw.Client {
	t.Helper()
	return login(t, s, "ann")
}

func login(t *testing.T, s *dovecot.Server, name string) *imapraw.Client {
	t.Helper()
	c := imapraw.Dial(t, s.Addr())
	c.Login(name, "secret")
	return c
}

func (w *world) mailbox(ctx context.Context, s *dovecot.Server) *endpoint.Mailbox {
	w.t.Helper()
	m, err := imapendpoint.Open(ctx, imapendpoint.Config{
		Addr: s.Addr(), Security: imapendpoint.Plaintext, Username: w.name, Password: "secret",
	})
	w.must(err)
	w.t.Cleanup(func() { _ = m.Close() })
	return m
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// try runs a pass in a fresh engine over fresh connections, as a program that is started again does.
func (w *world) try(ctx context.Context, o pass.Options) (r *pass.Report, err error) {
	w.t.Helper()
	w.with(ctx, func(e *pass.Engine, p pass.Pair) { r, err = e.Run(ctx, p, o) })
	if !r.Closes() {
		w.t.Errorf("report does not close: %+v", r)
	}
	return r, err
}

// with hands a fresh engine and the pair, over fresh connections, to a function.
func (w *world) with(ctx context.Context, do func(*pass.Engine, pass.Pair)) {
	w.t.Helper()
	db, err := badgerstore.Open(w.state, &badgerstore.Options{Key: w.key})
	w.must(err)
	defer func() { w.must(db.Close()) }()
	e, err := pass.New(pass.Config{Store: db, Key: w.key})
	w.must(err)
	src, dst := w.mailbox(ctx, w.src), w.mailbox(ctx, w.dst)
	defer func() { w.must(src.Close()); w.must(dst.Close()) }()
	do(e, pass.Pair{ID: "ann", Source: src, Destination: dst})
}

func (w *world) run(o pass.Options) *pass.Report {
	w.t.Helper()
	r, err := w.try(w.t.Context(), o)
	w.must(err)
	if !r.Complete {
		w.t.Fatalf("pass is not complete:\n%v%+v", r, r.Failures)
	}
	return r
}

func want(t *testing.T, r *pass.Report, c pass.Counts) {
	t.Helper()
	have := r.Totals
	have.Bytes = 0
	if have != c {
		t.Errorf("totals\n have %+v\n want %+v\nfailures %+v\nwarnings %v", have, c, r.Failures, r.Warnings)
	}
}

// target is the name at the destination of a folder of the source.
func target(folder string) string {
	if folder == "INBOX" {
		return folder
	}
	return "INBOX." + strings.ReplaceAll(strings.ReplaceAll(folder, ".", "=2E"), "/", ".")
}

// content is what must be the same on both sides.
type content struct {
	body, flags, date string
}

func contents(messages []imapraw.Message, strip func([]byte) []byte) []content {
	var all []content
	for _, m := range messages {
		all = append(all, content{string(strip(m.Body)), fmt.Sprint(m.Flags), m.InternalDate})
	}
	slices.SortFunc(all, func(a, b content) int {
		return cmp.Or(cmp.Compare(a.body, b.body), cmp.Compare(a.flags, b.flags), cmp.Compare(a.date, b.date))
	})
	return all
}

// same compares bytes, flags, keywords and dates of a folder on both sides.
func (w *world) same(folder string) {
	w.t.Helper()
	source := contents(w.a.Messages(folder), bytes.Clone)
	have := contents(w.b.Messages(target(folder)), unmarked)
	if len(source) != len(have) {
		w.t.Errorf("%s: %d messages at the destination, %d at the source", folder, len(have), len(source))
		return
	}
	for i := range source {
		if source[i] != have[i] {
			w.t.Errorf("%s: message %d differs: %.80q %s %s, want %.80q %s %s", folder, i,
				have[i].body, have[i].flags, have[i].date, source[i].body, source[i].flags, source[i].date)
			return
		}
	}
}

func sameMessage(a, b imapraw.Message) bool {
	return a.UID == b.UID && slices.Equal(a.Flags, b.Flags) && a.InternalDate == b.InternalDate && bytes.Equal(a.Body, b.Body)
}
