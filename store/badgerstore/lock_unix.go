//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package badgerstore

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/dandyroll/dandyroll/store"
)

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
