package faultendpoint

import (
	"context"
	"iter"
	"strconv"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/internal/fault"
	"github.com/dandyroll/dandyroll/watermark"
)

func (d *driver) Put(ctx context.Context, f endpoint.Folder, items []endpoint.Put) iter.Seq2[endpoint.PutResult, error] {
	return func(yield func(endpoint.PutResult, error) bool) {
		b := d.schedule(ctx, f, items)
		if b.begun {
			defer d.faults.Process.Leave()
		}
		if len(b.send) == 0 { // the driver is not even called
			b.finish(yield)
			return
		}
		for r, err := range d.Driver.Put(ctx, f, b.send) {
			if err == nil {
				if e, late := b.late[r.Mark]; b.silent || late && e.Stops() {
					continue // the answer is lost
				} else if late {
					r = endpoint.PutResult{Mark: r.Mark, Err: errorOf(e)}
				}
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
		b.finish(yield)
	}
}

// batch is what is to become of the items of one put.
type batch struct {
	begun  bool // the process knows that items may be under way
	send   []endpoint.Put
	silent bool                      // no answer arrives
	late   map[watermark.Mark]Effect // of items that are written
	failed []endpoint.PutResult      // of items that are not
	end    func() error              // the end of the sequence
}

// schedule decides what is to become of each item. It stops at the first fault that ends the call.
func (d *driver) schedule(ctx context.Context, f endpoint.Folder, items []endpoint.Put) *batch {
	b := &batch{late: map[watermark.Mark]Effect{}}
	call := changing("put", f)
	call.Side = d.faults.Side
	reach := func(at, item, detail string) (e Effect, ended bool) {
		call.At, call.Item, call.Detail = at, item, detail
		e, err := d.faults.Process.Reach(ctx, call)
		b.begun = b.begun || err == nil
		switch {
		case err != nil:
			b.end = func() error { return err }
		case e.Stops():
			b.end = func() error { return d.faults.Process.Fail(e, errorOf) }
		}
		return e, b.end != nil
	}
	if e, ended := reach(fault.Start, "", strconv.Itoa(len(items))); ended {
		if e.Late() {
			b.send, b.silent = items, true
		}
		return b
	}
	for i, it := range items {
		e, ended := reach(strconv.Itoa(i+1), it.Mark.String(), "")
		b.add(it, e, ended)
		if ended {
			return b
		}
	}
	reach(fault.End, "", "")
	return b
}

// add enters what happens to one item.
func (b *batch) add(it endpoint.Put, e Effect, ended bool) {
	switch {
	case e.Late():
		b.send = append(b.send, it)
		b.late[it.Mark] = e
	case e.Do == Item:
		b.failed = append(b.failed, endpoint.PutResult{Mark: it.Mark, Err: errorOf(e)})
	case !ended:
		b.send = append(b.send, it)
	}
}

// finish yields what is left when the driver has answered.
func (b *batch) finish(yield func(endpoint.PutResult, error) bool) {
	for _, r := range b.failed {
		if !yield(r, nil) {
			return
		}
	}
	if b.end != nil {
		yield(endpoint.PutResult{}, b.end())
	}
}
