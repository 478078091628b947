package endtoend_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/graphendpoint"
	"github.com/dandyroll/dandyroll/endpoint/imapendpoint"
	"github.com/dandyroll/dandyroll/internal/dovecot"
	"github.com/dandyroll/dandyroll/internal/graphserve"
	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/store/badgerstore"
	"github.com/dandyroll/dandyroll/watermark"
)

const (
	annGraph = "ann@new.example"
	bobGraph = "bob@old.example"
)

// description reads the description of the service once for all tests, because that takes a quarter of a second.
//
//nolint:gochecknoglobals // the value is the same for all
var description = sync.OnceValues(func() (*graphserve.Validator, error) {
	v, _, err := graphserve.NewValidator(context.Background(), nil)
	return v, err
})

// witness carries requests, and fails the test at one that the description of the service does not know.
type witness struct {
	t    testing.TB
	next http.RoundTripper
}

func newWitness(t testing.TB, next http.RoundTripper) http.RoundTripper {
	t.Helper()
	v, err := description()
	switch {
	case err != nil:
		t.Fatal(err)
	case v == nil && next == nil:
		return http.DefaultTransport
	case v == nil:
		return next
	case next != nil:
		v = v.With(next)
	}
	return witness{t, v}
}

func (w witness) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := w.next.RoundTrip(r)
	if errors.Is(err, graphserve.ErrNotDescribed) {
		w.t.Error(err)
	}
	return resp, err
}

// startGraph starts a fake of Microsoft Graph. At the end of the test nobody may have been invited to anything, no token
// may have gone where it does not belong, and no mailbox may have been asked too much at a time.
func startGraph(t *testing.T) *graphserve.Server {
	t.Helper()
	s := graphserve.New(graphserve.Config{})
	t.Cleanup(func() {
		if n := s.Invitations(); n != 0 {
			t.Errorf("%d people were told of a meeting", n)
		}
		if n := s.LeakedTokens(); n != 0 {
			t.Errorf("%d requests sent the token elsewhere", n)
		}
		if n := s.MaxConcurrent(); n > 4 {
			t.Errorf("%d requests at a time in one mailbox", n)
		}
		s.Close()
	})
	return s
}

// opening opens a mailbox, anew for each pass.
type opening func(context.Context) (*endpoint.Mailbox, error)

func graphBox(t testing.TB, s *graphserve.Server, user string, changes ...func(*graphendpoint.Config)) opening {
	t.Helper()
	cfg := graphendpoint.Config{
		User: user, Root: s.URL(), Credential: azcore.TokenCredential(graphendpoint.Token(graphserve.DefaultToken)), Transport: newWitness(t, nil),
	}
	for _, change := range changes {
		change(&cfg)
	}
	return func(ctx context.Context) (*endpoint.Mailbox, error) { return graphendpoint.Open(ctx, cfg) }
}

func imapBox(s *dovecot.Server) opening {
	return func(ctx context.Context) (*endpoint.Mailbox, error) {
		return imapendpoint.Open(ctx, imapendpoint.Config{
			Addr: s.Addr(), Security: imapendpoint.Plaintext, Username: "ann", Password: "secret",
		})
	}
}

// move is a pair of mailboxes of any make, a key and a state directory.
type move struct {
	t        *testing.T
	key      watermark.Key
	state    string
	src, dst opening
}

func newMove(t *testing.T, src, dst opening) *move {
	t.Helper()
	return &move{t: t, key: watermark.NewKey(), state: filepath.Join(t.TempDir(), "state"), src: src, dst: dst}
}

func (m *move) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

// try runs a pass in a fresh engine over mailboxes that were opened anew, as a program that is started again does.
func (m *move) try(ctx context.Context, o pass.Options) (r *pass.Report, err error) {
	m.t.Helper()
	m.with(ctx, func(e *pass.Engine, p pass.Pair) { r, err = e.Run(ctx, p, o) })
	if !r.Closes() {
		m.t.Errorf("report does not close: %+v", r)
	}
	return r, err
}

// with hands a fresh engine and the pair to a function.
func (m *move) with(ctx context.Context, do func(*pass.Engine, pass.Pair)) {
	m.t.Helper()
	db, err := badgerstore.Open(m.state, &badgerstore.Options{Key: m.key})
	m.must(err)
	defer func() { m.must(db.Close()) }()
	e, err := pass.New(pass.Config{Store: db, Key: m.key})
	m.must(err)
	p := pass.Pair{ID: "ann"}
	for side, open := range map[**endpoint.Mailbox]opening{&p.Source: m.src, &p.Destination: m.dst} {
		box, err := open(ctx)
		m.must(err)
		defer func() { m.must(box.Close()) }()
		*side = box
	}
	do(e, p)
}

// run runs a pass that comes to its end, and checks its counts.
func (m *move) run(o pass.Options, c pass.Counts) *pass.Report {
	m.t.Helper()
	r, err := m.try(m.t.Context(), o)
	m.must(err)
	if !r.Complete {
		m.t.Fatalf("pass is not complete:\n%v%+v", r, r.Failures)
	}
	want(m.t, r, c)
	m.t.Logf("%v, %d + %d requests or commands: %+v", r.Finished.Sub(r.Started), r.Wire.Source.Commands, r.Wire.Destination.Commands, r.Totals)
	return r
}

// reset forgets records, as many as wanted.
func (m *move) reset(f store.Filter, records, removed int) {
	m.t.Helper()
	db, err := badgerstore.Open(m.state, &badgerstore.Options{Key: m.key})
	m.must(err)
	defer func() { m.must(db.Close()) }()
	n, err := db.Reset(m.t.Context(), "ann", f, false)
	m.must(err)
	if n.Records != records || n.Removed != removed {
		m.t.Errorf("reset: %+v, want %d records and %d removed", n, records, removed)
	}
}

// lose takes the database away.
func (m *move) lose() {
	m.t.Helper()
	m.must(os.RemoveAll(m.state))
}

// TestGraphRequestsAreDescribed says whether the requests of all tests were held against the description.
func TestGraphRequestsAreDescribed(t *testing.T) {
	t.Parallel()
	v, err := description()
	if err != nil {
		t.Fatal(err)
	}
	if v == nil {
		t.Skipf("%s is not set", graphserve.DescriptionVariable)
	}
}
