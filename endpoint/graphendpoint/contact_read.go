package graphendpoint

import (
	"bytes"
	"context"
	"io"
	"net/http"

	"github.com/dandyroll/dandyroll/endpoint"
)

// maxPhotoRead bounds a photo that is read. The service takes half of it, but may have greater ones from other programs.
const maxPhotoRead = 2 * maxPhoto

// read reads a contact as vCard, with its photo.
func (s contactShelf) read(ctx context.Context, folder, ref string, opts reading) endpoint.Body {
	var body endpoint.Body
	if !opts.accepts(endpoint.VCard) {
		body.Err = endpoint.Errorf(endpoint.Unsupported, "contacts are read as %s only", endpoint.VCard)
		return body
	}
	c, err := s.contact(ctx, folder, ref, markProperty, uidProperty, restProperty, anniversaryProperty)
	if err != nil {
		body.Err = err
		return body
	}
	photo, err := s.readPhoto(ctx, ref)
	if err != nil {
		body.Err = err
		return body
	}
	body.Received = timeOf(c.GetCreatedDateTime())
	body.Content, body.Err = opts.content(bytes.NewReader(vCardFromContact(c, photo)), endpoint.VCard)
	return body
}

// readPhoto returns the photo of a contact, or nil. Nothing else tells whether there is one.
func (s contactShelf) readPhoto(ctx context.Context, ref string) ([]byte, error) {
	resp, err := s.raw(ctx, request{method: http.MethodGet, path: path("users", s.user, "contacts", ref, "photo", "$value")})
	if hasCode(err, endpoint.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	photo, err := io.ReadAll(io.LimitReader(resp.Body, maxPhotoRead+1))
	switch {
	case err != nil:
		return nil, failed(err)
	case len(photo) > maxPhotoRead:
		return nil, endpoint.Errorf(endpoint.TooLarge, "the photo of the contact is above %d bytes", maxPhotoRead)
	}
	return photo, nil
}
