package graphendpoint

import (
	"fmt"
	"io"
	"net/mail"
	"strings"
	"time"

	"github.com/emersion/go-message"
	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"github.com/dandyroll/dandyroll/endpoint"
)

const (
	// maxSubject is the limit of Exchange Online for a subject, in UTF-16 units.
	maxSubject = 255
	// maxHeaderText is how much of a header fits into the property for it, in bytes.
	maxHeaderText = 32_000
	// maxID bounds a Message-ID, which is a word on one line (RFC 5322 section 2.1.1).
	maxID = 998
	// maxReferences bounds the fields References and In-Reply-To.
	maxReferences = 8_000
	// maxTwice is how great a signed message may be that goes in parts and as a file, in bytes.
	maxTwice = 10 << 20
)

// mimeMessage is what a message of RFC 5322 is to the service.
type mimeMessage struct {
	subject               string
	from, sender          *mail.Address // or nil
	to, cc, bcc, replyTo  []*mail.Address
	messageID             string
	inReplyTo, references string
	date                  time.Time // or zero
	importance            models.Importance
	class                 string // of the message, if it is not that of all mail
	header                string // as it stands, or the beginning of it
	body                  string
	isHTML                bool
	attachments           []attachment
	headerFile, original  attachment // the header, and all of it, as files
}

// readMessage reads a message once, to its end. It fails only if the content does: whatever is no proper message, or more of one than
// there is room for, has the original as an attachment, so that nothing is lost.
func readMessage(content endpoint.Content) (*mimeMessage, error) {
	r, err := content.Open()
	if err != nil {
		return nil, endpoint.Errorf(endpoint.Damaged, "the message cannot be read: %w", err)
	}
	defer func() { _ = r.Close() }()
	var choice bodyChoice
	scan, err := scanMessage(io.LimitReader(r, content.Size()+1), choice.wanted)
	if err != nil {
		return nil, endpoint.Errorf(endpoint.Damaged, "%w", err)
	}
	if scan.at != content.Size() {
		return nil, endpoint.Errorf(endpoint.Damaged, "the message is not of its stated size")
	}
	m := &mimeMessage{
		original: fileOf(content, mimePart{mediaType: string(endpoint.RFC822), name: "original.eml", end: scan.at, size: scan.at}),
		headerFile: fileOf(content, mimePart{
			mediaType: "text/rfc822-headers", name: "header.txt", end: scan.topEnd, size: scan.topEnd, // RFC 6522 section 4
		}),
	}
	m.takeHeader(scan.top)
	whole := m.takeText(scan)
	m.takeParts(content, scan, &choice)
	if !whole {
		m.attachments = append(m.attachments, m.headerFile)
	}
	m.keepOriginal(scan)
	return m, nil
}

// keepOriginal adds the message as a file where its parts are not all of it. A signature covers bytes which the service does not keep
// (RFC 1847 section 2.1): what is signed can still be verified in the file, which goes alone where both would be too much.
func (m *mimeMessage) keepOriginal(scan *mimeScan) {
	switch {
	case scan.unordered, scan.signed && scan.at > maxTwice:
		m.attachments = []attachment{m.original}
	case scan.signed:
		m.attachments = append(m.attachments, m.original)
	}
}

func (m *mimeMessage) takeHeader(h message.Header) {
	m.subject = shortened(plainText(h, "Subject"), maxSubject)
	m.from, m.sender = first(h.Get("From")), first(h.Get("Sender"))
	room := maxRecipients
	for _, f := range []struct {
		name string
		list *[]*mail.Address
	}{{"To", &m.to}, {"Cc", &m.cc}, {"Bcc", &m.bcc}, {"Reply-To", &m.replyTo}} {
		*f.list = addressList(h.Get(f.name), room)
		room -= len(*f.list)
	}
	if id := oneLine(h.Get("Message-Id")); len(id) <= maxID {
		m.messageID = id
	}
	m.inReplyTo = shortened(oneLine(h.Get("In-Reply-To")), maxReferences)
	m.references = shortened(oneLine(h.Get("References")), maxReferences)
	if date, err := mail.ParseDate(h.Get("Date")); err == nil {
		m.date = date
	}
	m.importance = importanceOf(h)
	if mediaType, _ := parameters(h.Get("Content-Type")); mediaType == "application/pkcs7-mime" || mediaType == "application/x-pkcs7-mime" {
		m.class = "IPM.Note.SMIME" // MS-OXOSMIME section 2.1.3.1: its only attachment is the message, encrypted or signed
	}
}

func first(field string) *mail.Address {
	if list := addressList(field, 1); len(list) > 0 {
		return list[0]
	}
	return nil
}

// importanceOf reads the fields that say so (RFC 2156 section 2.2, MS-OXCMAIL section 2.2.3.2.4).
func importanceOf(h message.Header) models.Importance {
	switch strings.ToLower(strings.TrimSpace(h.Get("Importance"))) {
	case "high":
		return models.HIGH_IMPORTANCE
	case "low":
		return models.LOW_IMPORTANCE
	case "normal":
		return models.NORMAL_IMPORTANCE
	}
	switch value := strings.ToLower(strings.TrimSpace(h.Get("X-Priority") + " " + h.Get("Priority"))); {
	case strings.HasPrefix(value, "1"), strings.HasPrefix(value, "2"), value == "urgent":
		return models.HIGH_IMPORTANCE
	case strings.HasPrefix(value, "4"), strings.HasPrefix(value, "5"), value == "non-urgent":
		return models.LOW_IMPORTANCE
	}
	return models.NORMAL_IMPORTANCE
}

// takeText takes the text of the header, and reports whether that is all of it.
func (m *mimeMessage) takeText(scan *mimeScan) bool {
	raw := scan.topRaw
	cut := 0
	for rest := raw; len(rest) > 0; {
		var field []byte
		if field, rest = cutField(rest); cut+len(field) > maxHeaderText {
			break
		}
		cut += len(field)
	}
	m.header = strings.ReplaceAll(strings.ReplaceAll(headerText(raw[:cut]), "\r\n", "\n"), "\n", "\r\n")
	return cut == len(raw) && int64(len(raw))+2 >= scan.topEnd // behind an empty line
}

// takeParts sorts the parts: one is the body, others say the same as it, and the rest are files.
func (m *mimeMessage) takeParts(content endpoint.Content, scan *mimeScan, choice *bodyChoice) {
	body, whole := choice.body(), true
	if body != nil {
		m.isHTML = body == choice.html
		m.body, whole = bodyText(body)
	}
	for i, p := range scan.parts {
		if p == body && whole || p != body && choice.drops(p) {
			continue
		}
		file := *p
		if file.name == "" {
			file.name = fmt.Sprintf("ATT%05d%s", i+1, suffixOf(p.mediaType))
		}
		a := fileOf(content, file)
		a.inline = m.isHTML && p.contentID != "" && strings.Contains(m.body, "cid:"+p.contentID)
		m.attachments = append(m.attachments, a)
	}
}

// fileOf is a part as an attachment, which is read from the message when it is needed.
func fileOf(content endpoint.Content, p mimePart) attachment {
	open := func() (io.ReadCloser, error) { return openPart(content, p) }
	return attachment{name: p.name, contentType: mediaTypeOr(p.mediaType), contentID: p.contentID, size: p.size, open: open}
}

// openPart reads the body of a part, decoded.
func openPart(content endpoint.Content, p mimePart) (io.ReadCloser, error) {
	r, err := content.Open()
	if err != nil {
		return nil, fmt.Errorf("read the message: %w", err)
	}
	if _, err := io.CopyN(io.Discard, r, p.start); err != nil {
		_ = r.Close()
		return nil, fmt.Errorf("read the message: %w", err)
	}
	return readCloser{newDecodingReader(io.LimitReader(r, p.end-p.start), p.encoding), r}, nil
}

// mediaTypeOr returns a media type, or that of any bytes where it is none (RFC 2045 section 5.1).
func mediaTypeOr(mediaType string) string {
	sort, sub, found := strings.Cut(mediaType, "/")
	isToken := func(s string) bool {
		return s != "" && strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`()<>@,;:\"/[]?=`, r) }) < 0
	}
	if !found || !isToken(sort) || !isToken(sub) {
		return "application/octet-stream"
	}
	return mediaType
}

// suffixOf is the end of the name that a part without one gets.
func suffixOf(mediaType string) string {
	switch mediaType {
	case "text/plain", "text/rfc822-headers", "message/delivery-status", "message/disposition-notification":
		return ".txt"
	case "text/html":
		return ".htm"
	case "text/calendar":
		return ".ics"
	case "message/rfc822", "message/global":
		return ".eml"
	case "image/png":
		return ".png"
	case "image/jpeg":
		return ".jpg"
	case "image/gif":
		return ".gif"
	case "application/pdf":
		return ".pdf"
	case "application/pkcs7-mime", "application/x-pkcs7-mime":
		return ".p7m"
	case "application/pkcs7-signature", "application/x-pkcs7-signature":
		return ".p7s"
	case "application/pgp-signature":
		return ".asc"
	}
	return ".bin"
}
