package faultendpoint

import (
	"context"
	"iter"
	"strconv"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/internal/fault"
)

// writing is a method that has an effect on each of many items and yields a result for each.
type writing[T, R any] struct {
	method string
	// item names an item, and answered the item that a result is of, in the same way.
	item     func(T) string
	answered func(R) string
	// failed makes the result of an item that did not succeed.
	failed func(T, error) R
}

// call makes a call of a writing method whose items fail by plan.
func call[T, R any](ctx context.Context, d *driver, f endpoint.Folder, w writing[T, R], items []T,
	send func([]T) iter.Seq2[R, error],
) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		b := &batch[T, R]{writing: w, late: map[string]lateItem[T]{}}
		b.schedule(ctx, d.faults, f, items)
		if b.begun {
			defer d.faults.Process.Leave()
		}
		if len(b.send) == 0 { // the driver is not even called
			b.finish(yield)
			return
		}
		for r, err := range send(b.send) {
			if err == nil {
				if late, is := b.late[w.answered(r)]; b.silent || is && late.effect.Stops() {
					continue // the answer is lost
				} else if is {
					r = w.failed(late.item, errorOf(late.effect))
				}
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
		b.finish(yield)
	}
}

// batch is what is to become of the items of one call.
type batch[T, R any] struct {
	writing[T, R]

	begun  bool // the process knows that items may be under way
	send   []T
	silent bool                   // no answer arrives
	late   map[string]lateItem[T] // items that are written, by their names
	refuse []R                    // of items that are not
	end    func() error           // the end of the sequence
}

// lateItem is an item that is written, and then something happens.
type lateItem[T any] struct {
	item   T
	effect Effect
}

// schedule decides what is to become of each item. It stops at the first fault that ends the call.
func (b *batch[T, R]) schedule(ctx context.Context, w fault.Wrapper, f endpoint.Folder, items []T) {
	call := changing(b.method, f)
	call.Side = w.Side
	reach := func(at, item, detail string) (e Effect, ended bool) {
		call.At, call.Item, call.Detail = at, item, detail
		e, err := w.Process.Reach(ctx, call)
		b.begun = b.begun || err == nil
		switch {
		case err != nil:
			b.end = func() error { return err }
		case e.Stops():
			b.end = func() error { return w.Process.Fail(e, errorOf) }
		}
		return e, b.end != nil
	}
	if e, ended := reach(fault.Start, "", strconv.Itoa(len(items))); ended {
		if e.Late() {
			b.send, b.silent = items, true
		}
		return
	}
	for i, it := range items {
		e, ended := reach(strconv.Itoa(i+1), b.item(it), "")
		b.add(it, e, ended)
		if ended {
			return
		}
	}
	reach(fault.End, "", "")
}

// add enters what happens to one item.
func (b *batch[T, R]) add(it T, e Effect, ended bool) {
	switch {
	case e.Late():
		b.send = append(b.send, it)
		b.late[b.item(it)] = lateItem[T]{it, e}
	case e.Do == Item:
		b.refuse = append(b.refuse, b.failed(it, errorOf(e)))
	case !ended:
		b.send = append(b.send, it)
	}
}

// finish yields what is left when the driver has answered.
func (b *batch[T, R]) finish(yield func(R, error) bool) {
	for _, r := range b.refuse {
		if !yield(r, nil) {
			return
		}
	}
	if b.end != nil {
		var none R
		yield(none, b.end())
	}
}
