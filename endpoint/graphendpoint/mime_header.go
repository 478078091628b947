package graphendpoint

import (
	"bytes"
	"io"
	"mime"
	"strings"
	"unicode/utf8"

	"github.com/emersion/go-message"
	"github.com/emersion/go-message/charset"
	"golang.org/x/text/encoding/charmap"
)

// usedFields is how many fields of a header are ever looked at.
const usedFields = 32

// used reports whether a field of a message or part is looked at. All others stay where they are: in the text of the header.
func used(name string) bool {
	switch name {
	case "subject", "from", "sender", "to", "cc", "bcc", "reply-to", "date", "message-id", "in-reply-to", "references",
		"importance", "x-priority", "priority", "content-type", "content-transfer-encoding", "content-disposition", "content-id":
		return true
	}
	return false
}

// parseHeader returns the fields of a header that are used, of each name the first, and whether it has any field at all. Lines that
// are no field (RFC 5322 section 2.2) are passed over with what continues them.
func parseHeader(raw []byte) (h message.Header, any bool) {
	kept := 0
	for len(raw) > 0 {
		var field []byte
		field, raw = cutField(raw)
		name, value, found := bytes.Cut(field, []byte(":"))
		name = bytes.TrimRight(name, " \t") // the obsolete syntax of RFC 5322 section 4.5
		if !found || !isFieldName(name) {
			continue
		}
		any = true
		if key := strings.ToLower(string(name)); used(key) && !h.Has(key) && kept < usedFields {
			h.Add(key, headerText(unfolded(value)))
			kept++
		}
	}
	return h, any
}

// cutField cuts the first line from a header, with the lines that continue it (RFC 5322 section 2.2.3).
func cutField(raw []byte) (field, rest []byte) {
	end := 0
	for end < len(raw) {
		length := bytes.IndexByte(raw[end:], '\n') + 1
		if length == 0 {
			length = len(raw) - end
		}
		if end += length; end == len(raw) || raw[end] != ' ' && raw[end] != '\t' {
			break
		}
	}
	return raw[:end], raw[end:]
}

func isFieldName(name []byte) bool {
	return len(name) > 0 && bytes.IndexFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
}

// unfolded takes the line breaks out of a value; the white space that follows them stays.
func unfolded(value []byte) []byte {
	return bytes.TrimSpace(bytes.ReplaceAll(bytes.ReplaceAll(value, []byte("\r"), nil), []byte("\n"), nil))
}

// headerText returns the text of a header, in whatever character set: UTF-8 (RFC 6532), or else what old programs sent, which was
// mostly Windows-1252. Control characters, but line breaks and tabs, become spaces.
func headerText(raw []byte) string {
	if !utf8.Valid(raw) {
		if decoded, err := charmap.Windows1252.NewDecoder().Bytes(raw); err == nil {
			raw = decoded
		}
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' && r != '\r' && r != '\n' || r == 0x7f {
			return ' '
		}
		return r
	}, string(raw))
}

// plainText returns the text of an unstructured field with its encoded words decoded (RFC 2047), on one line. Words that cannot be decoded
// stay as they are.
func plainText(h message.Header, name string) string { return oneLine(decodeWords(h.Get(name))) }

func decodeWords(value string) string {
	decoder := mime.WordDecoder{CharsetReader: func(name string, r io.Reader) (io.Reader, error) {
		if known, err := charset.Reader(name, r); err == nil {
			return known, nil
		}
		return charmap.Windows1252.NewDecoder().Reader(r), nil
	}}
	text, err := decoder.DecodeHeader(value)
	if err != nil {
		return value
	}
	return text
}

// oneLine makes text fit for a field that has one line: encoded words may hold anything.
func oneLine(text string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x2028 || r == 0x2029 {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD")))
}

// shortened cuts text to a number of UTF-16 units, which is how the service counts.
func shortened(text string, units int) string {
	for i, r := range text {
		if units--; r > 0xFFFF {
			units--
		}
		if units < 0 {
			return text[:i]
		}
	}
	return text
}

// parameters splits a value such as that of Content-Type (RFC 2045 section 5.1) into the word before the first semicolon, in lower case,
// and the parameters. Where the syntax is broken, what can be told apart is taken.
func parameters(value string) (string, map[string]string) {
	var h message.Header
	h.Set("Content-Disposition", value) // it has the same syntax, and no default
	word, params, err := h.ContentDisposition()
	if err == nil {
		return word, params
	}
	word, rest, _ := strings.Cut(value, ";")
	params = map[string]string{}
	for part := range strings.SplitSeq(rest, ";") {
		name, v, found := strings.Cut(part, "=")
		if name = strings.ToLower(strings.TrimSpace(name)); found && params[name] == "" && len(params) < usedFields {
			params[name] = decodeWords(strings.Trim(strings.TrimSpace(v), `"`))
		}
	}
	return strings.ToLower(strings.TrimSpace(word)), params
}
