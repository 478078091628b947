package graphendpoint

import (
	"bytes"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/emersion/go-message/charset"
	htmlcharset "golang.org/x/net/html/charset"
)

// maxBody is how much of a body goes to the service, in bytes of JSON. All of a request has 4 MB at most.
const maxBody = 2_400_000

// bodyChoice chooses the text of a message that becomes its body: the service has one, in HTML or plain.
type bodyChoice struct{ plain, html *mimePart }

// wanted reports whether a part may become the body, and remembers it. The first text is the body; HTML takes its place if it is an
// alternative to it (RFC 2046 section 5.1.4). Later texts are attachments, as Exchange has it.
func (b *bodyChoice) wanted(p *mimePart) bool {
	if p.disposition == "attachment" || p.name != "" && p.parent != "" && p.alternative == 0 {
		return false
	}
	switch {
	case b.html != nil:
	case p.mediaType == "text/html" && (b.plain == nil || p.excludes(b.plain)):
		b.html = p
		return true
	case b.plain == nil && (p.mediaType == "text/plain" || p.parent == "" && strings.HasPrefix(p.mediaType, "text/")):
		b.plain = p
		return true
	}
	return false
}

// body is the part that becomes the body, or nil. HTML without a character does not replace a text.
func (b *bodyChoice) body() *mimePart {
	if b.html != nil && (b.html.size > 0 || b.plain == nil) {
		return b.html
	}
	return b.plain
}

// drops reports whether a part says the same as the body in another form. Invitations and files among alternatives do not.
func (b *bodyChoice) drops(p *mimePart) bool {
	body := b.body()
	if body == nil || p.disposition == "attachment" || !p.excludes(body) {
		return false
	}
	switch p.mediaType {
	case "text/plain", "text/html", "text/enriched", "text/richtext", "text/watch-html", "text/x-amp-html":
		return true
	}
	return false
}

// excludes reports whether two parts are in different branches of one multipart/alternative.
func (p *mimePart) excludes(other *mimePart) bool {
	return p.alternative != 0 && p.alternative == other.alternative && p.branch != other.branch
}

// bodyText returns the text of a body, as much of it as the service takes, and whether that is all.
func bodyText(p *mimePart) (text string, whole bool) {
	text = decodeCharset(p.text.Bytes(), p.charset, p.mediaType == "text/html")
	if p.cut {
		text = strings.TrimRight(text, "\uFFFD") // a character that was cut in two
	}
	text = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' && r != '\r' && r != '\n' {
			return ' ' // neither HTML nor XML, which the service stores, may have other control characters
		}
		return r
	}, text)
	short := cutJSON(text, maxBody)
	return short, len(short) == len(text) && !p.cut
}

// decodeCharset returns text as UTF-8. Where it is not in the character set that it is said to be in, it is taken for UTF-8, for what HTML
// says of itself, or for Windows-1252.
func decodeCharset(raw []byte, name string, isHTML bool) string {
	switch name = strings.ToLower(strings.TrimSpace(name)); name {
	case "", "us-ascii", "ascii", "utf-8", "utf8", "unknown-8bit", "x-unknown":
	default:
		if r, err := charset.Reader(name, bytes.NewReader(raw)); err == nil {
			if decoded, err := io.ReadAll(r); err == nil {
				return strings.ToValidUTF8(string(decoded), "\uFFFD")
			}
		}
	}
	if mostlyUTF8(raw) {
		return strings.ToValidUTF8(string(raw), "\uFFFD")
	}
	hint := "text/plain"
	if isHTML {
		hint = "text/html"
	}
	encoding, _, _ := htmlcharset.DetermineEncoding(raw, hint)
	decoded, err := encoding.NewDecoder().Bytes(raw)
	if err != nil {
		decoded = raw
	}
	return strings.ToValidUTF8(string(decoded), "\uFFFD")
}

// mostlyUTF8 reports whether text is UTF-8, but for a last character that may have been cut.
func mostlyUTF8(raw []byte) bool {
	for range utf8.UTFMax {
		if utf8.Valid(raw) {
			return true
		}
		if len(raw) == 0 || raw[len(raw)-1] < utf8.RuneSelf {
			return false
		}
		raw = raw[:len(raw)-1]
	}
	return false
}

// jsonLength is how many bytes a character takes in a string of JSON, as package encoding/json writes it.
func jsonLength(r rune) int {
	switch {
	case r == '"' || r == '\\' || r == '\b' || r == '\f' || r == '\n' || r == '\r' || r == '\t':
		return 2
	case r < ' ', r == 0x2028, r == 0x2029:
		return 6
	}
	return max(utf8.RuneLen(r), 1)
}

// sizeInJSON is how many bytes text takes in a string of JSON.
func sizeInJSON(text string) int64 {
	var n int64
	for _, r := range text {
		n += int64(jsonLength(r))
	}
	return n
}

// cutJSON cuts text so that it takes at most size bytes in JSON.
func cutJSON(text string, size int) string {
	for i, r := range text {
		if size -= jsonLength(r); size < 0 {
			return text[:i]
		}
	}
	return text
}
