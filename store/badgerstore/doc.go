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
// There are three formats. The first two have no sum of each folder, but one of all entries of a
// pair; both are read, and a pair is brought to the third when it is opened, which takes as long as
// reading all of it, once. From then on programs that only know the older ones refuse the database
// with store.ErrFormat.
//
// # What protects it
//
// A Commit is one Badger transaction, synced before it returns; those of a pair that come while
// another is under way are one together. With it goes what sums it up: of each folder, how many
// records and sightings it has and the exclusive or of a keyed hash of each; of the pair, the same of
// what does not belong to a folder and of these sums, and how many transactions there were. The seal
// is then told that, and synced too.
//
// Opening the store compares every pair with the seal. Opening a pair reads and compares all but
// records, sightings and history, so that its time follows the number of folders. Those are compared
// when they are first asked for in an opening: all records, or all sightings, of the folder, before
// the first one is yielded. Lookup is no exception, for that a record is not there can only be said
// of a folder that is whole. So a database that lost or changed anything is store.ErrDamaged before
// anything is concluded from it, also where Badger itself would open it and show less; a folder that
// nobody asks for is not looked at.
//
// Badger can end its process, from goroutines of its own, on a file that is garbled. Before it
// opens anything, this package therefore checks every file: the seal knows a checksum of each
// finished table and of the two files that only grow, and what is younger than the seal is held
// against its own checksums. After Close the seal fits the files exactly. This reads every file: some
// 5 ms for each 100,000 items.
//
// The cure for damage is a copy of the whole state directory, or [Discard] and a pass, which
// rebuilds the records from the marks. Make copies only of a closed store.
//
// Two syncs a transaction are needed. Badger's makes it durable. That of the seal keeps a log that was cut
// back from passing for an older one: without it, a power failure could take back what the seal knew,
// and with it the only witness of an accepted commit.
//
// # Memory
//
// What is held of an open pair follows the number of folders, and 16 bits for each record and sighting
// that was added or read, by which a commit knows most of what is new without asking. Badger itself keeps
// what it once touched; it is closed and opened again after some work, when nobody reads.
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
