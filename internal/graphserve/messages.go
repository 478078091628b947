package graphserve

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Bits of PR_MESSAGE_FLAGS (MS-OXCMSG 2.2.1.6).
const (
	flagRead   = 1
	flagUnsent = 8 // a draft
	flagAttach = 16
)

// Properties that the service keeps in fields of its own. They count at creation only.
const (
	propFlags    = "Integer 0xe07"    // PR_MESSAGE_FLAGS
	propSize     = "Integer 0xe08"    // PR_MESSAGE_SIZE
	propReceived = "SystemTime 0xe06" // PR_MESSAGE_DELIVERY_TIME
	propSent     = "SystemTime 0x39"  // PR_CLIENT_SUBMIT_TIME
	propHeaders  = "String 0x7d"      // PR_TRANSPORT_MESSAGE_HEADERS
)

// forEachMailPath registers routes below a message both ways: in its folder and in the mailbox.
func forEachMailPath(register func(messages string)) {
	register("/users/{user}/messages")
	register("/users/{user}/mailFolders/{folder}/messages")
}

func messageRoutes(handle func(string, handler)) {
	forEachMailPath(func(messages string) {
		message := messages + "/{message}"
		handle("GET "+messages, listMessages)
		handle("POST "+messages, createMessage)
		handle("GET "+message, getter("message", kindMessage))
		handle("PATCH "+message, updateMessage)
		handle("DELETE "+message, deleteMessage)
		handle("GET "+message+"/$value", messageValue)
		handle("POST "+message+"/move", moveMessage)
		handle("POST "+message+"/copy", copyMessage)
		handle("POST "+message+"/permanentDelete", deleter("message", kindMessage))
		extensionRoutes(handle, message, "message", kindMessage)
	})
	const folder = "/users/{user}/mailFolders/{folder}"
	handle("GET "+folder+"/messages/delta", deltaOf("folder", kindMailFolder, kindMessage, checkMessageDelta))
	handle("POST "+folder+"/importMime", importMIME)
}

// listMessages lists a folder, or the whole mailbox.
func listMessages(c *call) (response, error) {
	u, parent, err := c.parentFolder()
	if err != nil {
		return response{}, err
	}
	if parent != u.mail || c.r.PathValue("folder") != "" {
		return c.list(parent.of(kindMessage))
	}
	var nodes []*node
	for _, n := range u.mail.below(kindMessage) {
		if n.pending == 0 {
			nodes = append(nodes, n)
		}
	}
	return c.list(nodes)
}

// createMessage makes a message from JSON in any folder, or from MIME: always a draft, and only in Drafts.
func createMessage(c *call) (response, error) {
	u, folder, err := c.parentFolder()
	if err != nil {
		return response{}, err
	}
	inFolder := c.r.PathValue("folder") != ""
	if !inFolder {
		folder = u.wellKnown["drafts"]
	}
	if strings.HasPrefix(c.r.Header.Get("Content-Type"), "text/plain") {
		if inFolder {
			return response{}, badRequest("UnableToDeserializePostBody", "were unable to deserialize ")
		}
		return c.createFromMIME(u, folder, true)
	}
	fields, err := c.decode()
	if err != nil {
		return response{}, err
	}
	n, err := u.newMessage(folder, fields)
	if err != nil {
		return response{}, err
	}
	u.hide(n)
	return c.made(n)
}

// importMIME is the action of the beta version: MIME into any folder, no draft.
func importMIME(c *call) (response, error) {
	if !c.s.quirks.ImportMIME {
		return response{}, badRequest("BadRequest", "Resource not found for the segment 'importMime'.")
	}
	u, folder, err := c.node("folder", kindMailFolder)
	if err != nil {
		return response{}, err
	}
	return c.createFromMIME(u, folder, false)
}

func (c *call) createFromMIME(u *user, folder *node, draft bool) (response, error) {
	text := strings.NewReplacer("\r", "", "\n", "").Replace(string(c.body))
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return response{}, badRequest("ErrorMimeContentInvalidBase64String", "The MIME content is not valid base64.")
	}
	if bytes.Count(raw, []byte("\n")) != bytes.Count(raw, []byte("\r\n")) {
		return response{}, badRequest("ErrorMimeContentInvalid", "The MIME content is invalid: bare line feed.")
	}
	n, err := u.newFromMIME(folder, raw)
	if err != nil {
		return response{}, badRequest("ErrorMimeContentInvalid", "The MIME content is invalid.")
	}
	n.fields["isDraft"] = draft
	n.fields["receivedDateTime"] = stamp(c.s.clock())
	if !draft {
		n.fields["receivedDateTime"] = n.fields["sentDateTime"]
	}
	u.hide(n)
	return c.made(n)
}

// newMessage makes a message as POST of JSON does. Flags, dates and transport headers come from extended properties.
func (u *user) newMessage(folder *node, fields object) (*node, error) {
	named, err := takeProperties(fields)
	if err != nil {
		return nil, err
	}
	attachments, err := takeAttachments(fields)
	if err != nil {
		return nil, err
	}
	if err := checkMessage(fields); err != nil {
		return nil, err
	}
	dropReadOnly(fields)
	u.setDefaults(fields)
	if err := u.setOnce(fields, named); err != nil {
		return nil, err
	}
	n := u.add(kindMessage, folder, fields)
	n.named = named
	for _, a := range attachments {
		if _, err := u.newAttachment(n, a); err != nil {
			u.remove(n)
			return nil, err
		}
	}
	return n, nil
}

// setDefaults fills what a client may leave out.
func (u *user) setDefaults(fields object) {
	now := stamp(u.server.clock())
	for name, value := range (object{
		"subject": "", "body": object{"contentType": "text", "content": ""}, "importance": "normal", "categories": []any{},
		"flag": object{"flagStatus": "notFlagged"}, "toRecipients": []any{}, "ccRecipients": []any{}, "bccRecipients": []any{}, "replyTo": []any{},
		"inferenceClassification": "focused", "receivedDateTime": now, "sentDateTime": now, "isDraft": true,
	}) {
		if fields[name] == nil {
			fields[name] = value
		}
	}
	if fields["internetMessageId"] == nil {
		u.ids++
		fields["internetMessageId"] = "<" + strconv.FormatUint(u.ids, 36) + u.tag + "@graphserve.example>"
	}
	if body, isObject := fields["body"].(object); isObject {
		content, _ := body["content"].(string) // no content has no preview
		fields["bodyPreview"] = content[:min(len(content), 255)]
	}
}

// setOnce applies the properties that count at creation only.
func (u *user) setOnce(fields object, named map[string]string) error {
	if value, found := named[propFlags]; found {
		flags, err := strconv.Atoi(value)
		if err != nil {
			return badRequest("ErrorInvalidProperty", "Integer 0x0E07 needs a number.")
		}
		fields["isDraft"] = flags&flagUnsent != 0
		if fields["isRead"] == nil {
			fields["isRead"] = flags&flagRead != 0
		}
	}
	for property, field := range map[string]string{propReceived: "receivedDateTime", propSent: "sentDateTime"} {
		value, found := named[property]
		if !found {
			continue
		}
		at, err := time.Parse(time.RFC3339, value)
		if err != nil {
			return badRequest("ErrorInvalidProperty", "A SystemTime needs a time.")
		}
		fields[field] = stamp(at)
	}
	if fields["isRead"] == nil {
		fields["isRead"] = fields["isDraft"]
	}
	if headers, found := named[propHeaders]; found {
		fields["internetMessageHeaders"] = headerList([]byte(headers))
	}
	delete(named, propFlags)
	delete(named, propReceived)
	delete(named, propSent)
	return nil
}

// checkMessage refuses what the service refuses in a message.
func checkMessage(fields object) error {
	for _, name := range []string{"toRecipients", "ccRecipients", "bccRecipients", "replyTo"} {
		list, _ := fields[name].([]any) // absent is allowed
		for _, r := range list {
			if !validAddress(r) {
				return badRequest("ErrorInvalidRecipients", "At least one recipient is not valid.")
			}
		}
	}
	list, found := fields["internetMessageHeaders"].([]any)
	if !found {
		return nil
	}
	if len(list) == 0 || len(list) > 5 {
		return badRequest("InvalidInternetMessageHeaderCollection", "The internet message header collection must have from 1 to 5 headers.")
	}
	for _, h := range list {
		header, _ := h.(object)              // the empty name is refused
		name, _ := header["name"].(string)   // the empty name is refused
		value, _ := header["value"].(string) // the empty value is allowed
		if !strings.HasPrefix(strings.ToLower(name), "x-") || len(value) > 995 {
			return badRequest("InvalidInternetMessageHeader", "The internet message header name should start with 'x-' or 'X-'.")
		}
	}
	return nil
}

func validAddress(recipient any) bool {
	r, _ := recipient.(object)             // the empty address is refused
	email, _ := r["emailAddress"].(object) // the empty address is refused
	address, _ := email["address"].(string)
	local, domain, found := strings.Cut(address, "@")
	return found && local != "" && domain != "" && !strings.ContainsAny(address, " \r\n<>")
}

// updateMessage changes a message. What counts at creation only is ignored in silence.
func updateMessage(c *call) (response, error) {
	u, n, err := c.node("message", kindMessage)
	if err != nil {
		return response{}, err
	}
	changes, err := c.decode()
	if err != nil {
		return response{}, err
	}
	if n.fields["isDraft"] != true && c.s.quirks.RestrictUpdates && touchesDraftOnly(changes) {
		return response{}, &Error{Status: http.StatusForbidden, Code: "ErrorAccessDenied", Message: "Access is denied."}
	}
	delete(changes, "internetMessageHeaders")
	delete(changes, "attachments")
	kept, before := map[string]string{}, n.named[propHeaders]
	if err := u.change(n, changes); err != nil {
		return response{}, err
	}
	for id, value := range n.named {
		if id != propFlags && id != propReceived && id != propSent && id != propHeaders {
			kept[id] = value
		}
	}
	if before != "" {
		kept[propHeaders] = before
	}
	n.named = kept
	return c.get(n)
}

// touchesDraftOnly says whether a change names a property that is updatable only in drafts.
func touchesDraftOnly(changes object) bool {
	for _, name := range []string{
		"subject", "body", "toRecipients", "ccRecipients", "bccRecipients", "from", "sender", "replyTo", "internetMessageId",
		"isDeliveryReceiptRequested", "isReadReceiptRequested",
	} {
		if _, found := changes[name]; found {
			return true
		}
	}
	return false
}

// deleteMessage moves a message to where deleted items go; from there it goes for ever.
func deleteMessage(c *call) (response, error) {
	u, n, err := c.node("message", kindMessage)
	if err != nil {
		return response{}, err
	}
	target := u.wellKnown["recoverableitemsdeletions"]
	if c.s.quirks.DeleteToTrash && !n.within(u.wellKnown["deleteditems"]) {
		target = u.wellKnown["deleteditems"]
	}
	if n.within(u.wellKnown["recoverableitemsdeletions"]) {
		u.remove(n)
		return noContent()
	}
	u.move(n, target)
	return noContent()
}

func moveMessage(c *call) (response, error) {
	u, n, err := c.node("message", kindMessage)
	if err != nil {
		return response{}, err
	}
	target, err := c.destination(u)
	if err != nil {
		return response{}, err
	}
	u.move(n, target)
	return c.made(n)
}

func copyMessage(c *call) (response, error) {
	u, n, err := c.node("message", kindMessage)
	if err != nil {
		return response{}, err
	}
	target, err := c.destination(u)
	if err != nil {
		return response{}, err
	}
	return c.made(u.copyTo(n, target))
}

// checkMessageDelta knows the options that a delta of messages takes.
func checkMessageDelta(q url.Values) error {
	if len(q["$search"]) > 0 {
		return badRequest("ErrorInvalidUrlQuery", "The following parameters are not supported with change tracking over the 'Messages' resource: '$search'.")
	}
	for _, filter := range q["$filter"] {
		if !strings.HasPrefix(filter, "receivedDateTime g") {
			return badRequest("ErrorInvalidUrlQueryFilter", "Change tracking filters by receivedDateTime only.")
		}
	}
	for _, by := range q["$orderby"] {
		if by != "receivedDateTime desc" {
			return badRequest("ErrorInvalidUrlQuery", "Change tracking orders by receivedDateTime desc only.")
		}
	}
	return nil
}

// property is the value of an extended property by its canonical ID.
func (n *node) property(id string) (string, bool) {
	if n.kind == kindMessage {
		switch id {
		case propFlags:
			return strconv.Itoa(n.messageFlags()), true
		case propSize, "Long 0xe08":
			return strconv.Itoa(n.size()), true
		case propReceived:
			at, isString := n.fields["receivedDateTime"].(string)
			return at, isString
		case propSent:
			at, isString := n.fields["sentDateTime"].(string)
			return at, isString
		}
	}
	value, found := n.named[id]
	return value, found
}

func (n *node) messageFlags() int {
	flags := 0
	if n.fields["isRead"] == true {
		flags |= flagRead
	}
	if n.fields["isDraft"] == true {
		flags |= flagUnsent
	}
	if len(n.of(kindAttachment)) > 0 {
		flags |= flagAttach
	}
	return flags
}

// size is roughly that of the item in the store.
func (n *node) size() int {
	if n.mime != nil {
		return len(n.mime)
	}
	size := 1024
	if body, isObject := n.fields["body"].(object); isObject {
		content, _ := body["content"].(string) // no content has no size
		size += len(content)
	}
	for _, a := range n.of(kindAttachment) {
		size += len(a.content)
	}
	return size
}

// messageValue answers the MIME of a message, rendered anew.
func messageValue(c *call) (response, error) {
	_, n, err := c.node("message", kindMessage)
	if err != nil {
		return response{}, err
	}
	n.offered++
	return response{status: http.StatusOK, header: http.Header{"Content-Type": {"text/plain"}}, stream: n.rendering().write}, nil
}
