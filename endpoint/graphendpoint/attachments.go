package graphendpoint

import (
	"context"
	"errors"
	"io"

	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"github.com/dandyroll/dandyroll/endpoint"
)

const (
	// maxRequest is how much goes into one request, in bytes of JSON. The service takes 4 MB.
	maxRequest = 3_500_000
	// maxPosted is the greatest attachment that is sent in a request of its own. The service takes less than 3 MB, which makes 4 MB of
	// JSON. Greater ones are uploaded.
	maxPosted = 3_000_000
	// minUploaded is what some say that an upload must have. Between the two, either may be refused.
	minUploaded = 3 << 20
	// attachAttempts is how often an attachment is sent at most.
	attachAttempts = 3
)

// attachment is a file of a message or event.
type attachment struct {
	name        string // not empty
	contentType string
	contentID   string // without brackets; may be empty
	inline      bool   // shown within the body
	size        int64  // exact
	open        func() (io.ReadCloser, error)
}

// attachable is an item that gets attachments, one after the other.
type attachable struct {
	path string // of the item, beneath the root of the service
	has  int    // attachments
	// doubted says that the answer to one was lost. It is there or is sent again, so that one may be there twice.
	doubted bool
}

// attachAll adds attachments to an item.
func (c *client) attachAll(ctx context.Context, to *attachable, all []attachment) error {
	for _, a := range all {
		if err := c.attach(ctx, to, a); err != nil {
			return err
		}
	}
	if !to.doubted {
		return nil
	}
	n, err := c.countAttachments(ctx, to.path)
	if err == nil && n != to.has {
		err = endpoint.Errorf(endpoint.Unavailable, "an attachment came twice, since an answer was lost")
	}
	return err
}

// attach adds an attachment to an item: small ones in one request, others in slices.
func (c *client) attach(ctx context.Context, to *attachable, a attachment) error {
	if a.size < maxPosted {
		return c.postAttachment(ctx, to, a)
	}
	err := c.upload(ctx, to, a)
	if a.size < minUploaded && hasCode(err, endpoint.Rejected) {
		if err = c.postAttachment(ctx, to, a); hasCode(err, endpoint.TooLarge) {
			return endpoint.Errorf(endpoint.Rejected, "an attachment of %d bytes is too small for one way and too great for the other", a.size)
		}
	}
	return err
}

// postAttachment sends an attachment in one request. When the answer is lost, the attachments that are there are counted.
func (c *client) postAttachment(ctx context.Context, to *attachable, a attachment) error {
	file, err := a.file()
	if err != nil {
		return err
	}
	for range attachAttempts {
		err = patiently(ctx, func() error { return c.postFile(ctx, to, file) })
		if !hasCode(err, endpoint.InDoubt) {
			break
		}
		var there bool
		if there, err = c.arrived(ctx, to); there {
			break
		}
	}
	if err == nil {
		to.has++
	}
	return err
}

// weight is about how much an attachment takes of a request, in bytes.
func (a attachment) weight() int64 {
	return base64Size(a.size) + sizeInJSON(a.name) + sizeInJSON(a.contentType) + sizeInJSON(a.contentID) + 256
}

// file reads an attachment, which is small, into what the SDK sends.
func (a attachment) file() (models.FileAttachmentable, error) {
	content, err := a.read()
	if err != nil {
		return nil, err
	}
	f := models.NewFileAttachment()
	f.SetName(&a.name)
	f.SetContentType(&a.contentType)
	f.SetIsInline(&a.inline)
	if a.contentID != "" {
		f.SetContentId(&a.contentID)
	}
	f.SetContentBytes(content)
	return f, nil
}

func (a attachment) read() ([]byte, error) {
	r, err := a.open()
	if err != nil {
		return nil, changed(err)
	}
	defer func() { _ = r.Close() }()
	content := make([]byte, a.size)
	if _, err := io.ReadFull(r, content); err != nil {
		return nil, changed(err)
	}
	return content, nil
}

// changed is the error of a content that was read once and is another now.
func changed(err error) error {
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) { //nolint:errorlint // io.Reader promises io.EOF itself
		return endpoint.Errorf(endpoint.Damaged, "the item is shorter than when it was read before")
	}
	return endpoint.Errorf(endpoint.Damaged, "the item cannot be read a second time: %w", err)
}

func (c *client) postFile(ctx context.Context, to *attachable, file models.Attachmentable) error {
	info, err := c.posting(ctx, to.path+"/attachments", file)
	if err != nil {
		return err
	}
	_, err = send[models.Attachmentable](ctx, c, info, models.CreateAttachmentFromDiscriminatorValue)
	return err
}

// arrived reports whether an attachment whose answer was lost is there.
func (c *client) arrived(ctx context.Context, to *attachable) (bool, error) {
	to.doubted = true
	n, err := c.countAttachments(ctx, to.path)
	return err == nil && n > to.has, err
}

func (c *client) countAttachments(ctx context.Context, item string) (int, error) {
	info, err := c.getting(item + "/attachments?$select=id")
	if err != nil {
		return 0, err
	}
	n := 0
	for _, err := range entries[models.Attachmentable](ctx, c, info, models.CreateAttachmentCollectionResponseFromDiscriminatorValue) {
		if err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}
