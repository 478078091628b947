package graphendpoint

import (
	"bufio"
	"context"
	"io"
	"net/http"

	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/watermark"
)

// maxImported is the greatest message that importMime is given. No limit is documented; as base64, this one has 4 MB.
const maxImported = 3_000_000

// importMessage writes a message with the beta action importMime (https://learn.microsoft.com/graph/api/mailfolder-importmime), which keeps
// its MIME. Whether a field of the header becomes a property is not documented, so the property of the mark is set afterwards, together
// with the flags. Until then, the message is in a hidden folder of ours.
//
// What cannot be imported is not done, and goes as JSON.
func (s mailShelf) importMessage(ctx context.Context, folder string, item endpoint.Put, state messageState) (ref string, done bool, err error) {
	body, fits, err := importedMIME(item)
	if err != nil || !fits {
		return "", err != nil, err
	}
	staging, err := s.transfer.stage(ctx)
	if err != nil {
		return "", true, certainlyNot(err)
	}
	var made struct {
		ID      string `json:"id"`
		IsDraft bool   `json:"isDraft"`
	}
	err = s.ask(ctx, request{
		method: http.MethodPost, path: s.root.Scheme + "://" + s.root.Host + betaPath(s.root.Path) +
			path("users", s.user, "mailFolders", staging, "importMime"),
		header: http.Header{"Content-Type": {"text/plain"}}, stream: body,
	}, &made)
	if err == nil && made.IsDraft {
		s.discard(ctx, made.ID)
		return "", false, nil
	}
	if hasCode(err, endpoint.Rejected, endpoint.TooLarge) {
		return "", false, nil
	}
	if err == nil && made.ID == "" {
		err = endpoint.Errorf(endpoint.Unavailable, "the service did not name the imported message")
	}
	if err == nil {
		err = s.mark(ctx, made.ID, item.Mark, state)
	}
	if err != nil {
		return "", true, certainlyNot(err)
	}
	ref, err = s.transfer.move(ctx, made.ID, folder)
	return ref, true, err
}

// mark sets mark and flags of an imported message.
func (s mailShelf) mark(ctx context.Context, id string, mark watermark.Mark, state messageState) error {
	message := models.NewMessage()
	state.set(message)
	message.SetSingleValueExtendedProperties(extendedWith(append(state.properties(), extended{markProperty, mark.String()})...))
	info, err := s.me().Messages().ByMessageId(id).ToPatchRequestInformation(ctx, message, nil)
	if err != nil {
		return failed(err)
	}
	_, err = send[models.Messageable](ctx, s.client, info, models.CreateMessageFromDiscriminatorValue)
	return err
}

// importedMIME is what importMime takes of a message: the line of its mark and its bytes, as base64. All lines end with CRLF, since the
// service refuses others, or takes them for something else. The body is made while it is sent.
func importedMIME(item endpoint.Put) (body payload, fits bool, err error) {
	open := func() (io.ReadCloser, error) {
		r, err := item.Content.Open()
		if err != nil {
			return nil, err
		}
		stamped, _, err := watermark.Stamp(item.Mark, r, item.Content.Size())
		if err != nil {
			_ = r.Close()
			return nil, err
		}
		return readCloser{&crlfReader{r: bufio.NewReader(stamped)}, r}, nil
	}
	if item.Content.Size() > maxImported {
		return payload{}, false, nil
	}
	r, err := open()
	if err != nil {
		return payload{}, false, changed(err)
	}
	defer func() { _ = r.Close() }()
	size, err := io.Copy(io.Discard, r)
	if err != nil {
		return payload{}, false, changed(err)
	}
	return payload{base64Size(size), func() (io.ReadCloser, error) { return base64Of(open) }}, size <= maxImported, nil
}
