package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/internal/imapserve"
	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/store/badgerstore"
	"github.com/dandyroll/dandyroll/watermark"
)

func TestPreStageTakesOldMail(t *testing.T) {
	w := newWorld(t)
	w.deliverAt(time.Now().AddDate(0, 0, -100), "INBOX", "old")
	r := w.report(complete, "run", "-pass", "prestage")
	if r.Kind != "prestage" || r.Totals.Migrated != 1 || r.Totals.OutOfWindow != 3 || r.Window == nil || r.Window.LeftOut != 3 {
		t.Errorf("%+v, window %+v", r.Totals, r.Window)
	}
	stdout, stderr := w.expect(complete, "run", "-pass", "prestage", "-older-than", "20w")
	if !strings.Contains(stdout, "only items received before ") || !strings.Contains(stderr, "only items received before ") {
		t.Errorf("no window in:\n%s%s", stdout, stderr)
	}
	if r := w.report(complete, "run"); r.Totals.Already != 1 || r.Totals.Migrated != 3 {
		t.Errorf("the rest: %+v", r.Totals)
	}
}

func TestVerifyFindsAndRepairs(t *testing.T) {
	w := newWorld(t)
	w.expect(complete, "run")
	if r := w.report(complete, "run", "-pass", "verify"); r.Verified == nil || r.Verified.Present != 3 {
		t.Fatalf("intact: %+v", r.Verified)
	}
	w.userDeletes("INBOX", "Hello")
	stdout, _ := w.expect(failures, "run", "-pass", "verify")
	for _, want := range []string{"2 present", "1 missing", "missing: INBOX, item 1\n"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("no %q in:\n%s", want, stdout)
		}
	}
	if r := w.report(failures, "plan", "-pass", "verify", "-repair", "missing"); r.Verified.Repaired != 1 || w.count("INBOX") != 0 {
		t.Errorf("plan: %+v", r.Verified)
	}
	if r := w.report(complete, "run", "-pass", "verify", "-repair", "missing"); r.Verified.Repaired != 1 || w.count("INBOX") != 1 {
		t.Errorf("repair: %+v", r.Verified)
	}
	if r := w.report(complete, "run", "-pass", "verify", "-sample", "100", "-seed", "7"); r.Verified.Checked != 3 || r.Verified.Seed != 7 {
		t.Errorf("sample: %+v", r.Verified)
	}
}

func TestRebuildMigratesAgain(t *testing.T) {
	w := newWorld(t)
	w.expect(complete, "run")
	r := w.report(complete, "run", "-pass", "rebuild")
	if r.Generation != 2 || r.Totals.Migrated != 3 || r.Totals.Duplicates != 3 || w.count("INBOX") != 2 {
		t.Errorf("generation %d, %+v", r.Generation, r.Totals)
	}
}

func TestTrialTakesAFewOfEachFolder(t *testing.T) {
	w := newWorld(t)
	w.deliver("INBOX", "two")
	w.deliver("INBOX", "three")
	if r := w.report(complete, "run", "-pass", "trial", "-trial", "2"); r.Totals.Migrated != 4 || w.count("INBOX") != 2 {
		t.Errorf("trial: %+v", r.Totals)
	}
	if r := w.report(complete, "plan", "-pass", "trial", "-max-size", "10"); r.Totals.Migrated != 0 {
		t.Errorf("small items: %+v", r.Totals)
	}
	if r := w.report(complete, "run"); r.Totals.Migrated != 1 {
		t.Errorf("the rest: %+v", r.Totals)
	}
}

func TestRetryTakesWhatFailed(t *testing.T) {
	w := newWorld(t)
	w.expect(complete, "run", "-pair", "ann")
	if _, stderr := w.expect(refused, "run", "-pair", "ann", "-pass", "retry"); !strings.Contains(stderr, "nothing to try again") {
		t.Errorf("nothing failed: %s", stderr)
	}
	w.userDeletes("INBOX", "Hello")
	w.makeFailed("ann", "INBOX")
	w.deliver("INBOX", "new")
	if r := w.report(complete, "run", "-pair", "ann", "-pass", "retry"); r.Totals.Migrated != 1 || w.count("INBOX") != 1 {
		t.Errorf("retry: %+v", r.Totals)
	}
}

// makeFailed changes the records of a folder to what they were, had its items failed.
func (w *world) makeFailed(pair, folder string) {
	w.t.Helper()
	key, err := watermark.LoadOrCreateKey(filepath.Join(w.dir, "key"))
	if err != nil {
		w.t.Fatal(err)
	}
	db, err := badgerstore.Open(filepath.Join(w.dir, "state"), &badgerstore.Options{Key: key})
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			w.t.Error(err)
		}
	}()
	ledger, err := db.Open(w.t.Context(), pair)
	if err != nil {
		w.t.Fatal(err)
	}
	var batch store.Batch
	for r, err := range ledger.Records(w.t.Context(), store.FolderKey(strings.Split(folder, "/"))) {
		if err != nil {
			w.t.Fatal(err)
		}
		r.Status, r.Attempts = store.Failed, 1
		batch.Records = append(batch.Records, r)
	}
	if err := ledger.Commit(w.t.Context(), batch); err != nil {
		w.t.Fatal(err)
	}
}

func TestResumeHasNothingToDo(t *testing.T) {
	w := newWorld(t)
	w.expect(complete, "run")
	w.deliver("INBOX", "new")
	if r := w.report(complete, "run", "-pass", "resume"); r.Totals.Migrated != 0 || len(r.Warnings) != 1 {
		t.Errorf("%+v, warnings %q", r.Totals, r.Warnings)
	}
}

// TestPolicies deletes at the source: nothing is removed until that is asked for.
func TestPolicies(t *testing.T) {
	w := newWorld(t)
	w.expect(complete, "run")
	if _, err := w.old.Delete(t.Context(), "INBOX", imapserve.Containing("Hello")); err != nil {
		t.Fatal(err)
	}
	if r := w.report(complete, "run"); r.Totals.Removed != 0 || w.count("INBOX") != 1 {
		t.Errorf("default: %+v", r.Totals)
	}
	if r := w.report(complete, "run", "-on-delete", "remove"); r.Totals.HeldBack != 1 || w.count("INBOX") != 1 {
		t.Errorf("held back: %+v", r.Totals)
	}
	if r := w.report(complete, "run", "-on-delete", "remove", "-max-delete-share", "100"); r.Totals.Removed != 1 || w.count("INBOX") != 0 {
		t.Errorf("removed: %+v", r.Totals)
	}
	_, stderr := w.expect(refused, "check", "-on-update", "replace")
	if !strings.Contains(stderr, "-on-update") || !strings.Contains(stderr, "set -full-compare") {
		t.Errorf("no advice in: %s", stderr)
	}
	w.expect(complete, "run", "-on-update", "replace", "-full-compare")
	stdout, _ := w.expect(complete, "check", "-pass", "trial", "-on-delete", "remove")
	if !strings.Contains(stdout, "note: a trial pass carries over no changes: -on-delete has no effect") {
		t.Errorf("no warning in: %s", stdout)
	}
}

func TestStartAtWaits(t *testing.T) {
	w := newWorld(t)
	at := time.Now().Add(2 * time.Second).Truncate(time.Second)
	_, stderr := w.expect(complete, "run", "-start-at", at.UTC().Format(time.RFC3339))
	if time.Now().Before(at) || !strings.Contains(stderr, "waiting until ") {
		t.Errorf("ended at %v, before %v: %s", time.Now(), at, stderr)
	}
}
