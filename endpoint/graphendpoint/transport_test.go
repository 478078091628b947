package graphendpoint

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/internal/graphserve"
)

const postFolders = "POST /users/{user}/mailFolders"

// getInbox and makeFolder are the safe and the unsafe request of these tests.
func (c *client) getInbox(ctx context.Context) error {
	_, err := c.me().MailFolders().ByMailFolderId("inbox").Get(ctx, nil)
	return failed(err)
}

func (c *client) makeFolder(ctx context.Context, name string) error {
	folder := models.NewMailFolder()
	folder.SetDisplayName(&name)
	info, err := c.me().MailFolders().ToPostRequestInformation(ctx, folder, nil)
	if err != nil {
		return err
	}
	_, err = send[models.MailFolderable](ctx, c, info, models.CreateMailFolderFromDiscriminatorValue)
	return err
}

// What a fault does to a request that may be repeated, and to one that may not.
func TestFaults(t *testing.T) {
	t.Parallel()
	const inbox = "GET /users/{user}/mailFolders/{folder}"
	cases := []struct {
		name         string
		fault        graphserve.Fault
		safe, create endpoint.Code // Unknown for success
		made         int           // folders
	}{
		{"throttled", graphserve.Fault{Kind: graphserve.Throttled}, endpoint.Unknown, endpoint.Unknown, 1},
		{"throttled for long", graphserve.Fault{Kind: graphserve.Throttled, RetryAfter: time.Hour}, endpoint.Throttled, endpoint.Throttled, 0},
		{"unavailable", graphserve.Fault{Kind: graphserve.UnavailableBefore}, endpoint.Unknown, endpoint.InDoubt, 0},
		{"unavailable afterwards", graphserve.Fault{Kind: graphserve.UnavailableAfter}, endpoint.Unknown, endpoint.InDoubt, 1},
		{"unavailable for good", graphserve.Fault{Kind: graphserve.UnavailableBefore, Times: attempts}, endpoint.Unavailable, endpoint.InDoubt, 0},
		{"timeout afterwards", graphserve.Fault{Kind: graphserve.TimeoutAfter}, endpoint.Unknown, endpoint.InDoubt, 1},
		{"server error", graphserve.Fault{Kind: graphserve.ServerErrorBefore}, endpoint.Unknown, endpoint.InDoubt, 0},
		{"token expired", graphserve.Fault{Kind: graphserve.TokenExpired}, endpoint.Unknown, endpoint.Unknown, 1},
		{"token revoked", graphserve.Fault{Kind: graphserve.TokenExpired, Times: 2}, endpoint.Unauthenticated, endpoint.Unauthenticated, 0},
		{"forbidden", graphserve.Fault{Kind: graphserve.Forbidden}, endpoint.Denied, endpoint.Denied, 0},
		{"no mailbox", graphserve.Fault{Kind: graphserve.MailboxNotEnabled}, endpoint.Denied, endpoint.Denied, 0},
		{"corrupt", graphserve.Fault{Kind: graphserve.CorruptData}, endpoint.Damaged, endpoint.InDoubt, 0},
		{"reset", graphserve.Fault{Kind: graphserve.ResetBefore}, endpoint.Unknown, endpoint.InDoubt, 0},
		{"reset afterwards", graphserve.Fault{Kind: graphserve.ResetAfter}, endpoint.Unknown, endpoint.InDoubt, 1},
		{"truncated", graphserve.Fault{Kind: graphserve.Truncated}, endpoint.Unknown, endpoint.InDoubt, 1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := startServer(t, graphserve.Quirks{})
			box := s.AddMailbox(address, "Ann")
			for _, r := range []struct {
				route string
				do    func(*client) error
				want  endpoint.Code
			}{
				{inbox, func(c *client) error { return c.getInbox(t.Context()) }, c.safe},
				{postFolders, func(c *client) error { return c.makeFolder(t.Context(), "made") }, c.create},
			} {
				d := testDriver(t, s, nil)
				fault := c.fault
				fault.Route = r.route
				s.Inject(fault)
				err := r.do(d.client)
				if endpoint.CodeOf(err) != r.want || (err == nil) != (r.want == endpoint.Unknown) {
					t.Errorf("%s: error is %v, want code %v", r.route, err, r.want)
				}
				if err != nil && (strings.Contains(err.Error(), address) || strings.Contains(err.Error(), "127.0.0.1") && !strings.Contains(err.Error(), "dial")) {
					t.Errorf("%s: the error tells the address: %v", r.route, err)
				}
				s.ClearFaults()
			}
			made := 0
			if box.Folder("made") != "" {
				made = 1
			}
			if made != c.made {
				t.Errorf("%d folders were made, want %d", made, c.made)
			}
			if n := s.Count(postFolders); n > 2 {
				t.Errorf("a create was sent %d times", n)
			}
		})
	}
}

func TestThrottlingIsToldWithItsTime(t *testing.T) {
	t.Parallel()
	s := startServer(t, graphserve.Quirks{})
	s.AddMailbox(address, "Ann")
	d := testDriver(t, s, nil)
	s.Inject(graphserve.Fault{Kind: graphserve.Throttled, RetryAfter: time.Hour})
	for range 2 { // the second is not even sent
		err := d.client.getInbox(t.Context())
		if wait := endpoint.RetryAfterOf(err); endpoint.CodeOf(err) != endpoint.Throttled || wait <= 59*time.Minute || wait > time.Hour {
			t.Errorf("error is %v, wait %v, want Throttled for an hour", err, wait)
		}
	}
	if n := len(s.Requests()); n != 1 {
		t.Errorf("%d requests were sent, want 1", n)
	}
}

func TestNoServer(t *testing.T) {
	t.Parallel()
	s := startServer(t, graphserve.Quirks{})
	s.Close()
	d := testDriver(t, s, nil)
	if err := d.client.makeFolder(t.Context(), "made"); endpoint.CodeOf(err) != endpoint.Unavailable {
		t.Errorf("create: %v, want Unavailable, for it was not sent", err)
	}
}

// A request that the caller gives up, or that a closing mailbox ends, ends at once.
func TestEndOfRequests(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(d *driver, cancel func()) error{
		"cancelled": func(_ *driver, cancel func()) error { cancel(); return context.Canceled },
		"closed":    func(d *driver, _ func()) error { _ = d.Close(); return endpoint.ErrInvalid },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startServer(t, graphserve.Quirks{})
			s.AddMailbox(address, "Ann")
			d := testDriver(t, s, nil)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			release := s.Hold()
			defer release()
			done := make(chan error, 1)
			go func() { done <- d.client.getInbox(ctx) }()
			for d.client.wire.commands.Load() == 0 {
				time.Sleep(time.Millisecond)
			}
			want := end(d, cancel)
			select {
			case err := <-done:
				if !errors.Is(err, want) {
					t.Errorf("error is %v, want %v", err, want)
				}
			case <-time.After(10 * time.Second):
				t.Error("the request goes on")
			}
		})
	}
}

// Links of an answer are not followed to another host: the token would go there.
func TestLinksStayWithTheService(t *testing.T) {
	t.Parallel()
	s := startServer(t, graphserve.Quirks{})
	c := testDriver(t, s, nil).client
	for _, link := range []string{
		"https://evil.example/v1.0/users", strings.Replace(s.URL(), "127.0.0.1", "127.0.0.2", 1) + "/users", s.URL() + "x/users",
		"http://user@" + strings.TrimPrefix(s.URL(), "http://") + ".evil.example/users", "//evil.example/v1.0/users", "%zz", "/users", "",
	} {
		if path, err := c.relative(link); err == nil {
			t.Errorf("link %q leads to %q", link, path)
		}
	}
	for _, position := range []string{"", "users", "@evil.example/", ".evil.example/users", "/../../x", "%zz"} {
		if info, err := c.changesSince(position); err == nil {
			u, _ := info.GetUri()
			if !c.wire.ours(u) {
				t.Errorf("position %q leads to %v", position, u)
			}
		}
	}
}

func TestConfiguration(t *testing.T) {
	t.Parallel()
	good := Config{User: address, Credential: Token("x")}
	if _, err := Open(t.Context(), good); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*Config){
		"no user":          func(c *Config) { c.User = " " },
		"path in the user": func(c *Config) { c.User = "a/../b" },
		"no credential":    func(c *Config) { c.Credential = nil },
		"plain http":       func(c *Config) { c.Root = "http://graph.example/v1.0" },
		"no version":       func(c *Config) { c.Root = "https://graph.example" },
		"query":            func(c *Config) { c.Root = "https://graph.example/v1.0?x=1" },
		"credentials":      func(c *Config) { c.Root = "https://u:p@graph.example/v1.0" },
		"no kind":          func(c *Config) { c.Kinds = []endpoint.Kind{0} },
	} {
		cfg := good
		change(&cfg)
		if _, err := Open(t.Context(), cfg); endpoint.CodeOf(err) != endpoint.Invalid {
			t.Errorf("%s: error is %v, want Invalid", name, err)
		}
	}
}

// Errors of credentials quote the answers of the authority, which name people and hold secrets.
func TestCredentialErrors(t *testing.T) {
	t.Parallel()
	cases := map[string]error{
		"AADSTS90002: Tenant 'ann.example' not found": ErrWrongTenant,
		"AADSTS7000215: Invalid client secret 'ann'":  endpoint.ErrUnauthenticated,
		"dial tcp ann.example":                        endpoint.ErrUnavailable,
	}
	for text, want := range cases {
		err := noToken(t.Context(), errors.New(text))
		if !errors.Is(err, want) || strings.Contains(err.Error(), "ann") {
			t.Errorf("%s: error is %v, want %v", text, err, want)
		}
	}
}

// An answer that is not from Graph, as from a proxy on the way, is judged by its status.
func TestRefusals(t *testing.T) {
	t.Parallel()
	cases := []struct {
		status     int
		body       string
		retryAfter string
		code       endpoint.Code
		wait       time.Duration
	}{
		{503, "<html>", "7", endpoint.Unavailable, 7 * time.Second},
		{429, "", "Sun, 22 Nov 2026 12:00:10 GMT", endpoint.Throttled, 10 * time.Second},
		{429, "", "-5", endpoint.Throttled, 0},
		{404, `{"error":{"code":"mailboxnotenabledforrestapi"}}`, "", endpoint.Denied, 0},
		{410, `{"error":{"code":"resyncRequired"}}`, "", endpoint.Stale, 0},
		{400, `{"error":{"code":"SyncStateNotFound"}}`, "", endpoint.Stale, 0},
		{400, `{"error":{"code":"evil\r\nann@new.example"}}`, "", endpoint.Rejected, 0},
		{302, "", "", endpoint.Rejected, 0},
		{500, `{"error":{"code":"ErrorCorruptData"}}`, "", endpoint.Damaged, 0},
		{507, "", "", endpoint.OverQuota, 0},
	}
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for _, c := range cases {
		resp := &http.Response{StatusCode: c.status, Header: http.Header{"Retry-After": {c.retryAfter}}, Body: io.NopCloser(strings.NewReader(c.body))}
		err := refusal(resp, now)
		if endpoint.CodeOf(err) != c.code || endpoint.RetryAfterOf(err) != c.wait || strings.ContainsAny(err.Error(), "\r\n@") {
			t.Errorf("status %d %s: %v, wait %v, want %v and %v", c.status, c.body, err, endpoint.RetryAfterOf(err), c.code, c.wait)
		}
	}
}
