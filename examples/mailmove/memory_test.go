package main

import (
	"os"
	"runtime/debug"
	"testing"

	"github.com/dandyroll/dandyroll/pass"
)

// The collector works more often once very many items are known, or planned, and not if the user has a say.
func TestSavingMemory(t *testing.T) {
	before := debug.SetGCPercent(100)
	t.Cleanup(func() { debug.SetGCPercent(before) })
	percent := func() int {
		now := debug.SetGCPercent(100)
		debug.SetGCPercent(now)
		return now
	}
	half := pass.FolderPlanned{Counts: pass.Counts{Listed: manyItems / 2}}
	none, few, many := pass.Opened{}, pass.Opened{Records: manyItems - 1}, pass.Opened{Records: manyItems}
	told := 0
	observe := func(pass.Event) { told++ }
	for _, c := range []struct {
		gogc   string
		events []pass.Event
		want   []int
	}{
		{"200", []pass.Event{many, half, half}, []int{100, 100, 100}},
		{"", []pass.Event{none, half, half}, []int{100, 100, gcPercent}},
		{"", []pass.Event{few, half, half}, []int{100, 100, gcPercent}},
		{"", []pass.Event{many, half, half}, []int{gcPercent, gcPercent, gcPercent}},
	} {
		debug.SetGCPercent(100)
		observed := newProgram(func(string) string { return c.gogc }, os.Stdout, os.Stderr).savingMemory(observe)
		for i, want := range c.want {
			if observed(c.events[i]); percent() != want {
				t.Errorf("GOGC=%q: %d %% after event %d, want %d", c.gogc, percent(), i, want)
			}
		}
	}
	if told != 12 {
		t.Errorf("%d events were passed on", told)
	}
}
