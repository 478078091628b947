package graphendpoint

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/dandyroll/dandyroll/endpoint"
)

const (
	// inboxName is the path of the inbox, whatever the service calls it in the user's language.
	inboxName = "INBOX"
	// nameEscape introduces a byte that no display name can hold: two upper-case hexadecimal digits follow.
	nameEscape = "=x"
)

// folderPath returns the last component of a folder's path from its display name. It is another one at the top, where names could be
// taken for INBOX or for a folder that holds no mail, such as [Calendars]: those get one more pair of brackets.
func folderPath(displayName string, top bool) string {
	if displayName == "" {
		return "_" // a component of a path is never empty
	}
	component := unescapeName(displayName)
	if top && reserved(component) {
		return "[" + component + "]"
	}
	return component
}

// folderDisplayName inverts folderPath.
func folderDisplayName(component string, top bool) (string, error) {
	if top && reserved(component) {
		inner := strings.TrimSuffix(strings.TrimPrefix(component, "["), "]")
		if !reserved(inner) {
			return "", endpoint.Errorf(endpoint.Rejected,
				"a folder of mail at the top cannot have this name, which stands for what is no mail: map it to another path, such as one with one more pair of brackets")
		}
		component = inner
	}
	return escapeName(component), nil
}

// reserved reports whether a component at the top is INBOX or the name of a folder that does not exist, in any number of brackets.
func reserved(component string) bool {
	core, brackets := component, 0
	for strings.HasPrefix(core, "[") && strings.HasSuffix(core, "]") && len(core) > 1 {
		core, brackets = core[1:len(core)-1], brackets+1
	}
	if strings.EqualFold(core, inboxName) {
		return true
	}
	return brackets > 0 && slices.ContainsFunc([]string{"Calendars", "Contacts", "Tasks", "Notes", "Journal"}, func(name string) bool {
		return strings.EqualFold(core, name)
	})
}

// escapeName escapes what a display name cannot hold, or not for sure: control characters, bytes that are not UTF-8, white space at
// its ends, which is trimmed or refused, and what would read as an escape.
func escapeName(component string) string {
	var out strings.Builder
	for i := 0; i < len(component); {
		r, size := utf8.DecodeRuneInString(component[i:])
		atEnd := i == 0 || i+size == len(component)
		if unicode.IsControl(r) || r == utf8.RuneError && size == 1 || unicode.IsSpace(r) && atEnd || isNameEscape(component[i:]) {
			for _, b := range []byte(component[i : i+size]) {
				out.WriteString(nameEscape + string([]byte{hexDigits[b>>4], hexDigits[b&15]}))
			}
		} else {
			out.WriteString(component[i : i+size])
		}
		i += size
	}
	return out.String()
}

const hexDigits = "0123456789ABCDEF"

// unescapeName inverts escapeName. A name that escapeName does not write is what it is.
func unescapeName(name string) string {
	var out strings.Builder
	for i := 0; i < len(name); i++ {
		if isNameEscape(name[i:]) {
			out.WriteByte(byte(strings.IndexByte(hexDigits, name[i+2])<<4 | strings.IndexByte(hexDigits, name[i+3])))
			i += len(nameEscape) + 1
			continue
		}
		out.WriteByte(name[i])
	}
	if escapeName(out.String()) != name {
		return name
	}
	return out.String()
}

// isNameEscape reports whether s begins with an escape.
func isNameEscape(s string) bool {
	return len(s) >= 4 && strings.HasPrefix(s, nameEscape) && strings.IndexByte(hexDigits, s[2]) >= 0 && strings.IndexByte(hexDigits, s[3]) >= 0
}
