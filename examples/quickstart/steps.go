package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/dandyroll/dandyroll/internal/imapserve"
	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/store"
)

// run runs a pass, prints what became of the items, and compares it with what was foretold.
func (s *story) run(want pass.Counts) {
	s.do(func() error {
		engine, err := pass.New(pass.Config{Store: s.db, Key: s.key})
		if err != nil {
			return err
		}
		pair := pass.Pair{ID: "ann", Source: s.source, Destination: s.destination}
		report, err := engine.Run(s.ctx, pair, pass.Options{})
		if err != nil {
			return fmt.Errorf("chapter %d: %w", s.chapters, err)
		}
		s.printTable(report)
		got := report.Totals
		got.Bytes = 0 // not foretold
		if got != want || !report.Complete {
			return fmt.Errorf("chapter %d: want %+v, got %+v, complete: %v", s.chapters, want, got, report.Complete)
		}
		return nil
	})
}

func (s *story) reset(filter store.Filter) {
	s.do(func() error {
		n, err := s.db.Reset(s.ctx, "ann", filter, false)
		if err == nil {
			s.printf("   reset: %d records forgotten, %d of them of items that the user removed\n", n.Records, n.Removed)
		}
		return err
	})
}

func (s *story) loseDatabase() {
	s.do(func() error { return errors.Join(s.db.Close(), os.RemoveAll(s.state)) })
	s.openDatabase(s.state)
}

func (s *story) deliver(letters ...letter) {
	for _, l := range letters {
		s.do(func() error {
			return errors.Join(s.old.CreateFolder(s.ctx, l.folder), s.old.Deliver(s.ctx, l.folder, l.Message))
		})
	}
}

func (s *story) userDeletes(folder, text string) {
	s.do(func() error {
		n, err := s.fresh.Delete(s.ctx, folder, imapserve.Containing(text))
		return errors.Join(err, s.expect(n == 1, "%d messages say %q in %s", n, text, folder))
	})
}

func (s *story) userMoves(from, to, text string) {
	s.do(func() error {
		n, err := s.fresh.Move(s.ctx, from, to, imapserve.Containing(text))
		return errors.Join(err, s.expect(n == 1, "%d messages say %q in %s", n, text, from))
	})
}
