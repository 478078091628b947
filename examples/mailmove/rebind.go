package main

import (
	"context"
	"errors"

	"github.com/dandyroll/dandyroll/pass"
)

// rebind enters the new addresses of the two mailboxes of a pair, if they are the same mailboxes.
func (p program) rebind(ctx context.Context, s settings) int {
	fit, err := p.runRebind(ctx, s)
	if fit != nil {
		p.printFit(s, fit, err)
	}
	p.printError(err)
	if err != nil {
		return errorStatus(err)
	}
	return complete
}

func (p program) runRebind(ctx context.Context, s settings) (*pass.Fit, error) {
	m, err := p.open(ctx, s, nil)
	var fit *pass.Fit
	if err == nil {
		fit, err = m.engine.Rebind(ctx, m.pair, s.dryRun)
	}
	return fit, errors.Join(err, m.close())
}

// rebindDocument is the JSON form of a rebind.
type rebindDocument struct {
	Pair   string `json:"pair"`
	DryRun bool   `json:"dryRun"`
	Fits   bool   `json:"fits"`
	*pass.Fit
}

func (p program) printFit(s settings, fit *pass.Fit, err error) {
	if s.json {
		p.printJSON(rebindDocument{s.pair, s.dryRun, !errors.Is(err, pass.ErrNoFit), fit})
		return
	}
	p.stdout.printf("pair %s: of %d migrated items at the source, %d are in this one; of %d at the destination, %d\n",
		safe(s.pair), fit.SourceKnown, fit.SourceFound, fit.Settled, fit.Found)
	switch {
	case err != nil:
	case s.dryRun:
		p.stdout.printf("these are the mailboxes of the pair; nothing was entered\n")
	default:
		p.stdout.printf("these are the mailboxes of the pair; their addresses were entered\n")
	}
}
