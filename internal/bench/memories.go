package main

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// memories are peaks of memory in bytes.
type memories []int64

func (m memories) median() int64 {
	sorted := slices.Sorted(slices.Values(m))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// String says median and extremes in MiB.
func (m memories) String() string {
	return fmt.Sprintf("%.1f MiB (%.1f–%.1f)", mebibytes(m.median()), mebibytes(slices.Min(m)), mebibytes(slices.Max(m)))
}

func mebibytes(n int64) float64 { return float64(n) / (1 << 20) }

// residence is memory that a process has, and how much of it is pages of files, which the kernel may take
// back: of Badger's tables, and of the program itself.
type residence struct{ all, files int64 }

// residences watches this process until the function that it returns is called, which returns the greatest
// residence that was seen.
func residences() func() residence {
	end, greatest := make(chan struct{}), make(chan residence)
	go func() {
		ticker := time.NewTicker(50 * time.Millisecond)
		defer ticker.Stop()
		var most residence
		for {
			if now := residenceNow(); now.all > most.all {
				most = now
			}
			select {
			case <-end:
				greatest <- most
				return
			case <-ticker.C:
			}
		}
	}()
	return func() residence { close(end); return <-greatest }
}

// residenceNow is as Linux tells it; zero elsewhere.
func residenceNow() (r residence) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return r
	}
	for line := range strings.Lines(string(status)) {
		name, text, _ := strings.Cut(line, ":")
		kilobytes, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(text), " kB"), 10, 64)
		switch {
		case err != nil:
		case name == "VmRSS":
			r.all = kilobytes << 10
		case name == "RssFile":
			r.files = kilobytes << 10
		}
	}
	return r
}
