package main

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store"
)

func TestExitStatus(t *testing.T) {
	done := pass.Report{Complete: true}
	failed := pass.Report{Complete: true, Totals: pass.Counts{Listed: 1, Failed: 1}}
	folderFailed := pass.Report{Complete: true, Failures: []pass.Failure{{Folder: "A"}}}
	verified := func(v pass.Verified) pass.Report { return pass.Report{Complete: true, Verified: &v} }
	planned := verified(pass.Verified{Partial: 1, Repaired: 1})
	planned.DryRun = true
	deferred := pass.Report{Totals: pass.Counts{Listed: 1, Deferred: 1}}
	for _, test := range []struct {
		name   string
		report pass.Report
		err    error
		want   int
	}{
		{"complete", done, nil, complete},
		{"an item failed", failed, nil, failures},
		{"a folder failed", folderFailed, nil, failures},
		{"items were deferred", deferred, nil, interrupted},
		{"refused", deferred, fmt.Errorf("%w: %w", pass.ErrRefused, pass.ErrForeignMarks), refused},
		{"database in use", deferred, beforeWriting(store.ErrBusy), refused},
		{"wrong password", deferred, beforeWriting(&endpoint.Error{Code: endpoint.Unauthenticated}), refused},
		{"server went away", deferred, &endpoint.Error{Code: endpoint.Unavailable}, interrupted},
		{"signal", deferred, context.Canceled, interrupted},
		{"signal before the pass", deferred, beforeWriting(fmt.Errorf("connect: %w", context.Canceled)), interrupted},
		{"could not be closed", done, errors.New("close"), interrupted},
		{"verified, all is well", verified(pass.Verified{Checked: 3, Present: 2, Moved: 1}), nil, complete},
		{"verified, users read mail", verified(pass.Verified{Checked: 3, Altered: 3, FlagsOnly: 3}), nil, complete},
		{"verified, altered", verified(pass.Verified{Checked: 3, Altered: 3, FlagsOnly: 2}), nil, failures},
		{"verified, missing", verified(pass.Verified{Checked: 3, Missing: 2, Repaired: 1}), nil, failures},
		{"verified and repaired", verified(pass.Verified{Checked: 3, Missing: 2, Partial: 1, Repaired: 3}), nil, complete},
		{"repair planned", planned, nil, failures},
		{"dry run", pass.Report{DryRun: true, Complete: true}, nil, complete},
	} {
		if got := exitStatus(&test.report, test.err); got != test.want {
			t.Errorf("%s: status %d, want %d", test.name, got, test.want)
		}
	}
}

func TestAdvice(t *testing.T) {
	for _, err := range []error{
		fmt.Errorf("source: %w", &endpoint.Error{Code: endpoint.Unauthenticated}),
		beforeWriting(store.ErrDamaged),
		pass.ErrForeignMarks,
	} {
		if advice(err) == "" {
			t.Errorf("no advice for %v", err)
		}
	}
	if text := advice(errors.New("something else")); text != "" {
		t.Errorf("advice for an unknown error: %s", text)
	}
}

func TestFlagNames(t *testing.T) {
	text := `OnUpdate (Policies[mail]): set FullCompare; Select.Include: "Drafts"; MaxDeleteShare`
	want := `-on-update ([mail]): set -full-compare; -include: "Drafts"; -max-delete-share`
	if got := flagNames(text); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
