package graphendpoint

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"
	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"github.com/dandyroll/dandyroll/endpoint"
)

// settling is for how long the directory may not know everywhere what was just written to it.
const settling = time.Minute

// NewUser is a user to be created. All fields are required.
type NewUser struct {
	// Address becomes the principal name, and with the mailbox the primary address. Its domain is one of the organisation's.
	Address     string
	DisplayName string
	// UsageLocation is the country (ISO 3166-1, two letters) without which no licence can be assigned.
	UsageLocation string
	// Password is the first one, which the user has to change. The caller makes it up and hands it over.
	Password string
}

// String hides the password, and the person, from logs.
func (NewUser) String() string { return "graphendpoint.NewUser(hidden)" }

// GoString hides the password, and the person, from logs.
func (NewUser) GoString() string { return "graphendpoint.NewUser(hidden)" }

// CreateUser creates a user, without licence, and returns the ID. It is idempotent: a user who has the address as principal name is
// left as is, password included. It fails with Exists if the address is an alias of somebody else.
func (d *Directory) CreateUser(ctx context.Context, u NewUser) (string, error) {
	id, err := d.createUser(ctx, u)
	return id, duringOp("create user", err)
}

func (d *Directory) createUser(ctx context.Context, u NewUser) (string, error) {
	nickname, domain, _ := strings.Cut(u.Address, "@")
	if nickname == "" || domain == "" || u.DisplayName == "" || u.UsageLocation == "" || u.Password == "" {
		return "", endpoint.Errorf(endpoint.Invalid, "NewUser needs Address, DisplayName, UsageLocation and Password")
	}
	user, err := d.user(ctx, u.Address, "id")
	if errors.Is(err, ErrUnknownUser) {
		user, err = d.create(ctx, u, nickname)
	}
	if errors.Is(err, errNameTaken) {
		// Created a moment ago, by us in an attempt whose answer was lost, or by somebody else.
		err = d.whenKnown(ctx, func() (err error) {
			user, err = d.user(ctx, u.Address, "id")
			return err
		})
	}
	if err != nil {
		return "", err
	}
	id := idOf(user)
	d.remember(u.Address, id)
	return id, nil
}

// create may be repeated after an unclear answer: a second user of the same name is refused.
func (d *Directory) create(ctx context.Context, u NewUser, nickname string) (models.Userable, error) {
	password := models.NewPasswordProfile()
	password.SetPassword(&u.Password)
	password.SetForceChangePasswordNextSignIn(new(true))
	user := models.NewUser()
	user.SetAccountEnabled(new(true))
	user.SetDisplayName(&u.DisplayName)
	user.SetMailNickname(&nickname)
	user.SetUserPrincipalName(&u.Address)
	user.SetPasswordProfile(password)
	user.SetUsageLocation(&u.UsageLocation)
	ctx = repeatable(ctx)
	info, err := d.people().ToPostRequestInformation(ctx, user, nil)
	if err != nil {
		return nil, failed(err)
	}
	return send[models.Userable](ctx, d.client, info, models.CreateUserFromDiscriminatorValue)
}

// whenKnown repeats a request about a user who was just created until the directory knows that user everywhere.
func (d *Directory) whenKnown(ctx context.Context, request func() error) error {
	return d.clock.backOff(ctx, func(waited time.Duration) (bool, time.Duration, error) {
		err := request()
		return errors.Is(err, ErrUnknownUser) && waited < settling, 0, err
	})
}

// about makes a request about the user with an address.
func (d *Directory) about(ctx context.Context, address string, request func(id string) error) error {
	id, err := d.find(ctx, address)
	if err != nil {
		return err
	}
	if d.madeHere(address) == "" {
		return request(id)
	}
	return d.whenKnown(ctx, func() error { return request(id) })
}

// AssignLicence gives a user one of the licences that the organisation has, named by skuPartNumber, such as EXCHANGESTANDARD, or skuId.
// The mailbox comes later, see EnsureMailbox. It fails with ErrNoUsageLocation, with ErrNoSuchLicence, and with OverQuota if none is left.
func (d *Directory) AssignLicence(ctx context.Context, address, licence string) error {
	return duringOp("assign licence", d.assignLicence(ctx, address, licence))
}

func (d *Directory) assignLicence(ctx context.Context, address, licence string) error {
	sku, err := d.sku(ctx, licence)
	if err != nil {
		return err
	}
	return d.about(ctx, address, func(id string) error {
		// Assigning again would switch on the services of the licence that somebody switched off.
		has, err := d.licences(ctx, id)
		if err != nil || has[sku] {
			return err
		}
		return d.assign(ctx, id, sku)
	})
}

// sku returns the ID of a licence.
func (d *Directory) sku(ctx context.Context, licence string) (uuid.UUID, error) {
	if id, err := uuid.Parse(licence); err == nil {
		return id, nil
	}
	// The only option of this list is $select. https://learn.microsoft.com/graph/api/subscribedsku-list
	first := abstractions.NewRequestInformationWithMethodAndUrlTemplateAndPathParameters(abstractions.GET,
		"{+baseurl}/subscribedSkus?$select=skuId,skuPartNumber", map[string]string{"baseurl": d.root.String()})
	first.Headers.TryAdd("Accept", "application/json")
	for sku, err := range entries[models.SubscribedSkuable](ctx, d.client, first, models.CreateSubscribedSkuCollectionResponseFromDiscriminatorValue) {
		if err != nil {
			return uuid.Nil, err
		}
		if id := sku.GetSkuId(); id != nil && strings.EqualFold(text(sku.GetSkuPartNumber()), licence) {
			return *id, nil
		}
	}
	return uuid.Nil, endpoint.Errorf(endpoint.NotFound, "%w", ErrNoSuchLicence)
}

// licences returns those that a user has.
func (d *Directory) licences(ctx context.Context, id string) (map[uuid.UUID]bool, error) {
	user, err := d.user(ctx, id, "assignedLicenses")
	if err != nil {
		return nil, err
	}
	has := map[uuid.UUID]bool{}
	for _, licence := range user.GetAssignedLicenses() {
		if sku := licence.GetSkuId(); sku != nil {
			has[*sku] = true
		}
	}
	return has, nil
}

// assign may be repeated: having a licence twice is having it once. The service wants both lists, be they empty.
func (d *Directory) assign(ctx context.Context, id string, sku uuid.UUID) error {
	licence := models.NewAssignedLicense()
	licence.SetSkuId(&sku)
	licence.SetDisabledPlans([]uuid.UUID{})
	body := users.NewItemAssignLicensePostRequestBody()
	body.SetAddLicenses([]models.AssignedLicenseable{licence})
	body.SetRemoveLicenses([]uuid.UUID{})
	_, err := d.people().ByUserId(id).AssignLicense().Post(repeatable(ctx), body, nil)
	return failed(err)
}

// EnsureMailbox waits until a user has a mailbox, which comes by itself some time after the licence: half an hour is usual, and a day is what the
// documentation allows for. It waits until the deadline of the context, then fails with ErrNoMailbox; so it does, after a minute, for users
// without any licence. https://learn.microsoft.com/exchange/troubleshoot/user-and-shared-mailboxes/delays-provision-mailbox-sync-changes
func (d *Directory) EnsureMailbox(ctx context.Context, address string) error {
	return duringOp("ensure mailbox", d.awaitMailbox(ctx, address))
}

func (d *Directory) awaitMailbox(ctx context.Context, address string) error {
	id, err := d.find(ctx, address)
	if err != nil {
		return err
	}
	err = d.clock.backOff(ctx, func(waited time.Duration) (bool, time.Duration, error) {
		err := d.look(ctx, id, waited)
		again := (isMissing(err) || hasCode(err, endpoint.Throttled, endpoint.Unavailable)) && !errors.Is(err, errNoLicence)
		if again {
			d.waiting(address, waited)
		}
		return again, endpoint.RetryAfterOf(err), err
	})
	if endpoint.CodeOf(err) == endpoint.Unknown && errors.Is(err, context.DeadlineExceeded) {
		return endpoint.Errorf(endpoint.NotFound, "%w; the time to wait for it is over", ErrNoMailbox)
	}
	return err
}

// isMissing reports whether a user, a mailbox or its inbox is not there, or not yet.
func isMissing(err error) bool {
	return errors.Is(err, ErrNoMailbox) || errors.Is(err, ErrUnknownUser) || hasCode(err, endpoint.NotFound)
}

var errNoLicence = errors.New("the user has no licence; assign one with Exchange")

// look fails while there is no mailbox. What has no licence is given up once the directory had the time to know of one.
func (d *Directory) look(ctx context.Context, id string, waited time.Duration) error {
	info, err := d.people().ByUserId(id).MailFolders().ByMailFolderId("inbox").ToGetRequestInformation(ctx,
		&users.ItemMailFoldersMailFolderItemRequestBuilderGetRequestConfiguration{
			QueryParameters: &users.ItemMailFoldersMailFolderItemRequestBuilderGetQueryParameters{Select: []string{"id"}},
		})
	if err != nil {
		return failed(err)
	}
	_, err = send[models.MailFolderable](ctx, d.client, info, models.CreateMailFolderFromDiscriminatorValue)
	if waited < settling || !isMissing(err) {
		return err
	}
	if has, unknown := d.licences(ctx, id); unknown == nil && len(has) == 0 {
		return endpoint.Errorf(endpoint.NotFound, "%w: %w", ErrNoMailbox, errNoLicence)
	}
	return err
}
