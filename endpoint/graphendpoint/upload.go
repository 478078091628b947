package graphendpoint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"github.com/dandyroll/dandyroll/endpoint"
)

const (
	// sliceSize is how much of an upload goes in one request. The service takes 4 MB; other services of Graph want multiples of 320 KiB.
	sliceSize = 12 * 320 << 10
	// longestWait is for how long a half-made item waits when the service asks to be left alone. Beyond that it is given up.
	longestWait = 2 * uploadWindow
	// waits is how often one request of it waits.
	waits = 100
)

// errSession is that an upload session is gone, or does not go on where it stopped.
var errSession = errors.New("upload session lost")

// upload adds an attachment to an item in slices. A session that is lost is followed by a new one.
func (c *client) upload(ctx context.Context, to *attachable, a attachment) error {
	for range attachAttempts {
		address, err := c.uploadSession(ctx, to, a)
		if err != nil {
			return err
		}
		if err = c.uploadSlices(ctx, address, a); err == nil {
			to.has++
			return nil
		}
		if !errors.Is(err, errSession) {
			return err
		}
		if there, err := c.arrived(ctx, to); err != nil {
			return err
		} else if there {
			to.has++
			return nil
		}
	}
	return endpoint.Errorf(endpoint.Unavailable, "the service lost %d upload sessions of one attachment", attachAttempts)
}

// uploadSession returns an address that takes slices. It is a secret: who has it can write.
func (c *client) uploadSession(ctx context.Context, to *attachable, a attachment) (string, error) {
	item, sort := models.NewAttachmentItem(), models.FILE_ATTACHMENTTYPE
	item.SetAttachmentType(&sort)
	item.SetName(&a.name)
	item.SetSize(&a.size)
	item.SetContentType(&a.contentType)
	item.SetIsInline(&a.inline)
	if a.contentID != "" {
		item.SetContentId(&a.contentID)
	}
	body := users.NewItemMessagesItemAttachmentsCreateUploadSessionPostRequestBody() // that of events is the same
	body.SetAttachmentItem(item)
	info, err := c.posting(ctx, to.path+"/attachments/createUploadSession", body)
	if err != nil {
		return "", err
	}
	// A session without slices is nothing, so one too many does no harm.
	var session models.UploadSessionable
	err = patiently(ctx, func() (err error) {
		session, err = send[models.UploadSessionable](repeatable(ctx), c, info, models.CreateUploadSessionFromDiscriminatorValue)
		return err
	})
	if err != nil {
		return "", err
	}
	if session.GetUploadUrl() == nil || strings.HasPrefix(*session.GetUploadUrl(), "/") {
		return "", endpoint.Errorf(endpoint.Damaged, "the service gave no address for an upload")
	}
	return *session.GetUploadUrl(), nil
}

// uploading is an attachment on its way to an address that takes slices, in order.
type uploading struct {
	address string
	size    int64
	skipped bool // the last slice was refused, since the service has it already
	created bool // the service has said that the attachment is there
}

// uploadSlices sends an attachment slice by slice, one of which it holds in memory.
func (c *client) uploadSlices(ctx context.Context, address string, a attachment) error {
	r, err := a.open()
	if err != nil {
		return changed(err)
	}
	defer func() { _ = r.Close() }()
	u := &uploading{address: address, size: a.size}
	buffer := make([]byte, min(a.size, sliceSize))
	for at := int64(0); at < a.size; {
		slice := buffer[:min(a.size-at, sliceSize)]
		if _, err := io.ReadFull(r, slice); err != nil {
			return changed(err)
		}
		if err := c.uploadSlice(ctx, u, slice, at); err != nil {
			return err
		}
		at += int64(len(slice))
	}
	if !u.created {
		return errSession
	}
	return nil
}

// uploadSlice sends a slice that begins at at, and again what the service did not take of it.
func (c *client) uploadSlice(ctx context.Context, u *uploading, slice []byte, at int64) error {
	for len(slice) > 0 {
		next, err := c.putSlice(ctx, u, slice, at)
		if err != nil {
			return err
		}
		taken := next - at
		if taken <= 0 || taken > int64(len(slice)) {
			return errSession
		}
		slice, at = slice[taken:], next
	}
	return nil
}

// putSlice sends bytes from at on, and returns from where on the service expects more.
func (c *client) putSlice(ctx context.Context, u *uploading, slice []byte, at int64) (int64, error) {
	end := at + int64(len(slice))
	put := request{method: http.MethodPut, path: u.address, body: slice, header: http.Header{
		"Content-Type":  {"application/octet-stream"},
		"Content-Range": {fmt.Sprintf("bytes %d-%d/%d", at, end-1, u.size)},
	}}
	var next int64
	err := patiently(ctx, func() error {
		resp, err := c.raw(ctx, put)
		if err != nil {
			return err
		}
		defer func() { _ = resp.Body.Close() }()
		next, err = u.expected(resp, end)
		return err
	})
	switch {
	case err == nil:
		u.skipped = false
		return next, nil
	case hasCode(err, endpoint.Rejected) && !u.skipped:
		// "Not the next slice" (416): the service has this one, and the answer that said so was lost. If that is wrong, it refuses the
		// next, too.
		u.skipped = true
		return end, nil
	case hasCode(err, endpoint.NotFound, endpoint.Stale, endpoint.Rejected):
		return 0, errSession
	}
	return 0, err
}

// patiently does something again as often as the service asks to be left alone, for as long as it wants. It is for what belongs to an item that
// is half made: to begin that again later would cost more, and what takes longer than the limits of the mailbox allow would never end.
func patiently(ctx context.Context, do func() error) error {
	for range waits {
		err := do()
		wait := max(endpoint.RetryAfterOf(err), firstPause)
		if !hasCode(err, endpoint.Throttled) || wait > longestWait {
			return err
		}
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
	return endpoint.Errorf(endpoint.Unavailable, "the service asked to be left alone %d times in the middle of an item", waits)
}

// expected reads the answer to the slice that ends at end: which byte is to come next. Where the attachment is there, the status is 201.
func (u *uploading) expected(resp *http.Response, end int64) (int64, error) {
	var state struct {
		NextExpectedRanges []string `json:"nextExpectedRanges"`
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	if err != nil {
		return 0, errSession
	}
	if resp.StatusCode == http.StatusCreated {
		if u.created = end == u.size; !u.created {
			return 0, endpoint.Errorf(endpoint.Damaged, "the service ended an upload before all was sent")
		}
		return end, nil
	}
	if json.Unmarshal(body, &state) != nil || len(state.NextExpectedRanges) == 0 {
		return end, nil
	}
	// The documentation has "2097152-", the service also "2097152".
	from, _, _ := strings.Cut(state.NextExpectedRanges[0], "-")
	next, err := strconv.ParseInt(from, 10, 64)
	if err != nil {
		return 0, errSession
	}
	return next, nil
}
