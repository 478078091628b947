// Package watermark makes, presses and reads the mark that every migrated item carries.
//
// A mark is one header field, at most 78 characters long and never folded:
//
//	X-Dandyroll: 1.imap.graph.<pair>.<item>.<mac>
//
// that is a version, the types of the source and of the destination endpoint, a tag of the
// pair (40 bit), the ID of the item (128 bit) and a message authentication code (64 bit), the
// last three in lower-case base32 (RFC 4648 section 6, without padding). Lower case, because
// IMAP SEARCH and Microsoft Graph compare header values without regard to case; two base64
// values that differ only by case would collide.
//
// All three values are HMAC-SHA-256 under a [Key] that the sender of a message does not have.
// He can therefore neither build the ID of an item, and so suppress its migration, nor learn
// from a mark what it stands for: it holds no address, subject, Message-ID, folder name, size
// or date.
//
// Items that are no mail carry their mark as a property of iCalendar or vCard (see [StampProperty]).
//
// The package is pure: it imports only the standard library and, apart from
// [LoadOrCreateKey], does no input or output of its own.
//
// # Field name
//
// The name begins with "X-", against the advice of RFC 6648, because Microsoft Graph accepts
// only custom header names that do. It is one fixed name for ever: Exchange keeps a quota on
// the number of different header names in a mailbox.
package watermark
