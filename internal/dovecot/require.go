package dovecot

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// RequireVariable is the environment variable that, when it is "1", turns every test skipped for
// want of a server into a failure.
const RequireVariable = "DANDYROLL_REQUIRE_SERVERS"

// skipPrefix begins the reason of each such skip, so that scripts can collect them.
const skipPrefix = "REAL-SERVER TEST SKIPPED:"

// Require skips the test where there is no Dovecot, with a reason that begins with
// "REAL-SERVER TEST SKIPPED:", or fails it where [RequireVariable] says so.
func Require(t testing.TB) {
	t.Helper()
	ok, reason := Available()
	switch {
	case ok:
	case os.Getenv(RequireVariable) == "1":
		t.Fatalf("%s=1, but %s", RequireVariable, reason)
	default:
		t.Skipf("%s %s: %s", skipPrefix, t.Name(), reason)
	}
}

// Available reports whether this machine has a Dovecot that the package can start, and if not, why.
func Available() (ok bool, reason string) {
	const cure = "; install the Debian package dovecot-imapd"
	for _, name := range []string{"dovecot", "doveadm", "doveconf"} {
		if _, err := findProgram(name); err != nil {
			return false, "Dovecot is not installed (" + err.Error() + ")" + cure
		}
	}
	if err := imapInstalled(); err != nil {
		return false, "Dovecot cannot serve IMAP (" + err.Error() + ")" + cure
	}
	return true, ""
}

// imapInstalled asks Dovecot where its services are, and looks for the one of IMAP, which
// distributions package apart.
func imapInstalled() error {
	doveconf, err := findProgram("doveconf")
	if err != nil {
		return err
	}
	// An empty file instead of the machine's own configuration.
	ctx := context.Background() //nolint:forbidigo // a question about the machine belongs to no test
	dir, err := exec.CommandContext(ctx, doveconf, "-c", os.DevNull, "-h", "libexec_dir").Output()
	if err != nil {
		return fmt.Errorf("doveconf: %w", err)
	}
	_, err = os.Stat(filepath.Join(strings.TrimSpace(string(dir)), "imap"))
	return err
}

// findProgram finds a program also in the directory of system programs, which the search path of
// an ordinary user lacks.
func findProgram(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err == nil {
		return path, nil
	}
	if path, sysErr := exec.LookPath("/usr/sbin/" + name); sysErr == nil {
		return path, nil
	}
	return "", err
}
