package badgerstore

import (
	"crypto/sha256"
	"fmt"
	"log/slog"
	"strings"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"

	"github.com/dandyroll/dandyroll/watermark"
)

// DefaultMinFree is the free disk space, in bytes, that Options.MinFree stands for when zero.
const DefaultMinFree = 128 << 20

// Options are the options of Open. The zero value, like nil, is an unencrypted database.
type Options struct {
	// Key is the key whose derivative encrypts the database, names and IDs included. The zero
	// Key encrypts nothing. A database keeps the choice that it was made with.
	Key watermark.Key
	// MinFree is how many bytes of the disk must be free for the database to be opened or
	// written, because a full disk kills the process (see the package comment). Defaults to
	// DefaultMinFree; a negative value switches the check off. Badger writes whole tables between
	// two checks: 16 MiB were measured to be too few once a database has 100 MB.
	MinFree int64
	// Logger receives the messages of Badger, at the debug level. Nil means none.
	Logger *slog.Logger
}

func (o *Options) withDefaults() Options {
	var all Options
	if o != nil {
		all = *o
	}
	if all.MinFree == 0 {
		all.MinFree = DefaultMinFree
	}
	if all.Logger == nil {
		all.Logger = slog.New(slog.DiscardHandler)
	}
	return all
}

// secret keys the tags and digests. It is all zero without a key.
func (o Options) secret() (secret [32]byte) {
	if !o.Key.IsZero() {
		secret = o.Key.Derive("badger seal")
	}
	return secret
}

// check is what the seal knows of the key.
func (o Options) check() (check keyCheck) {
	if !o.Key.IsZero() {
		secret := o.secret()
		sum := sha256.Sum256(append([]byte("key"), secret[:]...))
		copy(check[:], sum[:])
	}
	return check
}

// memTableSize bounds the bytes of one commit: Badger takes 15 % of it in one transaction, which
// leaves 330 bytes to each entry of the largest batch. It is also what most of Badger's memory
// follows. A log that an older program left can need more, see fileCheck.memTableSize.
const (
	memTableSize    = 9 << 20
	oldMemTableSize = 16 << 20
)

// The shape of Badger's tree. Up to a dozen tables are built at a time, each in memory that is twice its size
// and rounded up to the next power of two, so a table is a little smaller than one. Records have
// random keys, so all of a level is rewritten for what comes into it: a level that is much larger than
// the one before is written often, and for a table that spans it, at once. Small steps keep that rare and short.
const (
	tableSize       = 448 << 10
	baseLevelSize   = 2 << 20
	levelMultiplier = 3
)

// badger returns options for a small memory, and without what a ledger does not need. It sets
// all that Badger only checks by ending the process: two compactors or more, a stall above the
// number of tables of level zero, and both caches where there is encryption.
func (o Options) badger(dir string) badger.Options {
	b := badger.DefaultOptions(dir).
		WithLogger(logger{o.Logger}).
		WithMetricsEnabled(false).
		WithMemTableSize(memTableSize).
		WithNumMemtables(1).
		WithBaseTableSize(tableSize).
		WithBaseLevelSize(baseLevelSize).
		WithLevelSizeMultiplier(levelMultiplier).
		WithNumLevelZeroTables(2).
		WithNumLevelZeroTablesStall(6).
		WithNumCompactors(2).
		WithValueLogFileSize(1 << 20). // the least: no value is long enough for the value log
		WithCompression(options.None). // blocks stay in the mapped file instead of on the heap
		WithBlockCacheSize(0).
		WithIndexCacheSize(0).
		WithNumVersionsToKeep(1).
		WithDetectConflicts(false). // one writer a pair
		WithSyncWrites(true).
		WithBypassLockGuard(locksAlone)
	b.TableSizeMultiplier = 1 // there is no method for it
	if o.Key.IsZero() {
		return b
	}
	key := o.Key.Derive("badger")
	return b.WithEncryptionKey(key[:]).WithBlockCacheSize(2 << 20).WithIndexCacheSize(4 << 20)
}

// logger passes on what Badger says, except what it calls debugging: that shows keys.
type logger struct{ to *slog.Logger }

func (l logger) say(format string, args []any) {
	l.to.Debug("badger", slog.String("message", strings.TrimSpace(fmt.Sprintf(format, args...))))
}

// Errorf implements badger.Logger.
func (l logger) Errorf(format string, args ...any) { l.say(format, args) }

// Warningf implements badger.Logger.
func (l logger) Warningf(format string, args ...any) { l.say(format, args) }

// Infof implements badger.Logger.
func (l logger) Infof(format string, args ...any) { l.say(format, args) }

// Debugf implements badger.Logger.
func (logger) Debugf(string, ...any) {}
