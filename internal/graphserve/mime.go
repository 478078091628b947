package graphserve

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"slices"
	"strings"
	"time"
)

// headerNamespace is the property set of internet headers: its properties are headers of the MIME (MS-OXCMAIL 2.1.3.2.4).
const headerNamespace = "String {00020386-0000-0000-c000-000000000046} Name "

// newFromMIME makes a message out of its MIME. The bytes stay as the source of later renderings.
func (u *user) newFromMIME(folder *node, raw []byte) (*node, error) {
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	fields := object{}
	for field, name := range map[string]string{"toRecipients": "To", "ccRecipients": "Cc", "bccRecipients": "Bcc", "replyTo": "Reply-To"} {
		fields[field] = recipients(m.Header, name)
	}
	for field, name := range map[string]string{"from": "From", "sender": "Sender"} {
		if list := recipients(m.Header, name); len(list) > 0 {
			fields[field] = list[0]
		}
	}
	subject := m.Header.Get("Subject")
	if decoded, err := new(mime.WordDecoder).DecodeHeader(subject); err == nil {
		subject = decoded
	}
	fields["subject"] = subject
	if id := m.Header.Get("Message-Id"); id != "" {
		fields["internetMessageId"] = id
	}
	c := contents{}
	c.read(textproto.MIMEHeader(m.Header), m.Body)
	fields["body"] = c.body()
	u.setDefaults(fields)
	fields["isRead"] = false
	if date, err := m.Header.Date(); err == nil {
		fields["sentDateTime"] = stamp(date)
	}
	fields["internetMessageHeaders"] = headerList(raw)
	n := u.add(kindMessage, folder, fields)
	n.mime = raw
	for _, a := range c.attachments {
		child := u.add(kindAttachment, n, a.fields)
		child.content = a.content
	}
	return n, nil
}

func recipients(h mail.Header, name string) []any {
	list := []any{}
	addresses, err := h.AddressList(name)
	if err != nil {
		return list
	}
	for _, a := range addresses {
		list = append(list, object{"emailAddress": object{"name": a.Name, "address": a.Address}})
	}
	return list
}

// contents are the parts of a message as Exchange splits them: one body and attachments.
type contents struct {
	text, html  string
	attachments []attachment
}

type attachment struct {
	fields  object
	content []byte
}

func (c *contents) body() object {
	if c.html != "" {
		return object{"contentType": "html", "content": c.html}
	}
	return object{"contentType": "text", "content": c.text}
}

// read sorts a part and those within.
func (c *contents) read(h textproto.MIMEHeader, body io.Reader) {
	mediaType, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		mediaType = "text/plain"
	}
	if strings.HasPrefix(mediaType, "multipart/") {
		parts := multipart.NewReader(body, params["boundary"])
		for {
			part, err := parts.NextRawPart()
			if err != nil {
				return
			}
			c.read(part.Header, part)
		}
	}
	disposition, named, _ := mime.ParseMediaType(h.Get("Content-Disposition")) // no disposition is inline
	content := decoded(h, body)
	switch {
	case disposition != "attachment" && mediaType == "text/html" && c.html == "":
		c.html = string(content)
	case disposition != "attachment" && mediaType == "text/plain" && c.text == "":
		c.text = string(content)
	default:
		name := named["filename"]
		if name == "" {
			name = params["name"]
		}
		c.attach(mediaType, name, h.Get("Content-Id"), disposition == "inline", content)
	}
}

func (c *contents) attach(mediaType, name, contentID string, inline bool, content []byte) {
	a := attachment{content: content, fields: object{
		"@odata.type": "#microsoft.graph.fileAttachment", "name": name, "contentType": mediaType, "isInline": inline,
	}}
	if contentID != "" {
		a.fields["contentId"] = strings.Trim(contentID, "<>")
	}
	if mediaType == "message/rfc822" {
		a.fields["@odata.type"] = "#microsoft.graph.itemAttachment"
	}
	c.attachments = append(c.attachments, a)
}

// decoded reads a part's content. What does not decode stays as far as it did.
func decoded(h textproto.MIMEHeader, body io.Reader) []byte {
	switch strings.ToLower(h.Get("Content-Transfer-Encoding")) {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	content, _ := io.ReadAll(body) // Exchange keeps what it could read
	return content
}

// headerField is one field of a header, folded as it was.
type headerField struct {
	name, value string
}

// splitMessage separates the header's fields from the body.
func splitMessage(raw []byte) (fields []headerField, body []byte) {
	end := bytes.Index(raw, []byte("\r\n\r\n"))
	header := raw
	if end >= 0 {
		header, body = raw[:end], raw[end+4:]
	} else if end = bytes.Index(raw, []byte("\n\n")); end >= 0 {
		header, body = raw[:end], raw[end+2:]
	}
	for line := range strings.SplitSeq(strings.ReplaceAll(string(header), "\r\n", "\n"), "\n") {
		if len(fields) > 0 && (strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t")) {
			fields[len(fields)-1].value += "\r\n" + line
			continue
		}
		if name, value, found := strings.Cut(line, ":"); found {
			fields = append(fields, headerField{name, strings.TrimSpace(value)})
		}
	}
	return fields, body
}

// headerList is a header as internetMessageHeaders.
func headerList(raw []byte) []any {
	fields, _ := splitMessage(raw)
	list := []any{}
	for _, f := range fields {
		list = append(list, object{"name": f.name, "value": strings.ReplaceAll(f.value, "\r\n", "")})
	}
	return list
}

// A rendering is what is needed to write a message's MIME without the lock: never the bytes that came in, since Exchange regenerates them.
type rendering struct {
	header      []headerField
	oldBoundary string
	boundary    string
	body        []byte
	attachments []attachment
}

// rendering takes a picture of a message for writing.
func (n *node) rendering() rendering {
	r := rendering{boundary: fmt.Sprintf("_%03d_%s_", n.offered, strings.Trim(changeKey(n), "="))}
	if n.mime != nil {
		r.header, r.body = splitMessage(n.mime)
		r.header = slices.Clone(r.header)
		r.rename()
	} else {
		r.header = n.composeHeader()
		r.compose(n)
	}
	for id, value := range n.named {
		name, isHeader := strings.CutPrefix(id, headerNamespace)
		if !isHeader {
			continue
		}
		r.header = slices.DeleteFunc(r.header, func(f headerField) bool { return strings.EqualFold(f.name, name) })
		r.header = append(r.header, headerField{name, oneLine(value)})
	}
	slices.SortStableFunc(r.header, func(a, b headerField) int { return strings.Compare(strings.ToLower(a.name), strings.ToLower(b.name)) })
	return r
}

// rename gives the outermost multipart another boundary.
func (r *rendering) rename() {
	for i, f := range r.header {
		if !strings.EqualFold(f.name, "Content-Type") {
			continue
		}
		mediaType, params, err := mime.ParseMediaType(f.value)
		if err == nil && params["boundary"] != "" {
			r.oldBoundary = params["boundary"]
			params["boundary"] = r.boundary
			r.header[i].value = mime.FormatMediaType(mediaType, params)
		}
	}
}

// composeHeader builds the header of a message that came as JSON.
func (n *node) composeHeader() []headerField {
	var header []headerField
	add := func(name, value string) {
		if value != "" {
			header = append(header, headerField{name, oneLine(value)})
		}
	}
	add("Subject", mime.QEncoding.Encode("utf-8", text(n.fields["subject"])))
	add("From", addresses([]any{n.fields["from"]}))
	add("Sender", addresses([]any{n.fields["sender"]}))
	for _, pair := range [][2]string{{"To", "toRecipients"}, {"Cc", "ccRecipients"}, {"Bcc", "bccRecipients"}, {"Reply-To", "replyTo"}} {
		list, _ := n.fields[pair[1]].([]any) // absent is no header
		add(pair[0], addresses(list))
	}
	if sent, err := time.Parse(time.RFC3339, text(n.fields["sentDateTime"])); err == nil {
		add("Date", sent.Format(time.RFC1123Z))
	}
	add("Message-ID", text(n.fields["internetMessageId"]))
	add("In-Reply-To", n.named["String 0x1042"])
	add("References", n.named["String 0x1039"])
	add("MIME-Version", "1.0")
	if n.named[propHeaders] == "" {
		list, _ := n.fields["internetMessageHeaders"].([]any) // absent is no header
		for _, h := range list {
			if field, isObject := h.(object); isObject {
				add(text(field["name"]), text(field["value"]))
			}
		}
	}
	return header
}

// compose builds the body of a message that came as JSON.
func (r *rendering) compose(n *node) {
	body, _ := n.fields["body"].(object) // no body is empty
	contentType := "text/plain; charset=utf-8"
	if strings.EqualFold(text(body["contentType"]), "html") {
		contentType = "text/html; charset=utf-8"
	}
	for _, a := range n.of(kindAttachment) {
		r.attachments = append(r.attachments, attachment{fields: maps.Clone(a.fields), content: a.content})
	}
	if len(r.attachments) > 0 {
		r.attachments = slices.Insert(r.attachments, 0, attachment{fields: object{"contentType": contentType}, content: []byte(text(body["content"]))})
		r.header = append(r.header, headerField{"Content-Type", `multipart/mixed; boundary="` + r.boundary + `"`})
		return
	}
	r.header = append(r.header, headerField{"Content-Type", contentType}, headerField{"Content-Transfer-Encoding", "base64"})
	r.attachments = []attachment{{content: []byte(text(body["content"]))}}
}

// write streams the MIME.
func (r rendering) write(w io.Writer) error {
	for _, f := range r.header {
		if _, err := fmt.Fprintf(w, "%s: %s\r\n", f.name, f.value); err != nil {
			return err
		}
	}
	if _, err := io.WriteString(w, "\r\n"); err != nil {
		return err
	}
	if r.attachments != nil {
		return r.writeParts(w)
	}
	return replace(w, r.body, "--"+r.oldBoundary, "--"+r.boundary, r.oldBoundary != "")
}

// replace writes body with every old replaced, without a copy of body.
func replace(w io.Writer, body []byte, old, replacement string, enabled bool) error {
	for enabled {
		before, after, found := bytes.Cut(body, []byte(old))
		if !found {
			break
		}
		if _, err := w.Write(before); err != nil {
			return err
		}
		if _, err := io.WriteString(w, replacement); err != nil {
			return err
		}
		body = after
	}
	_, err := w.Write(body)
	return err
}

func (r rendering) writeParts(w io.Writer) error {
	if len(r.attachments) == 1 && r.attachments[0].fields == nil {
		return writeBase64(w, r.attachments[0].content)
	}
	for _, a := range r.attachments {
		disposition := ""
		if name := text(a.fields["name"]); name != "" {
			kind := "attachment"
			if a.fields["isInline"] == true {
				kind = "inline"
			}
			disposition = "Content-Disposition: " + mime.FormatMediaType(kind, map[string]string{"filename": oneLine(name)}) + "\r\n"
		}
		if id := text(a.fields["contentId"]); id != "" {
			disposition += "Content-ID: <" + oneLine(id) + ">\r\n"
		}
		_, err := fmt.Fprintf(w, "--%s\r\nContent-Type: %s\r\n%sContent-Transfer-Encoding: base64\r\n\r\n", r.boundary, oneLine(text(a.fields["contentType"])), disposition)
		if err != nil {
			return err
		}
		if err := writeBase64(w, a.content); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "--%s--\r\n", r.boundary)
	return err
}

// writeBase64 writes lines of 76 characters (RFC 2045 section 6.8).
func writeBase64(w io.Writer, content []byte) error {
	for line := range slices.Chunk(content, 57) {
		if _, err := io.WriteString(w, base64.StdEncoding.EncodeToString(line)+"\r\n"); err != nil {
			return err
		}
	}
	return nil
}

func addresses(list []any) string {
	var out []string
	for _, r := range list {
		recipient, _ := r.(object)                     // absent is no address
		email, _ := recipient["emailAddress"].(object) // absent is no address
		if address := text(email["address"]); address != "" {
			out = append(out, (&mail.Address{Name: text(email["name"]), Address: address}).String())
		}
	}
	return strings.Join(out, ", ")
}

// text is a field that is a string, or "".
func text(value any) string {
	s, _ := value.(string) // anything else is no text
	return s
}

// oneLine keeps a value from ending its header.
func oneLine(value string) string {
	return strings.NewReplacer("\r", "", "\n", " ").Replace(value)
}
