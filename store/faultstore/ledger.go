package faultstore

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/dandyroll/dandyroll/internal/fault"
	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/watermark"
)

type ledger struct {
	store.Ledger
	faults fault.Wrapper
}

func (l *ledger) Records(ctx context.Context, folder string) iter.Seq2[store.Record, error] {
	call := Call{Method: "records", Folder: folder}
	return fault.Stream(ctx, l.faults, call, fault.Elements[store.Record]{}, func() iter.Seq2[store.Record, error] {
		return l.Ledger.Records(ctx, folder)
	})
}

func (l *ledger) Folders(ctx context.Context, side store.Side) iter.Seq2[store.Folder, error] {
	call := Call{Method: "folders", Folder: sideName(side)}
	return fault.Stream(ctx, l.faults, call, fault.Elements[store.Folder]{}, func() iter.Seq2[store.Folder, error] {
		return l.Ledger.Folders(ctx, side)
	})
}

func sideName(s store.Side) string {
	if s == store.Source {
		return "source"
	}
	return "destination"
}

func (l *ledger) Lookup(ctx context.Context, folder string, ids []watermark.ID) iter.Seq2[store.Record, error] {
	call := Call{Method: "lookup", Folder: folder}
	return fault.Stream(ctx, l.faults, call, fault.Elements[store.Record]{}, func() iter.Seq2[store.Record, error] {
		return l.Ledger.Lookup(ctx, folder, ids)
	})
}

func (l *ledger) Sightings(ctx context.Context, folder string) iter.Seq2[store.Sighting, error] {
	call := Call{Method: "sightings", Folder: folder}
	return fault.Stream(ctx, l.faults, call, fault.Elements[store.Sighting]{}, func() iter.Seq2[store.Sighting, error] {
		return l.Ledger.Sightings(ctx, folder)
	})
}

func (l *ledger) Commit(ctx context.Context, b store.Batch) error {
	call := Call{Method: "commit", Writes: true, Detail: describe(b)}
	return l.faults.Do(ctx, call, func() error { return l.Ledger.Commit(ctx, b) })
}

func (l *ledger) Close() error {
	// Without a context: giving up a ledger cannot be cancelled.
	return l.faults.Do(context.Background(), Call{Method: "close", Writes: true}, l.Ledger.Close) //nolint:forbidigo // store.Ledger.Close has none
}

// describe says what a batch holds, such as "intend=3 settle=2 source=1", for traces.
func describe(b store.Batch) string {
	status := map[store.Status]int{}
	for _, r := range b.Records {
		status[r.Status]++
	}
	sides := map[store.Side]int{}
	for _, f := range b.Folders {
		sides[f.Side]++
	}
	var words []string
	add := func(word string, n int) {
		if n > 0 {
			words = append(words, fmt.Sprintf("%s=%d", word, n))
		}
	}
	if b.Meta != nil {
		words = append(words, "meta")
	}
	add("intend", status[store.Intent])
	add("settle", status[store.Settled])
	add("fail", status[store.Failed])
	add("originate", status[store.Originated])
	add("remove", status[store.Removed])
	add("adopt", status[store.Adopted])
	add("forget", len(b.Forget))
	add("source", sides[store.Source])
	add("destination", sides[store.Destination])
	add("unscan", len(b.Unscan))
	add("see", len(b.Sightings))
	add("unsee", len(b.Unsee))
	if b.Pass != nil {
		words = append(words, "pass")
	}
	return strings.Join(words, " ")
}
