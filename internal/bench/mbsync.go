package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// mbsyncText is the configuration of mbsync as a one-way copy of a whole mailbox, with dates. All else is
// as it comes: the depth of its pipeline has no limit.
const mbsyncText = `IMAPStore source
Host %s
Port %s
User %s
Pass %s
SSLType None
AuthMechs LOGIN

IMAPStore destination
Host %s
Port %s
User %s
Pass %s
SSLType None
AuthMechs LOGIN

Channel copy
Far :source:
Near :destination:
Patterns *
Create Near
Sync Pull New
CopyArrivalDate yes
SyncState %s/
`

// runMbsync runs mbsync.
func runMbsync(ctx context.Context, j job) (usage, error) {
	if err := os.MkdirAll(j.state, 0o700); err != nil {
		return usage{}, err
	}
	sourceHost, sourcePort, err := net.SplitHostPort(j.source)
	if err != nil {
		return usage{}, err
	}
	host, port, err := net.SplitHostPort(j.destination)
	if err != nil {
		return usage{}, err
	}
	text := fmt.Sprintf(mbsyncText, sourceHost, sourcePort, j.from, password, host, port, j.to, password, j.state)
	file := filepath.Join(j.state, "mbsyncrc")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return usage{}, err
	}
	_, u, err := measure(exec.CommandContext(ctx, "mbsync", "-q", "-c", file, "copy"))
	return u, err
}

// haveMbsync reports whether mbsync is installed, in a version that knows far and near, and its version.
func haveMbsync(ctx context.Context) (version string, err error) {
	out, err := exec.CommandContext(ctx, "mbsync", "--version").Output()
	if err != nil {
		return "", fmt.Errorf("mbsync is not installed; it is in the Debian package isync: %w", err)
	}
	version = strings.TrimSpace(strings.TrimPrefix(string(out), "isync "))
	if strings.HasPrefix(version, "1.0") || strings.HasPrefix(version, "1.1") || strings.HasPrefix(version, "1.2") || strings.HasPrefix(version, "1.3") {
		return "", errors.New("mbsync is older than 1.4")
	}
	return version, nil
}
