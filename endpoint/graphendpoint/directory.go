package graphendpoint

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"github.com/dandyroll/dandyroll/endpoint"
)

// DirectoryConfig says which organisation to look at, and as whom. Credential is required.
type DirectoryConfig struct {
	// Credential and Root are as in Config.
	Credential azcore.TokenCredential
	Root       string
	// Transport carries the requests. Default: a clone of http.DefaultTransport.
	Transport http.RoundTripper
	// Waiting is called each time EnsureMailbox has found no mailbox yet, with the address and how long it has waited. Calls
	// about several addresses may come at once. It may be nil.
	Waiting func(address string, waited time.Duration)
}

// Directory is the users of an organisation. It is an [endpoint.Directory], which needs the permission User.Read.All, and
// an [endpoint.Provisioner], which needs User.ReadWrite.All, LicenseAssignment.ReadWrite.All, Organization.Read.All and, to see
// whether a mailbox is there, Mail.ReadBasic.All or more. It is safe for concurrent use. A user without any address, as one without
// licence has none, is no account.
type Directory struct {
	*client
	waiting func(address string, waited time.Duration)
	clock   clock

	mu   sync.Mutex
	made map[string]string // ID of each user that was created here, by address in lower case
}

var (
	_ endpoint.Directory   = (*Directory)(nil)
	_ endpoint.Provisioner = (*Directory)(nil)
)

// OpenDirectory checks the configuration. Nothing is sent: wrong credentials show in the first call.
func OpenDirectory(config DirectoryConfig) (*Directory, error) {
	root, err := serviceRoot(config.Root, config.Credential)
	if err != nil {
		return nil, duringOp("open directory", endpoint.Errorf(endpoint.Invalid, "%w", err))
	}
	c, err := newClient(root, "", config.Credential, config.Transport)
	if err != nil {
		return nil, duringOp("open directory", endpoint.Errorf(endpoint.Invalid, "%w", err))
	}
	d := &Directory{client: c, waiting: config.Waiting, clock: realTime(), made: map[string]string{}}
	if d.waiting == nil {
		d.waiting = func(string, time.Duration) {}
	}
	return d, nil
}

// Close ends calls in flight and closes connections. It may be called twice.
func (d *Directory) Close() error {
	d.wire.close()
	return nil
}

// Accounts yields the users who have an address, in the order of their principal names. Shared mailboxes and rooms, which are
// users who cannot sign in, are among them; guests are not.
func (d *Directory) Accounts(ctx context.Context) iter.Seq2[endpoint.Account, error] {
	return func(yield func(endpoint.Account, error) bool) {
		first, err := d.people().ToGetRequestInformation(ctx, everyone())
		if err != nil {
			yield(endpoint.Account{}, duringOp("accounts", failed(err)))
			return
		}
		for user, err := range entries[models.Userable](ctx, d.client, first, models.CreateUserCollectionResponseFromDiscriminatorValue) {
			if err != nil {
				yield(endpoint.Account{}, duringOp("accounts", err))
				return
			}
			if account, ok := accountOf(user); ok && !yield(account, nil) {
				return
			}
		}
	}
}

// everyone asks for all users. The addresses are not among the fields that show unasked, and 999 is the greatest page.
// https://learn.microsoft.com/graph/api/user-list
func everyone() *users.UsersRequestBuilderGetRequestConfiguration {
	return &users.UsersRequestBuilderGetRequestConfiguration{QueryParameters: &users.UsersRequestBuilderGetQueryParameters{
		Select: []string{"id", "displayName", "mail", "userPrincipalName", "proxyAddresses", "userType"},
		// Principal names are unique, which makes the order the same every time.
		Orderby: []string{"userPrincipalName"},
		Top:     new(int32(999)),
	}}
}

// accountOf returns the account of a user; ok is false for guests and users without an address.
func accountOf(user models.Userable) (account endpoint.Account, ok bool) {
	account.DisplayName = text(user.GetDisplayName())
	for _, proxy := range user.GetProxyAddresses() {
		// SMTP: in capitals is the primary address, smtp: an alias. Others, such as X500: and SIP:, are no addresses of mail.
		// https://learn.microsoft.com/graph/api/resources/user#properties
		switch sort, address, _ := strings.Cut(proxy, ":"); {
		case address == "":
		case sort == "SMTP" && account.Address == "":
			account.Address = address
		case strings.EqualFold(sort, "smtp"):
			account.Aliases = append(account.Aliases, address)
		}
	}
	if account.Address == "" {
		account.Address = text(user.GetMail())
	}
	return account, account.Address != "" && !strings.EqualFold(text(user.GetUserType()), "Guest")
}

// UserID returns the ID of the user who has an address: primary address, alias or, where nobody has either, principal name. Config.User
// takes it. It fails with ErrUnknownUser where there is none.
func (d *Directory) UserID(ctx context.Context, address string) (string, error) {
	id, err := d.find(ctx, address)
	return id, duringOp("user", err)
}

func (d *Directory) find(ctx context.Context, address string) (string, error) {
	if !strings.Contains(address, "@") {
		return "", unknownUser()
	}
	if id := d.madeHere(address); id != "" {
		return id, nil
	}
	first, err := d.people().ToGetRequestInformation(ctx, withAddress(address))
	if err != nil {
		return "", failed(err)
	}
	for user, err := range entries[models.Userable](ctx, d.client, first, models.CreateUserCollectionResponseFromDiscriminatorValue) {
		return idOf(user), err
	}
	user, err := d.user(ctx, address, "id")
	return idOf(user), err
}

// withAddress asks for the user with an address among the proxy addresses. Their prefix is needed; its case is not looked at.
func withAddress(address string) *users.UsersRequestBuilderGetRequestConfiguration {
	filter := "proxyAddresses/any(p:p eq " + quoted("smtp:"+address) + ")"
	return &users.UsersRequestBuilderGetRequestConfiguration{QueryParameters: &users.UsersRequestBuilderGetQueryParameters{
		Filter: &filter, Select: []string{"id"},
	}}
}

// user reads some properties of a user, who is named by ID or principal name.
func (d *Directory) user(ctx context.Context, name string, properties ...string) (models.Userable, error) {
	info, err := d.people().ByUserId(name).ToGetRequestInformation(ctx, &users.UserItemRequestBuilderGetRequestConfiguration{
		QueryParameters: &users.UserItemRequestBuilderGetQueryParameters{Select: properties},
	})
	if err != nil {
		return nil, failed(err)
	}
	return send[models.Userable](ctx, d.client, info, models.CreateUserFromDiscriminatorValue)
}

// duringOp says in an error which method failed, as a Mailbox does. Errors of a context stay what they are.
func duringOp(op string, err error) error {
	e, ok := errors.AsType[*endpoint.Error](err)
	if !ok {
		return err
	}
	n := *e
	n.Op, n.Driver = op, typeName
	return &n
}

func unknownUser() error { return endpoint.Errorf(endpoint.NotFound, "%w", ErrUnknownUser) }

// madeHere returns the ID of a user who was created here, or nothing. The directory does not know such a user everywhere at once.
func (d *Directory) madeHere(address string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.made[strings.ToLower(address)]
}

func (d *Directory) remember(address, id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.made[strings.ToLower(address)] = id
}
