package store

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/dandyroll/dandyroll/watermark"
)

// Errors of a Store, for errors.Is. What the store adds says what to do.
var (
	// ErrBusy says that the pair, or the whole database, is open elsewhere.
	ErrBusy = errors.New("in use by another process or pass")
	// ErrDamaged says that the database lost or changed something it once accepted.
	ErrDamaged = errors.New("database is damaged")
	// ErrFormat says that a newer version of the program wrote the database.
	ErrFormat = errors.New("database has a newer format")
	// ErrNoSpace says that the disk is too full to go on safely. Nothing was written.
	ErrNoSpace = errors.New("not enough free disk space")
	// ErrKey says that the database is encrypted under another key, or not at all.
	ErrKey = errors.New("database belongs to another key")
	// ErrTooLarge says that a batch has more than MaxBatch entries.
	ErrTooLarge = errors.New("batch is too large")
	// ErrClosed says that the store or ledger was closed.
	ErrClosed = errors.New("closed")
	// ErrFenced says that the lease of the ledger ended.
	ErrFenced = errors.New("lease has ended")
	// ErrPair says that the store knows no such pair.
	ErrPair = errors.New("no such pair")
)

// MaxBatch is how many entries a Batch may have in all.
const MaxBatch = 4096

// Store holds the ledgers of any number of pairs. It is safe for concurrent use.
type Store interface {
	// Open opens the ledger of a pair, making an empty one for a pair that is new. The pair is locked
	// until the ledger is closed. A ledger that is not whole is ErrDamaged; a store may leave the
	// records and sightings of a folder until they are first asked for, and then says so first.
	Open(ctx context.Context, pair string) (Ledger, error)

	// Pairs yields what is known of every pair, in the order of their IDs.
	Pairs(ctx context.Context) iter.Seq2[Pair, error]

	// History yields the passes of a pair, oldest first. ErrPair if there is none.
	History(ctx context.Context, pair string) iter.Seq2[Pass, error]

	// Reset forgets the records of a pair that a filter selects. Marks at the destination stay,
	// and still protect the items that carry them; an item that a user removed there comes back
	// with the next pass. With dry set, it only counts. ErrBusy while the pair is open.
	Reset(ctx context.Context, pair string, filter Filter, dry bool) (Forgotten, error)

	// ResetStatistics forgets the history of a pair and returns how many passes it had. Records,
	// scan positions and everything else stay. ErrBusy while the pair is open, ErrPair if there is
	// no such pair.
	ResetStatistics(ctx context.Context, pair string) (passes int, err error)

	// Rebind gives a pair new bindings: the same mailboxes under new addresses. It is for the
	// caller to make sure that they are the same. ErrPair if there is no such pair.
	Rebind(ctx context.Context, pair string, source, destination Binding) error

	// Close closes the store and what is open of it.
	Close() error
}

// Ledger is all that is remembered of one pair. It is safe for concurrent use.
type Ledger interface {
	// Meta returns what was last committed as Batch.Meta, or the zero Meta with Generation 1.
	Meta() Meta

	// Stats counts the records by what they were made for, in no particular order.
	Stats() []Stat

	// Records yields the records of a source folder, or of all with folder AllFolders. It shows
	// the ledger as it was when the sequence began.
	Records(ctx context.Context, folder string) iter.Seq2[Record, error]

	// Lookup yields those of the named records of a source folder that there are, each once and in
	// any order. What it costs follows their number; only the first one of a folder may cost as much
	// as reading the folder, to make sure that it is whole.
	Lookup(ctx context.Context, folder string, ids []watermark.ID) iter.Seq2[Record, error]

	// Folders yields the scan positions of one side.
	Folders(ctx context.Context, side Side) iter.Seq2[Folder, error]

	// Sightings yields the marks that the last scan of a folder of the destination found.
	Sightings(ctx context.Context, folder string) iter.Seq2[Sighting, error]

	// Commit applies a batch: all of it, durably, or nothing.
	Commit(ctx context.Context, b Batch) error

	// Deadline is when the lease of this ledger ends, or zero if it cannot.
	Deadline() time.Time

	// Close gives the pair free. Closing twice is no error.
	Close() error
}

// AllFolders stands for every folder in Ledger.Records. It is the name of no folder.
const AllFolders = ""

// Binding stands for the address of a mailbox: a keyed hash, from which it cannot be learnt.
type Binding [16]byte

// Meta is what a ledger holds but once.
type Meta struct {
	// Generation is the counter of the pair, from 1. Records of a lower one are void.
	Generation uint32
	// Types are the endpoint types of the last pass; zero before the first.
	Types watermark.Types
	// Source and Destination are the mailboxes of the last pass; zero before the first.
	Source, Destination Binding
	// Rebuilding says that a rebuild began this generation and has not come to its end.
	Rebuilding bool
	// Purging is the confirmation under which a purge began that has not come to its end, or zero.
	Purging [16]byte
	// Profile is what the canary learnt of the destination, in a form of the engine's own.
	Profile []byte
}

// Pair is what a Store tells of a pair without opening it.
type Pair struct {
	ID   string
	Meta Meta
}

// Stat is a number of records that share types, generation and status.
type Stat struct {
	Types      watermark.Types
	Generation uint32
	Status     Status
	Records    int
}

// Status is what is known of the item of a record. Its values are stored and never change.
type Status uint8

// The states of a record.
const (
	// Intent is durable before the item is written; afterwards it means that the outcome is not
	// known.
	Intent Status = iota + 1
	// Settled means that the item was at the destination once. It stays so for ever: it is the
	// tombstone of an item that a user removed.
	Settled
	// Failed means that the item could not be migrated. It does not keep the next pass from trying.
	Failed
	// Originated means that the item came from this very destination and is not sent back.
	Originated
	// Removed means that the item was at the destination and that we took it away again, by a
	// policy or a purge. Unlike Settled, it does not keep the item from coming again.
	Removed
	// Adopted means that an item of the destination's own stands for this one. It is never touched.
	Adopted
)

// String returns the lower-case name of the status.
func (s Status) String() string {
	switch s {
	case Intent:
		return "intent"
	case Settled:
		return "settled"
	case Failed:
		return "failed"
	case Originated:
		return "originated"
	case Removed:
		return "removed"
	case Adopted:
		return "adopted"
	}
	return "unknown"
}

// Record is the mirror of a mark. Folder and ID together are its key.
type Record struct {
	Folder string       // source folder, see FolderKey
	ID     watermark.ID // ID of the item
	Status Status
	Kind   uint8 // an endpoint.Kind

	Types      watermark.Types
	Generation uint32

	// Ref and Validity name the item at the source, as an accelerator.
	Ref, Validity string
	// Gone says that the item was no longer at the source when it was last looked at.
	Gone bool
	// Trashed says that we once moved an item with this mark to the destination's trash, so that
	// what is there does not stand for it.
	Trashed bool

	Received time.Time // to the second; zero if unknown
	Size     int64     // of the source's bytes; 0 if unknown
	Digest   [16]byte  // first half of the SHA-256 of the source's bytes; zero if unknown
	Version  string    // the item's version at the source when it was migrated; empty if unknown
	Flags    string    // its flags then, in a form of the engine's own; empty if unknown
	At       time.Time // when the status was committed, to the second
	// Follows is the item that this one was before it moved at the source, as long as that one's copy
	// at the destination is still to be removed; zero otherwise.
	Follows  watermark.ID
	Attempts uint8 // for Failed, stays at 255
	Code     uint8 // for Failed, an endpoint.Code
}

// Side is one of the two mailboxes of a pair.
type Side uint8

// The two sides.
const (
	Source Side = iota + 1
	Destination
)

// Folder is how far a folder was scanned. Side and Name together are its key.
type Folder struct {
	Side     Side
	Name     string // see FolderKey
	Validity string
	State    string // an endpoint.Folder's State: nothing up to it needs to be looked at again
	Summary  string // what was found up to it, in a form of the engine's own, of any bytes
}

// Sighting is a mark that was seen at the destination. Folder and Ref together are its key.
type Sighting struct {
	Folder string // folder of the destination, see FolderKey
	Ref    string
	ID     watermark.ID
}

// Pass is one line of a pair's history. Number is its key.
type Pass struct {
	Number   uint64 // from 1; Commit gives a pass without number the next one
	Kind     string
	Started  time.Time
	Finished time.Time
	Complete bool
	Report   []byte // in a form of the engine's own
}

// Batch is one atomic step.
type Batch struct {
	Meta    *Meta // nil leaves it
	Records []Record
	// Forget names records to delete, by Folder and ID alone.
	Forget  []Record
	Folders []Folder
	// Unscan names scan positions to delete, by Side and Name alone, each with all sightings of
	// the folder.
	Unscan    []Folder
	Sightings []Sighting
	// Unsee names sightings to delete, by Folder and Ref alone.
	Unsee []Sighting
	Pass  *Pass // nil adds none
}

// Len returns the number of entries, which may be up to MaxBatch.
func (b *Batch) Len() int {
	n := len(b.Records) + len(b.Forget) + len(b.Folders) + len(b.Unscan) + len(b.Sightings) + len(b.Unsee)
	if b.Meta != nil {
		n++
	}
	if b.Pass != nil {
		n++
	}
	return n
}
