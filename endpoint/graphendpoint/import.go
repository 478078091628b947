package graphendpoint

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"iter"
	"net/http"
	"strings"
	"time"

	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/watermark"
)

// put writes a message that was exported from another mailbox. An import cannot set the mark, and an item without a mark must never
// be where its user sees it: it would come twice after a crash. So it is imported into a hidden folder of ours, marked there, and
// moved. What a crash leaves in that folder counts for nothing and goes with it.
func (t *transfer) put(ctx context.Context, folder string, p endpoint.Put) endpoint.PutResult {
	staging, err := t.stage(ctx)
	if err != nil {
		return endpoint.PutResult{Err: certainlyNot(err)}
	}
	id, err := t.post(ctx, staging, p.Content)
	if err != nil {
		return endpoint.PutResult{Err: certainlyNot(err)}
	}
	if id, err = t.stamp(ctx, id, p.Mark); err != nil {
		return endpoint.PutResult{Err: certainlyNot(err)}
	}
	ref, err := t.move(ctx, id, folder)
	return endpoint.PutResult{Ref: ref, Err: err}
}

// certainlyNot is the error of a put that came no further than to the hidden folder, where nothing counts.
func certainlyNot(err error) error {
	if hasCode(err, endpoint.InDoubt) {
		return endpoint.Errorf(endpoint.Unavailable, "%w", err)
	}
	return err
}

// post imports a stream into a folder, and returns the ID that the item has there.
func (t *transfer) post(ctx context.Context, folder string, c endpoint.Content) (string, error) {
	address, err := t.open(ctx)
	if err != nil {
		return "", err
	}
	var answer struct {
		ItemID string `json:"itemId"`
	}
	err = t.ask(ctx, request{method: http.MethodPost, path: address, header: jsonHeader(), stream: importBody(folder, c)}, &answer)
	if hasCode(err, endpoint.Unauthenticated, endpoint.NotFound, endpoint.Stale) {
		t.forgetSession(address) // it expired: the next attempt opens another
		return "", endpoint.Errorf(endpoint.Unavailable, "the import session ended: %w", err)
	}
	if err == nil && answer.ItemID == "" {
		err = endpoint.Errorf(endpoint.InDoubt, "the service did not name the imported item")
	}
	return answer.ItemID, err
}

// importBody is the body of an import, in which the content stands as base64. It is made while it is sent.
func importBody(folder string, c endpoint.Content) payload {
	name, _ := json.Marshal(folder) // of a string, that cannot fail
	head := `{"FolderId":` + string(name) + `,"Mode":"create","Data":"`
	const tail = `"}`
	size := int64(len(head)+len(tail)) + (c.Size()+2)/3*4
	return payload{size, func() (io.ReadCloser, error) {
		r, err := c.Open()
		if err != nil {
			return nil, err
		}
		pr, pw := io.Pipe()
		go func() { // ends with the content, or when the request is closed
			encoder := base64.NewEncoder(base64.StdEncoding, pw)
			_, err := io.Copy(encoder, r)
			if err == nil {
				err = encoder.Close()
			}
			_ = r.Close()
			_ = pw.CloseWithError(err)
		}()
		return struct {
			io.Reader
			io.Closer
		}{io.MultiReader(strings.NewReader(head), pr, strings.NewReader(tail)), pr}, nil
	}}
}

// stamp sets the mark of an imported message and returns its immutable ID. The ID that the import gave is taken as it is, and in its
// other form when it is not known: nothing is documented.
func (t *transfer) stamp(ctx context.Context, id string, mark watermark.Mark) (string, error) {
	immutable, err := t.mark(ctx, id, mark)
	if !hasCode(err, endpoint.NotFound, endpoint.Rejected) {
		return immutable, err
	}
	other, translation := t.immutable(ctx, id)
	if translation != nil {
		return "", err
	}
	return t.mark(ctx, other, mark)
}

func (t *transfer) mark(ctx context.Context, id string, mark watermark.Mark) (string, error) {
	message := models.NewMessage()
	message.SetSingleValueExtendedProperties(extendedWith(extended{markProperty, mark.String()}))
	info, err := t.me().Messages().ByMessageId(id).ToPatchRequestInformation(ctx, message, nil)
	if err != nil {
		return "", failed(err)
	}
	return namedIn(send[models.Messageable](ctx, t.client, info, models.CreateMessageFromDiscriminatorValue))
}

// namedIn returns the ID of a message that the service answered with.
func namedIn(m models.Messageable, err error) (string, error) {
	if err != nil {
		return "", err
	}
	if id := m.GetId(); id != nil && *id != "" {
		return *id, nil
	}
	return "", endpoint.Errorf(endpoint.InDoubt, "the service did not name the message")
}

// move moves a message, which keeps its immutable ID. An unclear answer leaves it in doubt: its mark tells.
func (t *transfer) move(ctx context.Context, id, folder string) (string, error) {
	body := users.NewItemMessagesItemMovePostRequestBody()
	body.SetDestinationId(&folder)
	info, err := t.me().Messages().ByMessageId(id).Move().ToPostRequestInformation(ctx, body, nil)
	if err != nil {
		return "", failed(err)
	}
	return namedIn(send[models.Messageable](ctx, t.client, info, models.CreateMessageFromDiscriminatorValue))
}

// stage returns the hidden folder of today, making it and deleting those of earlier days when it is first needed. Those of
// yesterday stay: another program may be at work, in another time zone.
func (t *transfer) stage(ctx context.Context) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.staging != "" {
		return t.staging, nil
	}
	today := time.Now().UTC()
	wanted := stagingName + today.Format(" 2006-01-02")
	oldest := stagingName + today.AddDate(0, 0, -1).Format(" 2006-01-02")
	found := ""
	for f, err := range t.topFolders(ctx) {
		switch {
		case err != nil:
			return "", err
		case text(f.GetDisplayName()) == wanted:
			found = text(f.GetId())
		case isStaging(text(f.GetDisplayName())) && text(f.GetDisplayName()) < oldest:
			if err := t.raze(ctx, text(f.GetId())); err != nil {
				return "", err
			}
		}
	}
	var err error
	if found == "" {
		found, err = t.makeStaging(ctx, wanted)
	}
	t.staging = found
	return found, err
}

// topFolders yields the folders at the top of the mailbox, hidden ones too.
func (t *transfer) topFolders(ctx context.Context) iter.Seq2[models.MailFolderable, error] {
	hidden, size := "true", int32(100)
	info, err := t.me().MailFolders().ToGetRequestInformation(ctx, &users.ItemMailFoldersRequestBuilderGetRequestConfiguration{
		QueryParameters: &users.ItemMailFoldersRequestBuilderGetQueryParameters{
			IncludeHiddenFolders: &hidden, Select: []string{"id", "displayName"}, Top: &size,
		},
	})
	if err != nil {
		return func(yield func(models.MailFolderable, error) bool) { yield(nil, failed(err)) }
	}
	return pages[models.MailFolderable](ctx, t.client, info, models.CreateMailFolderCollectionResponseFromDiscriminatorValue)
}

func (t *transfer) makeStaging(ctx context.Context, name string) (string, error) {
	folder, hidden := models.NewMailFolder(), true
	folder.SetDisplayName(&name)
	folder.SetIsHidden(&hidden)
	info, err := t.me().MailFolders().ToPostRequestInformation(ctx, folder, nil)
	if err != nil {
		return "", failed(err)
	}
	made, err := send[models.MailFolderable](ctx, t.client, info, models.CreateMailFolderFromDiscriminatorValue)
	if err != nil {
		return "", err
	}
	if made.GetId() == nil {
		return "", endpoint.Errorf(endpoint.Unavailable, "the service did not name a folder that it made")
	}
	return *made.GetId(), nil
}

// raze deletes a staging folder for good.
func (t *transfer) raze(ctx context.Context, folder string) error {
	err := t.me().MailFolders().ByMailFolderId(folder).PermanentDelete().Post(repeatable(ctx), nil)
	if err = failed(err); hasCode(err, endpoint.NotFound) {
		return nil
	}
	return err
}
