package endpoint

import (
	"time"

	"github.com/dandyroll/dandyroll/watermark"
)

// Folder is a container of items, as one listing of the folders showed it.
type Folder struct {
	// ID names the folder to the driver that issued it, and is opaque to everyone else.
	ID string
	// Path is the folder's place in the tree, from the root, in Unicode. It is never a joined
	// string, so that no component needs escaping.
	Path []string
	Role Role
	// Kinds are what the folder may hold; empty means mail.
	Kinds []Kind
	// Validity changes when every Ref in the folder becomes void (UIDVALIDITY in IMAP). It is
	// empty where the endpoint has no such thing because its references are valid for ever.
	Validity string
	// State changes whenever items come into the folder or leave it. Equal, non-empty states
	// mean that nothing did. A state is also the position from which List and Marks go on. With
	// Capabilities.StateSince no listing has it, and it is asked for by Mailbox.State.
	State string
	// Items is the number of items, or -1 where the listing does not tell.
	Items int
	// Subscribed says that the user's programs show the folder.
	Subscribed bool
}

// Item is what a listing tells of one item of a folder.
type Item struct {
	// Ref names the item in its folder while the folder's Validity stays. It is never used again
	// for another item meanwhile.
	Ref  string
	Kind Kind
	// Identity is what stays the same of the item when Refs become void: a stable ID of the
	// provider, or a fingerprint of what no server rewrites. It may be shared by several items of
	// a folder, never by two items that the driver can tell apart. It is made from data of the
	// sender's choosing, so it is only ever hashed under a key.
	Identity string
	// Marks is what the item's header says of watermarks.
	Marks watermark.Reading
	// Received is when the item came into the mailbox (INTERNALDATE), or zero.
	Received time.Time
	// Sent is when its author says the item was sent (Date, RFC 5322 section 3.6.1), or zero.
	Sent time.Time
	// Size is an estimate in bytes, or -1. The size that counts is that of the Content.
	Size int64
	// Version changes whenever the content of the item changes under its Ref. It is empty without
	// Capabilities.Versions.
	Version string
}

// Sighting is an item at the destination whose header has a field of the watermark's name.
type Sighting struct {
	Ref   string
	Marks watermark.Reading
}

// Body is one item, read whole.
type Body struct {
	Ref string
	// Content is nil if Err is not. The receiver closes it.
	Content Content
	// Flags are those that could be set again; never \Recent.
	Flags []Flag
	// Received is as in Item.
	Received time.Time
	// Identity is as in Item, with Capabilities.Outlines; else, and where Err is not nil, it is empty.
	Identity string
	// Err says why this item could not be read; the others can. Its code is NotFound where the
	// item is gone, Damaged where the source cannot deliver it.
	Err error
}

// Put is an item to be written, with its mark.
type Put struct {
	Mark    watermark.Mark
	Kind    Kind
	Content Content // stays the caller's to close
	Flags   []Flag
	// Received is written as it is. Zero lets the destination choose.
	Received time.Time
}

// PutResult is the answer to the Put with the same mark.
type PutResult struct {
	Mark watermark.Mark
	// Ref names the new item, where the destination tells.
	Ref string
	// Dropped are the flags that the destination does not keep.
	Dropped []Flag
	// Err is nil if the item is there. Its code is InDoubt if that is not known; with any other
	// code the item is not there and will not come.
	Err error
}

// Flagging is the flags that an item has.
type Flagging struct {
	Ref   string
	Flags []Flag // those that could be set again; never \Recent
}

// FlagChange is what is to become of the flags of an item. Those that it does not name stay; none may
// be in both lists.
type FlagChange struct {
	Ref         string
	Add, Remove []Flag
}

// Result is the answer for one item of a Delete or SetFlags.
type Result struct {
	Ref string
	// Err is nil if it was done. Its code is NotFound where the item is gone.
	Err error
}

// Quota is how much a mailbox holds and may hold, in bytes. A negative number means unknown.
type Quota struct{ Used, Limit int64 }

// Wire counts what went over a mailbox's connections since it was opened.
type Wire struct {
	Commands int64 `json:"commands"` // commands or requests
	Sent     int64 `json:"sent"`     // bytes, above TLS
	Received int64 `json:"received"` // bytes, above TLS
	// RoundTrip is the least time that an answer took: no less than a round trip. 0 if that is not known.
	RoundTrip time.Duration `json:"-"`
}

// Info says what a mailbox is, without talking to it.
type Info struct {
	// Type is the type of endpoint that goes into watermarks, such as "imap".
	Type string
	// Driver names the driver and the version of its behaviour, such as "imapendpoint/1". When it
	// changes, what was learnt about a mailbox is learnt anew.
	Driver string
	// Account identifies the mailbox as its caller addressed it. It is personal data: it is
	// stored only hashed under a key, and printed nowhere.
	Account string
}
