//go:build !linux

package dovecot

import (
	"os"
	"syscall"
)

func ownGroup() *syscall.SysProcAttr { return nil }

// signalGroup sends a signal to the master process, which passes it on.
func signalGroup(master *os.Process, s syscall.Signal) error { return master.Signal(s) }
