package main

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/internal/graphserve"
)

// cloud is a fake of Microsoft 365 in which ann has a mailbox.
type cloud struct {
	*graphserve.Server
	ann *graphserve.Mailbox
}

func startCloud(t *testing.T) cloud {
	t.Helper()
	s := graphserve.New(graphserve.Config{})
	t.Cleanup(s.Close)
	return cloud{s, s.AddMailbox(user, "Ann")}
}

// graphRun runs the program with the service, and wants a status.
func (w *world) graphRun(c cloud, want int, args ...string) (stdout, stderr string) {
	w.t.Helper()
	return w.expect(want, append(args, "-graph-url", c.URL())...)
}

func TestToGraph(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t), startCloud(t)
	w.to = "graph://" + user
	w.environment["MAILMOVE_TO_TOKEN"] = graphserve.DefaultToken
	for _, want := range []string{"3  migrated", "3  already migrated"} {
		if stdout, _ := w.graphRun(c, complete, "run"); !strings.Contains(stdout, want) {
			t.Errorf("no %q in %s", want, stdout)
		}
	}
	items, err := c.ann.Items(c.ann.Folder("Lists", "go-dev"))
	if err != nil || len(items) != 1 || items[0].Fields["subject"] != "two" {
		t.Errorf("%d items, %v", len(items), err)
	}
	if n := c.Count("GET /users/{user}/calendars"); n > 0 {
		t.Errorf("asked for calendars %d times, and has only mail to move", n)
	}
}

func TestFromGraph(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t), startCloud(t)
	w.from = "graph://" + strings.ReplaceAll(user, "@", "%40") + "@tenant.example"
	w.environment["MAILMOVE_FROM_TOKEN"] = graphserve.DefaultToken
	letter := "From: bob@old.example\r\nSubject: one\r\nMessage-ID: <1@old.example>\r\n\r\nHello.\r\n"
	if _, err := c.ann.Deliver("inbox", []byte(letter), graphserve.Delivery{}); err != nil {
		t.Fatal(err)
	}
	w.graphRun(c, complete, "run", "-kind", "mail")
	if w.count("INBOX") != 1 {
		t.Errorf("INBOX has %d messages", w.count("INBOX"))
	}
}

func TestGraphRefused(t *testing.T) {
	for _, test := range []struct {
		name    string
		prepare func(*world, cloud)
		want    string // in the error
	}{
		{"token", func(w *world, _ cloud) { w.environment["MAILMOVE_TO_TOKEN"] = "old" }, "credentials refused"},
		{"user", func(w *world, _ cloud) { w.to = "graph://bob@new.example" }, "no such user"},
		{"mailbox", func(w *world, c cloud) {
			c.AddUser("bob@new.example", nil)
			w.to = "graph://bob@new.example"
		}, "no mailbox in Exchange Online"},
		{"permission", func(_ *world, c cloud) { c.Inject(graphserve.Fault{Kind: graphserve.Forbidden, Times: 1 << 30}) }, "lacks a permission"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w, c := newWorld(t), startCloud(t)
			w.to = "graph://" + user
			w.environment["MAILMOVE_TO_TOKEN"] = graphserve.DefaultToken
			test.prepare(w, c)
			if _, stderr := w.graphRun(c, refused, "run"); !strings.Contains(stderr, test.want) {
				t.Errorf("no %q in %s", test.want, stderr)
			}
		})
	}
}

// TestGraphTokenExpires lets the token expire when a message was made, the one after that by which a pass tries the destination, and
// brings a new one.
func TestGraphTokenExpires(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t), startCloud(t)
	w.to = "graph://" + user
	w.environment["MAILMOVE_TO_TOKEN"] = graphserve.DefaultToken
	c.Inject(graphserve.Fault{Route: "POST /users/{user}/mailFolders/{folder}/messages", Skip: 2, Times: 1 << 30, Kind: graphserve.TokenExpired})
	if _, stderr := w.graphRun(c, interrupted, "run"); !strings.Contains(stderr, "the token is not valid, or no longer") {
		t.Error(stderr)
	}
	c.ClearFaults()
	c.SetTokens("new")
	w.environment["MAILMOVE_TO_TOKEN"] = "new"
	if stdout, _ := w.graphRun(c, complete, "run"); !strings.Contains(stdout, "2  migrated") {
		t.Error(stdout)
	}
	for _, folder := range [][]string{{"Inbox"}, {"Lists", "go-dev"}, {"Lists", "go-dev", "Old"}} {
		if items, err := c.ann.Items(c.ann.Folder(folder...)); err != nil || len(items) != 1 {
			t.Errorf("%q has %d items, %v", folder, len(items), err)
		}
	}
}

func TestGraphRootIsChecked(t *testing.T) {
	w := newWorld(t)
	w.to = "graph://" + user
	w.environment["MAILMOVE_TO_TOKEN"] = graphserve.DefaultToken
	if _, stderr := w.expect(refused, "run", "-graph-url", "http://graph.example/v1.0"); !strings.Contains(stderr, "-graph-url must begin with https://") {
		t.Error(stderr)
	}
}

// TestGraphApplication has no authority to ask, but sees which it would be, by which transport, and for whom.
func TestGraphApplication(t *testing.T) {
	a := account{app: application{"tenant.example", "client-id", "s3cr3t"}}
	var asked []string
	credential, err := a.credential(roundTrip(func(r *http.Request) (*http.Response, error) {
		asked = append(asked, r.URL.String())
		return nil, errors.New("no network")
	}))
	if err != nil {
		t.Fatal(err)
	}
	_, err = credential.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{"https://graph.example/.default"}})
	if err == nil || strings.Contains(err.Error(), "s3cr3t") {
		t.Errorf("error %v", err)
	}
	if len(asked) == 0 || !strings.Contains(asked[len(asked)-1], "/tenant.example/") {
		t.Errorf("asked %q", asked)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestParseGraph(t *testing.T) {
	azure := map[string]string{"AZURE_CLIENT_ID": "c", "AZURE_CLIENT_SECRET": "s", "MAILMOVE_FROM_PASSWORD": "p"}
	for _, test := range []struct {
		to, tenant       string // tenant of the environment
		user, wantTenant string
	}{
		{to: "graph://ann@new.example", user: "ann@new.example", wantTenant: "new.example"},
		{to: "GRAPH://ann@new.example/", tenant: "t", user: "ann@new.example", wantTenant: "t"},
		{to: "graph://Ann%40new.example@tenant.example", tenant: "t", user: "Ann@new.example", wantTenant: "tenant.example"},
		{to: "graph://ann@new.example@tenant.example", user: "ann@new.example", wantTenant: "tenant.example"},
	} {
		azure["AZURE_TENANT_ID"] = test.tenant
		s, err := parse([]string{"check", fromFlag, "-to", test.to}, func(name string) string { return azure[name] })
		if err != nil || s.to.user != test.user || s.to.app != (application{test.wantTenant, "c", "s"}) || s.to.identity() != "graph://ann@new.example" {
			t.Errorf("%s: %+v, %v", test.to, s.to, err)
		}
		if len(s.to.kinds) != 1 || s.to.kinds[0] != endpoint.Mail {
			t.Errorf("%s: kinds %v", test.to, s.to.kinds)
		}
	}
}

func TestParseGraphRefuses(t *testing.T) {
	for text, want := range map[string]error{
		"graph://ann:secret@new.example":  errPassword,
		"graph://new.example":             errGraphAddress,
		"graph://ann@":                    errGraphAddress,
		"graph://ann@new.example:443":     errGraphAddress,
		"graph://a%2Fb@new.example":       errGraphAddress,
		"graph://ann@new.example/inbox":   errPath,
		"graph://ann@new.example?x=y":     errPath,
		"graph:ann@new.example":           errAddress,
		"graphs://ann@new.example":        errScheme,
		"graph://ann%0d%0ax@new.example":  errGraphAddress,
		"graph://ann%40new.example@t:443": errGraphAddress,
	} {
		if _, err := parseAddress(text); !errors.Is(err, want) {
			t.Errorf("parseAddress(%q) = %v, want %v", text, err, want)
		}
	}
	for line, want := range map[string]string{
		fromFlag + " -to=graph://ann@new.example":            "-to: no credentials: ",
		fromFlag + " " + toFlag + " -graph-url=https://x/v1": "-graph-url: neither address",
	} {
		if _, err := parse(append([]string{"check"}, strings.Fields(line)...), environment); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v", line, err)
		}
	}
}
