package pass_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dandyroll/dandyroll/endpoint/faultendpoint"
	"github.com/dandyroll/dandyroll/internal/prove"
	"github.com/dandyroll/dandyroll/pass"
)

// endpointFlavours and storeFlavours are the faults that each call is tried with, where they fit.
func endpointFlavours() []faultendpoint.Effect {
	return []faultendpoint.Effect{
		{Do: faultendpoint.Before, Code: "unavailable"},
		{Do: faultendpoint.Before, Code: "throttled", Wait: 30 * time.Second},
		{Do: faultendpoint.Before, Code: "damaged"},
		{Do: faultendpoint.Before, Code: "denied"},
		{Do: faultendpoint.Before, Code: "stale"},
		{Do: faultendpoint.After, Code: "unavailable"},
		{Do: faultendpoint.After, Code: "in-doubt"},
		{Do: faultendpoint.Item, Code: "damaged"},
		{Do: faultendpoint.Item, Code: "not-found"},
		{Do: faultendpoint.Item, Code: "in-doubt"},
		{Do: faultendpoint.Item, Code: "over-quota"},
		{Do: faultendpoint.ItemAfter, Code: "in-doubt"},
		{Do: faultendpoint.Truncate},
		{Do: faultendpoint.Truncate, Bytes: 9},
		{Do: faultendpoint.Delay, Wait: 10 * time.Minute},
		{Do: faultendpoint.CrashBefore},
		{Do: faultendpoint.CrashAfter},
	}
}

func storeFlavours() []faultendpoint.Effect {
	return []faultendpoint.Effect{
		{Do: faultendpoint.Before},
		{Do: faultendpoint.Before, Code: "no-space"},
		{Do: faultendpoint.After},
		{Do: faultendpoint.CrashBefore},
		{Do: faultendpoint.CrashAfter},
	}
}

// flavours returns the faults that can happen at a call.
func flavours(c faultendpoint.Call) []faultendpoint.Effect {
	all := endpointFlavours()
	if c.Side == "store" {
		all = storeFlavours()
	}
	return slices.DeleteFunc(all, func(e faultendpoint.Effect) bool {
		return !e.Fits(c) || e.Code == "in-doubt" && c.Method != "put"
	})
}

// trial is one history with faults: those of a first pass, and those of the pass that resumes it.
type trial struct {
	scene         scene
	window        int
	folders       int // 0 means 1, in which the order of calls is always the same
	first, second faultendpoint.Plan
	waits         bool // the first pass must come to its end in spite of its fault
	mayMiss       bool // faults that follow others may never be reached
}

func (tr trial) String() string {
	return fmt.Sprintf("scene %q, window %d\n\tfirst:  %v\n\tsecond: %v", tr.scene.name, tr.window, tr.first, tr.second)
}

// run carries a trial out, and returns what was wrong in the end and how many faults happened. What
// is left in the trial are the faults that happened, in a form that is the same in every process.
func (tr *trial) run(t *testing.T) (v verdict, fired int) {
	t.Helper()
	var happened []faultendpoint.Plan
	synctest.Test(t, func(t *testing.T) {
		s := tr.scene.build(t)
		for _, plan := range []faultendpoint.Plan{tr.first, tr.second} {
			if plan == nil {
				continue
			}
			var met faultendpoint.Plan
			p := faultendpoint.NewProcess(plan, func(c faultendpoint.Call, e faultendpoint.Effect) {
				if e.Do != 0 {
					met = append(met, faultendpoint.Rule{Effect: e, Side: c.Side, Method: c.Method, Folder: c.Folder, At: c.At, Nth: c.Nth})
				}
			})
			r, err := s.interrupted(&v, p, pass.Options{Window: tr.window, Folders: max(1, tr.folders)})
			happened = append(happened, met)
			fired += p.Fired()
			if p.Crashed() && slices.ContainsFunc(met, refusesSubscription) {
				s.shown = nil // the pass that would have reported it died
			}
			switch {
			case p.Fired() != 1 && !tr.mayMiss:
				v.odd("%d faults happened", p.Fired())
			case tr.waits && (err != nil || r.Totals.Failed+r.Totals.Deferred > 0):
				v.odd("a fault that passes by itself was not waited out: %v\n%v%v", err, r, r.Failures)
			}
		}
		s.resumed(&v)
	})
	tr.first, tr.second = happened[0], append(happened, nil)[1]
	return v, fired
}

// refusesSubscription reports whether a fault is that a subscription is refused for good.
func refusesSubscription(r faultendpoint.Rule) bool {
	return r.Method == "subscribe" && r.Effect.Code != "" && r.Effect.Code != "unavailable" && r.Effect.Code != "throttled"
}

// passes reports whether a pass stands an effect at a call. The answer of an item may be lost, but
// not that of a canary.
func passes(c faultendpoint.Call, e faultendpoint.Effect) bool {
	switch e.Code {
	case "unavailable", "throttled":
		return true
	case "in-doubt":
		return !e.Stops() && !strings.HasPrefix(c.Folder, canary)
	}
	return e.Do == faultendpoint.Delay
}

// calls returns every call of the pass of a scene when nothing fails, those of one side in their order.
func (sc scene) calls(t *testing.T, window int) []faultendpoint.Call {
	t.Helper()
	var all []faultendpoint.Call
	synctest.Test(t, func(t *testing.T) {
		s := sc.build(t)
		p := faultendpoint.NewProcess(nil, func(c faultendpoint.Call, _ faultendpoint.Effect) { all = append(all, c) })
		var v verdict
		r, err := s.interrupted(&v, p, pass.Options{Window: window, Folders: 1})
		s.resumed(&v)
		if err != nil || r.Totals.Migrated == 0 && len(s.adds) > 0 || v.bad() {
			t.Fatalf("%s without faults: %v, %+v, %+v", sc.name, err, r.Totals, v)
		}
	})
	sortBySide(all)
	return all
}

// sortBySide brings calls into an order that is the same each time: the source is read while the destination is written.
func sortBySide(calls []faultendpoint.Call) {
	slices.SortStableFunc(calls, func(a, b faultendpoint.Call) int { return strings.Compare(a.Side, b.Side) })
}

// tally adds up what trials came to. It is safe for concurrent use.
type tally struct {
	t  *testing.T
	mu sync.Mutex
	prove.Figures
}

// add enters the outcome of a trial, and prints the first ones that went wrong as a regression test
// needs them.
func (y *tally) add(tr trial, v verdict, fired int) { y.enter(tr, v, fired) }

// enter is add for any kind of trial.
func (y *tally) enter(tr fmt.Stringer, v verdict, fired int) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if v.lost+v.duplicated > 0 && y.Lost+y.Duplicated < 20 || len(v.unexplained) > 0 && y.Unexplained < 20 {
		y.t.Logf("%v\n\tlost %d, duplicated %d, %q", tr, v.lost, v.duplicated, v.unexplained)
	}
	y.Tried += fired
	y.Lost += v.lost
	y.Duplicated += v.duplicated
	y.Unexplained += len(v.unexplained)
}

// at makes an effect happen at a call.
func at(c faultendpoint.Call, e faultendpoint.Effect) faultendpoint.Rule {
	return faultendpoint.Rule{Effect: e, Side: c.Side, Method: c.Method, Folder: c.Folder, At: c.At, Nth: c.Nth}
}

// Whatever call or element fails, and however, on whichever side: the next pass brings everything
// once, and the one after it finds nothing to do. The short form tries every few calls.
func TestProveSweep(t *testing.T) {
	y := &tally{t: t}
	step := prove.Scale(29, 1)
	t.Run("scenes", func(t *testing.T) {
		for i, sc := range scenes() {
			windows := []int{3}
			if prove.Long() && i < 3 {
				windows = []int{1, 3, 7}
			}
			for _, window := range windows {
				t.Run(fmt.Sprintf("%s, window %d", sc.name, window), func(t *testing.T) {
					t.Parallel()
					sweep(t, y, sc, window, i, step)
				})
			}
		}
	})
	prove.Record(t, "a fault at every call", y.Figures)
}

// sweep tries all faults at every step-th call of a scene.
func sweep(t *testing.T, y *tally, sc scene, window, from, step int) {
	t.Helper()
	calls := sc.calls(t, window)
	for i := from; i < len(calls); i += step {
		for _, e := range flavours(calls[i]) {
			tr := trial{scene: sc, window: window, first: faultendpoint.Plan{at(calls[i], e)}, waits: passes(calls[i], e)}
			v, fired := tr.run(t)
			y.add(tr, v, fired)
		}
	}
	beyond := &trial{scene: sc, window: window, mayMiss: true, first: faultendpoint.Plan{
		{Effect: faultendpoint.Effect{Do: faultendpoint.CrashBefore}, N: len(calls) + 1},
	}}
	if _, fired := beyond.run(t); fired > 0 {
		t.Errorf("%s has more calls than the %d that were swept", sc.name, len(calls))
	}
}

// Histories that went wrong once.
func TestSweepRegressions(t *testing.T) {
	for _, test := range []struct {
		why, scene, plan string
		waits            bool // the pass must come to its end
	}{
		{
			"what is sent long after its intent is awaited all the same", "slow destination",
			"delay 10m on side=dst method=put folder=INBOX at=start; crash-after on side=dst method=put folder=INBOX at=2", false,
		},
		{
			"what is not visible yet was not removed by a user", "slow destination",
			"before denied on side=src method=read folder=Work at=start", false,
		},
		{
			"a pass whose ledger does not close is no refusal, and not complete", "nothing new",
			"before on side=store method=close", false,
		},
		{
			"a canary's folder that stays behind was written", "first pass",
			`before denied on side=dst method=delete-folder folder="Dandyroll canary jjwxrxez" nth=1`, false,
		},
		{
			"the answer to the deletion of the canary's folder may be lost", "first pass",
			"after unavailable on side=dst method=delete-folder nth=1", true,
		},
		{
			"a folder that was made was written", "first pass",
			"item rejected on side=dst method=put folder=INBOX; before on side=store method=commit nth=8", false,
		},
		{
			"an item in doubt may have been written", "reset",
			"item-after in-doubt on side=dst method=put folder=INBOX at=1 nth=1; before no-space on side=store method=folders folder=destination at=2 nth=1", false,
		},
		{
			"a subscription that was refused in a pass that died is not reported", "slow destination",
			"before denied on side=dst method=subscribe folder=Work/2026 at=start nth=1; crash-before on side=store method=folders folder=source at=1 nth=1", false,
		},
		{
			"an item in doubt stays so when the items after it are refused", "first pass",
			"item-after in-doubt on side=dst method=put folder=INBOX at=1 nth=1; before throttled 30s on side=dst method=put folder=INBOX at=3 nth=1", true,
		},
	} {
		plan, err := faultendpoint.Parse(test.plan)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(scenes(), func(sc scene) bool { return sc.name == test.scene })
		tr := trial{scene: scenes()[i], window: 3, first: plan, waits: test.waits, mayMiss: true}
		if v, fired := tr.run(t); v.bad() || fired < len(plan) {
			t.Errorf("%s: %d faults of %d rules happened\n%+v", test.why, fired, len(plan), v)
		}
	}
}

// Two faults in one pass, and a third while the next one resumes it.
func TestProveSweepPairs(t *testing.T) {
	y := &tally{t: t}
	rounds := prove.Scale(15, 800)
	t.Run("scenes", func(t *testing.T) {
		for i, sc := range scenes() {
			t.Run(sc.name, func(t *testing.T) {
				t.Parallel()
				random := rand.New(rand.NewPCG(uint64(i), 20261121))
				const window = 3
				calls := sc.calls(t, window)
				for range rounds {
					tr := pair(random, sc, calls, window)
					v, fired := tr.run(t)
					y.add(tr, v, fired)
				}
			})
		}
	})
	prove.Record(t, "several faults in two passes", y.Figures)
}

// pair draws two faults for the first pass and one for the second. Where a fault changed the course
// of a pass, the later ones may meet other calls than those they were drawn for.
func pair(random *rand.Rand, sc scene, calls []faultendpoint.Call, window int) trial {
	draw := func() faultendpoint.Rule {
		i := random.IntN(len(calls))
		fitting := flavours(calls[i])
		return at(calls[i], fitting[random.IntN(len(fitting))])
	}
	return trial{
		scene: sc, window: window, mayMiss: true,
		first: faultendpoint.Plan{draw(), draw()}, second: faultendpoint.Plan{draw()},
	}
}

// Faults all over the place, by seed: in a share of all calls of two passes.
func TestProveSweepSeeded(t *testing.T) {
	y := &tally{t: t}
	seeds := prove.Scale(10, 500)
	t.Run("scenes", func(t *testing.T) {
		for _, sc := range scenes() {
			t.Run(sc.name, func(t *testing.T) {
				t.Parallel()
				for seed := range seeds {
					tr := trial{scene: sc, window: 1 + seed%5, folders: 1 + seed%4, mayMiss: true}
					tr.first, tr.second = storm(uint64(seed)), storm(uint64(seed)+1<<32)
					v, fired := tr.run(t)
					y.add(tr, v, fired)
				}
			})
		}
	})
	prove.Record(t, "faults in a share of all calls", y.Figures)
}

// storm is a plan in which every fault that passes by itself happens now and then.
func storm(seed uint64) faultendpoint.Plan {
	var plan faultendpoint.Plan
	for i, e := range endpointFlavours() {
		for _, side := range []string{"src", "dst"} {
			plan = append(plan, faultendpoint.Rule{Effect: e, Side: side, Seed: seed*64 + uint64(i), Rate: 0.004})
		}
	}
	for i, e := range storeFlavours() {
		plan = append(plan, faultendpoint.Rule{Effect: e, Side: "store", Seed: seed*64 + 32 + uint64(i), Rate: 0.003})
	}
	return plan
}
