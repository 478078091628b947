//go:build darwin || dragonfly || freebsd || linux

package badgerstore

import "golang.org/x/sys/unix"

// freeSpace returns how many bytes of the disk under path this process may still fill.
func freeSpace(path string) (uint64, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(path, &fs); err != nil {
		return 0, err
	}
	return uint64(fs.Bavail) * uint64(fs.Bsize), nil
}
