// Package faultstore makes any store fail on purpose, and each time in the same way.
//
// A [Plan] says at which calls, or at which element of the sequence of a call, what happens. It has
// a text form, so that a run that failed can be pasted into a test. A [Process] carries the plan
// out: it numbers the calls of all stores, and with package faultendpoint of all mailboxes, that
// were wrapped for it.
package faultstore

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/dandyroll/dandyroll/internal/fault"
	"github.com/dandyroll/dandyroll/store"
)

// What faults are made of. These types and constants are the same in package faultendpoint.
type (
	// Call is a point at which a fault may happen: a call, or an element of its sequence. Start and
	// End are the places of a call that are no element.
	Call = fault.Call
	// Effect is what happens at a call.
	Effect = fault.Effect
	// Action is the kind of an Effect.
	Action = fault.Action
	// Rule makes an effect happen at every call that all of its conditions fit.
	Rule = fault.Rule
	// Plan is a list of rules, of which the first that fits a call has its effect. String returns
	// its text form.
	Plan = fault.Plan
	// Process stands for one process, whose calls are numbered and crash together.
	Process = fault.Process
)

// The actions, and the places of a call.
const (
	Before      = fault.Before      // the call fails without effect
	After       = fault.After       // the call has its effect, and its answer is lost
	Delay       = fault.Delay       // the call waits
	CrashBefore = fault.CrashBefore // the process ends instead of the call
	CrashAfter  = fault.CrashAfter  // the process ends after the effect of the call

	Start = fault.Start
	End   = fault.End
)

// ErrCrashed is the error of every call of a process that has crashed.
var ErrCrashed = fault.ErrCrashed

// Parse reads the text form of a plan: rules that semicolons or line ends separate, each an effect
// and its conditions, all of which must fit.
//
//	before no-space on method=commit nth=3
//	crash-after on call=17
//	before damaged on seed=42 rate=0.01
//
// Conditions are side, method, folder, at (start, the number of an element, end), call (the number
// among all calls of the process), nth (the number among the calls with the same side, method,
// folder and at) and rate with seed.
func Parse(text string) (Plan, error) { return fault.Parse(text) }

// NewProcess returns a process whose calls fail by a plan; a nil plan lets everything through. A
// function, if it is not nil, is told of every call, one at a time, before it happens.
func NewProcess(plan Plan, observe func(Call, Effect)) *Process {
	return fault.NewProcess(plan, observe)
}

// Wrap returns a store whose calls, and those of its ledgers, fail by the plan of a process. The
// side of its calls is "store", their folder what the method is given: a pair, a folder, or a side.
// Codes are busy, damaged, format, no-space, key, fenced and closed, for the errors of package
// store; any other word makes an error that is none of these.
//
// The methods are open, pairs, history, reset, reset-statistics and rebind, and of a ledger records, lookup,
// folders, sightings, commit and close. Meta, Stats, Deadline and the Close of the store never fail.
// A commit that fails after its effect is a store that breaks clause S4 of package store; what uses
// a store should stand even that.
func Wrap(s store.Store, p *Process) store.Store {
	return &wrapped{Store: s, faults: fault.Wrapper{Process: p, Side: "store", ErrorOf: errorOf}}
}

type wrapped struct {
	store.Store
	faults fault.Wrapper
}

var errPlanned = errors.New("failed by plan")

// errorOf makes the error that an effect names.
func errorOf(e Effect) error {
	switch e.Code {
	case "busy":
		return planned(store.ErrBusy)
	case "damaged":
		return planned(store.ErrDamaged)
	case "format":
		return planned(store.ErrFormat)
	case "no-space":
		return planned(store.ErrNoSpace)
	case "key":
		return planned(store.ErrKey)
	case "fenced":
		return planned(store.ErrFenced)
	case "closed":
		return planned(store.ErrClosed)
	}
	return errPlanned
}

func planned(err error) error { return fmt.Errorf("%w: %w", errPlanned, err) }

func (s *wrapped) Open(ctx context.Context, pair string) (l store.Ledger, err error) {
	err = s.faults.Do(ctx, Call{Method: "open", Folder: pair}, func() error {
		l, err = s.Store.Open(ctx, pair)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &ledger{Ledger: l, faults: s.faults}, nil
}

func (s *wrapped) Pairs(ctx context.Context) iter.Seq2[store.Pair, error] {
	return fault.Stream(ctx, s.faults, Call{Method: "pairs"}, fault.Elements[store.Pair]{}, func() iter.Seq2[store.Pair, error] {
		return s.Store.Pairs(ctx)
	})
}

func (s *wrapped) History(ctx context.Context, pair string) iter.Seq2[store.Pass, error] {
	call := Call{Method: "history", Folder: pair}
	return fault.Stream(ctx, s.faults, call, fault.Elements[store.Pass]{}, func() iter.Seq2[store.Pass, error] {
		return s.Store.History(ctx, pair)
	})
}

func (s *wrapped) Reset(ctx context.Context, pair string, f store.Filter, dry bool) (n store.Forgotten, err error) {
	err = s.faults.Do(ctx, Call{Method: "reset", Folder: pair, Writes: !dry}, func() error {
		n, err = s.Store.Reset(ctx, pair, f, dry)
		return err
	})
	return n, err
}

func (s *wrapped) ResetStatistics(ctx context.Context, pair string) (passes int, err error) {
	err = s.faults.Do(ctx, Call{Method: "reset-statistics", Folder: pair, Writes: true}, func() error {
		passes, err = s.Store.ResetStatistics(ctx, pair)
		return err
	})
	return passes, err
}

func (s *wrapped) Rebind(ctx context.Context, pair string, source, destination store.Binding) error {
	return s.faults.Do(ctx, Call{Method: "rebind", Folder: pair, Writes: true}, func() error {
		return s.Store.Rebind(ctx, pair, source, destination)
	})
}
