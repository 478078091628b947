//go:build unix

package main

import (
	"errors"
	"os"
	"syscall"
	"time"
)

// owner returns who owns a file.
func owner(path string) (uid, gid int, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, 0, err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, errors.ErrUnsupported
	}
	return int(stat.Uid), int(stat.Gid), nil
}

// ownTime is how much time of the processors this process had.
func ownTime() time.Duration {
	var used syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &used) // it cannot fail
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// diskBytes returns how much of the disk a file takes.
func diskBytes(path string) (int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, errors.ErrUnsupported
	}
	return stat.Blocks * 512, nil // in this unit whatever the size of a block (stat(2))
}
