package main

import (
	"context"
	"fmt"
	"io"
	"iter"
	"strconv"
	"sync"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/watermark"
)

// fakeDestination is the mailbox to which the items of a fakeSource go. Of these it keeps one bit each,
// and computes their marks again when it is asked; the few items of other folders it keeps.
type fakeDestination struct {
	endpoint.Unimplemented
	key watermark.Key

	mu     sync.Mutex
	there  []uint64 // a bit for each item of the source
	count  int
	solid  int // all items below this number are there
	others map[string][]keptItem
	made   []watermark.Mark // by number, where they were computed beforehand
}

// keptItem is an item of a folder that is not the inbox.
type keptItem struct {
	put  endpoint.Put
	body []byte // with its mark
}

// newFakeDestination returns a mailbox that holds the first items of the source.
func newFakeDestination(key watermark.Key, present int) *fakeDestination {
	d := &fakeDestination{key: key, others: map[string][]keptItem{}}
	for i := range present {
		d.set(i)
	}
	return d
}

// set enters that an item is there, and reports whether it was not. The lock is held, or nobody else is here.
func (d *fakeDestination) set(i int) bool {
	for i/64 >= len(d.there) {
		d.there = append(d.there, 0)
	}
	bit := uint64(1) << (i % 64)
	if d.there[i/64]&bit != 0 {
		return false
	}
	d.there[i/64] |= bit
	d.count++
	for d.has(d.solid) {
		d.solid++
	}
	return true
}

func (d *fakeDestination) has(i int) bool {
	return i/64 < len(d.there) && d.there[i/64]&(1<<(i%64)) != 0
}

// holds returns how many items there are, and whether they are exactly the first of the source.
func (d *fakeDestination) holds() (count int, solid bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.count, d.count == d.solid
}

func (d *fakeDestination) Info() endpoint.Info {
	return endpoint.Info{Type: fakeType, Driver: "fake/1", Account: "destination"}
}

func (d *fakeDestination) Capabilities(context.Context) (endpoint.Capabilities, error) {
	return fakeCapabilities(), nil
}

func (d *fakeDestination) Folders(context.Context) iter.Seq2[endpoint.Folder, error] {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := []endpoint.Folder{inboxOf(d.count)}
	for name, items := range d.others {
		all = append(all, otherFolder(name, len(items)))
	}
	return one(all...)
}

func otherFolder(name string, items int) endpoint.Folder {
	return endpoint.Folder{ID: name, Path: []string{name}, Validity: fakeValidity, State: strconv.Itoa(items), Items: items}
}

// Stayed tells of states below which no number is missing; else references are not as old as their numbers say.
func (d *fakeDestination) Stayed(since, now string) func(ref string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if n, err := strconv.Atoi(now); err != nil || n > d.solid {
		return nil
	}
	return upTo(since)
}

// List is not needed of a destination.
func (d *fakeDestination) List(context.Context, endpoint.Folder, string) iter.Seq2[endpoint.Item, error] {
	return func(yield func(endpoint.Item, error) bool) {
		yield(endpoint.Item{}, endpoint.Errorf(endpoint.Unsupported, "a fake destination lists nothing"))
	}
}

// Refs yields what is there.
func (d *fakeDestination) Refs(_ context.Context, f endpoint.Folder) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for i := range d.numbers(f, "") {
			if !yield(fakeRef(i), nil) {
				return
			}
		}
	}
}

// Marks computes the marks of what is there.
func (d *fakeDestination) Marks(_ context.Context, f endpoint.Folder, since string) iter.Seq2[endpoint.Sighting, error] {
	return func(yield func(endpoint.Sighting, error) bool) {
		for i := range d.numbers(f, since) {
			if !yield(endpoint.Sighting{Ref: fakeRef(i), Marks: watermark.Reading{Marks: []watermark.Mark{d.mark(f, i)}}}, nil) {
				return
			}
		}
	}
}

// mark is the mark of an item. In the inbox it is what a pass of the first generation computes.
func (d *fakeDestination) mark(f endpoint.Folder, i int) watermark.Mark {
	if f.ID != fakeFolder {
		d.mu.Lock()
		defer d.mu.Unlock()
		return d.others[f.ID][i].put.Mark
	}
	if i < len(d.made) {
		return d.made[i]
	}
	types := watermark.Types{Source: fakeType, Destination: fakeType}
	id := d.key.ItemID(watermark.Item{
		Types: types, Pair: pairID, Generation: 1, Kind: endpoint.Mail.String(), Folder: []string{fakeFolder}, Identity: fakeIdentity(i),
	})
	return d.key.Mark(types, pairID, 1, id)
}

// remember computes the marks of all items that are there, so that they cost nothing later. It is called
// before anything else.
func (d *fakeDestination) remember() {
	inbox := inboxOf(d.count)
	made := make([]watermark.Mark, d.count)
	for i := range made {
		made[i] = d.mark(inbox, i)
	}
	d.made = made
}

// numbers yields the items of a folder since a state. As long as no number is missing below it, these are
// those from it on.
func (d *fakeDestination) numbers(f endpoint.Folder, since string) iter.Seq[int] {
	d.mu.Lock()
	defer d.mu.Unlock()
	first, end := 0, len(d.there)*64
	if f.ID != fakeFolder {
		end = len(d.others[f.ID])
	} else if n, err := strconv.Atoi(since); err == nil && n <= d.solid {
		first = n
	}
	return func(yield func(int) bool) {
		for i := first; i < end; i++ {
			if d.holdsNumber(f, i) && !yield(i) {
				return
			}
		}
	}
}

func (d *fakeDestination) holdsNumber(f endpoint.Folder, i int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return f.ID != fakeFolder || d.has(i)
}

// Read returns the bodies of items in other folders than the inbox.
func (d *fakeDestination) Read(_ context.Context, f endpoint.Folder, refs []string, _ endpoint.ReadOptions) iter.Seq2[endpoint.Body, error] {
	d.mu.Lock()
	defer d.mu.Unlock()
	var bodies []endpoint.Body
	for i, item := range d.others[f.ID] {
		bodies = append(bodies, endpoint.Body{
			Ref: fakeRef(i), Content: endpoint.Bytes(endpoint.RFC822, item.body), Flags: item.put.Flags, Received: item.put.Received,
		})
	}
	return one(bodies[:min(len(refs), len(bodies))]...)
}

// Put takes items, reading each body to its end.
func (d *fakeDestination) Put(_ context.Context, f endpoint.Folder, items []endpoint.Put) iter.Seq2[endpoint.PutResult, error] {
	return func(yield func(endpoint.PutResult, error) bool) {
		for _, item := range items {
			ref, err := d.take(f, item)
			if !yield(endpoint.PutResult{Mark: item.Mark, Ref: ref, Err: err}, nil) {
				return
			}
		}
	}
}

func (d *fakeDestination) take(f endpoint.Folder, item endpoint.Put) (ref string, err error) {
	body, err := item.Content.Open()
	if err != nil {
		return "", err
	}
	defer func() { _ = body.Close() }()
	text, err := io.ReadAll(body)
	if err != nil {
		return "", err
	}
	number, ok := fakeNumber(text)
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case f.ID != fakeFolder:
		d.others[f.ID] = append(d.others[f.ID], keptItem{item, append(watermark.Prefix(item.Mark, text), text...)})
		return fakeRef(len(d.others[f.ID]) - 1), nil
	case !ok:
		return "", endpoint.Errorf(endpoint.Invalid, "this is no item of a fake source")
	case !d.set(number):
		return "", fmt.Errorf("item %d came twice", number)
	}
	return fakeRef(number), nil
}

func (d *fakeDestination) CreateFolder(_ context.Context, f endpoint.Folder) (endpoint.Folder, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	name := f.Path[len(f.Path)-1]
	if name == fakeFolder {
		return inboxOf(d.count), nil
	}
	d.others[name] = append([]keptItem{}, d.others[name]...)
	return otherFolder(name, len(d.others[name])), nil
}

func (d *fakeDestination) DeleteFolder(_ context.Context, f endpoint.Folder) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.others, f.ID)
	return nil
}

func (d *fakeDestination) Close() error { return nil }
