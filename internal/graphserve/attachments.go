package graphserve

import (
	"encoding/base64"
	"net/http"
)

// maxAttachment is the limit of an attachment inside a request: 3 MB. Larger ones need an upload session.
const maxAttachment = 3 << 20

func attachmentRoutes(handle func(string, handler)) {
	forEachMailPath(func(messages string) { attachmentRoutesOf(handle, messages+"/{message}", "message", kindMessage) })
	forEachEventPath(func(events string) { attachmentRoutesOf(handle, events+"/{event}", "event", kindEvent) })
}

func attachmentRoutesOf(handle func(string, handler), item, value string, k kind) {
	handle("GET "+item+"/attachments", listAttachments(value, k))
	handle("POST "+item+"/attachments", createAttachment(value, k))
	handle("POST "+item+"/attachments/createUploadSession", createUploadSession(value, k))
	handle("GET "+item+"/attachments/{attachment}", getter("attachment", kindAttachment))
	handle("DELETE "+item+"/attachments/{attachment}", deleter("attachment", kindAttachment))
	handle("GET "+item+"/attachments/{attachment}/$value", attachmentValue)
}

// listAttachments answers all attachments at once: this list has no pages.
func listAttachments(value string, k kind) handler {
	return func(c *call) (response, error) {
		_, n, err := c.node(value, k)
		if err != nil {
			return response{}, err
		}
		v, err := c.viewOf(c.r.URL.Query())
		if err != nil {
			return response{}, err
		}
		rows := []object{}
		for _, a := range n.of(kindAttachment) {
			row, err := c.render(a, v)
			if err != nil {
				return response{}, err
			}
			rows = append(rows, row)
		}
		return ok(object{"value": rows})
	}
}

func createAttachment(value string, k kind) handler {
	return func(c *call) (response, error) {
		u, n, err := c.node(value, k)
		if err != nil {
			return response{}, err
		}
		fields, err := c.decode()
		if err != nil {
			return response{}, err
		}
		a, err := u.newAttachment(n, fields)
		if err != nil {
			return response{}, err
		}
		return c.made(a)
	}
}

// newAttachment adds an attachment given as JSON.
func (u *user) newAttachment(n *node, fields object) (*node, error) {
	var content []byte
	switch text(fields["@odata.type"]) {
	case "#microsoft.graph.fileAttachment":
		decoded, err := base64.StdEncoding.DecodeString(text(fields["contentBytes"]))
		if err != nil {
			return nil, badRequest("RequestBodyRead", "contentBytes is not base64.")
		}
		content = decoded
	case "#microsoft.graph.itemAttachment", "#microsoft.graph.referenceAttachment":
	default:
		return nil, badRequest("RequestBodyRead", "An attachment needs an @odata.type that names what it is.")
	}
	if text(fields["name"]) == "" {
		return nil, badRequest("ErrorRequiredPropertyMissing", "Required property is missing: name.")
	}
	if len(content) >= maxAttachment {
		return nil, &Error{Status: http.StatusRequestEntityTooLarge, Code: "ErrorAttachmentSizeLimitExceeded", Message: "The attachment size exceeds 3 MB."}
	}
	delete(fields, "contentBytes")
	dropReadOnly(fields)
	a := u.add(kindAttachment, n, fields)
	a.content = content
	return a, nil
}

// takeAttachments takes the attachments out of a new item's body.
func takeAttachments(fields object) ([]object, error) {
	list, isList := fields["attachments"].([]any)
	if fields["attachments"] != nil && !isList {
		return nil, badRequest("RequestBodyRead", "attachments must be an array.")
	}
	delete(fields, "attachments")
	var attachments []object
	for _, a := range list {
		attachment, isObject := a.(object)
		if !isObject {
			return nil, badRequest("RequestBodyRead", "An attachment must be an object.")
		}
		attachments = append(attachments, attachment)
	}
	return attachments, nil
}

func renderAttachment(n *node, o object) {
	o["size"] = len(n.content)
	if text(n.fields["@odata.type"]) == "#microsoft.graph.fileAttachment" {
		o["contentBytes"] = base64.StdEncoding.EncodeToString(n.content)
	}
	if o["isInline"] == nil {
		o["isInline"] = false
	}
}

// attachmentValue answers the bytes of a file, or an attached item as MIME.
func attachmentValue(c *call) (response, error) {
	_, n, err := c.node("attachment", kindAttachment)
	if err != nil {
		return response{}, err
	}
	header := http.Header{"Content-Type": {"application/octet-stream"}}
	item, isItem := n.fields["item"].(object)
	switch {
	case text(n.fields["@odata.type"]) == "#microsoft.graph.referenceAttachment":
		return response{}, &Error{Status: http.StatusMethodNotAllowed, Code: "ErrorInvalidRequest", Message: "A reference attachment has no content."}
	case isItem && n.content == nil:
		attached := &node{kind: kindMessage, fields: item}
		return response{status: http.StatusOK, header: header, stream: attached.rendering().write}, nil
	default:
		return response{status: http.StatusOK, header: header, raw: n.content}, nil
	}
}
