package graphendpoint

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"github.com/dandyroll/dandyroll/endpoint"
)

// Properties that hold flags for which Graph has no field.
const (
	verbProperty = "Integer 0x1081" // PidTagLastVerbExecuted (MS-OXOMSG section 2.2.1.22)
	iconProperty = "Integer 0x1080" // PidTagIconIndex (MS-OXOMSG section 2.2.1.10), which shows the verb
	// deletedProperty is PidLidImapDeleted (MS-OXPROPS), which is \Deleted for Exchange's own IMAP.
	deletedProperty = "Integer {00062008-0000-0000-C000-000000000046} Id 0x8570"
)

// Bits of PidTagMessageFlags (MS-OXCMSG section 2.2.1.6). They count only when a message is made: one that was a draft stays one.
const (
	messageRead      = 1
	messageSubmitted = 4
	messageUnsent    = 8
)

// Values of PidTagLastVerbExecuted (MS-OXOMSG section 2.2.1.22), and of PidTagIconIndex that go with them.
const (
	verbReply    = 102
	verbReplyAll = 103 // means \Answered, too
	verbForward  = 104
	iconReply    = 261
	iconForward  = 262
	noIcon       = -1 // of an ordinary message
)

// forwardedFlag is the keyword of that meaning (RFC 5788 registry).
const forwardedFlag endpoint.Flag = "$Forwarded"

const (
	// maxCategories bounds those of one message, and maxCategory one of them, which is the limit of Outlook.
	maxCategories = 100
	maxCategory   = 255
)

// messageState is what the flags of a mail are in Graph.
type messageState struct {
	read, draft, flagged, deleted bool
	verb, icon                    int // 0 for none
	categories                    []string
	dropped                       []endpoint.Flag // that have no place
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
		case `\deleted`:
			s.deleted = true
		case `\answered`:
			s.verb, s.icon = verbReply, iconReply
		case strings.ToLower(string(forwardedFlag)): // see forwarded
		default:
			s.keyword(flag)
		}
	}
	s.forwarded(flags)
	return s
}

// forwarded is for the keyword of that meaning: a message has one last verb.
func (s *messageState) forwarded(flags []endpoint.Flag) {
	at := slices.IndexFunc(flags, func(f endpoint.Flag) bool { return strings.EqualFold(string(f), string(forwardedFlag)) })
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
	var list []extended
	if s.verb != 0 {
		list = append(list, extended{verbProperty, strconv.Itoa(s.verb)}, extended{iconProperty, strconv.Itoa(s.icon)})
	}
	if s.deleted {
		list = append(list, extended{deletedProperty, deletedValue(true)})
	}
	return list
}

// mailFlags returns the flags of a message that was asked for with flagView. Categories are keywords, except those that would read as
// a system flag.
func mailFlags(m models.Messageable) []endpoint.Flag {
	var flags []endpoint.Flag
	add := func(has bool, flag endpoint.Flag) {
		if has && !hasFlag(flags, flag) {
			flags = append(flags, flag)
		}
	}
	verb, _ := strconv.Atoi(propertyOf(m, verbProperty)) // none is 0
	add(isTrue(m.GetIsRead()), endpoint.Seen)
	add(verb == verbReply || verb == verbReplyAll, endpoint.Answered)
	add(isFlagged(m), endpoint.IsFlagged)
	add(isDeleted(m), endpoint.Deleted)
	add(isTrue(m.GetIsDraft()), endpoint.Draft)
	add(verb == verbForward, forwardedFlag)
	for _, category := range m.GetCategories() {
		add(category != "" && category[0] != '\\', endpoint.Flag(category))
	}
	return flags
}

// isFlagged reports whether a message is flagged for follow-up; one whose follow-up is complete is not.
func isFlagged(m models.Messageable) bool {
	return m.GetFlag() != nil && m.GetFlag().GetFlagStatus() != nil && *m.GetFlag().GetFlagStatus() == models.FLAGGED_FOLLOWUPFLAGSTATUS
}

func isDeleted(m models.Messageable) bool {
	value := propertyOf(m, deletedProperty)
	return value != "" && value != "0"
}

func deletedValue(deleted bool) string {
	if deleted {
		return "1"
	}
	return "0"
}

func hasFlag(flags []endpoint.Flag, flag endpoint.Flag) bool {
	return slices.ContainsFunc(flags, func(f endpoint.Flag) bool { return strings.EqualFold(string(f), string(flag)) })
}

// flagPatch returns the change that gives a message other flags, and nothing else; nil for no change.
func flagPatch(m models.Messageable, now, wanted []endpoint.Flag) models.Messageable {
	from, to := stateOf(now), stateOf(wanted)
	patch, changed := models.NewMessage(), false
	if to.read != from.read {
		patch.SetIsRead(&to.read)
		changed = true
	}
	if to.flagged != from.flagged {
		patch.SetFlag(followUp(to.flagged))
		changed = true
	}
	if kept := keptCategories(m, now, wanted, to.categories); !slices.Equal(kept, m.GetCategories()) {
		patch.SetCategories(kept)
		changed = true
	}
	if properties := changedProperties(from, to); len(properties) > 0 {
		patch.SetSingleValueExtendedProperties(extendedWith(properties...))
		changed = true
	}
	if !changed {
		return nil
	}
	return patch
}

// changedProperties are the properties that a message needs for other flags.
func changedProperties(from, to messageState) []extended {
	var list []extended
	if to.verb != from.verb {
		icon := to.icon
		if to.verb == 0 {
			icon = noIcon
		}
		list = append(list, extended{verbProperty, strconv.Itoa(to.verb)}, extended{iconProperty, strconv.Itoa(icon)})
	}
	if to.deleted != from.deleted {
		list = append(list, extended{deletedProperty, deletedValue(to.deleted)})
	}
	return list
}

// keptCategories returns the categories that a message is to have: those of it that are no flags, or wanted as such, and new ones.
func keptCategories(m models.Messageable, now, wanted []endpoint.Flag, categories []string) []string {
	kept := []string{}
	for _, c := range m.GetCategories() {
		if flag := endpoint.Flag(c); strings.HasPrefix(c, `\`) || !hasFlag(now, flag) || hasFlag(wanted, flag) {
			kept = append(kept, c)
		}
	}
	for _, added := range categories {
		if !slices.ContainsFunc(kept, func(c string) bool { return strings.EqualFold(added, c) }) {
			kept = append(kept, added)
		}
	}
	return kept
}

func followUp(flagged bool) models.FollowupFlagable {
	status := models.NOTFLAGGED_FOLLOWUPFLAGSTATUS
	if flagged {
		status = models.FLAGGED_FOLLOWUPFLAGSTATUS
	}
	flag := models.NewFollowupFlag()
	flag.SetFlagStatus(&status)
	return flag
}
