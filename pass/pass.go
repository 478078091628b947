package pass

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/store"
)

// Engine runs passes. It is safe for concurrent use, one pass at a time on each pair.
type Engine struct {
	cfg Config
}

// New returns an engine. It fails with ErrInvalid, naming each field that is wrong.
func New(c Config) (*Engine, error) {
	var errs []error
	if c.Store == nil {
		errs = append(errs, errors.New("Config.Store: no store"))
	}
	if c.Key.IsZero() {
		errs = append(errs, errors.New("Config.Key: no key; see watermark.LoadOrCreateKey"))
	}
	for i, k := range c.OldKeys {
		if k.IsZero() {
			errs = append(errs, fmt.Errorf("Config.OldKeys: number %d is no key", i))
		}
	}
	if len(errs) > 0 {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, errors.Join(errs...))
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &Engine{cfg: c}, nil
}

// Preflight is what Check found out.
type Preflight struct {
	Source, Destination endpoint.Capabilities
	// Folders are those that the pass would take, and where they would go.
	Folders []FolderMapping
	// Losses say what this pair of endpoints cannot carry over.
	Losses []string
	// Warnings say what the options cannot do here, such as a policy that a filter disables.
	Warnings []string
}

// FolderMapping is where the items of a folder go.
type FolderMapping struct {
	Source, Destination []string
	Create              bool // the destination has no such folder yet
	Items               int  // -1 if unknown
}

// Run runs a pass: it returns when the pass has ended, with a report whose counts close.
//
// The error is nil when the pass came to its end; items may still have failed, as the report says.
// Otherwise it tells what stopped the pass: with ErrRefused nothing was written; with that of the
// context the pass stopped cleanly after the window in flight. Run again to go on. The report is
// never nil.
func (e *Engine) Run(ctx context.Context, p Pair, o Options) (*Report, error) {
	return e.run(ctx, p, o, false)
}

// Plan is Run without the last three phases: it writes nothing anywhere. In its report, Migrated
// counts what would be migrated.
func (e *Engine) Plan(ctx context.Context, p Pair, o Options) (*Report, error) {
	return e.run(ctx, p, o, true)
}

// PlanReset says what Run with these options would do, had [store.Store]'s Reset forgotten the
// records that a filter selects: its Migrated counts what would come back. It writes nothing
// anywhere.
func (e *Engine) PlanReset(ctx context.Context, p Pair, o Options, filter store.Filter) (*Report, error) {
	return e.runForgetting(ctx, p, o, true, &filter)
}

// Check tries credentials, capabilities and folder names of a pair. It writes nothing.
func (e *Engine) Check(ctx context.Context, p Pair, o Options) (*Preflight, error) {
	pf, err := e.check(ctx, p, o)
	return pf, refuse(err)
}
