package endpoint_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
)

// codes are all codes but Unknown, with the error that errors.Is finds for each.
func codes() map[endpoint.Code]error {
	return map[endpoint.Code]error{
		endpoint.NotFound: endpoint.ErrNotFound, endpoint.Exists: endpoint.ErrExists,
		endpoint.Denied: endpoint.ErrDenied, endpoint.Unauthenticated: endpoint.ErrUnauthenticated,
		endpoint.Throttled: endpoint.ErrThrottled, endpoint.TooLarge: endpoint.ErrTooLarge,
		endpoint.Rejected: endpoint.ErrRejected, endpoint.OverQuota: endpoint.ErrOverQuota,
		endpoint.Unsupported: endpoint.ErrUnsupported, endpoint.Unavailable: endpoint.ErrUnavailable,
		endpoint.Damaged: endpoint.ErrDamaged, endpoint.Stale: endpoint.ErrStale,
		endpoint.InDoubt: endpoint.ErrInDoubt, endpoint.Untrusted: endpoint.ErrUntrusted,
		endpoint.Invalid: endpoint.ErrInvalid, endpoint.Unconfirmed: endpoint.ErrUnconfirmed,
	}
}

func TestCodesAreAllDistinct(t *testing.T) {
	t.Parallel()
	const known = 17 // Unknown and the above; codes are consecutive
	names, texts := make(map[string]bool), make(map[string]bool)
	for c := range endpoint.Code(known) {
		names[c.String()] = true
		texts[(&endpoint.Error{Code: c}).Error()] = true
	}
	if len(names) != known || len(texts) != known || names[""] || len(codes()) != known-1 {
		t.Errorf("names %v, texts %v", names, texts)
	}
	for _, beyond := range []endpoint.Code{known, 255} {
		if beyond.String() != "unknown" || (&endpoint.Error{Code: beyond}).Error() != "failed" {
			t.Errorf("code %d is %v; add a code that is new to these tests", uint8(beyond), beyond)
		}
	}
}

func TestCodeMatchesItsSentinelOnly(t *testing.T) {
	t.Parallel()
	cause := errors.New("cause")
	for code := range codes() {
		err := fmt.Errorf("outer: %w", endpoint.Errorf(code, "inner: %w", cause))
		if endpoint.CodeOf(err) != code || !errors.Is(err, cause) {
			t.Errorf("%v: code %v of %v", code, endpoint.CodeOf(err), err)
		}
		for other, sentinel := range codes() {
			if errors.Is(err, sentinel) != (code == other) {
				t.Errorf("errors.Is(%v, %v) is %v", err, sentinel, code != other)
			}
		}
	}
}

func TestCodeOfOtherErrors(t *testing.T) {
	t.Parallel()
	for _, err := range []error{nil, errors.New("x"), &endpoint.Error{}} {
		if c := endpoint.CodeOf(err); c != endpoint.Unknown {
			t.Errorf("code of %v is %v", err, c)
		}
	}
}

func TestRetryAfterOf(t *testing.T) {
	t.Parallel()
	e := &endpoint.Error{Code: endpoint.Throttled, RetryAfter: time.Minute}
	if d := endpoint.RetryAfterOf(fmt.Errorf("outer: %w", e)); d != time.Minute {
		t.Errorf("retry after %v", d)
	}
	for _, err := range []error{nil, errors.New("x"), &endpoint.Error{Code: endpoint.Throttled}} {
		if d := endpoint.RetryAfterOf(err); d != 0 {
			t.Errorf("retry %v after %v", err, d)
		}
	}
}

func TestTemporary(t *testing.T) {
	t.Parallel()
	for c := range codes() {
		if want := c == endpoint.Throttled || c == endpoint.Unavailable; c.Temporary() != want {
			t.Errorf("%v: temporary is %v", c, !want)
		}
	}
	if endpoint.Unknown.Temporary() {
		t.Error("unknown is temporary")
	}
}

// A code that leaves open whether items were written must never count as a refusal.
func TestRefuses(t *testing.T) {
	t.Parallel()
	open := map[endpoint.Code]bool{
		endpoint.Unavailable: true, endpoint.Damaged: true, endpoint.Stale: true,
		endpoint.InDoubt: true, endpoint.Unconfirmed: true,
	}
	for c := range codes() {
		if c.Refuses() == open[c] {
			t.Errorf("%v: refuses is %v", c, c.Refuses())
		}
	}
	if endpoint.Unknown.Refuses() || endpoint.Code(255).Refuses() {
		t.Error("an unknown failure is a refusal")
	}
}

func TestErrorText(t *testing.T) {
	t.Parallel()
	cause := errors.New("try later")
	cases := map[string]endpoint.Error{
		"failed":                                 {},
		"denied":                                 {Code: endpoint.Denied},
		"put: denied":                            {Op: "put", Code: endpoint.Denied},
		"imap put: denied":                       {Op: "put", Driver: "imap", Code: endpoint.Denied},
		"imap put: unavailable: try later":       {Op: "put", Driver: "imap", Code: endpoint.Unavailable, Err: cause},
		"not found: no such folder; list 2 anew": *endpoint.Errorf(endpoint.NotFound, "no such folder; list %d anew", 2),
	}
	for want, e := range cases {
		if got := e.Error(); got != want {
			t.Errorf("error is %q, want %q", got, want)
		}
	}
}
