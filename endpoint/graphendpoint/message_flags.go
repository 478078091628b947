package graphendpoint

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"github.com/dandyroll/dandyroll/endpoint"
)

const (
	// maxCategories bounds those of one message, and maxCategory one of them, which is the limit of Outlook.
	maxCategories = 100
	maxCategory   = 255
)

// Bits of PidTagMessageFlags (MS-OXCMSG section 2.2.1.6). They count only when a message is made: one that was a draft stays one.
const (
	messageRead      = 1
	messageSubmitted = 4
	messageUnsent    = 8
)

// Values of PidTagLastVerbExecuted (MS-OXOMSG section 2.2.1.22), and of PidTagIconIndex that go with them.
const (
	verbReply   = 102
	verbForward = 104
	iconReply   = 261
	iconForward = 262
)

// messageState is what the flags of a mail are in Graph.
type messageState struct {
	read, draft, flagged bool
	verb, icon           int // 0 for none
	categories           []string
	dropped              []endpoint.Flag // that have no place
}

// stateOf finds a place for each flag. Keywords become categories, which are distinct without regard to case.
func stateOf(flags []endpoint.Flag) messageState {
	var s messageState
	for _, flag := range flags {
		switch strings.ToLower(string(flag)) {
		case `\seen`:
			s.read = true
		case `\flagged`:
			s.flagged = true
		case `\draft`:
			s.draft = true
		case `\answered`:
			s.verb, s.icon = verbReply, iconReply
		case "$forwarded":
		default:
			s.keyword(flag)
		}
	}
	s.forwarded(flags)
	return s
}

// forwarded is for the keyword of that meaning: a message has one last verb.
func (s *messageState) forwarded(flags []endpoint.Flag) {
	at := slices.IndexFunc(flags, func(f endpoint.Flag) bool { return strings.EqualFold(string(f), "$Forwarded") })
	switch {
	case at < 0:
	case s.verb == 0:
		s.verb, s.icon = verbForward, iconForward
	default:
		s.dropped = append(s.dropped, flags[at])
	}
}

func (s *messageState) keyword(flag endpoint.Flag) {
	same := func(name string) bool { return strings.EqualFold(name, string(flag)) }
	switch {
	case slices.ContainsFunc(s.categories, same):
	case !isCategory(string(flag)) || len(s.categories) == maxCategories:
		s.dropped = append(s.dropped, flag)
	default:
		s.categories = append(s.categories, string(flag))
	}
}

// isCategory reports whether a keyword is one that people chose. What programs tell each other with keywords (the registry of RFC 5788,
// and what is common besides) would be noise among categories, and commas and semicolons separate them.
func isCategory(keyword string) bool {
	switch strings.ToLower(keyword) {
	case "", "$mdnsent", "mdnsent", "$submitpending", "$submitted", "$junk", "$notjunk", "junk", "nonjunk", "notjunk", "$phishing",
		"$hasattachment", "$hasnoattachment", "$autosent", "$memo", "$hasmemo", "$notify", "$unsubscribed", "$canunsubscribe",
		"$ismailinglist", "$istrusted", "$maskedemail", "$muted", "$followed", "$new", "$recent", "$smtputf8", "$import",
		"$signed", "$encrypted", "$todo", "$watched", "$ignored", "$x-me-annot-1", "$x-me-annot-2", "receiptchecked":
		return false
	}
	return keyword[0] != '\\' && oneLine(keyword) == keyword && !strings.ContainsAny(keyword, ",;") &&
		len(utf16.Encode([]rune(keyword))) <= maxCategory
}

// flags is the value of PidTagMessageFlags with which a message has to be made. That of a message which is neither read nor a draft would
// be 0, which is as good as none; the bit of a submitted message says that it is no draft.
func (s *messageState) flags() int {
	n := 0
	if s.read {
		n = messageRead
	}
	switch {
	case s.draft:
		return n | messageUnsent
	case n == 0:
		return messageSubmitted
	}
	return n
}

// set sets the fields of a message that hold flags.
func (s *messageState) set(m *models.Message) {
	m.SetIsRead(&s.read)
	if s.flagged {
		m.SetFlag(followUp(true))
	}
	if len(s.categories) > 0 {
		m.SetCategories(s.categories)
	}
}

// properties are those that hold flags.
func (s *messageState) properties() []extended {
	if s.verb == 0 {
		return nil
	}
	return []extended{{verbProperty, strconv.Itoa(s.verb)}, {iconProperty, strconv.Itoa(s.icon)}}
}
