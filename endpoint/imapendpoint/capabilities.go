package imapendpoint

import "strings"

// capabilities is what a server offers, in upper case (RFC 9051 section 7.2.2).
type capabilities map[string]bool

// parseCapabilities reads the list that follows CAPABILITY. What cannot be an atom is left out.
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

// isAtom reports whether s is an atom (RFC 9051 section 9).
func isAtom(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f || strings.IndexByte(`(){%*"\]`, s[i]) >= 0 {
			return false
		}
	}
	return s != ""
}
