package delayproxy

import (
	"errors"
	"syscall"
	"time"
)

// nap sleeps for a short time, at the cost of a thread. Timers of Go are as much as a millisecond late in a
// process that has nothing else to do, since they wait in the poller of the network, which counts in
// milliseconds.
func nap(d time.Duration) {
	if d <= 0 {
		return
	}
	left := syscall.NsecToTimespec(int64(d))
	for errors.Is(syscall.Nanosleep(&left, &left), syscall.EINTR) { // a signal, such as one of a profile
	}
}
