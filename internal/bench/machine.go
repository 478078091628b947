package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// machine describes what was measured on, with what.
func (w *world) machine(ctx context.Context) string {
	place := "on a disk"
	if w.inMemory {
		place = "in memory (tmpfs)"
	}
	server := "unknown"
	if out, err := exec.CommandContext(ctx, "/usr/sbin/dovecot", "--version").Output(); err == nil {
		server, _, _ = strings.Cut(strings.TrimSpace(string(out)), " ")
	}
	isync, err := haveMbsync(ctx)
	if err != nil {
		isync = "missing"
	}
	return fmt.Sprintf("Measured on %s: %d cores, %s, %.0f GiB of memory; %s, Dovecot %s (Maildir at both sides, %s), isync %s. "+
		"Medians of %d runs in turns, with the least and the greatest in brackets.",
		time.Now().UTC().Format(time.DateOnly), runtime.NumCPU(), fromFile("/proc/cpuinfo", "model name"),
		memoryInstalled(), runtime.Version(), server, place, isync, w.size.runs)
}

// fromFile returns the first value of a name in a file of lines with colons.
func fromFile(file, name string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

// memoryInstalled is in GiB.
func memoryInstalled() float64 {
	var kilobytes float64
	_, _ = fmt.Sscanf(fromFile("/proc/meminfo", "MemTotal"), "%f kB", &kilobytes) // 0 where it is not told
	return kilobytes / (1 << 20)
}
