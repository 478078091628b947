package pass_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/memendpoint"
	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/watermark"
)

// altered is an endpoint with other capabilities than its driver says, and folders without counts.
type altered struct {
	endpoint.Driver
	change  func(*endpoint.Capabilities)
	noCount bool
}

func (a *altered) Capabilities(ctx context.Context) (endpoint.Capabilities, error) {
	c, err := a.Driver.Capabilities(ctx)
	if a.change != nil {
		a.change(&c)
	}
	return c, err
}

func (a *altered) Folders(ctx context.Context) iter.Seq2[endpoint.Folder, error] {
	return func(yield func(endpoint.Folder, error) bool) {
		for f, err := range a.Driver.Folders(ctx) {
			if a.noCount {
				f.Items = -1
			}
			if !yield(f, err) {
				return
			}
		}
	}
}

// After a kill, what was sent last is given the time to land before it is looked for.
func TestInterruptedPutsAreAwaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.deliver(4, inbox)
		cut := &cutStore{Store: w.store, n: 6}
		e, err := pass.New(pass.Config{Store: cut, Key: w.key})
		w.must(err)
		if _, err = e.Run(t.Context(), w.open(), pass.Options{Window: 2}); !errors.Is(err, errCut) {
			t.Fatal(err)
		}
		p := w.open()
		p.Destination = endpoint.New(&altered{Driver: p.Destination.Driver(), change: func(c *endpoint.Capabilities) {
			c.PutGrace = time.Minute
		}})
		began := time.Now()
		r, err := w.engine().Run(t.Context(), p, pass.Options{})
		w.must(err)
		if waited := time.Since(began); waited < time.Minute || waited > time.Minute+2*time.Second {
			t.Errorf("waited %v", waited)
		}
		if r.Totals.Recovered == 0 || r.Totals.Migrated+r.Totals.Already != 4 {
			t.Errorf("totals %+v", r.Totals)
		}
		w.same(inbox)
	})
}

func TestProgressAndEvents(t *testing.T) {
	w := newWorld(t)
	w.deliver(5, inbox)
	w.dstOpts.Quirks.MaxItem = 1000
	w.deliverText(strings.Repeat("x", 1000), inbox)
	var p pass.Progress
	var phases []string
	r, err := w.try(t.Context(), pass.Options{Observer: func(ev pass.Event) {
		p.Observe(ev)
		if started, ok := ev.(pass.PhaseStarted); ok {
			phases = append(phases, started.Phase.String())
		}
	}})
	w.must(err)
	s := p.Snapshot()
	if s.Items != 6 || s.ItemsDone != 6 || s.Failed != 1 || s.BytesDone != r.Totals.Bytes || s.Folders != 1 {
		t.Errorf("snapshot %+v", s)
	}
	p.Observe(pass.Waiting{For: time.Hour, Code: endpoint.Throttled})
	if s := p.Snapshot(); s.Waiting != endpoint.Throttled || time.Until(s.WaitingUntil) < time.Minute {
		t.Errorf("snapshot %+v", s)
	}
	if have := strings.Join(phases, ", "); have != "opening the database, preflight, scanning the destination, listing the source, transferring, confirming" {
		t.Errorf("phases %s", have)
	}
}

// What the database has of the pair is told before the destination is looked at, failed items included.
func TestOpenedTellsRecords(t *testing.T) {
	w := newWorld(t)
	w.deliver(5, inbox)
	w.dstOpts.Quirks.MaxItem = 1000
	w.deliverText(strings.Repeat("x", 1000), inbox)
	for _, want := range []int{0, 6} {
		told := ""
		_, err := w.try(t.Context(), pass.Options{Observer: func(ev pass.Event) {
			switch ev := ev.(type) {
			case pass.Opened:
				told += fmt.Sprint(ev.Records)
			case pass.PhaseStarted:
				if ev.Phase == pass.ScanningDestination {
					told += " before the scan"
				}
			}
		}})
		w.must(err)
		if told != fmt.Sprint(want, " before the scan") {
			t.Errorf("told %q, want %d records", told, want)
		}
	}
}

func TestReportAsJSON(t *testing.T) {
	w := newWorld(t)
	w.must(w.src.CreateFolder("Work"))
	w.deliver(2, "Work")
	text, err := json.Marshal(w.run(pass.Options{}))
	w.must(err)
	var r map[string]any
	w.must(json.Unmarshal(text, &r))
	for _, key := range []string{"pair", "kind", "generation", "started", "finished", "complete", "totals", "folders", "failures", "wire"} {
		if _, ok := r[key]; !ok {
			t.Errorf("no %q in %s", key, text)
		}
	}
	for _, key := range []string{`"removedAtDestination":0`, `"migrated":2`, `"failures":[]`, `"folder":"Work"`, `"wire":{"source":{"commands":`} {
		if !strings.Contains(string(text), key) {
			t.Errorf("no %s in %s", key, text)
		}
	}
	if strings.Contains(string(text), "example") {
		t.Errorf("an address is in the report: %s", text)
	}
}

// What an interrupted pass left of the canary is used again and goes; a folder with other things
// in it is left alone.
func TestCanaryLeftBehind(t *testing.T) {
	w := newWorld(t)
	w.deliver(1, inbox)
	folder := []string{"Dandyroll canary " + w.key.Tag(w.pair).String()}
	w.must(w.dst.CreateFolder(folder...))
	types := watermark.Types{Source: "src", Destination: "dst"}
	mark := w.key.Mark(types, w.pair, 1, watermark.ID{1})
	_, err := w.dst.Deliver(folder, memendpoint.Message{Body: []byte(watermark.Field + ": " + mark.String() + "\r\n\r\nx")})
	w.must(err)
	w.run(pass.Options{})
	if n := len(w.dst.FolderPaths()); n != 1 {
		t.Errorf("folders %v", w.dst.FolderPaths())
	}

	w = newWorld(t)
	w.deliver(1, inbox)
	folder[0] = "Dandyroll canary " + w.key.Tag(w.pair).String()
	w.must(w.dst.CreateFolder(folder...))
	_, err = w.dst.Deliver(folder, memendpoint.Message{Body: []byte("Subject: mine\r\n\r\nx")})
	w.must(err)
	if _, err = w.try(t.Context(), pass.Options{}); !errors.Is(err, endpoint.ErrExists) {
		t.Errorf("err %v", err)
	}
	if n := len(w.dst.Messages(folder...)); n != 1 {
		t.Errorf("%d items in the user's folder", n)
	}
}

func TestDestinationWithoutFolders(t *testing.T) {
	w := newWorld(t)
	w.must(w.src.CreateFolder("Work"))
	w.deliver(2, inbox)
	w.deliver(3, "Work")
	w.dstOpts.Quirks.NoCreateFolder = true
	r, err := w.try(t.Context(), pass.Options{})
	w.must(err)
	want(t, r, pass.Counts{Listed: 5, Migrated: 2, Failed: 3})
	if len(r.Warnings) != 1 || r.Failures[0].Code != "unsupported" {
		t.Errorf("report %+v", r)
	}
}

func TestExcludedFolderWithoutCount(t *testing.T) {
	w := newWorld(t)
	w.deliver(3, inbox)
	p := w.open()
	p.Source = endpoint.New(&altered{Driver: p.Source.Driver(), noCount: true})
	r, err := w.engine().Run(t.Context(), p, pass.Options{Select: pass.Selection{Folder: func(endpoint.Folder) bool { return false }}})
	w.must(err)
	want(t, r, pass.Counts{Listed: 3, Filtered: 3})
}

// expiring is a store whose leases end soon.
type expiring struct{ store.Store }

type expiringLedger struct{ store.Ledger }

func (s expiring) Open(ctx context.Context, pair string) (store.Ledger, error) {
	l, err := s.Store.Open(ctx, pair)
	return expiringLedger{l}, err
}

func (expiringLedger) Deadline() time.Time { return time.Now().Add(time.Second) }

// A process that was paused past its lease writes nothing more.
func TestLeaseThatEnds(t *testing.T) {
	w := newWorld(t)
	w.deliver(2, inbox)
	e, err := pass.New(pass.Config{Store: expiring{w.store}, Key: w.key})
	w.must(err)
	if _, err = e.Run(t.Context(), w.open(), pass.Options{}); !errors.Is(err, store.ErrFenced) {
		t.Errorf("err %v", err)
	}
	if n := len(w.dst.Messages(inbox)); n != 0 {
		t.Errorf("%d items were written", n)
	}
}

// Without marks, an item whose answer was lost cannot be looked for: it is reported, not repeated.
func TestLostAnswerWithoutMarks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.deliver(5, inbox)
		w.dstOpts.Quirks.DropMark = true
		w.dstOpts.Quirks.LoseAnswer = func(n int) bool { return n == 3 }
		r, err := w.try(t.Context(), pass.Options{AllowUnmarked: true})
		w.must(err)
		if r.Totals.Failed == 0 || r.Totals.Failed+r.Totals.Migrated != 5 || r.Failures[0].Code != "in-doubt" {
			t.Errorf("report %+v", r)
		}
	})
}

func TestEmptyPairIDs(t *testing.T) {
	_, err := newWorld(t).engine().Run(t.Context(), pass.Pair{ID: "", ReverseOf: ""}, pass.Options{})
	for _, field := range []string{"Pair.ID", "Pair.Source", "Pair.Destination"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("no %s in %v", field, err)
		}
	}
	if !errors.Is(err, pass.ErrRefused) || !errors.Is(err, pass.ErrInvalid) {
		t.Errorf("err %v", err)
	}
}
