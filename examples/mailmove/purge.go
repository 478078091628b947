package main

import (
	"context"
	"errors"

	"github.com/dandyroll/dandyroll/pass"
)

// purge removes what was migrated at the destination, or says what it would remove and what to
// confirm that with.
func (p program) purge(ctx context.Context, s settings) int {
	result, err := p.runPurge(ctx, s)
	if result != nil {
		p.printPurge(s, result)
	}
	p.printError(err)
	return purgeStatus(s, result, err)
}

func (p program) runPurge(ctx context.Context, s settings) (*pass.Purge, error) {
	m, err := p.open(ctx, s, nil)
	var result *pass.Purge
	switch {
	case err != nil:
		err = beforeWriting(err)
	case s.confirm == "":
		result, err = m.engine.PlanPurge(ctx, m.pair)
	default:
		result, err = m.engine.Purge(ctx, m.pair, s.confirm)
	}
	return result, errors.Join(err, m.close())
}

// purgeStatus is the exit status of a purge. What the destination did not let go is a failure.
func purgeStatus(s settings, result *pass.Purge, err error) int {
	switch {
	case errors.Is(err, pass.ErrRefused):
		return refused
	case err != nil:
		return interrupted
	case s.confirm != "" && !result.Complete:
		return failures
	}
	return complete
}

// purgeDocument is the JSON form of a purge. Until it is confirmed, Removed is 0.
type purgeDocument struct {
	Pair      string `json:"pair"`
	Confirmed bool   `json:"confirmed"`
	*pass.Purge
}

func (p program) printPurge(s settings, result *pass.Purge) {
	if s.json {
		p.printJSON(purgeDocument{s.pair, s.confirm != "", result})
		return
	}
	p.stdout.printf("pair %s: %d items at the destination were migrated by it, by folder:\n", safe(s.pair), result.Items)
	for _, f := range result.Folders {
		p.stdout.printf("%8d  %s\n", f.Items, safe(f.Destination))
	}
	if result.Unknown > 0 {
		p.stdout.printf("  %d more are marked as ours, but the database does not know them: they stay; run a pass first\n", result.Unknown)
	}
	p.printConflicts(result.Conflicts)
	for _, warning := range result.Warnings {
		p.stdout.printf("  note: %s\n", safe(warning))
	}
	switch {
	case s.confirm != "":
		p.stdout.printf("removed %d of %d items\n", result.Removed, result.Items)
	case result.Items > 0:
		p.stdout.printf("nothing was removed; to remove exactly these: mailmove purge -confirm %s, with the other flags as now\n", result.Confirm)
	}
}
