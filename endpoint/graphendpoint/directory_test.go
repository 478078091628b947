package graphendpoint

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/internal/graphserve"
)

const (
	exchangePlan = "4b9405b0-7788-4568-add1-99614e613b69"
	exchangeName = "EXCHANGESTANDARD"
)

// organisation is a fake one, and its directory. The time of the latter passes as it waits, without anyone waiting.
type organisation struct {
	*graphserve.Server
	*Directory
	waited  time.Duration
	waiting []time.Duration
}

func newOrganisation(t *testing.T, quirks graphserve.Quirks) *organisation {
	t.Helper()
	o := &organisation{Server: graphserve.New(graphserve.Config{Quirks: quirks})}
	t.Cleanup(o.Server.Close)
	o.AddSKU(exchangePlan, exchangeName, 1)
	o.open(t)
	return o
}

// open opens the directory, with nothing remembered.
func (o *organisation) open(t *testing.T) {
	t.Helper()
	d, err := OpenDirectory(DirectoryConfig{
		Credential: Token(graphserve.DefaultToken), Root: o.URL(), Transport: carrier(t),
		Waiting: func(_ string, waited time.Duration) { o.waiting = append(o.waiting, waited) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	start := time.Now()
	d.clock = clock{
		now: func() time.Time { return start.Add(o.waited) },
		sleep: func(ctx context.Context, pause time.Duration) error {
			o.waited += pause
			return ctx.Err()
		},
	}
	o.Directory = d
}

func (o *organisation) accounts(ctx context.Context) (list []endpoint.Account, err error) {
	for account, err := range o.Accounts(ctx) {
		if err != nil {
			return list, err
		}
		list = append(list, account)
	}
	return list, nil
}

func cyd() NewUser {
	return NewUser{Address: "cyd@new.example", DisplayName: "Cyd", UsageLocation: "DE", Password: "first-password"}
}

// wants checks the code of an error, what errors.Is finds in it, and that it names nobody.
func wants(t *testing.T, err error, code endpoint.Code, is error) {
	t.Helper()
	if endpoint.CodeOf(err) != code || is != nil && !errors.Is(err, is) {
		t.Errorf("error %v, want %v and %v", err, code, is)
	}
	if !strings.HasPrefix(fmt.Sprint(err), "graph ") {
		t.Errorf("error %v does not say what failed", err)
	}
	if err != nil && (strings.Contains(err.Error(), "@") || strings.Contains(err.Error(), "first-password")) {
		t.Errorf("error %q names somebody", err)
	}
}

func TestAccounts(t *testing.T) {
	t.Parallel()
	o := newOrganisation(t, graphserve.Quirks{})
	o.AddMailbox("zoe@new.example", "Zoe", "Z@new.example", "zoe@old.example")
	o.AddUser("room@new.example", map[string]any{
		"accountEnabled": false, "displayName": "Room", "mail": "first@new.example",
		"proxyAddresses": []any{"X500:/o=x", "smtp:other@new.example", "SMTP:first@new.example", "SIP:room@new.example", "nonsense"},
	})
	o.AddUser("guest@elsewhere.example", map[string]any{"userType": "Guest", "mail": "guest@elsewhere.example"})
	o.AddUser("admin@new.example", nil)
	o.AddUser("ben@new.example", map[string]any{"mail": "ben@new.example", "displayName": nil})
	list, err := o.accounts(t.Context())
	want := []endpoint.Account{
		{Address: "ben@new.example"},
		{Address: "first@new.example", Aliases: []string{"other@new.example"}, DisplayName: "Room"},
		{Address: "zoe@new.example", Aliases: []string{"Z@new.example", "zoe@old.example"}, DisplayName: "Zoe"},
	}
	if err != nil || !reflect.DeepEqual(list, want) {
		t.Errorf("accounts %+v, %v", list, err)
	}
}

// TestAccountsInPages has more users than a page, one list of which breaks off.
func TestAccountsInPages(t *testing.T) {
	t.Parallel()
	o := newOrganisation(t, graphserve.Quirks{})
	for i := range 1200 {
		o.AddUser(fmt.Sprintf("u%04d@new.example", i), map[string]any{"mail": fmt.Sprintf("u%04d@new.example", i)})
	}
	list, err := o.accounts(t.Context())
	if err != nil || len(list) != 1200 || list[1100].Address != "u1100@new.example" || o.Count("GET /users") != 2 {
		t.Errorf("%d accounts in %d requests, %v", len(list), o.Count("GET /users"), err)
	}
	for account, err := range o.Accounts(t.Context()) {
		if err != nil || account.Address != "u0000@new.example" {
			t.Errorf("first account %+v, %v", account, err)
		}
		break // leaves the directory usable
	}
	o.Inject(graphserve.Fault{Route: "GET /users", Skip: 1, Kind: graphserve.Forbidden})
	list, err = o.accounts(t.Context())
	wants(t, err, endpoint.Denied, nil)
	if len(list) != 999 {
		t.Errorf("%d accounts before the error", len(list))
	}
}

func TestDirectoryErrors(t *testing.T) {
	t.Parallel()
	for _, config := range []DirectoryConfig{{}, {Credential: Token("x"), Root: "http://graph.example/v1.0"}} {
		_, err := OpenDirectory(config)
		wants(t, err, endpoint.Invalid, nil)
	}
	o := newOrganisation(t, graphserve.Quirks{})
	_, err := o.UserID(t.Context(), "o'hara/../x?#@new.example")
	wants(t, err, endpoint.NotFound, ErrUnknownUser)
	_, err = o.UserID(t.Context(), "")
	wants(t, err, endpoint.NotFound, ErrUnknownUser)
	o.SetTokens("another")
	_, err = o.accounts(t.Context())
	wants(t, err, endpoint.Unauthenticated, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := o.accounts(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestUserID(t *testing.T) {
	t.Parallel()
	o := newOrganisation(t, graphserve.Quirks{})
	o.AddMailbox("o'hara@new.example", "O", "alias@new.example")
	o.AddUser("plain@new.example", nil)
	id, err := o.UserID(t.Context(), "O'HARA@new.example")
	if err != nil || id == "" {
		t.Errorf("by address: %q, %v", id, err)
	}
	if same, err := o.UserID(t.Context(), "alias@new.example"); err != nil || same != id {
		t.Errorf("by alias: %q, %v", same, err)
	}
	if other, err := o.UserID(t.Context(), "plain@new.example"); err != nil || other == id || other == "" {
		t.Errorf("by principal name: %q, %v", other, err)
	}
}

// TestProvisioning goes all the way for one user, twice, with a directory that does not know her everywhere for a while.
func TestProvisioning(t *testing.T) {
	t.Parallel()
	o := newOrganisation(t, graphserve.Quirks{MailboxDelay: 5, DirectoryDelay: 3})
	id, err := o.CreateUser(t.Context(), cyd())
	if err != nil || id == "" {
		t.Fatalf("create: %q, %v", id, err)
	}
	for range 2 {
		if again, err := o.CreateUser(t.Context(), cyd()); err != nil || again != id {
			t.Errorf("create again: %q, %v", again, err)
		}
		for _, licence := range []string{strings.ToLower(exchangeName), exchangePlan} {
			if err := o.AssignLicence(t.Context(), "Cyd@new.example", licence); err != nil {
				t.Errorf("assign %s: %v", licence, err)
			}
		}
		if err := o.EnsureMailbox(t.Context(), "cyd@new.example"); err != nil {
			t.Errorf("mailbox: %v", err)
		}
		o.open(t)
	}
	if n := o.Count("POST /users/{user}/assignLicense"); n != 1 {
		t.Errorf("assigned %d times", n)
	}
	want := []time.Duration{0, 1, 3, 7, 15}
	for i := range want {
		want[i] *= time.Second
	}
	if !reflect.DeepEqual(o.waiting, want) {
		t.Errorf("waiting was told %v", o.waiting)
	}
}

// TestCreateUserAnswerLost loses the answer to the create; the second one is refused, and the user is not known everywhere yet.
func TestCreateUserAnswerLost(t *testing.T) {
	t.Parallel()
	for _, kind := range []graphserve.FaultKind{graphserve.TimeoutAfter, graphserve.ResetAfter} {
		o := newOrganisation(t, graphserve.Quirks{DirectoryDelay: 4})
		o.Inject(graphserve.Fault{Route: "POST /users", Kind: kind})
		if id, err := o.CreateUser(t.Context(), cyd()); err != nil || id == "" || o.Count("POST /users") != 2 {
			t.Errorf("created %q in %d requests, %v", id, o.Count("POST /users"), err)
		}
	}
}

func TestCreateUserRefused(t *testing.T) {
	t.Parallel()
	o := newOrganisation(t, graphserve.Quirks{})
	user := cyd()
	user.Password = ""
	_, err := o.CreateUser(t.Context(), user)
	wants(t, err, endpoint.Invalid, nil)
	o.Inject(graphserve.Fault{Route: "POST /users", Kind: graphserve.Forbidden})
	_, err = o.CreateUser(t.Context(), cyd())
	wants(t, err, endpoint.Denied, nil)
	o.AddMailbox("ann@new.example", "Ann", cyd().Address)
	_, err = o.CreateUser(t.Context(), cyd())
	wants(t, err, endpoint.Exists, nil)
	if o.waited > 0 {
		t.Errorf("waited %v for what does not come", o.waited)
	}
	if text := fmt.Sprintf("%v %+v %#v %s", cyd(), cyd(), cyd(), &user); strings.Contains(text, "first-password") || strings.Contains(text, "cyd") {
		t.Errorf("NewUser shows as %s", text)
	}
}

// TestUserNeverKnown is a directory that refuses a name and never tells whose it is.
func TestUserNeverKnown(t *testing.T) {
	t.Parallel()
	o := newOrganisation(t, graphserve.Quirks{DirectoryDelay: 1 << 20})
	if _, err := o.CreateUser(t.Context(), cyd()); err != nil {
		t.Fatal(err)
	}
	wants(t, o.AssignLicence(t.Context(), cyd().Address, exchangePlan), endpoint.NotFound, ErrUnknownUser)
	if o.waited < settling || o.waited > 3*settling {
		t.Errorf("waited %v", o.waited)
	}
}

func TestAssignLicenceRefused(t *testing.T) {
	t.Parallel()
	o := newOrganisation(t, graphserve.Quirks{})
	o.AddUser("one@new.example", nil)
	o.AddUser("two@new.example", map[string]any{"usageLocation": "DE"})
	o.AddUser("three@new.example", map[string]any{"usageLocation": "DE"})
	assign := func(address, licence string) error { return o.AssignLicence(t.Context(), address, licence) }
	wants(t, assign("one@new.example", exchangeName), endpoint.Rejected, ErrNoUsageLocation)
	wants(t, assign("two@new.example", "NONE"), endpoint.NotFound, ErrNoSuchLicence)
	wants(t, assign("two@new.example", "00000000-0000-4000-8000-000000000000"), endpoint.NotFound, ErrNoSuchLicence)
	wants(t, assign("none@new.example", exchangeName), endpoint.NotFound, ErrUnknownUser)
	if err := assign("two@new.example", exchangeName); err != nil {
		t.Error(err)
	}
	wants(t, assign("three@new.example", exchangeName), endpoint.OverQuota, nil)
}

// TestAssignLicenceRepeats has faults that pass, before and after the licence was given.
func TestAssignLicenceRepeats(t *testing.T) {
	t.Parallel()
	for _, kind := range []graphserve.FaultKind{graphserve.TimeoutAfter, graphserve.UnavailableBefore, graphserve.ConcurrencyViolation} {
		o := newOrganisation(t, graphserve.Quirks{})
		o.AddUser("two@new.example", map[string]any{"usageLocation": "DE"})
		o.Inject(graphserve.Fault{Route: "POST /users/{user}/assignLicense", Kind: kind})
		if err := o.AssignLicence(t.Context(), "two@new.example", exchangeName); err != nil {
			t.Errorf("fault %d: %v", kind, err)
		}
	}
}

func TestEnsureMailboxGivesUp(t *testing.T) {
	t.Parallel()
	o := newOrganisation(t, graphserve.Quirks{MailboxDelay: 1 << 20})
	o.AddUser("none@new.example", nil)
	o.AddUser("slow@new.example", map[string]any{"usageLocation": "DE"})
	wants(t, o.EnsureMailbox(t.Context(), "none@new.example"), endpoint.NotFound, ErrNoMailbox)
	if o.waited < settling || o.waited > 3*settling {
		t.Errorf("waited %v for the mailbox of a user without licence", o.waited)
	}
	if err := o.AssignLicence(t.Context(), "slow@new.example", exchangeName); err != nil {
		t.Fatal(err)
	}
	o.waited = 0
	o.clock.sleep = func(_ context.Context, pause time.Duration) error {
		if o.waited += pause; o.waited > 2*time.Hour {
			return context.DeadlineExceeded
		}
		return nil
	}
	wants(t, o.EnsureMailbox(t.Context(), "slow@new.example"), endpoint.NotFound, ErrNoMailbox)
	wants(t, o.EnsureMailbox(t.Context(), "nobody@new.example"), endpoint.NotFound, ErrUnknownUser)
}

// TestEnsureMailboxPassesOverThrottling obeys the service for as long as it says.
func TestEnsureMailboxPassesOverThrottling(t *testing.T) {
	t.Parallel()
	o := newOrganisation(t, graphserve.Quirks{})
	o.AddMailbox("ann@new.example", "Ann")
	inbox := "GET /users/{user}/mailFolders/{folder}"
	o.Inject(graphserve.Fault{Route: inbox, Kind: graphserve.UnavailableBefore, RetryAfter: 40 * time.Second})
	if err := o.EnsureMailbox(t.Context(), "ann@new.example"); err != nil || o.waited != 40*time.Second {
		t.Errorf("waited %v, %v", o.waited, err)
	}
	o.Inject(graphserve.Fault{Route: inbox, Kind: graphserve.Forbidden})
	wants(t, o.EnsureMailbox(t.Context(), "ann@new.example"), endpoint.Denied, nil)
}
