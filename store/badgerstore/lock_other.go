//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package badgerstore

import "os"

// lockFile does nothing here. Badger's own lock of its directory is what remains; it refuses a
// second process too, with an error that is not store.ErrBusy.
func lockFile(*os.File) error { return nil }
