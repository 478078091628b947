package imapendpoint

import "strings"

// capabilities is what a server offers, in upper case (RFC 9051 section 7.2.2).
type capabilities map[string]bool

// parseCapabilities reads the list that follows CAPABILITY. What cannot be an atom is left out,
// so that the list can be handed on.
func parseCapabilities(list string) capabilities {
	caps := capabilities{}
	for name := range strings.FieldsSeq(strings.ToUpper(list)) {
		if isAtom(name) {
			caps[name] = true
		}
	}
	return caps
}

// without returns the capabilities that are not hidden.
func (c capabilities) without(hidden []string) capabilities {
	rest := capabilities{}
	for name := range c {
		rest[name] = true
	}
	for _, name := range hidden {
		delete(rest, strings.ToUpper(name))
	}
	return rest
}

// forLibrary is the greeting that the library is given. It begins where it is of use, with a
// logged-in connection, and hides what the library would handle wrongly: with IMAP4rev2 or UTF8
// it sends folder names unencoded on a connection where nobody enabled that (RFC 9051 section 5.1,
// RFC 6855 section 3), and its non-synchronizing literals are an injection waiting to happen.
func (c capabilities) forLibrary() string {
	list := []string{"IMAP4rev1"}
	for name := range c.without([]string{"IMAP4rev1", "IMAP4rev2", "UTF8=ACCEPT", "UTF8=ONLY", "LITERAL+", "LITERAL-"}) {
		list = append(list, name)
	}
	return "* PREAUTH [CAPABILITY " + strings.Join(list, " ") + "] ready\r\n"
}

// isAtom reports whether s is an atom (RFC 9051 section 9).
func isAtom(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f || strings.IndexByte(`(){%*"\]`, s[i]) >= 0 {
			return false
		}
	}
	return s != ""
}
