package pass_test

import (
	"context"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store/memstore"
)

// reticent leaves a folder out of its listings.
type reticent struct {
	endpoint.Driver
	hidden string
	count  func(items int) int // what it tells of the number of items in a folder that it creates
	lost   int                 // answers to puts that are lost
}

func (d *reticent) Folders(ctx context.Context) iter.Seq2[endpoint.Folder, error] {
	return func(yield func(endpoint.Folder, error) bool) {
		for f, err := range d.Driver.Folders(ctx) {
			if slices.Equal(f.Path, []string{d.hidden}) {
				continue
			}
			if !yield(f, err) {
				return
			}
		}
	}
}

func (d *reticent) CreateFolder(ctx context.Context, f endpoint.Folder) (endpoint.Folder, error) {
	made, err := d.Driver.CreateFolder(ctx, f)
	if d.count != nil {
		made.Items = d.count(made.Items)
	}
	return made, err
}

func (d *reticent) Put(ctx context.Context, f endpoint.Folder, items []endpoint.Put) iter.Seq2[endpoint.PutResult, error] {
	return func(yield func(endpoint.PutResult, error) bool) {
		for r, err := range d.Driver.Put(ctx, f, items) {
			if err == nil && slices.Equal(f.Path, []string{d.hidden}) && d.lost > 0 {
				d.lost--
				r.Err = endpoint.Errorf(endpoint.InDoubt, "the answer was lost")
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

// hiding is a pair whose destination lists all folders but one.
func (w *world) hiding(d reticent) pass.Pair {
	p := w.open()
	d.Driver = p.Destination.Driver()
	p.Destination = endpoint.New(&d)
	return p
}

// What was put into a folder that the destination does not list is there all the same, also what got no answer.
func TestFolderIsNotListedAfterItIsMade(t *testing.T) {
	w := newWorld(t)
	w.must(w.src.CreateFolder("Work"))
	w.deliver(5, inbox)
	w.deliver(5, "Work")
	r, err := w.engine().Run(t.Context(), w.hiding(reticent{hidden: "Work", lost: 2}), pass.Options{})
	w.must(err)
	want(t, r, pass.Counts{Listed: 10, Migrated: 10, Recovered: 2})
	w.same("Work")
	want(t, w.run(pass.Options{}), pass.Counts{Listed: 10, Already: 10})
	w.same("Work")
}

// Nothing is put into a folder that is there, with items, although the scan did not see it: they may be ours.
func TestFolderWithItemsIsNotListed(t *testing.T) {
	for name, count := range map[string]func(int) int{
		"and counted": nil,
		"uncounted":   func(int) int { return -1 },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.must(w.src.CreateFolder("Work"))
			w.deliver(5, inbox)
			w.deliver(5, "Work")
			w.run(pass.Options{})
			w.store = memstore.New()
			r, err := w.engine().Run(t.Context(), w.hiding(reticent{hidden: "Work", count: count}), pass.Options{})
			w.must(err)
			want(t, r, pass.Counts{Listed: 10, Already: 5, Deferred: 5, Healed: 5})
			if r.Complete || !slices.ContainsFunc(r.Warnings, func(s string) bool { return strings.Contains(s, "was not listed") }) {
				t.Errorf("complete %t, warnings %q", r.Complete, r.Warnings)
			}
			w.same("Work")
			want(t, w.run(pass.Options{}), pass.Counts{Listed: 10, Already: 10, Healed: 5})
			w.same("Work")
		})
	}
}

// A new folder whose number of items is not told is filled.
func TestNewFolderIsNotCounted(t *testing.T) {
	w := newWorld(t)
	w.must(w.src.CreateFolder("Work"))
	w.deliver(5, "Work")
	p := w.hiding(reticent{count: func(int) int { return -1 }})
	r, err := w.engine().Run(t.Context(), p, pass.Options{})
	w.must(err)
	want(t, r, pass.Counts{Listed: 5, Migrated: 5})
	w.same("Work")
}
