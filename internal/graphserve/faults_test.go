package graphserve_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/internal/graphserve"
)

const createRoute = "POST /users/{user}/mailFolders/{folder}/messages"

func TestFaultsByRouteAndNumber(t *testing.T) {
	f := start(t, graphserve.Quirks{})
	path := user + "/mailFolders/inbox/messages"
	for _, c := range []struct {
		kind   graphserve.FaultKind
		status int
		code   string
		done   bool
	}{
		{graphserve.Throttled, 429, "ApplicationThrottled", false},
		{graphserve.UnavailableBefore, 503, "ServiceUnavailable", false},
		{graphserve.UnavailableAfter, 503, "ServiceUnavailable", true},
		{graphserve.TimeoutBefore, 504, "GatewayTimeout", false},
		{graphserve.TimeoutAfter, 504, "GatewayTimeout", true},
		{graphserve.ServerErrorBefore, 500, "ErrorInternalServerError", false},
		{graphserve.TokenExpired, 401, "InvalidAuthenticationToken", false},
		{graphserve.Forbidden, 403, "ErrorAccessDenied", false},
		{graphserve.MailboxNotEnabled, 404, "MailboxNotEnabledForRESTAPI", false},
		{graphserve.CorruptData, 500, "ErrorCorruptData", false},
	} {
		before, err := f.ann.Items("inbox")
		must(t, err)
		f.Inject(graphserve.Fault{Route: createRoute, Skip: 1, Kind: c.kind, RetryAfter: 7 * time.Second})
		f.post(t, path, object{"subject": "passes"})
		a := f.call(t, c.status, http.MethodPost, path, object{"subject": "fails"})
		if a.code() != c.code || (c.status == 429) != (a.header.Get("Retry-After") == "7" && c.status != 503) {
			t.Errorf("%d: code %q, Retry-After %q", c.status, a.code(), a.header.Get("Retry-After"))
		}
		after, err := f.ann.Items("inbox")
		must(t, err)
		if done := len(after)-len(before) == 2; done != c.done {
			t.Errorf("%d: done %t, want %t", c.status, done, c.done)
		}
	}
}

func TestBrokenConnections(t *testing.T) {
	f := start(t, graphserve.Quirks{})
	path := user + "/mailFolders/inbox/messages"
	want := 0
	for kind, done := range map[graphserve.FaultKind]int{graphserve.ResetBefore: 0, graphserve.ResetAfter: 1, graphserve.Truncated: 1} {
		f.Inject(graphserve.Fault{Route: createRoute, Kind: kind})
		if a, err := f.try(t, http.MethodPost, path, object{"subject": "x"}); err == nil {
			t.Errorf("fault %d: answered %d %s", kind, a.status, a.raw)
		}
		want += done
	}
	items, err := f.ann.Items("inbox")
	must(t, err)
	if len(items) != want {
		t.Errorf("%d items, want %d", len(items), want)
	}
}

func TestFifthRequestOfAMailboxIsThrottled(t *testing.T) {
	f := start(t, graphserve.Quirks{})
	release := f.Hold()
	defer release()
	statuses := make(chan int, 5)
	var running sync.WaitGroup
	for range 5 {
		running.Go(func() {
			a, err := f.try(t, http.MethodGet, user+"/mailFolders", nil)
			if err != nil {
				t.Error(err)
			}
			statuses <- a.status
		})
	}
	if status := <-statuses; status != http.StatusTooManyRequests {
		t.Errorf("the first answer is %d", status)
	}
	release()
	running.Wait()
	for range 4 {
		if status := <-statuses; status != http.StatusOK {
			t.Errorf("status %d", status)
		}
	}
	if f.MaxConcurrent() != 5 {
		t.Errorf("%d requests at a time", f.MaxConcurrent())
	}
}

func TestBudgets(t *testing.T) {
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	s := graphserve.New(graphserve.Config{Clock: func() time.Time { return now }, Quirks: graphserve.Quirks{RequestBudget: 2}})
	defer s.Close()
	f := fixture{s, s.AddMailbox("ann@example.com", "Ann")}
	f.get(t, user+"/mailFolders")
	f.get(t, user+"/mailFolders")
	if a := f.call(t, http.StatusTooManyRequests, http.MethodGet, user+"/mailFolders", nil); a.header.Get("Retry-After") != "600" {
		t.Errorf("Retry-After %q", a.header.Get("Retry-After"))
	}
	now = now.Add(10 * time.Minute)
	f.get(t, user+"/mailFolders")
	f.SetQuirks(func(q *graphserve.Quirks) { q.RequestBudget, q.UploadBudget = 0, 10 })
	f.call(t, http.StatusTooManyRequests, http.MethodPost, user+"/mailFolders/inbox/messages", object{"subject": "longer than ten bytes"})
}

func TestTokens(t *testing.T) {
	f := start(t, graphserve.Quirks{})
	a := f.call(t, http.StatusUnauthorized, http.MethodGet, user+"/mailFolders", nil, "Authorization", "Bearer other")
	if a.code() != "InvalidAuthenticationToken" {
		t.Errorf("code %q", a.code())
	}
	f.SetTokens("other")
	f.get(t, user+"/mailFolders", "Authorization", "Bearer other")
	f.call(t, http.StatusUnauthorized, http.MethodGet, user+"/mailFolders", nil)
}

func TestUnknownPaths(t *testing.T) {
	f := start(t, graphserve.Quirks{})
	f.call(t, http.StatusBadRequest, http.MethodGet, user+"/nonsense", nil)
	if a := f.call(t, http.StatusNotFound, http.MethodGet, "/users/nobody@example.com/mailFolders", nil); a.code() != "ErrorInvalidUser" {
		t.Errorf("code %q", a.code())
	}
	requests := f.Requests()
	if len(requests) != 2 || requests[1].Route != "GET /users/{user}/mailFolders" || requests[1].Status != 404 || f.Count(requests[1].Route) != 1 {
		t.Errorf("requests %+v", requests)
	}
}
