package graphendpoint

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"github.com/dandyroll/dandyroll/endpoint"
)

// FastTransfer is the format in which an item goes from one mailbox of Exchange Online to another by the import and export of
// mailboxes: the stream of MS-OXCFXICS, which Microsoft calls opaque, and in which everything that Exchange keeps of an item is.
const FastTransfer endpoint.Format = "application/vnd.ms-fasttransfer"

// transfer is the import and export of one mailbox. It does not exist in national clouds, and needs permissions of its own
// (MailboxItem.Export.All and MailboxItem.ImportExport.All), so a mailbox is asked first whether it may be used.
type transfer struct {
	*client

	mu      sync.Mutex
	mailbox string // its ID there; empty until known
	session importSession
	staging string // the folder for what was imported and is not yet marked; empty until known
}

// importSession is an address to which items may be posted for a while. It carries a secret.
type importSession struct {
	address string
	expires time.Time
}

// able reports whether items can be exported and imported. What the program may not do is no error here.
func (t *transfer) able(ctx context.Context) (exports, imports bool, err error) {
	mailbox, err := t.box(ctx)
	if err == nil {
		exports, err = t.allowed(ctx, mailbox+"/exportItems", []byte(`{"ItemIds":["none"]}`))
	}
	if err == nil {
		imports, err = t.allowed(ctx, mailbox+"/createImportSession", nil)
	}
	if hasCode(err, endpoint.Denied, endpoint.NotFound, endpoint.Rejected, endpoint.Unsupported) {
		return false, false, nil
	}
	return exports, imports, err
}

// allowed asks for something that has no effect, to learn whether it may be asked for.
func (t *transfer) allowed(ctx context.Context, path string, body []byte) (bool, error) {
	resp, err := t.raw(repeatable(ctx), request{method: http.MethodPost, path: path, header: jsonHeader(), body: body})
	switch {
	case err == nil:
		return true, resp.Body.Close()
	case hasCode(err, endpoint.Denied, endpoint.Unsupported):
		return false, nil
	case hasCode(err, endpoint.NotFound, endpoint.Rejected):
		return true, nil // it was the item that was refused
	}
	return false, err
}

func jsonHeader() http.Header { return http.Header{"Content-Type": {"application/json"}} }

// box returns the path of the mailbox in the import and export of mailboxes.
func (t *transfer) box(ctx context.Context) (string, error) {
	t.mu.Lock()
	known := t.mailbox
	t.mu.Unlock()
	if known != "" {
		return path("admin", "exchange", "mailboxes", known), nil
	}
	info, err := t.me().Settings().Exchange().ToGetRequestInformation(ctx, nil)
	if err != nil {
		return "", failed(err)
	}
	settings, err := send[models.ExchangeSettingsable](ctx, t.client, info, models.CreateExchangeSettingsFromDiscriminatorValue)
	if err != nil {
		return "", err
	}
	id := settings.GetPrimaryMailboxId()
	if id == nil || *id == "" {
		return "", endpoint.Errorf(endpoint.Unsupported, "the mailbox has no import and export")
	}
	t.mu.Lock()
	t.mailbox = *id
	t.mu.Unlock()
	return path("admin", "exchange", "mailboxes", *id), nil
}

// open returns the address of an import session that lasts for a while yet.
func (t *transfer) open(ctx context.Context) (string, error) {
	t.mu.Lock()
	session := t.session
	t.mu.Unlock()
	if time.Until(session.expires) > time.Minute {
		return session.address, nil
	}
	mailbox, err := t.box(ctx)
	if err != nil {
		return "", err
	}
	var answer struct {
		ImportURL string    `json:"importUrl"`
		Expires   time.Time `json:"expirationDateTime"`
	}
	err = t.ask(repeatable(ctx), request{method: http.MethodPost, path: mailbox + "/createImportSession", header: jsonHeader()}, &answer)
	if err != nil {
		return "", err
	}
	t.mu.Lock()
	t.session = importSession{answer.ImportURL, answer.Expires}
	t.mu.Unlock()
	return answer.ImportURL, nil
}

// forget drops an import session that the service does not take any more.
func (t *transfer) forgetSession(address string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.session.address == address {
		t.session = importSession{}
	}
}

// maxAnswer bounds what is read of an answer that is a few fields.
const maxAnswer = 1 << 20

// ask sends a request and reads its answer, which is JSON and small.
func (c *client) ask(ctx context.Context, r request, answer any) error {
	resp, err := c.raw(ctx, r)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(answer); err != nil {
		return unreadable(ctx, r.method, err)
	}
	return nil
}

// immutable returns the immutable ID of an item whose ID has the form of the import and export.
func (t *transfer) immutable(ctx context.Context, id string) (string, error) {
	return t.translate(ctx, id, models.EWSID_EXCHANGEIDFORMAT, models.RESTIMMUTABLEENTRYID_EXCHANGEIDFORMAT)
}

// translate gives an ID another form. https://learn.microsoft.com/graph/api/user-translateexchangeids
func (c *client) translate(ctx context.Context, id string, from, to models.ExchangeIdFormat) (string, error) {
	body := users.NewItemTranslateExchangeIdsPostRequestBody()
	body.SetInputIds([]string{id})
	body.SetSourceIdType(&from)
	body.SetTargetIdType(&to)
	info, err := c.me().TranslateExchangeIds().ToPostRequestInformation(ctx, body, nil)
	if err != nil {
		return "", failed(err)
	}
	answer, err := send[list[models.ConvertIdResultable]](repeatable(ctx), c, info,
		users.CreateItemTranslateExchangeIdsPostResponseFromDiscriminatorValue)
	if err != nil {
		return "", err
	}
	for _, row := range answer.GetValue() {
		if target := row.GetTargetId(); target != nil && *target != "" {
			return *target, nil
		}
	}
	return "", endpoint.Errorf(endpoint.NotFound, "the service does not know the item under its other ID")
}
