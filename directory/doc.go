// Package directory pairs the accounts of two organisations: which mailbox goes where.
//
// [Match] decides for each account of the source by the first of these that names an account of the
// destination:
//
//  1. the explicit list of its caller, such as one that [ReadList] has read;
//  2. the caller's rules, such as [ReplaceDomain];
//  3. an address that both accounts have, be it the primary one or an alias;
//  4. the display name, if the caller allows it.
//
// It never guesses. Where one of them names two accounts, and where two accounts of the source would
// go to one of the destination, there is no pairing but an error, which tells all such cases at once.
// The explicit list cures each of them.
//
// Addresses are compared without regard to the case of ASCII letters, as every provider does,
// although RFC 5321 section 2.4 allows a server to tell them apart. No other difference is passed
// over: an internationalised domain and its ASCII form are two.
//
// The package does no input or output, but for reading the list.
package directory
