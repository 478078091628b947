package badgerstore_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/dandyroll/dandyroll/store/badgerstore"
)

// A child has copies of all open files from its start until it runs its program, and with them of their locks. A store that is closed in
// that moment can be opened again all the same.
func TestLocksEndWithTheStore(t *testing.T) {
	dir := t.TempDir()
	s, err := badgerstore.Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if n := copyOpenFiles(t, dir); n < 2 {
		t.Errorf("the store has %d files open, and its lock is one of several", n)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := badgerstore.Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

// copyOpenFiles copies what this process has open in a directory, as a child would have it, and returns how much that is.
func copyOpenFiles(t *testing.T, dir string) (n int) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		name, err := os.Readlink(filepath.Join("/proc/self/fd", e.Name()))
		if err != nil || !strings.HasPrefix(name, dir) {
			continue // it is closed by now, or something else
		}
		fd, err := strconv.Atoi(e.Name())
		if err != nil {
			t.Fatal(err)
		}
		held, err := syscall.Dup(fd)
		if err != nil {
			t.Fatal(err)
		}
		n++
		t.Cleanup(func() { _ = syscall.Close(held) })
	}
	return n
}
