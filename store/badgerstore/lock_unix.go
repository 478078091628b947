//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package badgerstore

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/dandyroll/dandyroll/store"
)

// locksAlone says that lockFile is enough to keep others away. Badger's own lock is not taken then: it ends with the closing of a file, of
// which a child has a copy that this process starts in that moment, and Badger could not be opened again.
const locksAlone = true

// lockFile locks an open file, or says store.ErrBusy. The system ends the lock with the process.
func lockFile(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return store.ErrBusy
	case err != nil:
		return fmt.Errorf("lock the state directory: %w", err)
	}
	return nil
}

// unlockFile ends the lock also where a child has a copy of the file, as each has from its start until it runs its program.
func unlockFile(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_UN) }
