package graphendpoint

import (
	"net/mail"
	"strings"

	message "github.com/emersion/go-message/mail"
)

const (
	// maxRecipients bounds those of a message: 500 is what Exchange Online lets one have by default.
	maxRecipients = 500
	// maxAddress is the greatest length of a path with its brackets (RFC 5321 section 4.5.3.1.3) and some more.
	maxAddress = 320
	// maxMailbox bounds one mailbox as it stands in a field, with its name.
	maxMailbox = 2048
)

// addressList returns the mailboxes of an address field (RFC 5322 section 3.4) that the service would take, up to a number. It reads
// them one by one: a single bad one does not spoil the others.
func addressList(field string, limit int) []*mail.Address {
	var out []*mail.Address
	for len(field) > 0 && len(out) < limit {
		var one string
		one, field = cutMailbox(field)
		if a := parseMailbox(one); a != nil {
			out = append(out, a)
		}
	}
	return out
}

// cutMailbox cuts a list of addresses behind the first mailbox. Commas and semicolons end one, and the colon ends the name of a group,
// but not within quotes, brackets or comments.
func cutMailbox(list string) (one, rest string) {
	quoted, angle, comment := false, false, 0
	for i := 0; i < len(list); i++ {
		switch c := list[i]; {
		case c == '\\':
			i++
		case c == '"' && comment == 0:
			quoted = !quoted
		case quoted:
		case c == '(':
			comment++
		case c == ')':
			comment = max(comment-1, 0)
		case comment > 0:
		case c == '<' || c == '[':
			angle = true
		case c == '>' || c == ']':
			angle = false
		case (c == ',' || c == ';' || c == ':') && !angle:
			return groupless(list[:i], c), list[i+1:]
		}
	}
	return list, ""
}

// groupless drops the name of a group.
func groupless(text string, end byte) string {
	if end == ':' {
		return ""
	}
	return text
}

// parseMailbox returns a mailbox, or nil if it is none to which the service could send.
func parseMailbox(text string) *mail.Address {
	if text = strings.TrimSpace(text); text == "" || len(text) > maxMailbox {
		return nil
	}
	a, err := message.ParseAddress(text)
	if err != nil {
		a = looseMailbox(text)
	}
	if a == nil || !sendable(a.Address) {
		return nil
	}
	a.Name = shortened(oneLine(a.Name), maxValue)
	return a
}

// looseMailbox is for names that lack their quotes, such as those with a dot or an at sign: what is in the last brackets is the address.
func looseMailbox(text string) *mail.Address {
	name, address, found := strings.Cut(text, "<")
	if at := strings.LastIndexByte(text, '<'); found {
		name, address = text[:at], text[at+1:]
	}
	if !found || !strings.HasSuffix(address, ">") {
		return nil
	}
	return &mail.Address{Name: strings.Trim(strings.TrimSpace(name), `"`), Address: strings.TrimSuffix(address, ">")}
}

// sendable reports whether an address has the form that the service takes; otherwise it refuses the whole message
// (ErrorInvalidRecipients).
func sendable(address string) bool {
	at := strings.LastIndexByte(address, '@')
	bad := func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune(`<>()[],;:"\`, r) }
	return at > 0 && at < len(address)-1 && len(address) <= maxAddress && strings.IndexFunc(address, bad) < 0 &&
		strings.IndexByte(address, '@') == at
}
