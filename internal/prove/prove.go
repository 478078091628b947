// Package prove is what the tests of the long proof share.
//
// A test whose name begins with TestProve has a short form, which `go test` runs, and a long one,
// which `make prove` runs and whose figures it prints.
package prove

import (
	"os"
	"testing"
)

// Variable is the environment variable that, when it is "1", selects the long form.
const Variable = "DANDYROLL_PROVE"

// Long reports whether the long form is to run.
func Long() bool { return os.Getenv(Variable) == "1" }

// Scale returns how much is to be tried: short in the short form, long in the long one.
func Scale(short, long int) int {
	if Long() {
		return long
	}
	return short
}

// Figures are what came of a proof.
type Figures struct {
	Tried       int // crash points, faults, histories, damages: what the name of the proof says
	Lost        int // items of the source that were neither at the destination nor accounted for
	Duplicated  int // items that were at the destination more often than at the source
	Unexplained int // everything else that was not as predicted
}

// Record prints the figures of a proof in the line that `make prove` collects, and fails the test
// unless something was tried and nothing went wrong.
func Record(t testing.TB, name string, f Figures) {
	t.Helper()
	t.Logf("PROVED: %s: tried %d, lost %d, duplicated %d, unexplained %d", name, f.Tried, f.Lost, f.Duplicated, f.Unexplained)
	if f.Tried == 0 || f.Lost+f.Duplicated+f.Unexplained > 0 {
		t.Errorf("%s: not proved", name)
	}
}
