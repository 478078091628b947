package badgerstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Discard moves the database in the state directory dir aside, into a new directory in it, whose
// path it returns. The next Open makes an empty database, and the next pass of each pair fills it
// again from the marks at the destination; what users removed there comes back once. It is the
// cure for store.ErrDamaged, and for the loss of a key.
//
// It fails with store.ErrBusy while the database is open, and with fs.ErrNotExist where there is
// none.
func Discard(dir string) (moved string, err error) {
	if _, err := os.Stat(dir); err != nil {
		return "", fmt.Errorf("badgerstore: discard: %w", err) // lockDir would make it
	}
	lock, err := lockDir(dir)
	if err != nil {
		return "", fmt.Errorf("badgerstore: discard: %w", err)
	}
	moved, err = moveAside(dir)
	if err = errors.Join(err, lock.release()); err != nil {
		return "", fmt.Errorf("badgerstore: discard: %w", err)
	}
	return moved, nil
}

// moveAside moves the seal last: a database without one is damaged, and so is a seal without its
// database. Cut in between, Discard can be called again.
func moveAside(dir string) (string, error) {
	if !exists(filepath.Join(dir, dbName)) && !exists(filepath.Join(dir, sealName)) {
		return "", fmt.Errorf("no database in the state directory: %w", fs.ErrNotExist)
	}
	aside, err := newAside(dir)
	if err != nil {
		return "", err
	}
	for _, name := range []string{dbName, sealName} {
		err := os.Rename(filepath.Join(dir, name), filepath.Join(aside, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("move the database: %w", err)
		}
	}
	return aside, errors.Join(syncDir(aside), syncDir(dir))
}

// newAside makes the first directory of its kind that is not there yet.
func newAside(dir string) (string, error) {
	for n := 1; ; n++ {
		path := filepath.Join(dir, fmt.Sprintf("damaged-%d", n))
		err := os.Mkdir(path, 0o700)
		if err == nil {
			return path, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return "", fmt.Errorf("make a directory for the old database: %w", err)
		}
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
