package main

import (
	"os"
	"runtime/debug"
	"testing"

	"github.com/dandyroll/dandyroll/pass"
)

// The collector works more often once very many items are planned, and not if the user has a say.
func TestSavingMemory(t *testing.T) {
	before := debug.SetGCPercent(100)
	t.Cleanup(func() { debug.SetGCPercent(before) })
	percent := func() int {
		now := debug.SetGCPercent(100)
		debug.SetGCPercent(now)
		return now
	}
	half := pass.FolderPlanned{Counts: pass.Counts{Listed: manyItems / 2}}
	told := 0
	observe := func(pass.Event) { told++ }
	for _, c := range []struct {
		gogc string
		want []int
	}{{"200", []int{100, 100, 100}}, {"", []int{100, gcPercent, gcPercent}}} {
		observed := newProgram(func(string) string { return c.gogc }, os.Stdout, os.Stderr).savingMemory(observe)
		for i, want := range c.want {
			if observed(half); percent() != want {
				t.Errorf("GOGC=%q: %d %% after event %d, want %d", c.gogc, percent(), i, want)
			}
		}
	}
	if told != 6 {
		t.Errorf("%d events were passed on", told)
	}
}
