package main

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/store/badgerstore"
	"github.com/dandyroll/dandyroll/store/memstore"
	"github.com/dandyroll/dandyroll/watermark"
)

// migration is what the verbs need that ask servers.
type migration struct {
	engine  *pass.Engine
	store   store.Store
	pair    pass.Pair
	options pass.Options
	closers []func() error
}

// open opens database and mailboxes, at once. The caller closes the migration, also after an error.
func (p program) open(ctx context.Context, s settings, observer func(pass.Event)) (*migration, error) {
	m := &migration{options: s.options}
	m.options.Folders, m.options.Observer = s.connections, p.savingMemory(observer)
	roots, err := trusted(s.ca)
	if err != nil {
		return m, err
	}
	loggingIn, cancel := context.WithCancel(ctx)
	defer cancel()
	opened := make(chan mailboxes, 1)
	go func() { opened <- openMailboxes(loggingIn, s, roots) }()
	key, err := p.openStore(ctx, s, m)
	if err != nil {
		cancel() // nobody needs the mailboxes
	}
	boxes := <-opened
	m.closers = append(m.closers, boxes.close)
	if err = cmp.Or(err, boxes.err); err != nil {
		return m, err
	}
	m.pair = pass.Pair{ID: s.pair, Source: boxes.source, Destination: boxes.destination}
	m.engine, err = pass.New(pass.Config{Store: m.store, Key: key})
	return m, err
}

// openStore opens the database, and makes it and its key if the verb runs passes. A check without
// a database supposes a pair without history.
func (p program) openStore(ctx context.Context, s settings, m *migration) (key watermark.Key, err error) {
	var db store.Store
	switch {
	case !s.passes():
		db, key, err = openPair(ctx, s)
	case s.state == "":
		key, err = p.loadOrCreateKey(s)
		db = memstore.New()
	default:
		if key, err = p.loadOrCreateKey(s); err == nil {
			db, err = badgerstore.Open(s.state, &badgerstore.Options{Key: key})
		}
	}
	if err != nil {
		return key, err
	}
	m.store = db
	m.closers = append(m.closers, db.Close)
	return key, nil
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
	p.printReport(s, report)
	p.printError(err)
	return exitStatus(report, err)
}

func (p program) runPass(ctx context.Context, s settings, observer func(pass.Event)) (*pass.Report, error) {
	started := time.Now()
	if err := p.awaitStart(ctx, &s); err != nil {
		return noReport(s, started), err
	}
	m, err := p.open(ctx, s, observer)
	var report *pass.Report
	switch {
	case err != nil:
		err = beforeWriting(err)
		report = noReport(s, started)
	case s.dryRun:
		report, err = m.engine.Plan(ctx, m.pair, m.options)
	default:
		report, err = m.engine.Run(ctx, m.pair, m.options)
	}
	return report, errors.Join(err, m.close())
}

// awaitStart waits for the time that -start-at names, before it opens the database or logs in.
func (p program) awaitStart(ctx context.Context, s *settings) error {
	at := s.options.StartAt
	s.options.StartAt = time.Time{}
	left := time.Until(at)
	if at.IsZero() || left <= 0 {
		return nil
	}
	p.stderr.printf("waiting until %s\n", at.Local().Format(time.RFC3339))
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
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
		Pair: s.pair, Kind: s.options.Kind.String(), DryRun: s.dryRun,
		Started: started.UTC(), Finished: time.Now().UTC(),
		Folders: []pass.FolderReport{}, Failures: []pass.Failure{},
	}
}
