// Package fault decides, for the wrappers faultendpoint and faultstore, which calls fail and how.
//
// A [Plan] is a list of rules, which has a text form; a [Process] numbers the calls of everything
// that is wrapped for it and asks the plan about each.
package fault

import "strings"

// Call is a point at which a fault may happen: a call of a method, or one element of the sequence
// that a method yields.
type Call struct {
	// Side is the name that was given to the wrapper, such as "dst".
	Side string
	// Method is the method in lower case, its words joined by hyphens, such as "create-folder".
	Method string
	// Folder is the path of the folder that the call is about, joined by slashes; of a store, the
	// name of the folder or the ID of the pair.
	Folder string
	// At is the place within the call: Start, the number of an element from 1, or End.
	At string
	// Item is the reference or the mark of the element.
	Item string
	// Writes says that the call has an effect, so that its answer can be lost.
	Writes bool
	// Detail says more about the call, for traces.
	Detail string

	// N numbers all calls of a Process, from 1.
	N int
	// Nth numbers the calls that have Side, Method, Folder and At in common, from 1.
	Nth int
}

// The places of a call that are no element. A call without a sequence has only a Start.
const (
	Start = "start"
	End   = "end"
)

// element reports whether c is one element of a sequence.
func (c Call) element() bool { return c.At != Start && c.At != End }

// begins reports whether an effect may be under way from c on.
func (c Call) begins() bool { return c.Writes && c.At == Start }

// String returns side, method, folder, place and details, for traces.
func (c Call) String() string {
	words := []string{c.Side, c.Method}
	if c.Folder != "" {
		words = append(words, quote(c.Folder))
	}
	if c.At != Start {
		words = append(words, "at="+c.At)
	}
	if c.Detail != "" {
		words = append(words, c.Detail)
	}
	return strings.Join(words, " ")
}
