// Package imapendpoint opens mailboxes on IMAP servers (RFC 9051, RFC 3501), as source and as
// destination.
//
// A source is only read: folders are opened with EXAMINE, bodies fetched with BODY.PEEK. Bytes go
// from FETCH to APPEND as they are, behind the mark. What the server's answers hold was chosen by
// strangers: a message that breaks the answer it is in is set apart, and the rest goes on.
//
// Where a server offers them, the driver uses LITERAL+, LITERAL-, MULTIAPPEND, UIDPLUS, MOVE, ESEARCH,
// LIST-EXTENDED, LIST-STATUS, SPECIAL-USE, CONDSTORE (for the state of folders), NAMESPACE, QUOTA and
// APPENDLIMIT. It needs none of them, but to delete messages: that takes MOVE or UIDPLUS, since a plain
// EXPUNGE also removes what others have marked.
package imapendpoint
