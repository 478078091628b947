//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package badgerstore

import "os"

// locksAlone says that Badger takes its lock.
const locksAlone = false

// lockFile does nothing here. Badger's own lock of its directory is what remains; it refuses a
// second process too, with an error that is not store.ErrBusy.
func lockFile(*os.File) error { return nil }

func unlockFile(*os.File) error { return nil }
