package badgerstore

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/dandyroll/dandyroll/store"
)

// lockName is the lock file. It is there for ever; its content, the holder's process ID, is only
// for people.
const lockName = "lock"

// dirLock is a locked state directory.
type dirLock struct{ file *os.File }

// lockDir locks a state directory, making it where there is none.
func lockDir(dir string) (*dirLock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the state directory: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock file: %w", err)
	}
	if err := lockFile(f); err != nil {
		if errors.Is(err, store.ErrBusy) {
			err = fmt.Errorf("%w%s; wait for it or stop it", err, holder(f))
		}
		return nil, errors.Join(err, f.Close())
	}
	l := &dirLock{f}
	if err := l.sign(); err != nil {
		return nil, errors.Join(fmt.Errorf("write the lock file: %w", err), l.release())
	}
	return l, nil
}

// sign writes who holds the lock.
func (l *dirLock) sign() error {
	if err := l.file.Truncate(0); err != nil {
		return err
	}
	_, err := l.file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// release ends the lock.
func (l *dirLock) release() error { return errors.Join(unlockFile(l.file), l.file.Close()) }

// holder says who holds the lock, if the file tells.
func holder(f *os.File) string {
	text, err := io.ReadAll(io.LimitReader(f, 32))
	pid, bad := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || bad != nil {
		return ""
	}
	return fmt.Sprintf(" (process %d)", pid)
}
