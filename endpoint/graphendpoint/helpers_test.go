package graphendpoint

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/internal/graphserve"
)

const address = "ann@new.example"

// validator reads the description of the service once for all tests of the package, because that takes a quarter of a second.
//
//nolint:gochecknoglobals // the value is the same for all
var validator = sync.OnceValues(func() (http.RoundTripper, error) {
	v, skip, err := graphserve.NewValidator(context.Background(), nil)
	if v == nil {
		return unvalidated{skip}, err
	}
	return v, err
})

// unvalidated carries requests where there is no description.
type unvalidated struct{ reason string }

func (unvalidated) RoundTrip(r *http.Request) (*http.Response, error) {
	return http.DefaultTransport.RoundTrip(r)
}

// carrier returns what carries the requests of tests: held against the description of the service where that is given.
func carrier(t testing.TB) http.RoundTripper {
	t.Helper()
	v, err := validator()
	if err != nil {
		t.Fatal(err)
	}
	return witness{t, v}
}

// witness fails the test at a request that the description does not know, whatever becomes of the error.
type witness struct {
	t    testing.TB
	next http.RoundTripper
}

func (w witness) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := w.next.RoundTrip(r)
	if errors.Is(err, graphserve.ErrNotDescribed) {
		w.t.Error(err)
	}
	return resp, err
}

// TestRequestsAreDescribed says whether the requests of all tests of the package were held against the description.
func TestRequestsAreDescribed(t *testing.T) {
	t.Parallel()
	v, err := validator()
	if err != nil {
		t.Fatal(err)
	}
	if u, ok := v.(unvalidated); ok {
		t.Skip(u.reason)
	}
}

func startServer(t testing.TB, quirks graphserve.Quirks) *graphserve.Server {
	t.Helper()
	s := graphserve.New(graphserve.Config{Quirks: quirks})
	t.Cleanup(s.Close)
	return s
}

func testDriver(t testing.TB, s *graphserve.Server, change func(*Config)) *driver {
	t.Helper()
	cfg := Config{User: address, Root: s.URL(), Credential: Token(graphserve.DefaultToken), Transport: carrier(t)}
	if change != nil {
		change(&cfg)
	}
	d, err := newDriver(cfg)
	if err != nil {
		t.Fatal(err)
	}
	d.timing = timing{50 * time.Millisecond, 0}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func testMailbox(t testing.TB, s *graphserve.Server) *endpoint.Mailbox {
	t.Helper()
	return endpoint.New(testDriver(t, s, nil))
}
