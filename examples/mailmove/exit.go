package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/watermark"
)

// The exit statuses of the program.
const (
	complete    = 0
	failures    = 1 // complete, but for items that failed
	badUsage    = 2
	refused     = 3 // nothing was written
	interrupted = 4 // run again to go on
)

// beforeWriting marks the error of something that is done before a pass begins to write.
func beforeWriting(err error) error {
	if err == nil || errors.Is(err, pass.ErrRefused) || errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("%w: %w", pass.ErrRefused, err)
}

// exitStatus is the exit status of a pass.
func exitStatus(report *pass.Report, err error) int {
	switch {
	case errors.Is(err, context.Canceled):
		return interrupted
	case errors.Is(err, pass.ErrRefused):
		return refused
	case err != nil, !report.DryRun && !report.Complete:
		return interrupted
	case anyFailed(report), report.Verified != nil && damaged(report):
		return failures
	}
	return complete
}

// damaged reports whether a verify found items that are not what was sent, and left them so. Flags
// are their user's to change.
func damaged(report *pass.Report) bool {
	v := report.Verified
	found := v.Missing + v.Partial + v.Altered - v.FlagsOnly
	return found > 0 && (report.DryRun || found > v.Repaired)
}

// errorStatus is the exit status of a verb that failed without writing anything.
func errorStatus(err error) int {
	if errors.Is(err, context.Canceled) {
		return interrupted
	}
	return refused
}

func anyFailed(report *pass.Report) bool {
	return report.Totals.Failed > 0 || len(report.Failures) > 0
}

// advice says what the user of this program can do about an error, or nothing.
func advice(err error) string {
	for _, a := range []struct {
		err  error
		text string
	}{
		{context.Canceled, "stopped cleanly; run again to go on"},
		{endpoint.ErrUnauthenticated, "check the name in the address, and the password, token or client credentials in the environment"},
		{endpoint.ErrUntrusted, "name a certificate of the server's own making with -ca; an address that begins with imap:// " +
			"is for servers with STARTTLS"},
		{pass.ErrForeignMarks, "use the key of the earlier migration with -key; if it was somebody else's, " +
			"-accept-foreign-marks"},
		{store.ErrBusy, "wait for the other run to end"},
		{store.ErrKey, "use the key with which the database was made: -key"},
		{watermark.ErrKey, "name another file with -key, or bring back your copy of this one"},
		{store.ErrDamaged, "run with -discard-damaged: what is at the destination is found by its marks and not " +
			"migrated again, but what users removed there comes back"},
		{pass.ErrOtherMailbox, "if it is the same mailbox under a new address: mailmove rebind; else give it a -pair of its own"},
		{pass.ErrConfirm, "run purge without -confirm, look at what it prints, and confirm that"},
	} {
		if errors.Is(err, a.err) {
			return a.text
		}
	}
	return ""
}

// flagNames puts the names of flags in place of those that the library gives to its options.
func flagNames(text string) string {
	return strings.NewReplacer(
		"Config.Root", "-graph-url", "Config.Kinds", "-kind", "Select.Kinds", "-kind", "Select.Include", "-include", "Select.Exclude", "-exclude", "Select.Roles", "-role",
		"OnUpdate", "-on-update", "OnDelete", "-on-delete", "OnMove", "-on-move", "OnFlags", "-on-flags",
		"MaxDeleteShare", "-max-delete-share", "FullCompare", "-full-compare",
		"Adopt (Policies", "-adopt (Policies", "Policies[", "[", "PlanPurge", "purge",
	).Replace(text)
}
