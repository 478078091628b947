// Package faultendpoint makes any mailbox fail on purpose, and each time in the same way.
//
// A [Plan] says at which calls, or at which element of the sequence of a call, what happens. It has
// a text form, so that a run that failed can be pasted into a test. A [Process] carries the plan
// out: it numbers the calls of all mailboxes, and with package faultstore of all stores, that were
// wrapped for it.
//
// Which methods exist, and how they are named, is in the documentation of [Wrap].
package faultendpoint

import (
	"context"
	"errors"
	"io"
	"iter"
	"strconv"
	"strings"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/internal/fault"
)

// What faults are made of. These types and constants are the same in package faultstore.
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
	Item        = fault.Item        // one item of a Read or Put fails, without effect
	ItemAfter   = fault.ItemAfter   // one item of a Put is written, and fails
	Truncate    = fault.Truncate    // a body that is read ends below its size
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
//	after in-doubt on side=dst method=put at=2
//	before throttled 30s on nth=3 method=marks
//	truncate 10 on method=read item=7
//	crash-after on call=17
//	before unavailable on seed=42 rate=0.01
//
// Conditions are side, method, folder, at (start, the number of an element, end), item (a reference
// or a mark), call (the number among all calls of the process), nth (the number among the calls with
// the same side, method, folder and at) and rate with seed.
func Parse(text string) (Plan, error) { return fault.Parse(text) }

// NewProcess returns a process whose calls fail by a plan; a nil plan lets everything through. A
// function, if it is not nil, is told of every call, one at a time, before it happens.
func NewProcess(plan Plan, observe func(Call, Effect)) *Process {
	return fault.NewProcess(plan, observe)
}

// Wrap returns a mailbox over the driver of m whose calls fail by the plan of a process. Side is
// the name of the mailbox in plans and traces. Codes are those of package endpoint, such as
// "in-doubt"; any other word makes an error with code Unknown.
//
// The methods are capabilities, folders, state, list, outline, refs, read, marks, flags, find, put, delete,
// set-flags, create-folder, delete-folder, subscribe and quota; Info, Wire and Close never fail.
// What is to happen to the items of a put, delete or set-flags is decided, in their order, before
// the first of them is sent, so that the items up to a fault go out together.
func Wrap(m *endpoint.Mailbox, side string, p *Process) *endpoint.Mailbox {
	return endpoint.New(&driver{
		Driver: m.Driver(),
		faults: fault.Wrapper{Process: p, Side: side, ErrorOf: errorOf},
	})
}

type driver struct {
	endpoint.Driver
	faults fault.Wrapper
}

// errorOf makes the error that an effect names.
func errorOf(e Effect) error {
	err := &endpoint.Error{Code: endpoint.Unknown, RetryAfter: e.Wait, Err: errors.New("by plan")}
	for code := endpoint.Unknown; code <= endpoint.Unconfirmed; code++ {
		if code.String() == e.Code {
			err.Code = code
		}
	}
	return err
}

// about returns the call of a method with a folder.
func about(method string, f endpoint.Folder) Call {
	return Call{Method: method, Folder: strings.Join(f.Path, "/")}
}

// changing returns the call of a method with an effect on a folder.
func changing(method string, f endpoint.Folder) Call {
	c := about(method, f)
	c.Writes = true
	return c
}

func (d *driver) Capabilities(ctx context.Context) (caps endpoint.Capabilities, err error) {
	err = d.faults.Do(ctx, Call{Method: "capabilities"}, func() error {
		caps, err = d.Driver.Capabilities(ctx)
		return err
	})
	return caps, err
}

func (d *driver) Folders(ctx context.Context) iter.Seq2[endpoint.Folder, error] {
	of := fault.Elements[endpoint.Folder]{Name: func(f endpoint.Folder) string { return strings.Join(f.Path, "/") }}
	return fault.Stream(ctx, d.faults, Call{Method: "folders"}, of, func() iter.Seq2[endpoint.Folder, error] {
		return d.Driver.Folders(ctx)
	})
}

func (d *driver) State(ctx context.Context, f endpoint.Folder, since string) (state string, err error) {
	err = d.faults.Do(ctx, about("state", f), func() error {
		state, err = d.Driver.State(ctx, f, since)
		return err
	})
	return state, err
}

func (d *driver) List(ctx context.Context, f endpoint.Folder, since string) iter.Seq2[endpoint.Item, error] {
	of := fault.Elements[endpoint.Item]{Name: func(it endpoint.Item) string { return it.Ref }}
	return fault.Stream(ctx, d.faults, about("list", f), of, func() iter.Seq2[endpoint.Item, error] {
		return d.Driver.List(ctx, f, since)
	})
}

func (d *driver) Outline(ctx context.Context, f endpoint.Folder, since string) iter.Seq2[endpoint.Item, error] {
	of := fault.Elements[endpoint.Item]{Name: func(it endpoint.Item) string { return it.Ref }}
	return fault.Stream(ctx, d.faults, about("outline", f), of, func() iter.Seq2[endpoint.Item, error] {
		return d.Driver.Outline(ctx, f, since)
	})
}

func (d *driver) Refs(ctx context.Context, f endpoint.Folder) iter.Seq2[string, error] {
	of := fault.Elements[string]{Name: func(ref string) string { return ref }}
	return fault.Stream(ctx, d.faults, about("refs", f), of, func() iter.Seq2[string, error] {
		return d.Driver.Refs(ctx, f)
	})
}

func (d *driver) Marks(ctx context.Context, f endpoint.Folder, since string) iter.Seq2[endpoint.Sighting, error] {
	of := fault.Elements[endpoint.Sighting]{Name: func(s endpoint.Sighting) string { return s.Ref }}
	return fault.Stream(ctx, d.faults, about("marks", f), of, func() iter.Seq2[endpoint.Sighting, error] {
		return d.Driver.Marks(ctx, f, since)
	})
}

func (d *driver) Flags(ctx context.Context, f endpoint.Folder, refs []string) iter.Seq2[endpoint.Flagging, error] {
	of := fault.Elements[endpoint.Flagging]{Name: func(g endpoint.Flagging) string { return g.Ref }}
	return fault.Stream(ctx, d.faults, about("flags", f), of, func() iter.Seq2[endpoint.Flagging, error] {
		return d.Driver.Flags(ctx, f, refs)
	})
}

func (d *driver) Find(ctx context.Context, f endpoint.Folder, id string) iter.Seq2[string, error] {
	of := fault.Elements[string]{Name: func(ref string) string { return ref }}
	return fault.Stream(ctx, d.faults, about("find", f), of, func() iter.Seq2[string, error] {
		return d.Driver.Find(ctx, f, id)
	})
}

func (d *driver) Read(ctx context.Context, f endpoint.Folder, refs []string, o endpoint.ReadOptions) iter.Seq2[endpoint.Body, error] {
	of := fault.Elements[endpoint.Body]{
		Name:  func(b endpoint.Body) string { return b.Ref },
		Alter: alter,
		Drop:  drop,
	}
	call := about("read", f)
	call.Detail = strconv.Itoa(len(refs))
	return fault.Stream(ctx, d.faults, call, of, func() iter.Seq2[endpoint.Body, error] {
		return d.Driver.Read(ctx, f, refs, o)
	})
}

// alter makes a body fail or end early.
func alter(b endpoint.Body, e Effect) endpoint.Body {
	switch {
	case e.Do == Item:
		drop(b)
		return endpoint.Body{Ref: b.Ref, Err: errorOf(e)}
	case b.Content != nil:
		b.Content = truncated{b.Content, e.Bytes}
	}
	return b
}

func drop(b endpoint.Body) {
	if b.Content != nil {
		_ = b.Content.Close() // nobody reads it
	}
}

// truncated is a content that has fewer bytes than its size says.
type truncated struct {
	endpoint.Content
	bytes int64
}

func (t truncated) Open() (io.ReadCloser, error) {
	r, err := t.Content.Open()
	if err != nil {
		return nil, err
	}
	return shortened{io.LimitReader(r, t.bytes), r}, nil
}

type shortened struct {
	io.Reader
	io.Closer
}

func (d *driver) CreateFolder(ctx context.Context, f endpoint.Folder) (made endpoint.Folder, err error) {
	err = d.faults.Do(ctx, changing("create-folder", f), func() error {
		made, err = d.Driver.CreateFolder(ctx, f)
		return err
	})
	return made, err
}

func (d *driver) DeleteFolder(ctx context.Context, f endpoint.Folder) error {
	return d.faults.Do(ctx, changing("delete-folder", f), func() error { return d.Driver.DeleteFolder(ctx, f) })
}

func (d *driver) Subscribe(ctx context.Context, f endpoint.Folder) error {
	return d.faults.Do(ctx, changing("subscribe", f), func() error { return d.Driver.Subscribe(ctx, f) })
}

func (d *driver) Quota(ctx context.Context) (q endpoint.Quota, err error) {
	err = d.faults.Do(ctx, Call{Method: "quota"}, func() error {
		q, err = d.Driver.Quota(ctx)
		return err
	})
	return q, err
}
