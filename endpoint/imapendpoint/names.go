package imapendpoint

import (
	"strings"
	"unicode/utf8"

	"github.com/dandyroll/dandyroll/endpoint"
)

const (
	// inbox is the one name that every server has and that has no case (RFC 9051 section 5.1).
	inbox = "INBOX"
	// escape introduces a byte that a component cannot hold as it is: two upper-case hexadecimal
	// digits follow. "=x2E" is a dot on a server that separates components by dots. It was chosen
	// because people do not write it, as they would write "rate=25".
	escape = "=x"
)

// names translates between paths and the names of folders on the wire.
//
// The wire name of a path is the prefix of the personal namespace, and the components in modified
// UTF-7 between separators. Within a component these are escaped: the separator, control
// characters, bytes that are not UTF-8, a leading "~" or "#" (which some servers take for a home
// directory or a namespace, RFC 2342), the components "." and "..", INBOX where it would be
// another folder than the INBOX, and "=x" where it would read as an escape. Hence
// path(wire(p)) is p for every path p. Names that are not valid UTF-7 are taken as they are.
type names struct {
	prefix    string // of the personal namespace, on the wire, such as "INBOX."
	separator string // one character
}

// newNames returns the names of a server with the given namespace. A server without hierarchy, or
// with a separator that could be part of an encoded component, gets a slash, which then is but a
// character. A prefix that does not end with the separator is no level of the hierarchy, and left
// in place.
func newNames(prefix, separator string) names {
	if len(separator) != 1 || !strings.Contains("!\"#$%'()*./:;<>?@[\\]^_`{|}~", separator) {
		separator = "/"
	}
	if !strings.HasSuffix(prefix, separator) {
		prefix = ""
	}
	return names{prefix: prefix, separator: separator}
}

// path returns the path of the folder with the given wire name.
func (n names) path(wire string) []string {
	if strings.EqualFold(wire, inbox) {
		return []string{inbox}
	}
	rest, stripped := n.cutPrefix(wire)
	parts := strings.Split(strings.TrimSuffix(rest, n.separator), n.separator)
	for i, part := range parts {
		parts[i] = decodeComponent(part)
	}
	if stripped && len(parts) == 1 && strings.EqualFold(parts[0], inbox) {
		// "INBOX.INBOX" is not the INBOX.
		parts[0] = escapeByte(parts[0][0]) + parts[0][1:]
	}
	return parts
}

// cutPrefix removes the prefix once. In a prefix that begins with INBOX, that part has no case.
func (n names) cutPrefix(wire string) (rest string, ok bool) {
	p := len(n.prefix)
	if p == 0 || len(wire) <= p {
		return wire, false
	}
	head := wire[:p]
	atom := len(inbox)
	if p > atom && strings.EqualFold(n.prefix[:atom], inbox) && strings.EqualFold(head[:atom], inbox) {
		head = n.prefix[:atom] + head[atom:]
	}
	if head != n.prefix {
		return wire, false
	}
	return wire[p:], true
}

// wire returns the wire name of a path. With strict, punctuation that some servers refuse in
// names is escaped as well. An empty path or component fails with Invalid.
func (n names) wire(path []string, strict bool) (string, error) {
	if len(path) == 0 {
		return "", endpoint.Errorf(endpoint.Invalid, "the path of a folder is empty")
	}
	if len(path) == 1 && strings.EqualFold(path[0], inbox) {
		return inbox, nil
	}
	parts := make([]string, len(path))
	for i, component := range path {
		if component == "" {
			return "", endpoint.Errorf(endpoint.Invalid, "a component of a folder's path is empty")
		}
		parts[i] = n.encodeComponent(component, strict)
	}
	return n.prefix + strings.Join(parts, n.separator), nil
}

func decodeComponent(part string) string {
	if part == "" {
		return "_" // two separators in a row; the path cannot say so
	}
	text, ok := decodeUTF7(part)
	if !ok {
		text = part
	}
	return unescape(text)
}

func (n names) encodeComponent(component string, strict bool) string {
	var out strings.Builder
	for i := 0; i < len(component); {
		r, size := utf8.DecodeRuneInString(component[i:])
		if n.mustEscape(component, i, r, size, strict) {
			for _, b := range []byte(component[i : i+size]) {
				out.WriteString(escapeByte(b))
			}
		} else {
			out.WriteString(component[i : i+size])
		}
		i += size
	}
	return encodeUTF7(out.String())
}

// mustEscape decides on the rune r of size bytes at position i of component.
func (n names) mustEscape(component string, i int, r rune, size int, strict bool) bool {
	switch {
	case r < ' ' || r == 0x7f || r == utf8.RuneError && size == 1:
		return true
	case string(r) == n.separator:
		return true
	case i == 0 && (r == '~' || r == '#' || component == "." || component == ".."):
		return true
	case isEscape(component[i:]):
		return true
	case strict && strings.ContainsRune(`./\*%&"`, r):
		return true
	}
	return false
}

func escapeByte(b byte) string {
	const digits = "0123456789ABCDEF"
	return escape + string([]byte{digits[b>>4], digits[b&15]})
}

// isEscape reports whether s begins with an escape.
func isEscape(s string) bool {
	return len(s) >= 4 && s[:2] == escape && hexDigit(s[2]) >= 0 && hexDigit(s[3]) >= 0
}

func hexDigit(c byte) int { return strings.IndexByte("0123456789ABCDEF", c) }

func unescape(text string) string {
	var out strings.Builder
	for text != "" {
		if isEscape(text) {
			out.WriteByte(byte(hexDigit(text[2])<<4 | hexDigit(text[3])))
			text = text[4:]
			continue
		}
		out.WriteByte(text[0])
		text = text[1:]
	}
	return out.String()
}
