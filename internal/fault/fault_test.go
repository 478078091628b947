package fault

import (
	"errors"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// calls are some calls of two methods.
func calls(n int) []Call {
	var all []Call
	for i := 1; i <= n; i++ {
		all = append(
			all,
			Call{Side: "dst", Method: "put", Folder: "INBOX", At: Start, Writes: true, N: 2 * i, Nth: i},
			Call{Side: "src", Method: "list", Folder: "INBOX", At: Start, N: 2*i + 1, Nth: i},
		)
	}
	return all
}

// What a seed selects is the same in every process, for ever: plans are pasted into tests.
func TestSeededIsStable(t *testing.T) {
	plan, err := Parse("before unavailable on seed=42 rate=0.1")
	if err != nil {
		t.Fatal(err)
	}
	var chosen []int
	for _, c := range calls(20) {
		fires := plan.effect(c).Do == Before
		if fires {
			chosen = append(chosen, c.N)
		}
		c.N, c.Item = 1000, "anything" // which depend on chance
		if again := plan.effect(c).Do == Before; again != fires {
			t.Errorf("call %+v: %v, then %v", c, fires, again)
		}
	}
	if want := []int{8, 9, 13, 19, 21, 26}; !reflect.DeepEqual(chosen, want) {
		t.Errorf("seed 42 selects %v, not %v", chosen, want)
	}
}

func TestRate(t *testing.T) {
	for _, rate := range []float64{0.01, 0.5, 1} {
		n := 0
		plan := Plan{{Effect: Effect{Do: Before}, Seed: 1, Rate: rate}}
		for _, c := range calls(5000) {
			if plan.effect(c).Do != None {
				n++
			}
		}
		if share := float64(n) / 10000; share < rate*0.8 || share > rate*1.2 {
			t.Errorf("rate %v: %v", rate, share)
		}
	}
}

func TestFirstRuleThatFitsCounts(t *testing.T) {
	plan, err := Parse("truncate 3 on side=dst; after on side=src; before denied on method=put folder=INBOX nth=1; delay 1s")
	if err != nil {
		t.Fatal(err)
	}
	want := []Action{Before, Delay, Delay, Delay} // neither a truncated put nor a listing without effect
	for i, c := range calls(2) {
		if e := plan.effect(c); e.Do != want[i] {
			t.Errorf("call %d: %v", i, e)
		}
	}
}

// Whatever a plan says, its text says the same.
func TestTextOfPlans(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	word := func() string {
		list := []string{"", "INBOX", "a b", `"`, "x;y=z", "on", "Entwürfe", "\n", "a/b", "=", "5s", "truncate"}
		return list[random.IntN(len(list))]
	}
	for range 5000 {
		r := Rule{
			Effect: Effect{Do: None + 1 + Action(random.IntN(int(numActions)-1))},
			Side:   word(), Method: word(), Folder: word(), At: word(), Item: word(),
			N: random.IntN(3), Nth: random.IntN(3), Seed: random.Uint64N(3), Rate: float64(random.IntN(3)) / 3,
		}
		switch r.Effect.Do {
		case Truncate:
			r.Effect.Bytes = random.Int64N(100)
		case Delay:
			r.Effect.Wait = time.Duration(1 + random.IntN(1e9))
		default:
			r.Effect.Code = []string{"", "in-doubt"}[random.IntN(2)]
			r.Effect.Wait = time.Duration(random.IntN(2)) * time.Minute
		}
		plan := Plan{r, r}
		back, err := Parse(plan.String())
		if err != nil || !reflect.DeepEqual(plan, back) {
			t.Fatalf("%s\n%v\n%+v\n%+v", plan, err, plan, back)
		}
	}
}

func TestTextThatIsNoPlan(t *testing.T) {
	for _, text := range []string{
		"explode", "on call=3", "before on call", "before on call=x", "before on color=red", `before on folder="a`,
		"truncate x", "before call=3", `before on fol"der"=x`, "before on rate=often", "before on seed=-1",
	} {
		if plan, err := Parse(text); err == nil {
			t.Errorf("%q: %v", text, plan)
		} else if !strings.HasPrefix(err.Error(), "fault plan: ") {
			t.Errorf("%q: %v", text, err)
		}
	}
	if plan, err := Parse(" ;\n; "); err != nil || len(plan) > 0 {
		t.Errorf("an empty plan: %v, %v", plan, err)
	}
}

// A process that dies is only done when what it had under way has had its effect.
func TestCrashWaitsForEffects(t *testing.T) {
	closed := func(p *Process) bool {
		select {
		case <-p.Done():
			return true
		default:
			return false
		}
	}
	p := NewProcess(nil, nil)
	put := Call{Method: "put", At: Start, Writes: true}
	if _, err := p.Reach(t.Context(), put); err != nil {
		t.Fatal(err)
	}
	if err := p.Fail(Effect{Do: CrashBefore}, nil); !errors.Is(err, ErrCrashed) || !p.Crashed() || closed(p) {
		t.Errorf("a crash with a call under way: %v, crashed %v, done %v", err, p.Crashed(), closed(p))
	}
	if _, err := p.Reach(t.Context(), put); !errors.Is(err, ErrCrashed) {
		t.Errorf("another call: %v", err)
	}
	p.Leave()
	if !closed(p) {
		t.Error("not done after the call")
	}
	p = NewProcess(nil, nil)
	if err := p.Fail(Effect{Do: CrashAfter}, nil); !errors.Is(err, ErrCrashed) || !closed(p) {
		t.Errorf("a crash with nothing under way: %v, done %v", err, closed(p))
	}
}

// A call that waits when its process dies has no effect.
func TestCrashDuringDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewProcess(Plan{{Effect: Effect{Do: Delay, Wait: time.Hour}}}, nil)
		time.AfterFunc(time.Minute, func() { _ = p.Fail(Effect{Do: CrashBefore}, nil) })
		if _, err := p.Reach(t.Context(), Call{Method: "put", At: Start, Writes: true}); !errors.Is(err, ErrCrashed) {
			t.Error(err)
		}
		<-p.Done()
	})
}
