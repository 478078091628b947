package graphendpoint

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"

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
	return payload{int64(len(head)+len(tail)) + base64Size(c.Size()), func() (io.ReadCloser, error) {
		data, err := base64Of(c.Open)
		if err != nil {
			return nil, err
		}
		return readCloser{io.MultiReader(strings.NewReader(head), data, strings.NewReader(tail)), data}, nil
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
	return madeID(send[models.Messageable](ctx, t.client, info, models.CreateMessageFromDiscriminatorValue))
}

// move moves a message, which keeps its immutable ID. An unclear answer leaves it in doubt: its mark tells.
func (t *transfer) move(ctx context.Context, id, folder string) (string, error) {
	body := users.NewItemMessagesItemMovePostRequestBody()
	body.SetDestinationId(&folder)
	info, err := t.me().Messages().ByMessageId(id).Move().ToPostRequestInformation(ctx, body, nil)
	if err != nil {
		return "", failed(err)
	}
	return madeID(send[models.Messageable](ctx, t.client, info, models.CreateMessageFromDiscriminatorValue))
}
