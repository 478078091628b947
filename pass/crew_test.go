package pass

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A crew grows where that makes the work faster, comes back where it does not, and never has more hands than it says.
func TestCrewGrowsWhereThatIsFaster(t *testing.T) {
	for name, test := range map[string]struct {
		processors int // of the server: how many folders it works on at full speed
		want       int // hands, most of the time
	}{
		"two processors":   {2, 2},
		"eight processors": {8, 4},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCrew(2, 4)
				const folders, windows = 40, 50
				var working, most, wanted atomic.Int64
				err := each(t.Context(), c, make([]int, folders), func(context.Context, int) error {
					working.Add(1)
					defer working.Add(-1)
					for range windows {
						n := working.Load()
						most.Store(max(most.Load(), n))
						if int(n) == test.want {
							wanted.Add(1)
						}
						time.Sleep(10 * time.Millisecond * time.Duration(max(1, int(n)/test.processors)))
						c.did(10, 1<<20)
					}
					return nil
				})
				if err != nil || most.Load() > 4 {
					t.Errorf("%d at once, %v", most.Load(), err)
				}
				if part := float64(wanted.Load()) / (folders * windows); part < 0.7 {
					t.Errorf("%.0f %% of the work was done by %d at once", 100*part, test.want)
				}
				if n := len(c.turns); n != c.hands() || c.surplus != 0 {
					t.Errorf("%d turns are left for %d hands, %d too many", n, c.hands(), c.surplus)
				}
			})
		})
	}
}

// Where waiting takes the time, as many are at work as may be, from the first to the last.
func TestCrewThatIsFixed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrew(4, 4)
		var working atomic.Int64
		err := each(t.Context(), c, make([]int, 40), func(context.Context, int) error {
			working.Add(1)
			defer working.Add(-1)
			time.Sleep(time.Second)
			if n := working.Load(); n != 4 {
				t.Errorf("%d at once, want 4", n)
			}
			time.Sleep(time.Second)
			c.did(1, 1)
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}
