package imapendpoint

import (
	"slices"
	"strings"

	"github.com/dandyroll/dandyroll/endpoint"
)

const (
	// maxKeywords bounds the keywords of one message on a command line, in bytes.
	maxKeywords = 1000
	// maxKeyword bounds one of them. Dovecot refuses a message with a longer one, unless its
	// mail_max_keyword_length says otherwise.
	maxKeyword = 50
)

// systemFlag returns the flag in its usual spelling if it is one that may be set at will
// (RFC 9051 section 2.3.2). Any other flag with a backslash, \Recent above all, makes servers
// refuse an APPEND, and then read the message as commands.
func systemFlag(flag string) (endpoint.Flag, bool) {
	for _, known := range []endpoint.Flag{endpoint.Seen, endpoint.Answered, endpoint.IsFlagged, endpoint.Deleted, endpoint.Draft} {
		if strings.EqualFold(flag, string(known)) {
			return known, true
		}
	}
	return "", false
}

// carriedFlags returns those of a message's flags that could be set again, in a fixed order.
func carriedFlags[F ~string](flags []F) []endpoint.Flag {
	var out []endpoint.Flag
	for _, f := range flags {
		if known, ok := systemFlag(string(f)); ok {
			out = append(out, known)
		} else if isAtom(string(f)) {
			out = append(out, endpoint.Flag(f))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// settable splits flags into those that an APPEND to the folder may name and those that it may
// not: what the folder does not keep (RFC 9051 section 7.1, PERMANENTFLAGS; a server that does not
// say keeps all), and what is neither a system flag nor a keyword.
func (f *selected) settable(flags []endpoint.Flag) (keep []string, dropped []endpoint.Flag) {
	length := 0
	for _, flag := range flags {
		name, system := systemFlag(string(flag))
		if !system {
			name = flag
			length += len(flag) + 1
		}
		switch {
		case !system && (!isAtom(string(flag)) || len(flag) > maxKeyword || length > maxKeywords), !f.permits(string(name)):
			dropped = append(dropped, flag)
		case !slices.Contains(keep, string(name)):
			keep = append(keep, string(name))
		}
	}
	return keep, dropped
}

// permits reports whether the folder keeps a flag. Strictly, \* speaks of keywords only; there are
// servers that name no system flag besides it, and keep them all.
func (f *selected) permits(flag string) bool {
	return !f.permanentSet || slices.ContainsFunc(f.permanentFlags, func(p string) bool {
		return p == `\*` || strings.EqualFold(p, flag)
	})
}
