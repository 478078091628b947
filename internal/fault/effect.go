package fault

import "time"

// Action is what happens at a call. The zero value is nothing.
type Action uint8

// The actions.
const (
	// None lets the call through.
	None Action = iota
	// Before makes the call fail without effect; at an element, what came before it has happened.
	Before
	// After makes the call fail although it had its effect: the answer is lost. At the start of a
	// put it loses the answers of all items.
	After
	// Item makes one item of a read or put fail, without effect; the others go on.
	Item
	// ItemAfter makes one item of a put fail although it was written; the others go on.
	ItemAfter
	// Truncate ends a body that is read after Effect.Bytes bytes, below the size that it states.
	Truncate
	// Delay makes the call wait for Effect.Wait.
	Delay
	// CrashBefore ends the process instead of the call.
	CrashBefore
	// CrashAfter ends the process when the call has had its effect.
	CrashAfter
	numActions
)

// String returns the name of the action as it stands in the text form of a plan.
func (a Action) String() string {
	names := [numActions]string{
		"none", "before", "after", "item", "item-after", "truncate", "delay", "crash-before", "crash-after",
	}
	if a >= numActions {
		return "unknown"
	}
	return names[a]
}

// Effect is what a rule makes happen.
type Effect struct {
	Do Action
	// Code names the error of Before, After, Item and ItemAfter, such as "unavailable".
	Code string
	// Wait is how long a Delay takes, or what an error asks the caller to wait.
	Wait time.Duration
	// Bytes is where Truncate ends a body.
	Bytes int64
}

// Fits reports whether the effect can happen at a call.
func (e Effect) Fits(c Call) bool {
	switch e.Do {
	case Before, Delay, CrashBefore:
		return true
	case After, CrashAfter:
		return c.Writes && c.At != End
	case Item:
		return c.element() && (c.Method == "read" || answered(c.Method))
	case ItemAfter:
		return c.element() && answered(c.Method)
	case Truncate:
		return c.element() && c.Method == "read"
	case None, numActions:
	}
	return false
}

// answered reports whether a method writes items, and answers for each of them.
func answered(method string) bool {
	return method == "put" || method == "delete" || method == "set-flags"
}

// Stops reports whether the effect ends the whole call, not one item of it.
func (e Effect) Stops() bool {
	return e.Early() || e.Do == After || e.Do == CrashAfter
}

// Early reports whether the effect ends the call before its own effect.
func (e Effect) Early() bool { return e.Do == Before || e.Do == CrashBefore }

// Late reports whether the call has its effect nevertheless.
func (e Effect) Late() bool { return e.Do == After || e.Do == ItemAfter || e.Do == CrashAfter }

// Crashes reports whether the effect ends the process.
func (e Effect) Crashes() bool { return e.Do == CrashBefore || e.Do == CrashAfter }
