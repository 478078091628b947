package badgerstore

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/dgraph-io/badger/v4"

	"github.com/dandyroll/dandyroll/store"
)

// damaged is the error of everything that was lost or changed, with its cure.
func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s; restore the whole state directory from a copy, or move it aside with "+
		"badgerstore.Discard and run a pass: it rebuilds the records from the marks at the destination",
		store.ErrDamaged, fmt.Sprintf(format, args...))
}

// guard runs what reads Badger's files, and turns a panic into damage: Badger panics on bytes
// that it did not write. A fault in a mapped file becomes such a panic too.
func guard(do func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = damaged("reading it failed badly%s", reason(r))
		}
	}()
	return do()
}

// reason is what a panic says of itself, unless that could be stored bytes.
func reason(recovered any) string {
	if err, ok := recovered.(runtime.Error); ok {
		return " (" + err.Error() + ")"
	}
	return ""
}

// fromBadger gives an error of Badger's its meaning for a store.
func fromBadger(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, badger.ErrDBClosed), errors.Is(err, badger.ErrBlockedWrites):
		return store.ErrClosed
	case errors.Is(err, badger.ErrTxnTooBig):
		return fmt.Errorf("%w: its entries have too many bytes; split it", store.ErrTooLarge)
	case errors.Is(err, errCodec):
		return damaged("an entry is garbled")
	}
	return err
}
