package main

import (
	"context"
	"strings"
	"testing"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/internal/imapserve"
	"github.com/dandyroll/dandyroll/pass"
)

// TestPurgeRemovesOurOwn counts, refuses what does not fit, removes, and leaves what users brought.
func TestPurgeRemovesOurOwn(t *testing.T) {
	w := newWorld(t)
	w.deliver("turn\u202eedrat", "four")
	w.expect(refused, "purge") // there is no database
	w.expect(complete, "run")
	own := imapserve.Message{Bytes: []byte("Subject: mine\r\n\r\nMine.\r\n")}
	if err := w.fresh.Deliver(t.Context(), "INBOX", own); err != nil {
		t.Fatal(err)
	}
	stdout, _ := w.expect(complete, "purge")
	for _, want := range []string{"4 items", "       1  INBOX\n", "       1  Lists/go-dev\n", `turn\u202eedrat`, "nothing was removed"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("no %q in:\n%s", want, stdout)
		}
	}
	plan := w.purge(complete)
	if plan.Items != 4 || plan.Removed != 0 || plan.Confirmed || len(plan.Folders) != 4 {
		t.Errorf("plan: %+v", plan.Purge)
	}
	_, stderr := w.expect(refused, "purge", "-confirm", strings.Repeat("0", 32))
	if !strings.Contains(stderr, "run purge without -confirm") || w.count("INBOX") != 2 {
		t.Errorf("wrong confirmation: %s", stderr)
	}
	done := w.purge(complete, "-confirm", plan.Confirm)
	if !done.Confirmed || done.Removed != 4 || !done.Complete || w.count("INBOX") != 1 || w.count("Lists/go-dev") != 0 {
		t.Errorf("purge: %+v", done.Purge)
	}
	if r := w.report(complete, "run"); r.Totals.Migrated != 4 {
		t.Errorf("after the purge: %+v", r.Totals)
	}
	w.expect(refused, "purge", "-pair", "bob")
}

func (w *world) purge(want int, args ...string) (document purgeDocument) {
	w.t.Helper()
	stdout, _ := w.expect(want, append([]string{"purge", "-json"}, args...)...)
	decodeOnly(w.t, stdout, &document)
	if document.Pair == "" || document.Purge == nil {
		w.t.Fatalf("document lacks something: %s", stdout)
	}
	return document
}

func TestPurgeStatus(t *testing.T) {
	confirmed := settings{confirm: "value"}
	for _, test := range []struct {
		name   string
		s      settings
		result *pass.Purge
		err    error
		want   int
	}{
		{"counted", settings{}, &pass.Purge{Items: 3}, nil, complete},
		{"done", confirmed, &pass.Purge{Items: 3, Removed: 3, Complete: true}, nil, complete},
		{"some stayed", confirmed, &pass.Purge{Items: 3, Removed: 2}, nil, failures},
		{"cut", confirmed, &pass.Purge{Items: 3, Removed: 2}, context.Canceled, interrupted},
		{"refused", confirmed, nil, pass.ErrRefused, refused},
		{"server went away", confirmed, &pass.Purge{Items: 3}, &endpoint.Error{Code: endpoint.Unavailable}, interrupted},
	} {
		if got := purgeStatus(test.s, test.result, test.err); got != test.want {
			t.Errorf("%s: status %d, want %d", test.name, got, test.want)
		}
	}
}
