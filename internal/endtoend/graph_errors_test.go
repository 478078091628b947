package endtoend_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azpolicy "github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/graphendpoint"
	"github.com/dandyroll/dandyroll/internal/graphserve"
	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store"
)

// credential gives what a test says.
type credential func() (string, error)

// GetToken gives it for an hour.
func (c credential) GetToken(context.Context, azpolicy.TokenRequestOptions) (azcore.AccessToken, error) {
	token, err := c()
	return azcore.AccessToken{Token: token, ExpiresOn: time.Now().Add(time.Hour)}, err
}

// TestGraphRefuses is what an administrator gets wrong. A pass says which of it, and writes nothing.
func TestGraphRefuses(t *testing.T) {
	t.Parallel()
	w := newFewToGraph(t)
	w.server.AddUser("nobox@new.example", nil)
	user := func(name string) func(*graphendpoint.Config) {
		return func(c *graphendpoint.Config) { c.User = name }
	}
	for _, c := range []struct {
		name   string
		change func(*graphendpoint.Config)
		fault  string // route that is forbidden
		code   endpoint.Code
		is     error
		text   string
	}{
		{name: "wrong token", code: endpoint.Unauthenticated, change: func(c *graphendpoint.Config) { c.Credential = graphendpoint.Token("wrong") }},
		{name: "no permission for mail", code: endpoint.Denied, fault: "GET /users/{user}/mailFolders/{folder}", text: "Config.Kinds"},
		{name: "no permission for contacts", code: endpoint.Denied, fault: "GET /users/{user}/contactFolders/{folder}", text: "contact"},
		{name: "unknown user", code: endpoint.Denied, is: graphendpoint.ErrUnknownUser, change: user("nobody@new.example")},
		{name: "no mailbox", code: endpoint.Denied, is: graphendpoint.ErrNoMailbox, change: user("nobox@new.example")},
		{
			name: "wrong tenant", code: endpoint.Unauthenticated, is: graphendpoint.ErrWrongTenant, text: "AADSTS90002",
			change: func(c *graphendpoint.Config) {
				c.Credential = credential(func() (string, error) { return "", errors.New("AADSTS90002: Tenant 'planted' not found.") })
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.fault != "" {
				w.server.Inject(graphserve.Fault{Route: c.fault, Kind: graphserve.Forbidden, Times: 100})
				defer w.server.ClearFaults()
			}
			change := c.change
			if change == nil {
				change = func(*graphendpoint.Config) {}
			}
			w.dst = graphBox(t, w.server, annGraph, change)
			r, err := w.try(t.Context(), pass.Options{Patience: time.Second})
			if !errors.Is(err, pass.ErrRefused) || endpoint.CodeOf(err) != c.code || c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("err %v", err)
			}
			if err != nil && (!strings.Contains(err.Error(), c.text) || strings.Contains(err.Error(), "planted") || strings.Contains(err.Error(), "@")) {
				t.Errorf("text %v", err)
			}
			if r.Totals.Migrated != 0 || len(w.ids(w.b.Folder("Inbox"))) != 0 {
				t.Errorf("totals %+v", r.Totals)
			}
		})
	}
}

// TestGraphTokensExpire has tokens end in the middle of passes, and a service that asks to be left alone.
func TestGraphTokensExpire(t *testing.T) {
	t.Parallel()
	w := newFewToGraph(t)
	var token atomic.Value
	token.Store(graphserve.DefaultToken)
	w.dst = graphBox(t, w.server, annGraph, func(c *graphendpoint.Config) {
		c.Credential = credential(func() (string, error) { return token.Load().(string), nil }) //nolint:forcetypeassert // it holds nothing else
	})
	// once calls a function when the first window is done.
	once := func(do func()) pass.Options {
		done := false
		return pass.Options{Window: 4, Folders: 1, Observer: func(ev pass.Event) {
			if _, is := ev.(pass.WindowDone); is && !done {
				done = true
				do()
			}
		}}
	}
	r, err := w.try(t.Context(), once(func() { w.server.SetTokens("second") }))
	if endpoint.CodeOf(err) != endpoint.Unauthenticated || errors.Is(err, pass.ErrRefused) || r.Complete || r.Totals.Migrated == 0 || r.Totals.Deferred == 0 {
		t.Fatalf("%v, totals %+v", err, r.Totals)
	}

	token.Store("second")
	done := r.Totals.Migrated
	o := once(func() {
		token.Store("third")
		w.server.SetTokens("third")
	})
	r, err = w.try(t.Context(), o)
	if c := r.Totals; err != nil || !r.Complete || c.Migrated+c.Already != 39 || c.Already < done {
		t.Fatalf("%v, totals %+v", err, c)
	}
	w.whole(r, 1)

	appendMany(w.a, "Work", newCorpus(), 10)
	w.server.Inject(graphserve.Fault{Route: postMessages, Skip: 5, Kind: graphserve.Throttled, RetryAfter: 7 * time.Second})
	waited := time.Duration(0)
	r = w.run(pass.Options{Observer: func(ev pass.Event) {
		if v, is := ev.(pass.Waiting); is && v.Code == endpoint.Throttled && v.Side == store.Destination {
			waited += v.For
		}
	}}, pass.Counts{Listed: 49, Migrated: 10, Already: 39})
	if waited < 5*time.Second {
		t.Errorf("the pass told of %v of waiting", waited)
	}
	w.whole(r, 1)
}
