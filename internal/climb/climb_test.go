package climb_test

import (
	"testing"

	"github.com/dandyroll/dandyroll/internal/climb"
)

// observed lets a climb work for some measurements, at the rate that is given for each level, and returns how often it was at each.
func observed(c *climb.Climb, n int, rate func(level int) float64) map[int]int {
	at := map[int]int{}
	for range n {
		at[c.Level()]++
		c.Observe(rate(c.Level()))
	}
	return at
}

func TestClimbGoesWhereItIsFastest(t *testing.T) {
	for name, test := range map[string]struct {
		first, most int
		rate        func(level int) float64
		want        int
	}{
		"more is faster":           {1, 8, func(level int) float64 { return float64(level) }, 8},
		"most is no power of two":  {1, 6, func(level int) float64 { return float64(level) }, 6},
		"nothing is gained":        {2, 8, func(int) float64 { return 1 }, 2},
		"a little is not worth it": {2, 4, func(level int) float64 { return 1 + float64(level)/100 }, 2},
		"few are faster":           {8, 8, func(level int) float64 { return 1 / float64(level) }, 4},
		"it is best in the middle": {1, 16, func(level int) float64 { return float64(min(level, 4)) / float64(max(level, 4)) }, 4},
	} {
		t.Run(name, func(t *testing.T) {
			c := climb.New(test.first, test.most)
			at := observed(&c, 2000, test.rate)
			if part := float64(at[test.want]) / 2000; part < 0.8 {
				t.Errorf("%.0f %% of the time at level %d: %v", 100*part, test.want, at)
			}
			for level := range at {
				if level < 1 || level > test.most {
					t.Errorf("level %d", level)
				}
			}
		})
	}
}

func TestClimbShrinks(t *testing.T) {
	c := climb.New(8, 8)
	c.Shrink()
	if c.Level() != 4 {
		t.Fatalf("level %d, want 4", c.Level())
	}
	at := observed(&c, climb.LongRest, func(level int) float64 { return float64(level) })
	if at[8] > 0 {
		t.Errorf("it was asked too much, and goes back at once: %v", at)
	}
	for range 10 {
		c.Shrink()
	}
	if c.Level() != 1 {
		t.Errorf("level %d, want 1", c.Level())
	}
}
