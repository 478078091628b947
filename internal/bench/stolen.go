package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// processors is how long the processors of this machine had something to do, and for how long of that they did something else: they are
// those of a virtual machine then, and what they did was for another one. In ticks, since the start.
type processors struct{ busy, stolen int64 }

// stolenSoFar reads what the kernel tells (proc_stat(5)); nothing where it tells nothing.
func stolenSoFar() (p processors) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return p
	}
	line, _, _ := strings.Cut(string(text), "\n")
	fields := strings.Fields(line)
	for i, field := range fields[min(1, len(fields)):min(9, len(fields))] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil || i == 3 || i == 4 { // idle, and waiting for a disk
			continue
		}
		p.busy += n
		if i == 7 {
			p.stolen = n
		}
	}
	return p
}

// stolenSince says how much of the processors other machines had.
func stolenSince(before processors) string {
	now := stolenSoFar()
	busy, stolen := now.busy-before.busy, now.stolen-before.stolen
	if busy <= 0 || now.stolen == 0 {
		return ""
	}
	return fmt.Sprintf(" Of the time in which the processors were wanted, %.0f %% went to other virtual machines.", 100*float64(stolen)/float64(busy))
}
