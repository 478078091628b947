package graphendpoint

import (
	"context"
	"net/http"

	"github.com/dandyroll/dandyroll/endpoint"
)

// read reads a message as MIME. Exchange does not keep what came, but renders it anew (MS-OXCMAIL section 2.1), with our property as
// a field of the header: an item that we once wrote keeps that mark as part of its content.
func (s mailShelf) read(ctx context.Context, folder, ref string, opts reading) endpoint.Body {
	var body endpoint.Body
	content := s.mime
	switch {
	case opts.prefers(FastTransfer):
		content = s.transfer.export
	case !opts.accepts(endpoint.RFC822):
		body.Err = endpoint.Errorf(endpoint.Unsupported, "mail is read as %s or %s", endpoint.RFC822, FastTransfer)
		return body
	}
	view := flagView()
	view.fields = append(view.fields, "receivedDateTime")
	m, err := s.message(ctx, folder, ref, view)
	if err != nil {
		body.Err = err
		return body
	}
	body.Flags, body.Received = mailFlags(m), timeOf(m.GetReceivedDateTime())
	body.Content, body.Err = content(ctx, ref, opts)
	return body
}

// mime reads the content of a message. The SDK would hold all of it in memory.
func (s mailShelf) mime(ctx context.Context, ref string, opts reading) (endpoint.Content, error) {
	resp, err := s.raw(ctx, request{method: http.MethodGet, path: path("users", s.user, "messages", ref, "$value")})
	if err != nil {
		return nil, notGone(err)
	}
	defer func() { _ = resp.Body.Close() }()
	content, err := opts.content(resp.Body, endpoint.RFC822)
	if err == nil && content.Size() == 0 {
		_ = content.Close()
		return nil, endpoint.Errorf(endpoint.Damaged, "the service delivered nothing of the message")
	}
	return content, err
}
