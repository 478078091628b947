// Package store is the contract of the database behind a migration: one [Ledger] a pair, which
// mirrors the watermarks at the destination and remembers what the mailbox itself cannot tell.
//
// Clauses, by number, that every [Store] keeps and that package storetest proves:
//
//	S1  A pair that was never opened has an empty ledger: generation 1, no records.
//	S2  What Commit accepted is there after Close and Open, and after a kill at any instruction.
//	S3  A Commit is applied whole or not at all, whatever is cut and whenever.
//	S4  A Commit that fails leaves no trace.
//	S5  Records, Lookup, Folders and Sightings yield what was last committed, each once, and as it
//	    was at one moment.
//	S6  Pairs are isolated from each other; IDs and names may be any bytes.
//	S7  A batch of MaxBatch entries works; a greater one is ErrTooLarge.
//	S8  A pair is open once: a second Open is ErrBusy, from this process or another.
//	S9  A database in a newer format is ErrFormat and stays untouched.
//	S10 A database that has lost or changed anything it once accepted is ErrDamaged, or heals
//	    to exactly what it accepted; it never just knows less. It says so when it is opened, or
//	    instead of the first record or sighting of the folder that it lost something of.
//	S11 A context that has ended before Commit is called means that nothing was written.
//	S12 Reset forgets exactly what its filter says, reports how much, and keeps generation,
//	    bindings and history. It drops every scan position, so that the next pass scans whole. Until
//	    then nothing counts as removed by users: what they removed is not known.
//	S13 A ledger whose lease can expire says when; after that moment its Commit is ErrFenced.
//	S14 ResetStatistics forgets the history of a pair and nothing else.
package store
