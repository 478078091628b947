package graphendpoint

import (
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/emersion/go-message/charset"
	"github.com/emersion/go-vcard"
)

// modern returns a line of vCard 2.1 or 3.0 as vCard 4.0 would have it (RFC 6350), so that nothing else need know the older
// versions: their encodings and character sets are undone, inline data becomes a data URI. Lines of iCalendar stay what they are, but
// for broken characters.
func (l cardLine) modern() cardLine {
	encoding := strings.ToUpper(l.params.Get("ENCODING"))
	if encoding == "QUOTED-PRINTABLE" {
		l.value = fromQuotedPrintable(l.value)
		delete(l.params, "ENCODING")
	}
	l.value = decoded(l.value, l.params.Get("CHARSET"))
	delete(l.params, "CHARSET")
	l.value = strings.ReplaceAll(cleanText(l.value), "\n", `\n`)
	l.modernTypes()
	if (encoding == "B" || encoding == "BASE64") && l.params.Get(vcard.ParamValue) != "BINARY" {
		l.value = dataURI(l.mediaType(), l.value)
		delete(l.params, "ENCODING")
		delete(l.params, vcard.ParamType)
		delete(l.params, vcard.ParamValue)
	}
	return l
}

// fromQuotedPrintable decodes a value (RFC 2045 section 6.7). What is no escape stays.
func fromQuotedPrintable(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '=' && i+2 < len(s) {
			if c, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(c))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// decoded turns a value into UTF-8. Without a name of a character set, or with one nobody knows, what is no UTF-8 is taken for
// windows-1252, which old address books mean.
func decoded(value, name string) string {
	if utf8.ValidString(value) && (name == "" || strings.EqualFold(name, "utf-8")) {
		return value
	}
	for _, name := range []string{name, "windows-1252"} {
		r, err := charset.Reader(name, strings.NewReader(value))
		if err != nil {
			continue
		}
		if text, err := io.ReadAll(r); err == nil && utf8.Valid(text) {
			return string(text)
		}
	}
	return value
}

// modernTypes writes types in lower case, one by one, without what vCard 4.0 says otherwise or no longer.
func (l cardLine) modernTypes() {
	var types []string
	for _, list := range l.params[vcard.ParamType] {
		for t := range strings.SplitSeq(strings.ToLower(list), ",") {
			switch t = strings.TrimSpace(t); t {
			case "", "internet":
			case "pref":
				l.params.Set(vcard.ParamPreferred, "1")
			default:
				types = append(types, t)
			}
		}
	}
	delete(l.params, vcard.ParamType)
	if len(types) > 0 {
		l.params[vcard.ParamType] = types
	}
}

// mediaType is that of inline data of vCard 2.1 and 3.0, where TYPE is the name of a format.
func (l cardLine) mediaType() string {
	format := l.params.Get(vcard.ParamType)
	switch {
	case strings.Contains(format, "/") && !strings.ContainsAny(format, ";,"):
		return format
	case format == "" || !isName(format):
		return "application/octet-stream"
	case l.name == vcard.FieldSound:
		return "audio/" + format
	case l.name == vcard.FieldPhoto || l.name == vcard.FieldLogo:
		return "image/" + format
	}
	return "application/" + format
}

// dataURI is RFC 2397's. The comma is not escaped: the value is a URI.
func dataURI(mediaType, base64 string) string {
	return "data:" + mediaType + ";base64," + strings.Join(strings.Fields(base64), "")
}
