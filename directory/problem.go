package directory

import (
	"fmt"
	"strings"
)

// Error is all that keeps accounts from being paired, or a list from being read. Its text has numbers
// only, so that it may be logged; the addresses are in Problems.
type Error struct {
	Problems []Problem
}

// Error names every problem in a line of its own.
func (e *Error) Error() string {
	texts := []string{fmt.Sprintf("accounts were not paired, problems: %d", len(e.Problems))}
	for _, p := range e.Problems {
		texts = append(texts, p.where())
	}
	return strings.Join(texts, "\n")
}

// Problem is one thing that is wrong. It has the addresses, which are its caller's own input, for the
// caller to show to whoever may see them.
type Problem struct {
	// Line is that of the list in which the problem is; 0 if it is in none.
	Line int
	// Reason says what is wrong, and what to do about it. It has no address.
	Reason string
	// Source and Destination are the primary addresses of the accounts concerned, up to ten of each,
	// or what stands in the list in their place.
	Source, Destination []string
}

// String returns line, reason and addresses, the latter quoted.
func (p Problem) String() string {
	return fmt.Sprintf("%s: from %q to %q", p.where(), p.Source, p.Destination)
}

func (p Problem) where() string {
	if p.Line == 0 {
		return p.Reason
	}
	return fmt.Sprintf("line %d: %s", p.Line, p.Reason)
}
