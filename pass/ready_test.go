package pass_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/memendpoint"
	"github.com/dandyroll/dandyroll/pass"
)

// notReady checks that each reason, and no other, is among those of a report, by a part of its text.
func notReady(t *testing.T, r *pass.Report, parts ...string) {
	t.Helper()
	ready, reasons := r.Ready()
	fits := len(reasons) == len(parts) && ready == (len(parts) == 0)
	for i := range min(len(reasons), len(parts)) {
		fits = fits && strings.Contains(reasons[i], parts[i])
	}
	if !fits {
		t.Errorf("ready %v, because of %q, want %q", ready, reasons, parts)
	}
}

// TestReadyReasons gives every reason alone.
func TestReadyReasons(t *testing.T) {
	for _, c := range []struct {
		name   string
		report pass.Report
		want   []string
	}{
		{"ready", pass.Report{Complete: true, Totals: pass.Counts{Listed: 3, Migrated: 1, Already: 1, RemovedAtDestination: 1}}, nil},
		{"cut", pass.Report{}, []string{"did not come to its end"}},
		{"failed", pass.Report{Complete: true, Totals: pass.Counts{Failed: 2}}, []string{"failed: 2"}},
		{"folder", pass.Report{Complete: true, Failures: []pass.Failure{{Folder: "Lost"}, {Folder: "INBOX", ID: "7"}}}, []string{"folders that could not be migrated: 1"}},
		{"deferred", pass.Report{Complete: true, Totals: pass.Counts{Deferred: 4}}, []string{"deferred: 4"}},
		{"unsupported", pass.Report{Complete: true, Totals: pass.Counts{Unsupported: 5}}, []string{"take: 5"}},
		{"conflicts", pass.Report{Complete: true, Totals: pass.Counts{Conflicts: 6}}, []string{"both sides: 6"}},
		{"held back", pass.Report{Complete: true, Totals: pass.Counts{HeldBack: 7}}, []string{"not removed: 7"}},
		{"planned", pass.Report{DryRun: true, Complete: true, Totals: pass.Counts{Migrated: 8}}, []string{"yet: 8; run"}},
		{"planned bytes", pass.Report{DryRun: true, Complete: true, Totals: pass.Counts{Migrated: 8, Bytes: 9}}, []string{"yet: 8 (9 bytes); run"}},
		{"planned changes", pass.Report{DryRun: true, Complete: true, Totals: pass.Counts{Updated: 1, Removed: 2, Merged: 3}}, []string{"carried over yet: 6"}},
		{"prestage", pass.Report{Kind: "prestage", Complete: true}, []string{"a prestage pass"}},
		{"retry", pass.Report{Kind: "retry", Complete: true}, []string{"a retry pass"}},
		{"verify", pass.Report{Kind: "verify", Complete: true}, []string{"a verify pass"}},
		{"trial", pass.Report{Kind: "trial", Complete: true}, []string{"a trial pass"}},
		{"resume", pass.Report{Kind: "resume", Complete: true}, []string{"nothing to go on with"}},
	} {
		t.Run(c.name, func(t *testing.T) { notReady(t, &c.report, c.want...) })
	}
}

// TestReadyBeforeAndAfterDelta goes through a cutover: not ready while mail is missing, and ready
// once a delta brought it.
func TestReadyBeforeAndAfterDelta(t *testing.T) {
	w := newWorld(t)
	w.deliver(3, inbox)
	notReady(t, w.run(pass.Options{}))
	w.deliver(2, inbox)
	plan, err := w.engine().Plan(t.Context(), w.open(), pass.Options{})
	w.must(err)
	notReady(t, plan, "not at the destination yet: 2")
	if items, _ := plan.Lag(); items != 2 {
		t.Errorf("lag %d", items)
	}
	delta := w.run(pass.Options{Kind: pass.Delta})
	notReady(t, delta)
	if items, bytes := delta.Lag(); items != 0 || bytes != 0 {
		t.Errorf("lag %d, %d bytes", items, bytes)
	}
}

func TestNotReadyAfterFailures(t *testing.T) {
	w := newWorld(t)
	w.deliver(2, inbox)
	w.deliverText("Subject: long\r\n\r\n"+strings.Repeat("long ", 500)+"\r\n", inbox)
	w.deliverEvent("1", "lunch", inbox)
	w.dstOpts.Quirks = memendpoint.Quirks{MaxItem: 1000, Kinds: []endpoint.Kind{endpoint.Mail}}
	r := w.run(pass.Options{})
	notReady(t, r, "failed: 1", "take: 1")
	if items, _ := r.Lag(); items != 1 {
		t.Errorf("lag %d", items)
	}
}

func TestNotReadyAfterRefusal(t *testing.T) {
	w := newWorld(t)
	w.deliver(2, inbox)
	r, err := w.try(t.Context(), pass.Options{Window: -1})
	if !errors.Is(err, pass.ErrInvalid) {
		t.Error(err)
	}
	notReady(t, r, "did not come to its end")
}

func TestNotReadyAfterResumeOfNothing(t *testing.T) {
	w := newWorld(t)
	w.deliver(2, inbox)
	w.run(pass.Options{})
	w.deliver(1, inbox)
	notReady(t, w.run(pass.Options{Kind: pass.Resume}), "nothing to go on with")
	r := w.run(pass.Options{Kind: pass.Delta})
	if ready, reasons := r.Ready(); !ready || !slices.Equal(reasons, nil) {
		t.Errorf("%v, %q", ready, reasons)
	}
}
