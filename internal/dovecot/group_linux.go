package dovecot

import (
	"os"
	"syscall"
)

// ownGroup makes the server the head of a process group, and makes it end even where the test
// program is killed or panics.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}

// signalGroup sends a signal to the master process and to all that it started.
func signalGroup(master *os.Process, s syscall.Signal) error {
	return syscall.Kill(-master.Pid, s)
}
