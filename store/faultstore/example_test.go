package faultstore_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/store/faultstore"
	"github.com/dandyroll/dandyroll/store/memstore"
)

// The disk is full at the second commit, and has room again at the third.
func ExampleWrap() {
	plan, err := faultstore.Parse("before no-space on method=commit nth=2")
	if err != nil {
		fmt.Println(err)
		return
	}
	process := faultstore.NewProcess(plan, nil)
	ctx := context.Background()
	ledger, err := faultstore.Wrap(memstore.New(), process).Open(ctx, "ann")
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 3 {
		err := ledger.Commit(ctx, store.Batch{Meta: &store.Meta{Generation: 1}})
		fmt.Println(err, errors.Is(err, store.ErrNoSpace))
	}
	// Output:
	// <nil> false
	// failed by plan: not enough free disk space true
	// <nil> false
}
