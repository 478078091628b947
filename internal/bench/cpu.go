package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// tick is the unit in which Linux tells the time that processes had (proc_pid_stat(5)).
const tick = 10 * time.Millisecond

// serverTime returns how much time of the processors the server and those of its processes had that have
// ended. It waits until no connection is left, for the time of a process counts when it ends.
func (w *world) serverTime(ctx context.Context) (time.Duration, error) {
	pid := w.server.PID()
	for {
		served, err := connections(pid)
		if err != nil {
			return 0, err
		}
		if served == 0 {
			return processTime(pid)
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(2 * time.Millisecond): // until the next look
		}
	}
}

// connections counts the processes of the server that serve one.
func connections(pid int) (n int, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return 0, err
	}
	for child := range strings.FieldsSeq(string(text)) {
		name, err := os.ReadFile("/proc/" + child + "/comm")
		if err == nil && strings.TrimSpace(string(name)) == "imap" { // one that cannot be read has ended
			n++
		}
	}
	return n, nil
}

// processTime is what a process and its ended children had, in user and kernel mode.
func processTime(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The name of the program, in parentheses, may hold anything. Fields 14 to 17 are 12 to 15 behind it.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 15 {
		return 0, errors.New("the kernel tells no times of the server")
	}
	var sum time.Duration
	for _, field := range fields[11:15] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		sum += time.Duration(n) * tick
	}
	return sum, nil
}
