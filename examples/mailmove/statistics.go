package main

import (
	"context"
	"errors"
)

// resetStatistics forgets the history of the passes of a pair, and nothing of what they did.
func (p program) resetStatistics(ctx context.Context, s settings) int {
	passes, err := runResetStatistics(ctx, s)
	if err != nil {
		p.printError(err)
		return errorStatus(err)
	}
	p.printStatistics(s, passes)
	return complete
}

func runResetStatistics(ctx context.Context, s settings) (passes int, err error) {
	db, _, err := openPair(ctx, s)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if !s.dryRun {
		return db.ResetStatistics(ctx, s.pair)
	}
	for _, err := range db.History(ctx, s.pair) {
		if err != nil {
			return 0, err
		}
		passes++
	}
	return passes, nil
}

// statisticsDocument is the JSON form of a reset with -statistics.
type statisticsDocument struct {
	Pair   string `json:"pair"`
	DryRun bool   `json:"dryRun"`
	Passes int    `json:"passes"`
}

func (p program) printStatistics(s settings, passes int) {
	if s.json {
		p.printJSON(statisticsDocument{s.pair, s.dryRun, passes})
		return
	}
	did := "forgot"
	if s.dryRun {
		did = "would forget"
	}
	p.stdout.printf("pair %s: %s the history of %d passes; what they migrated stays known\n", safe(s.pair), did, passes)
}
