// Package badgerstore keeps ledgers on disk, in a Badger database that it does not trust.
//
// A state directory (mode 0700) holds
//
//	lock       who has it open: flock, taken first
//	db/        Badger's directory
//	seal       what Badger was last known to hold
//	damaged-1/ what Discard moved aside
//
// # What is on disk
//
// With Options.Key, Badger encrypts keys and values (AES-256 in counter mode), pairs are known
// outside it by a keyed tag alone, and no pair ID, folder name or reference can be read in any
// file. Without a key they can. Encryption hides; it does not prove who wrote.
//
// An entry is a compact binary value with a CRC-32C over its key and itself. Folder names,
// validities, flags, endpoint types and generations are stored once a pair and numbered. One
// migrated item with flags, that is its record and its sighting, takes about 124 bytes of disk, two
// of them for the flags, measured after Close with 100,000 of them by
//
//	go test -run - -bench Size ./store/badgerstore
//
// There are two formats. What versions, flags, policies and purges leave needs the second one; a
// database has the first one until it is given something of that, and from then on programs that
// only know the first refuse it with store.ErrFormat. Both are read.
//
// # What protects it
//
// One Commit is one Badger transaction, synced before it returns, together with a summary of the
// pair: how many commits, how many entries, and the exclusive or of a keyed hash of each. The seal
// is then told the same and synced too. Opening a pair reads all its entries and compares; opening
// the store compares every summary with the seal. So a database that lost or changed anything is
// store.ErrDamaged, also where Badger itself would open it and show less.
//
// Badger can end its process, from goroutines of its own, on a file that is garbled. Before it
// opens anything, this package therefore checks every file: the seal knows a checksum of each
// finished table and of the two files that only grow, and what is younger than the seal is held
// against its own checksums. After Close the seal fits the files exactly.
//
// The cure for damage is a copy of the whole state directory, or [Discard] and a pass, which
// rebuilds the records from the marks. Make copies only of a closed store.
//
// # What nothing protects
//
// A state directory that is replaced, seal and all, by an older copy of itself is consistent. The
// next pass heals it from the marks; what users removed since then comes back.
//
// Badger writes through mapped files, so that a disk that gets full ends the process with SIGBUS.
// Nothing that was accepted is lost then, but the process is. Options.MinFree keeps a distance,
// checked at Open and at each commit; another program can still fill a disk faster than that.
// Files that are changed while the store is open are out of reach, too.
package badgerstore
