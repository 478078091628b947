//go:build !linux

package endtoend_test

// Only on Linux is there a disk of one's own; see diskfull_linux_test.go.
const diskVariable = "DANDYROLL_TEST_DISK"

func diskProcess(string) int { return 2 }
