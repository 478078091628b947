package badgerstore_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/store/badgerstore"
	"github.com/dandyroll/dandyroll/watermark"
)

// background is for code that runs in another process than the test.
func background() context.Context { return context.Background() }

// TestKill kills a process that commits, again and again over one database, and looks each time
// whether all that was accepted is there, and every batch whole or not at all (S2, S3).
func TestKill(t *testing.T) {
	rounds := 12
	if testing.Short() {
		rounds = 2
	}
	for name, key := range keys() {
		for _, test := range []struct {
			size  int // the greater lets Badger write tables and merge them
			renew string
		}{{10, "keep"}, {2000, "keep"}, {300, "renew"}} {
			t.Run(fmt.Sprint(name, "/", test.size, "/", test.renew), func(t *testing.T) {
				dir := t.TempDir()
				accepted := 0
				for round := range rounds {
					accepted = killRound(t, accepted, dir, keyText(key), strconv.Itoa(test.size), test.renew)
					if round%3 > 0 { // else the next process opens what was killed, not closed
						checkBatches(t, dir, key, test.size, &accepted)
					}
					if t.Failed() {
						t.Fatalf("in round %d", round)
					}
				}
				t.Logf("%d batches accepted", accepted)
			})
		}
	}
}

// killRound returns the last batch that was accepted before the kill.
func killRound(t *testing.T, accepted int, args ...string) int {
	t.Helper()
	c := startChild(t, "commit", args...)
	first := c.line()
	if first == "" {
		_ = c.cmd.Wait()
		t.Fatalf("the child ended after batch %d: %s", accepted, c.stderr)
	}
	kill := time.AfterFunc(time.Duration(rand.IntN(150_000))*time.Microsecond, func() { _ = c.cmd.Process.Kill() })
	defer kill.Stop()
	for line := first; line != ""; line = c.line() {
		n, err := strconv.Atoi(line)
		if line == first && n == accepted+2 {
			accepted++ // written, and killed before the answer
		}
		if err != nil || n != accepted+1 {
			t.Fatalf("the child accepted batch %q after %d", line, accepted)
		}
		accepted = n
	}
	c.kill()
	return accepted
}

// TestKillTogether kills a process that commits several batches at a time, again and again over one database. Each that
// was accepted is there, each that is there is whole, and of each lane at most one is there that nobody heard of.
func TestKillTogether(t *testing.T) {
	rounds := 8
	if testing.Short() {
		rounds = 2
	}
	for name, key := range keys() {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			var there [lanes]int
			for range rounds {
				accepted := killTogether(t, there, dir, keyText(key))
				there = lanesOf(t, dir, key)
				for lane, n := range accepted {
					if have := there[lane]; have != n && have != n+1 {
						t.Fatalf("lane %d has %d batches, and %d were accepted", lane, have, n)
					}
				}
			}
			t.Logf("%v batches", there)
		})
	}
}

// killTogether returns how many batches of each lane are accepted at the kill.
func killTogether(t *testing.T, accepted [lanes]int, args ...string) [lanes]int {
	t.Helper()
	c := startChild(t, "together", args...)
	line := c.line()
	if line == "" {
		_ = c.cmd.Wait()
		t.Fatalf("the child ended after %v: %s", accepted, c.stderr)
	}
	kill := time.AfterFunc(time.Duration(rand.IntN(100_000))*time.Microsecond, func() { _ = c.cmd.Process.Kill() })
	defer kill.Stop()
	for ; line != ""; line = c.line() {
		n, err := strconv.Atoi(line)
		lane := n / laneNumbers
		if err != nil || lane >= lanes || n%laneNumbers != accepted[lane]+1 {
			t.Fatalf("the child accepted batch %q after %v", line, accepted)
		}
		accepted[lane]++
	}
	c.kill()
	return accepted
}

// lanesOf returns how many batches each lane has, which must be whole and without a gap.
func lanesOf(t *testing.T, dir string, key watermark.Key) (have [lanes]int) {
	t.Helper()
	s, l, err := openPair(dir, key)
	if err != nil {
		t.Fatal(err)
	}
	records := map[int]int{}
	for r, err := range l.Records(t.Context(), store.AllFolders) {
		if err != nil {
			t.Fatal(err)
		}
		records[int(r.Size)]++
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	batches := 0
	for lane := range have {
		for records[lane*laneNumbers+have[lane]+1] == laneBatch {
			have[lane]++
		}
		batches += have[lane]
	}
	if len(records) != batches {
		t.Errorf("%d of %d batches are not whole, or behind a gap", len(records)-batches, len(records))
	}
	return have
}

// checkBatches brings accepted up to one that was written but not answered any more.
func checkBatches(t *testing.T, dir string, key watermark.Key, size int, accepted *int) {
	t.Helper()
	s, err := badgerstore.Open(dir, &badgerstore.Options{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	l, err := s.Open(t.Context(), "pair")
	if err != nil {
		t.Fatal(err)
	}
	records := map[int64]int{}
	for r, err := range l.Records(t.Context(), store.AllFolders) {
		if err != nil {
			t.Fatal(err)
		}
		records[r.Size]++
	}
	if records[int64(*accepted)+1] > 0 {
		*accepted++
	}
	for n := 1; n <= *accepted; n++ {
		if records[int64(n)] != size {
			t.Errorf("batch %d has %d of %d records", n, records[int64(n)], size)
		}
	}
	if len(records) != *accepted {
		t.Errorf("there are %d batches, want %d", len(records), *accepted)
	}
}
