package main

import (
	"strings"
	"testing"
)

func TestResetBringsBackItsPart(t *testing.T) {
	w := newWorld(t)
	w.expect(complete, "run", "-pair", "ann")
	w.userDeletes("INBOX", "Hello")
	w.userDeletes("Lists/go-dev", "Hello")
	if r := w.report(complete, "run", "-pair", "ann"); r.Totals.RemovedAtDestination != 2 {
		t.Fatalf("after the deletes: %+v", r.Totals)
	}
	args := []string{"reset", "-pair", "ann", "-include", "Lists"}
	if stdout, _ := w.expect(complete, append(args, "-dry")...); !strings.Contains(stdout, "would forget 2 records; 1 items") {
		t.Errorf("dry reset: %s", stdout)
	}
	var document resetDocument
	stdout, _ := w.expect(complete, append(args, "-json")...)
	decodeOnly(t, stdout, &document)
	if document.Records != 2 || document.Removed != 1 {
		t.Errorf("reset: %+v", document)
	}
	if r := w.report(complete, "run", "-pair", "ann"); r.Totals.Migrated != 1 || r.Totals.RemovedAtDestination != 1 {
		t.Errorf("after the reset: %+v", r.Totals)
	}
	w.expect(refused, "reset", "-pair", "bob")
	w.expect(refused, "reset", "-pair", "ann", "-include", "No/such")
}

// TestResetForgetsWhatUsersRemoved plans a reset, which changes nothing, and then does it.
func TestResetForgetsWhatUsersRemoved(t *testing.T) {
	w := newWorld(t)
	w.expect(complete, "run")
	w.userDeletes("INBOX", "Hello")
	w.expect(complete, "run")
	pair := []string{"-from", w.from, "-to", w.to}
	var plan planResetDocument
	stdout, _ := w.expect(complete, append([]string{"reset", "-removed", "-kind", "mail", "-plan", "-json"}, pair...)...)
	decodeOnly(t, stdout, &plan)
	if plan.Reset.Records != 1 || !plan.Reset.DryRun || plan.Next == nil || plan.Next.Totals.Migrated != 1 || !plan.Next.DryRun {
		t.Errorf("plan: %s", stdout)
	}
	stdout, _ = w.expect(complete, append([]string{"reset", "-plan"}, pair...)...)
	if !strings.Contains(stdout, "3 records are selected") || !strings.Contains(stdout, "would be migrated") {
		t.Errorf("plan: %s", stdout)
	}
	if r := w.report(complete, "run"); r.Totals.RemovedAtDestination != 1 {
		t.Errorf("after the plan: %+v", r.Totals)
	}
	w.expect(complete, append([]string{"reset", "-removed"}, pair...)...)
	if r := w.report(complete, "run"); r.Totals.Migrated != 1 || r.Totals.Already != 2 {
		t.Errorf("after the reset: %+v", r.Totals)
	}
	w.expect(refused, append([]string{"reset", "-plan", "-include", "No/such"}, pair...)...)
}

func TestResetByFailure(t *testing.T) {
	w := newWorld(t)
	w.expect(complete, "run", "-pair", "ann")
	w.makeFailed("ann", "INBOX")
	var document resetDocument
	stdout, _ := w.expect(complete, "reset", "-pair", "ann", "-failed", "-json")
	decodeOnly(t, stdout, &document)
	if document.Records != 1 || document.Failed != 1 {
		t.Errorf("reset: %s", stdout)
	}
}

func TestResetStatistics(t *testing.T) {
	w := newWorld(t)
	w.expect(complete, "run", "-pair", "ann")
	var document statisticsDocument
	stdout, _ := w.expect(complete, "reset", "-pair", "ann", "-statistics", "-dry", "-json")
	decodeOnly(t, stdout, &document)
	if document.Passes != 1 || !document.DryRun {
		t.Errorf("dry: %s", stdout)
	}
	if stdout, _ := w.expect(complete, "reset", "-pair", "ann", "-statistics"); !strings.Contains(stdout, "forgot the history of 1 passes") {
		t.Errorf("reset: %s", stdout)
	}
	var list []pairStatus
	stdout, _ = w.expect(complete, "status", "-json")
	decodeOnly(t, stdout, &list)
	if len(list) != 1 || len(list[0].Passes) != 0 || list[0].Records["settled"] != 3 {
		t.Errorf("status: %s", stdout)
	}
	w.expect(refused, "reset", "-pair", "bob", "-statistics")
}
