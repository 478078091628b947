package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime/debug"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store/badgerstore"
	"github.com/dandyroll/dandyroll/watermark"
)

// order is what a process of its own is to do with a folder of very many items.
type order struct {
	State   string // directory of the database
	KeyFile string
	Items   int // at the source
	Present int // of them at the destination, before
	Plan    bool
}

// outcome is what it says of it.
type outcome struct {
	Took    time.Duration // of the pass, or of the plan
	Drained time.Duration // what listing both sides takes when nobody looks at it
	Peak    int64         // resident memory
	Files   int64         // of it, pages of files
}

func (o outcome) String() string {
	return fmt.Sprintf("%.0f MiB in %s", mebibytes(o.Peak), short(o.Took))
}

// inChild runs an order in another process, whose memory is that of the pass.
func (w *world) inChild(ctx context.Context, o order) (out outcome, err error) {
	program, err := os.Executable()
	if err != nil {
		return out, err
	}
	text, err := json.Marshal(o)
	if err != nil {
		return out, err
	}
	cmd := exec.CommandContext(ctx, program)
	cmd.Env = append(os.Environ(), orderVariable+"="+string(text))
	printed, _, err := measure(cmd)
	if err != nil {
		return out, err
	}
	return out, json.Unmarshal(printed, &out)
}

// orderVariable is the environment variable that makes this program a process for one order.
const orderVariable = "DANDYROLL_BENCH_ORDER"

// gcPercent and manyItems are those of mailmove.
const (
	gcPercent = 50
	manyItems = 100_000
)

// savingMemory is what mailmove does in a pass over very many items.
func savingMemory(e pass.Event) {
	items := 0
	switch e := e.(type) {
	case pass.Opened:
		items = e.Records
	case pass.FolderPlanned:
		items = e.Counts.Listed
	}
	if items >= manyItems {
		debug.SetGCPercent(gcPercent)
	}
}

// obey does what an order says that another process gave.
func obey(ctx context.Context, text string) (out outcome, err error) {
	var o order
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return out, err
	}
	return execute(ctx, o)
}

func execute(ctx context.Context, o order) (out outcome, err error) {
	key, err := watermark.LoadOrCreateKey(o.KeyFile)
	if err != nil {
		return out, err
	}
	db, err := badgerstore.Open(o.State, &badgerstore.Options{Key: key})
	if err != nil {
		return out, err
	}
	engine, err := pass.New(pass.Config{Store: db, Key: key})
	if err != nil {
		return out, errors.Join(err, db.Close())
	}
	to := newFakeDestination(key, o.Present)
	pair := pass.Pair{ID: pairID, Source: endpoint.New(fakeSource{items: o.Items}), Destination: endpoint.New(to)}
	if o.Plan {
		to.remember()
	}
	watched := residences()
	began := time.Now()
	if o.Plan {
		err = planAll(ctx, engine, pair, o)
	} else {
		err = passAll(ctx, engine, pair, o, to)
	}
	out.Took = time.Since(began)
	out.Files = watched().files
	if err = errors.Join(err, db.Close()); err != nil {
		return out, err
	}
	if out.Peak, err = peakMemory("self"); err != nil || !o.Plan {
		return out, err
	}
	out.Drained, err = drain(ctx, pair)
	return out, err
}

func planAll(ctx context.Context, engine *pass.Engine, pair pass.Pair, o order) error {
	report, err := engine.Plan(ctx, pair, pass.Options{FullScan: true, Observer: savingMemory})
	if err == nil && report.Totals.Already != o.Items {
		err = fmt.Errorf("the plan does not know all items: %v", report)
	}
	return err
}

func passAll(ctx context.Context, engine *pass.Engine, pair pass.Pair, o order, to *fakeDestination) error {
	report, err := engine.Run(ctx, pair, pass.Options{Observer: savingMemory})
	if err = errors.Join(err, complete(report)); err != nil {
		return err
	}
	if n, solid := to.holds(); n != o.Items || !solid || report.Totals.Migrated != o.Items-o.Present {
		return fmt.Errorf("%d of %d items are there: %v", n, o.Items, report)
	}
	return nil
}

// drain lists both sides and does nothing with it.
func drain(ctx context.Context, pair pass.Pair) (time.Duration, error) {
	began := time.Now()
	for folder, err := range pair.Source.Folders(ctx) {
		if err != nil {
			return 0, err
		}
		for _, err := range pair.Source.List(ctx, folder, "") {
			if err != nil {
				return 0, err
			}
		}
	}
	for folder, err := range pair.Destination.Folders(ctx) {
		if err != nil {
			return 0, err
		}
		for _, err := range pair.Destination.Marks(ctx, folder, "") {
			if err != nil {
				return 0, err
			}
		}
	}
	return time.Since(began), nil
}
