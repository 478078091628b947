package endpoint

import "strings"

// Kind is what an item is. The zero value is no kind.
type Kind uint8

// The kinds of item that a mailbox may hold. Their values are stored and never change.
const (
	Mail Kind = iota + 1
	Event
	Contact
	Task
	Note
	Journal
)

// AllKinds lists every kind, in the order of their values.
func AllKinds() []Kind { return []Kind{Mail, Event, Contact, Task, Note, Journal} }

// String returns the lower-case English name of the kind, or "unknown".
func (k Kind) String() string {
	switch k {
	case Mail:
		return "mail"
	case Event:
		return "event"
	case Contact:
		return "contact"
	case Task:
		return "task"
	case Note:
		return "note"
	case Journal:
		return "journal"
	}
	return "unknown"
}

// ParseKind inverts [Kind.String], whatever the case of the letters; ok is false for any other text.
func ParseKind(name string) (k Kind, ok bool) {
	for _, k := range AllKinds() {
		if strings.EqualFold(name, k.String()) {
			return k, true
		}
	}
	return 0, false
}

// Format is the media type of a body.
type Format string

// The portable formats of bodies. An endpoint may know others, for use between two of its like.
const (
	RFC822    Format = "message/rfc822" // mail and notes
	ICalendar Format = "text/calendar"  // events, tasks and journal entries (RFC 5545)
	VCard     Format = "text/vcard"     // contacts (RFC 6350)
)

// Role is the special use of a folder (such as those of RFC 6154), or empty.
type Role string

// The roles that an endpoint may give to one of its folders.
const (
	NoRole  Role = ""
	Inbox   Role = "inbox"
	Sent    Role = "sent"
	Drafts  Role = "drafts"
	Trash   Role = "trash"
	Junk    Role = "junk"
	Archive Role = "archive"
	// AllMail is a view of everything. Its items are found in other folders too.
	AllMail Role = "all"
	// Flagged is a view of the flagged items of other folders.
	Flagged Role = "flagged"

	// The folders into which items of the other kinds go by themselves. RFC 6154 has none of these.
	DefaultCalendar Role = "calendar"
	DefaultContacts Role = "contacts"
	DefaultTasks    Role = "tasks"
	DefaultNotes    Role = "notes"
	DefaultJournal  Role = "journal"
)

// AllRoles lists every role but NoRole.
func AllRoles() []Role {
	return []Role{
		Inbox, Sent, Drafts, Trash, Junk, Archive, AllMail, Flagged,
		DefaultCalendar, DefaultContacts, DefaultTasks, DefaultNotes, DefaultJournal,
	}
}

// Flag is a flag or keyword of an item, in the spelling of IMAP (RFC 9051 section 2.3.2). System
// flags compare without regard to case.
type Flag string

// The system flags that may be carried from one mailbox to another. \Recent never is.
const (
	Seen      Flag = `\Seen`
	Answered  Flag = `\Answered`
	IsFlagged Flag = `\Flagged`
	Deleted   Flag = `\Deleted`
	Draft     Flag = `\Draft`
)
