package memendpoint

import (
	"strconv"
	"strings"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
)

// stateParts is how many numbers a State has.
const stateParts = 6

// position is what a State says of where a listing goes on. The zero value is the beginning.
type position struct {
	// ref is the reference before which nothing more will appear: that of the next item, or of the
	// first one that does not show yet.
	ref uint64
	// updates are the changes of the content of items that were made so far.
	updates uint64
}

// before reports whether an item came, or its content changed, after the position.
func (p position) before(it *item) bool { return it.ref >= p.ref || it.updated > p.updates }

// state returns the State of a folder at a time: validity, position, and counts of what happened in
// it. An item that does not show yet has not come, so that the state changes again when it does.
func (q Quirks) state(f *folder, now time.Time) string {
	at, hidden := position{ref: f.next, updates: f.updates}, uint64(0)
	for _, it := range f.items {
		if it.shows.After(now) {
			at.ref = min(at.ref, it.ref)
			hidden++
		}
	}
	flagged := f.flagged
	if q.NoFlags {
		flagged = 0
	}
	if q.NoVersions {
		at.updates = 0
	}
	numbers := [stateParts]uint64{f.validity, at.ref, at.updates, f.changes - hidden, f.gone, flagged}
	parts := make([]string, len(numbers))
	for i, n := range numbers {
		parts[i] = decimal(n)
	}
	return strings.Join(parts, ".")
}

// tell returns what the method State answers where a folder has a state: since, if that is the same
// and not expired, else one that was never told before, which is the state and a serial number.
func (s *Server) tell(state, since string) string {
	if same, serial, told := strings.Cut(since, serialMark); told && same == state && !s.forgot(serial) {
		return since
	}
	s.told++
	return state + serialMark + decimal(s.told)
}

// serialMark stands before the serial number of a state that was told by the method State.
const serialMark = "#"

// forgot reports whether the state with a serial number expired.
func (s *Server) forgot(serial string) bool {
	n, err := strconv.ParseUint(serial, 10, 64)
	return err != nil || n <= s.expired
}

// position takes a state of a folder apart. That of one that expired is the beginning. It fails with
// Stale if the state is of another validity.
func (s *Server) position(f *folder, since string) (position, error) {
	if since == "" {
		return position{}, nil
	}
	numbers, serial, told := numbersOf(since)
	switch {
	case len(numbers) != stateParts:
		return position{}, endpoint.Errorf(endpoint.Invalid, "since is no state of this folder")
	case numbers[0] != f.validity:
		return position{}, endpoint.Errorf(endpoint.Stale, "list the folder from the beginning")
	case told && s.forgot(serial):
		return position{}, nil
	}
	return position{ref: numbers[1], updates: numbers[2]}, nil
}

// numbersOf takes a state apart: its numbers, and its serial number if it was told by the method State.
func numbersOf(since string) (numbers []uint64, serial string, told bool) {
	state, serial, told := strings.Cut(since, serialMark)
	for part := range strings.SplitSeq(state, ".") {
		n, err := strconv.ParseUint(part, 10, 64)
		if err != nil {
			break
		}
		numbers = append(numbers, n)
	}
	return numbers, serial, told
}

// Stayed implements endpoint.Driver. States that were told by the method State do not tell.
func (s *session) Stayed(since, now string) func(ref string) bool {
	first, _, told := numbersOf(since)
	last, _, _ := numbersOf(now)
	const validity, next, gone = 0, 1, 4
	if told || len(first) != stateParts || len(last) != stateParts || first[validity] != last[validity] || first[gone] != last[gone] {
		return nil
	}
	return func(ref string) bool {
		n, err := strconv.ParseUint(ref, 10, 64)
		return err == nil && n < first[next]
	}
}
