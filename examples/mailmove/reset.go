package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store"
)

// reset forgets what was migrated, or that of it which the flags select.
func (p program) reset(ctx context.Context, s settings) int {
	switch {
	case s.reset.statistics:
		return p.resetStatistics(ctx, s)
	case s.reset.plan:
		return p.planReset(ctx, s)
	}
	done, err := runReset(ctx, s, func(count store.Forgotten) { p.printCount(s, count) })
	if err != nil {
		p.printError(err)
		return errorStatus(err)
	}
	p.printReset(s, done)
	return complete
}

func runReset(ctx context.Context, s settings, announce func(store.Forgotten)) (forgotten store.Forgotten, err error) {
	db, _, err := openPair(ctx, s)
	if err != nil {
		return forgotten, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
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

// planReset says what the next pass would do after a reset, and forgets nothing.
func (p program) planReset(ctx context.Context, s settings) int {
	s.dryRun = true
	show := newProgress(p.stderr)
	count, report, err := p.runPlanReset(ctx, s, show.observe)
	show.close()
	if report == nil {
		p.printError(err)
		return errorStatus(err)
	}
	if s.json {
		p.printJSON(planResetDocument{newResetDocument(s, count), report})
	} else {
		p.printCount(s, count)
		p.stdout.printf("nothing was forgotten; had it been, this is what the next run would do:\n")
		p.printReport(s, report)
	}
	p.printError(err)
	return exitStatus(report, err)
}

func (p program) runPlanReset(ctx context.Context, s settings, observer func(pass.Event)) (count store.Forgotten, report *pass.Report, err error) {
	m, err := p.open(ctx, s, observer)
	defer func() { err = errors.Join(err, m.close()) }()
	if err != nil {
		return count, nil, err
	}
	filter, err := resetFilter(ctx, m.store, s)
	if err != nil {
		return count, nil, err
	}
	if count, err = m.store.Reset(ctx, s.pair, filter, true); err != nil {
		return count, nil, err
	}
	report, err = m.engine.PlanReset(ctx, m.pair, m.options, filter)
	return count, report, err
}

// resetFilter turns the patterns of folders into the names that the pair's records have.
func resetFilter(ctx context.Context, db store.Store, s settings) (store.Filter, error) {
	filter, r := s.reset.filter, s.reset
	if len(r.include) == 0 && len(r.exclude) == 0 {
		return filter, nil
	}
	names, err := recordedFolders(ctx, db, s.pair)
	if err != nil {
		return filter, err
	}
	if err := errors.Join(allUsed("-include", r.include, names), allUsed("-exclude", r.exclude, names)); err != nil {
		return filter, err
	}
	filter.Folders = slices.DeleteFunc(names, func(name string) bool {
		return len(r.include) > 0 && !anyMatches(r.include, name) || anyMatches(r.exclude, name)
	})
	return filter, nil
}

// allUsed reports every pattern that matches none of the folders of which there are records.
func allUsed(flag string, patterns []pass.Pattern, names []string) error {
	var errs []error
	for _, pattern := range patterns {
		used := slices.ContainsFunc(names, func(name string) bool { return pattern.Matches(store.FolderPath(name)) })
		if !used {
			errs = append(errs, fmt.Errorf("nothing was forgotten: %s %q matches no folder of this pair", flag, pattern))
		}
	}
	return errors.Join(errs...)
}

func anyMatches(patterns []pass.Pattern, name string) bool {
	return slices.ContainsFunc(patterns, func(p pass.Pattern) bool { return p.Matches(store.FolderPath(name)) })
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
	Adopted int    `json:"adopted"`
	Removed int    `json:"removed"` // of the settled ones: these items come back
}

func newResetDocument(s settings, n store.Forgotten) resetDocument {
	return resetDocument{s.pair, s.dryRun, n.Records, n.Settled, n.Failed, n.Intents, n.Adopted, n.Removed}
}

// planResetDocument is the JSON form of a reset with -plan.
type planResetDocument struct {
	Reset resetDocument `json:"reset"`
	// Next is the report of the next pass, had the reset been done.
	Next *pass.Report `json:"next"`
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
		p.printJSON(newResetDocument(s, n))
		return
	}
	did := "forgot"
	if s.dryRun {
		did = "would forget"
	}
	p.stdout.printf("%s %d records; %d items that users removed at the destination come back with the next run\n",
		did, n.Records, n.Removed)
}
