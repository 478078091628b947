// Package memendpoint is a mailbox in memory, for tests: of the engine, of programs that use it,
// and of anything that takes an [endpoint.Mailbox].
//
// A [Server] is one mailbox. [Server.Open] gives a session over it, as any driver does; any number
// may be open at once. The other methods of a Server are what its user does meanwhile with another
// program: new mail arrives, items are moved, changed and deleted, folders are renamed. [Server.Messages]
// and [Server.Counts] tell what is there and what the sessions did.
//
// A session behaves well unless [Quirks] say otherwise: each switches on one misbehaviour of real
// servers, such as a lost answer or a mark that is dropped.
//
// Nothing is random: the same calls in the same order give the same references, validities,
// states and times of receipt.
package memendpoint
