package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// measure runs a program and returns what it printed, how long it took, and its peak of resident memory.
func measure(cmd *exec.Cmd) (stdout []byte, u usage, err error) {
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return nil, u, err
	}
	ended := make(chan struct{})
	peak := make(chan int64, 1)
	go func() { peak <- watchPeak(cmd.Process.Pid, ended) }() // ends with the program
	err = cmd.Wait()
	u.took = time.Since(began)
	u.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	close(ended)
	u.peak = <-peak
	if err != nil {
		err = fmt.Errorf("%s: %w\n%s", cmd.Path, err, complaints.String())
	}
	return out.Bytes(), u, err
}

// watchPeak returns the greatest resident memory of a process that was seen until it ended. The kernel
// keeps the greatest itself, so that nothing is missed but the last moments; what it tells of children
// that ended (getrusage) would be that of this process, if that is the greater.
func watchPeak(pid int, ended <-chan struct{}) int64 {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	var peak int64
	for {
		if seen, err := peakMemory(strconv.Itoa(pid)); err == nil {
			peak = max(peak, seen)
		}
		select {
		case <-ended:
			return peak
		case <-ticker.C:
		}
	}
}

// peakMemory returns the greatest resident memory that a process ever had, in bytes, as Linux tells it.
// The process may be "self".
func peakMemory(process string) (int64, error) {
	status, err := os.ReadFile("/proc/" + process + "/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if text, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kilobytes, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(text), " kB"), 10, 64)
			return kilobytes << 10, err
		}
	}
	return 0, fmt.Errorf("process %s has no memory", process)
}
