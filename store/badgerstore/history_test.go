package badgerstore

import (
	"errors"
	"testing"

	"github.com/dandyroll/dandyroll/store"
)

// withPasses commits that many passes, more in a commit than a Batch can.
func withPasses(t *testing.T, l *ledger, passes int) {
	t.Helper()
	err := l.commit(func(c *change) {
		for n := range uint64(passes) {
			c.addPass(store.Pass{Number: c.state.lastPass + 1 + n, Kind: "delta"})
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

func numbersOf(t *testing.T, s *Store) []uint64 {
	t.Helper()
	var numbers []uint64
	for p, err := range s.History(t.Context(), "pair") {
		if err != nil {
			t.Fatal(err)
		}
		numbers = append(numbers, p.Number)
	}
	return numbers
}

// TestResetStatisticsIsFinished kills a reset of a long history before and after each of its
// commits. From the first one on, there is no history, whether the pair was opened or not.
func TestResetStatisticsIsFinished(t *testing.T) {
	const passes = resetBatch + 100
	errCut := errors.New("cut")
	for steps := 0; ; steps++ {
		dir := t.TempDir()
		_, l := opened(t, dir)
		if err := l.Commit(t.Context(), resetBatchOf(10)); err != nil {
			t.Fatal(err)
		}
		withPasses(t, l, passes)
		left := steps
		err := l.resetHistory(t.Context(), func(fill func(*change)) error {
			if left == 0 {
				return errCut
			}
			left--
			return l.commit(fill)
		})
		if err != nil && !errors.Is(err, errCut) {
			t.Fatal(err)
		}
		want := 0
		if steps == 0 {
			want = passes
		}
		wantHistory(t, dir, steps, want)
		if err == nil {
			if steps != 3 {
				t.Errorf("a reset of %d passes took %d commits, want 3: what was cut?", passes, steps)
			}
			return
		}
	}
}

// wantHistory opens what a kill leaves after some commits.
func wantHistory(t *testing.T, dir string, steps, want int) {
	t.Helper()
	s, l := crashed(t, dir)
	if n := len(numbersOf(t, s)); n != want {
		t.Errorf("cut after %d commits, %d passes are shown, want %d", steps, n, want)
	}
	if l.state.reset != nil || l.state.passes.count != want || stored(t, s, l.state.tag.key(kindPass)) != want {
		t.Errorf("cut after %d commits, the next opening leaves %d passes, want %d", steps, l.state.passes.count, want)
	}
	if n := l.Stats(); len(n) != 1 || n[0].Records != 10 {
		t.Errorf("cut after %d commits, statistics are %v, want those of 10 records", steps, n)
	}
}

// TestHistoryOfACutReset reads the history before the pair is opened again.
func TestHistoryOfACutReset(t *testing.T) {
	s, l := opened(t, t.TempDir())
	withPasses(t, l, 3)
	if err := l.commit(func(c *change) { c.setReset([]byte{resetHistory}) }); err != nil {
		t.Fatal(err)
	}
	if numbers := numbersOf(t, s); len(numbers) != 0 {
		t.Errorf("passes %d of a history that is being forgotten are shown", numbers)
	}
}

// TestNumbersGoOn looks that a pass has the number of no pass that was forgotten.
func TestNumbersGoOn(t *testing.T) {
	dir := t.TempDir()
	s, l := opened(t, dir)
	withPasses(t, l, 3)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if n, err := s.ResetStatistics(t.Context(), "pair"); n != 3 || err != nil {
		t.Fatalf("%d passes are forgotten (%v), want 3", n, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, l = opened(t, dir)
	withPasses(t, l, 1)
	if numbers := numbersOf(t, s); len(numbers) != 1 || numbers[0] != 4 {
		t.Errorf("after 3 passes that are forgotten, there are %d, want 4 alone", numbers)
	}
}
