package main

import (
	"context"
	"errors"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/store/badgerstore"
	"github.com/dandyroll/dandyroll/store/memstore"
	"github.com/dandyroll/dandyroll/watermark"
)

// migration is what the verbs run, plan and check need.
type migration struct {
	engine  *pass.Engine
	pair    pass.Pair
	options pass.Options
	closers []func() error
}

// open opens database and mailboxes. The caller closes the migration, also after an error.
func (p program) open(ctx context.Context, s settings, observer func(pass.Event)) (*migration, error) {
	m := &migration{options: s.options(observer)}
	roots, err := trusted(s.ca)
	if err != nil {
		return m, err
	}
	key, err := p.loadOrCreateKey(s)
	if err != nil {
		return m, err
	}
	db, err := s.openStore(key)
	if err != nil {
		return m, err
	}
	m.closers = append(m.closers, db.Close)
	source, destination, err := openMailboxes(ctx, s, roots)
	for _, mailbox := range []*endpoint.Mailbox{source, destination} {
		if mailbox != nil {
			m.closers = append(m.closers, func() error {
				_ = mailbox.Close() // a server that does not say goodbye changes nothing
				return nil
			})
		}
	}
	if err != nil {
		return m, err
	}
	m.pair = pass.Pair{ID: s.pair, Source: source, Destination: destination}
	m.engine, err = pass.New(pass.Config{Store: db, Key: key})
	return m, err
}

// openStore opens the database. A check without one supposes a pair without history.
func (s settings) openStore(key watermark.Key) (store.Store, error) {
	if s.state == "" {
		return memstore.New(), nil
	}
	return badgerstore.Open(s.state, &badgerstore.Options{Key: key})
}

func (s settings) options(observer func(pass.Event)) pass.Options {
	return pass.Options{
		Kind: s.kind,
		Select: pass.Selection{
			Since:   s.since,
			Before:  s.before,
			MaxSize: s.maxSize,
			Folder:  func(f endpoint.Folder) bool { return s.folders.selects(f.Path) },
		},
		FullScan:           s.fullScan,
		AcceptForeignMarks: s.acceptMarks,
		Folders:            int(s.connections),
		Observer:           observer,
	}
}

func (m *migration) close() error {
	var errs []error
	for _, c := range m.closers {
		errs = append(errs, c())
	}
	return errors.Join(errs...)
}

// pass runs a pass, or plans one, and prints what became of it.
func (p program) pass(ctx context.Context, s settings) int {
	show := newProgress(p.stderr)
	report, err := p.runPass(ctx, s, show.observe)
	if s.discard && errors.Is(err, pass.ErrRefused) && errors.Is(err, store.ErrDamaged) {
		if err = p.discard(s); err == nil {
			report, err = p.runPass(ctx, s, show.observe)
		}
	}
	show.close()
	report.Warnings = append(report.Warnings, s.unused(report)...)
	p.printReport(s, report)
	p.printError(err)
	return exitStatus(report, err)
}

func (p program) runPass(ctx context.Context, s settings, observer func(pass.Event)) (*pass.Report, error) {
	started := time.Now()
	m, err := p.open(ctx, s, observer)
	var report *pass.Report
	switch {
	case err != nil:
		err = beforeWriting(err)
		report = noReport(s, started)
	case s.verb == verbPlan:
		report, err = m.engine.Plan(ctx, m.pair, m.options)
	default:
		report, err = m.engine.Run(ctx, m.pair, m.options)
	}
	return report, errors.Join(err, m.close())
}

// discard moves a damaged database aside.
func (p program) discard(s settings) error {
	moved, err := badgerstore.Discard(s.state)
	if err == nil {
		p.stderr.printf("the database was damaged and is now at %s\n", safe(moved))
	}
	return beforeWriting(err)
}

// noReport is the report of a pass that did not even begin.
func noReport(s settings, started time.Time) *pass.Report {
	return &pass.Report{
		Pair: s.pair, Kind: s.kind.String(), DryRun: s.verb == verbPlan,
		Started: started.UTC(), Finished: time.Now().UTC(),
		Folders: []pass.FolderReport{}, Failures: []pass.Failure{},
	}
}

// unused returns warnings for patterns that matched no folder, if all folders were looked at.
func (s settings) unused(report *pass.Report) []string {
	if len(report.Folders) == 0 {
		return nil
	}
	return s.folders.unused()
}
