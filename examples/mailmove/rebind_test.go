package main

import (
	"strings"
	"testing"
)

// TestRebind reaches the new server by another name. Once a pair is bound to it, that its user
// removed everything there is no sign of another mailbox any more.
func TestRebind(t *testing.T) {
	w := newWorld(t)
	w.expect(complete, "run", "-pair", "ann")
	moved := strings.Replace(w.to, "127.0.0.1", "localhost", 1)
	if moved == w.to {
		t.Fatalf("the server is not at 127.0.0.1: %s", w.fresh.Addr())
	}
	w.to = moved
	if fit := w.rebind(complete, "-dry"); !fit.Fits || !fit.DryRun || fit.Settled != 3 || fit.Found != 3 || fit.SourceFound != 3 {
		t.Errorf("dry: %+v", fit.Fit)
	}
	if stdout, _ := w.expect(complete, "rebind", "-pair", "ann"); !strings.Contains(stdout, "their addresses were entered") {
		t.Errorf("rebind: %s", stdout)
	}
	for _, folder := range []string{"INBOX", "Lists/go-dev", "Lists/go-dev/Old"} {
		w.userDeletes(folder, "Hello")
	}
	if r := w.report(complete, "run", "-pair", "ann"); r.Totals.RemovedAtDestination != 3 {
		t.Errorf("after the rebind: %+v", r.Totals)
	}
}

func TestRebindRefusesAnotherMailbox(t *testing.T) {
	w := newWorld(t)
	w.expect(complete, "run", "-pair", "ann")
	w.to = address("imap+plain", startServer(t, nil))
	if _, stderr := w.expect(refused, "run", "-pair", "ann"); !strings.Contains(stderr, "mailmove rebind") {
		t.Errorf("no advice in: %s", stderr)
	}
	if fit := w.rebind(refused); fit.Fits || fit.Settled != 3 || fit.Found != 0 {
		t.Errorf("%+v", fit.Fit)
	}
	w.expect(refused, "rebind", "-pair", "bob")
}

func (w *world) rebind(want int, args ...string) (document rebindDocument) {
	w.t.Helper()
	stdout, _ := w.expect(want, append([]string{"rebind", "-pair", "ann", "-json"}, args...)...)
	decodeOnly(w.t, stdout, &document)
	if document.Pair == "" || document.Fit == nil {
		w.t.Fatalf("document lacks something: %s", stdout)
	}
	return document
}
