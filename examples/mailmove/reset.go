package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/dandyroll/dandyroll/store"
)

// reset forgets what was migrated, or that of it which the flags select.
func (p program) reset(ctx context.Context, s settings) int {
	done, err := runReset(ctx, s, func(count store.Forgotten) { p.printCount(s, count) })
	if err != nil {
		p.printError(err)
		return errorStatus(err)
	}
	p.printReset(s, done)
	return complete
}

func runReset(ctx context.Context, s settings, announce func(store.Forgotten)) (forgotten store.Forgotten, err error) {
	db, err := openExisting(s)
	if err != nil {
		return forgotten, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := knownPairs(ctx, db, s.pair); err != nil {
		return forgotten, err
	}
	filter, err := resetFilter(ctx, db, s)
	if err != nil {
		return forgotten, err
	}
	count, err := db.Reset(ctx, s.pair, filter, true)
	if err != nil {
		return forgotten, err
	}
	announce(count)
	if s.dryRun {
		return count, nil
	}
	return db.Reset(ctx, s.pair, filter, false)
}

// resetFilter turns the selection of folders into the names that the pair's records have.
func resetFilter(ctx context.Context, db store.Store, s settings) (store.Filter, error) {
	filter := store.Filter{Since: s.since, Before: s.before}
	if s.folders.empty() {
		return filter, nil
	}
	names, err := recordedFolders(ctx, db, s.pair)
	if err != nil {
		return filter, err
	}
	filter.Folders = slices.DeleteFunc(names, func(name string) bool {
		return !s.folders.selects(store.FolderPath(name))
	})
	if unused := s.folders.unused(); len(unused) > 0 {
		return filter, fmt.Errorf("nothing was forgotten: %s of this pair", unused[0])
	}
	return filter, nil
}

// recordedFolders returns the names of the source's folders of which there are records; never nil.
func recordedFolders(ctx context.Context, db store.Store, pair string) (names []string, err error) {
	ledger, err := db.Open(ctx, pair)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, ledger.Close()) }()
	found := map[string]bool{}
	for r, err := range ledger.Records(ctx, store.AllFolders) {
		if err != nil {
			return nil, err
		}
		found[r.Folder] = true
	}
	return append([]string{}, slices.Sorted(maps.Keys(found))...), nil
}

// resetDocument is the JSON form of a reset.
type resetDocument struct {
	Pair    string `json:"pair"`
	DryRun  bool   `json:"dryRun"`
	Records int    `json:"records"`
	Settled int    `json:"settled"`
	Failed  int    `json:"failed"`
	Intents int    `json:"intents"`
	Removed int    `json:"removed"` // of the settled ones: these items come back
}

// printCount says what a reset is about to forget.
func (p program) printCount(s settings, n store.Forgotten) {
	if s.json {
		return
	}
	p.stdout.printf("pair %s: %d records are selected: %d of migrated items, %d of failed ones, %d in doubt\n",
		safe(s.pair), n.Records, n.Settled, n.Failed, n.Intents)
}

func (p program) printReset(s settings, n store.Forgotten) {
	if s.json {
		p.printJSON(resetDocument{s.pair, s.dryRun, n.Records, n.Settled, n.Failed, n.Intents, n.Removed})
		return
	}
	did := "forgot"
	if s.dryRun {
		did = "would forget"
	}
	p.stdout.printf("%s %d records; %d items that users removed at the destination come back with the next run\n",
		did, n.Records, n.Removed)
}
