package pass

import (
	"fmt"
	"slices"
	"sync"

	"github.com/dandyroll/dandyroll/endpoint"
)

// failureList collects failures and warnings from all folders, and tells the observer.
type failureList struct {
	tell func(Event)

	mu       sync.Mutex
	failures []Failure
	warnings []string
	dropped  int // flags that the destination did not keep
}

func (l *failureList) add(plan *folderPlan, ref string, err error) {
	f := Failure{
		Folder: display(plan.source.Path), ID: ref,
		Code: endpoint.CodeOf(err).String(), Reason: reasonOf(err),
	}
	l.mu.Lock()
	l.failures = append(l.failures, f)
	l.mu.Unlock()
	l.tell(ItemFailed{f})
}

func (l *failureList) warn(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := fmt.Sprintf(format, args...)
	if !slices.Contains(l.warnings, text) {
		l.warnings = append(l.warnings, text)
	}
}

func (l *failureList) dropFlags(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dropped += n
}

// warned returns the warnings so far.
func (l *failureList) warned() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.warnings)
}

// fill writes what was collected into a report.
func (l *failureList) fill(r *Report) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r.Failures = append([]Failure{}, l.failures...)
	r.Warnings = slices.Clone(l.warnings)
	if l.dropped > 0 {
		r.Warnings = append(r.Warnings, fmt.Sprintf("%d flags or keywords were not kept by the destination", l.dropped))
	}
}
