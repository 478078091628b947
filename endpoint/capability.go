package endpoint

import "time"

// Capabilities is what one session can do. The zero value can do nothing optional. It is constant
// for the life of a Mailbox; what is false here fails with ErrUnsupported and has no effect.
// A folder that deviates, such as a read-only one, fails with ErrDenied.
type Capabilities struct {
	// Read and Write are the formats of each kind that the endpoint offers and accepts, best
	// first. A kind that is missing cannot be read or written.
	Read, Write map[Kind][]Format
	// ReadLosses and WriteLosses name what is not preserved of items that are read or written in a
	// format, in a short English phrase each, such as "the order of header fields".
	ReadLosses, WriteLosses map[Format][]string
	// Roots are the paths beneath which all folders of a kind are, and are made, for kinds that have a place of
	// their own: a mailbox may have a folder of mail and a calendar with one name.
	Roots map[Kind][]string
	// States says that Folders fills Folder.State, so that unchanged folders need no scan.
	States bool
	// StateSince says that Folders leaves Folder.State empty and the method State tells it, by
	// comparison with an earlier one. An endpoint has States, StateSince or neither.
	StateSince bool
	// CreateFolder, DeleteFolder and Subscribe allow the methods of those names.
	CreateFolder, DeleteFolder, Subscribe bool
	// Delete, Flags, SetFlags and Find allow the methods of those names.
	Delete, Flags, SetFlags, Find bool
	// FlagStates says that Folder.State changes also when the flags of an item do.
	FlagStates bool
	// Versions says that Item.Version is filled, that Folder.State changes when an item does, and
	// that List since a State yields the items that changed as well.
	Versions bool
	// Identity names the way in which Item.Identity is computed. Two mailboxes that name the same
	// one give equal identities to equal items. It is empty where the mailbox makes identities up, such
	// as IDs, so that no two items share one.
	Identity string
	// Outlines allows the method Outline, and says that Read fills Body.Identity.
	Outlines bool
	// Keywords says that flags beyond the five system flags may be kept.
	Keywords bool
	// Received says that Put keeps the time at which an item was received, to the second.
	Received bool
	// Exact says that a body read is, byte for byte, the body that was put, if its lines end with
	// CRLF and it has no NUL. What IMAP cannot carry, a server may have replaced.
	Exact bool
	// MaxItem is the greatest size of an item in bytes, mark included, or 0 if unknown.
	MaxItem int64
	// Concurrency is how many calls may run at once; 0 means 1.
	Concurrency int
	// PutGrace is for how long after its connection died a put may still land.
	PutGrace time.Duration
	// Visibility is for how long after a put the item may be missing from Marks and List.
	Visibility time.Duration
}

// Offers returns the formats in which items of a kind can be carried from a source with
// capabilities c to a destination with capabilities to: those that both know, in the order of
// the source.
func (c Capabilities) Offers(k Kind, to Capabilities) []Format {
	var common []Format
	for _, f := range c.Read[k] {
		for _, g := range to.Write[k] {
			if f == g {
				common = append(common, f)
			}
		}
	}
	return common
}
