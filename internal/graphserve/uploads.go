package graphserve

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

const (
	maxUpload   = 150 << 20
	sessionLife = 2 * time.Hour
)

// upload is a session that takes one large attachment in slices.
type upload struct {
	user     *user
	item     *node
	path     string // of the attachments, for Location
	fields   object
	size     int
	received []byte
	expires  time.Time
}

func createUploadSession(value string, k kind) handler {
	return func(c *call) (response, error) {
		u, n, err := c.node(value, k)
		if err != nil {
			return response{}, err
		}
		body, err := c.decode()
		if err != nil {
			return response{}, err
		}
		item, _ := body["AttachmentItem"].(object) // the empty item is refused
		size, _ := item["size"].(float64)          // size 0 is refused
		if item["attachmentType"] != "file" || text(item["name"]) == "" {
			return response{}, badRequest("ErrorInvalidParameter", "AttachmentItem needs a name and the attachmentType file.")
		}
		if size < maxAttachment || size > maxUpload {
			return response{}, badRequest("ErrorAttachmentSizeShouldNotBeLessThanMinimumSize", "The size must be from 3 MB to 150 MB.")
		}
		up := &upload{user: u, item: n, path: c.r.URL.EscapedPath(), fields: uploadFields(item), size: int(size), expires: c.s.clock().Add(sessionLife)}
		secret := fmt.Sprintf("AttachmentSessions-%d", c.s.next())
		c.s.uploads[secret] = up
		answer := up.state()
		answer["nextExpectedRanges"] = []string{"0-"}
		answer["uploadUrl"] = c.s.http.URL + "/outlook/upload/" + secret + "?authtoken=" + secret
		return created(answer)
	}
}

// uploadFields are those of the attachment to be.
func uploadFields(item object) object {
	fields := object{"@odata.type": "#microsoft.graph.fileAttachment", "isInline": item["isInline"] == true}
	for _, name := range []string{"name", "contentType", "contentId"} {
		if value := text(item[name]); value != "" {
			fields[name] = value
		}
	}
	return fields
}

// state is what a session answers while slices are missing. The range has no dash at its end, other than the documentation shows.
func (up *upload) state() object {
	return object{"expirationDateTime": stamp(up.expires), "nextExpectedRanges": []string{strconv.Itoa(len(up.received))}}
}

// putRange takes the next slice. Slices come in order.
func putRange(c *call) (response, error) {
	secret := c.r.PathValue("secret")
	up := c.s.uploads[secret]
	if up == nil || c.r.URL.Query().Get("authtoken") != secret || c.s.clock().After(up.expires) || up.item.parent == nil {
		return response{}, &Error{Status: http.StatusNotFound, Code: "ErrorItemNotFound", Message: "The upload session is not there."}
	}
	var from, to, total int
	if _, err := fmt.Sscanf(c.r.Header.Get("Content-Range"), "bytes %d-%d/%d", &from, &to, &total); err != nil || total != up.size || to-from+1 != len(c.body) {
		return response{}, badRequest("ErrorInvalidParameter", "The Content-Range does not fit.")
	}
	if from != len(up.received) || to >= total {
		return response{}, &Error{Status: http.StatusRequestedRangeNotSatisfiable, Code: "ErrorInvalidRange", Message: "The slice is not the next one."}
	}
	up.received = append(up.received, c.body...)
	if len(up.received) < up.size {
		return ok(up.state())
	}
	delete(c.s.uploads, secret)
	a := up.user.add(kindAttachment, up.item, up.fields)
	a.content = up.received
	path := up.path[:len(up.path)-len("/createUploadSession")]
	header := http.Header{"Location": {c.s.http.URL + path + "('" + a.id + "')"}}
	return response{status: http.StatusCreated, header: header}, nil
}

func cancelUpload(c *call) (response, error) {
	delete(c.s.uploads, c.r.PathValue("secret"))
	return noContent()
}
