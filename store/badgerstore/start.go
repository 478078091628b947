package badgerstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4"

	"github.com/dandyroll/dandyroll/store"
)

func (s *Store) start() (err error) {
	if s.lock, err = lockDir(s.dir); err != nil {
		return err
	}
	if err := s.openDatabase(); err != nil {
		return errors.Join(err, s.lock.release())
	}
	if err := s.checkPairs(); err != nil {
		return errors.Join(err, s.closeBadger(), s.seal.close(), s.lock.release())
	}
	return nil
}

// openDatabase opens Badger after everything that can be checked without it.
func (s *Store) openDatabase() error {
	if err := s.checkSpace(); err != nil {
		return err
	}
	sealed, found, err := readSeal(s.dir, s.options.check())
	if err != nil {
		return err
	}
	path := filepath.Join(s.dir, dbName)
	if !found {
		if err := checkUnused(path); err != nil {
			return err
		}
	}
	checked, err := checkFiles(path, sealed, s.options.badger(path))
	if err != nil {
		return err
	}
	// From here on something is written.
	sealed = checked.sealed
	sealed.clean = false
	if s.seal, err = newSeal(s.dir, s.options.check(), sealed); err != nil {
		return err
	}
	if err := s.openBadger(path, checked); err != nil {
		return errors.Join(err, s.seal.close())
	}
	return nil
}

// checkUnused reports a database that lost its seal.
func checkUnused(path string) error {
	entries, err := os.ReadDir(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0:
		return nil
	case err != nil:
		return fmt.Errorf("list the database's files: %w", err)
	}
	return damaged("the seal is gone")
}

func (s *Store) openBadger(path string, checked *fileCheck) error {
	if err := checked.tidy(); err != nil {
		return err
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return fmt.Errorf("make the database's directory: %w", err)
	}
	return guard(func() (err error) {
		options := s.options.badger(path).WithMemTableSize(checked.memTableSize())
		if s.db, err = badger.Open(options); err != nil {
			return fmt.Errorf("open Badger: %w", err)
		}
		return nil
	})
}

func (s *Store) closeBadger() error { return guard(s.db.Close) }

// checkSpace keeps Badger from writing to a full disk, which ends the process: it writes through
// mapped files.
func (s *Store) checkSpace() error {
	if s.options.MinFree < 0 {
		return nil
	}
	free, err := freeSpace(s.dir)
	if err != nil {
		return fmt.Errorf("ask for free disk space: %w", err)
	}
	if least := uint64(s.options.MinFree); free < least {
		return fmt.Errorf("%w: %d MiB are free and %d MiB must be; make room and try again",
			store.ErrNoSpace, free>>20, least>>20)
	}
	return nil
}

// checkPairs compares the summaries of all pairs with the seal, then seals what Badger has.
func (s *Store) checkPairs() error {
	found, err := s.summaries()
	if err != nil {
		return err
	}
	for _, t := range s.seal.tags() {
		if _, ok := found[t]; !ok {
			return damaged("a pair is gone")
		}
	}
	for t, have := range found {
		want, _ := s.seal.position(t)
		if err := comparePositions(have, want); err != nil {
			return err
		}
	}
	change, err := s.observe()
	if err != nil {
		return err
	}
	change.pairs = found
	return s.seal.update(change)
}

// comparePositions holds what Badger has of a pair against the seal. Badger is written first, so
// a kill can leave it one commit ahead.
func comparePositions(have, want position) error {
	switch {
	case have.seq < want.seq:
		return damaged("a pair has %d commits and %d entries, and should have %d and %d",
			have.seq, have.count, want.seq, want.count)
	case have.seq > want.seq+1:
		return damaged("a pair has %d commits and the seal only %d: the seal is an older one", have.seq, want.seq)
	case have.seq == want.seq && have != want:
		return damaged("a pair has %d entries and should have %d, or others", have.count, want.count)
	}
	return nil
}

// summaries returns the positions of all pairs that Badger has.
func (s *Store) summaries() (map[tag]position, error) {
	c, err := s.newCursor([]byte{areaSummary})
	if err != nil {
		return nil, err
	}
	defer c.close()
	found := map[tag]position{}
	for {
		entries, err := c.next()
		if err != nil || len(entries) == 0 {
			return found, err
		}
		for _, e := range entries {
			sum, err := decodeSummary(e.value)
			if err != nil || len(e.key) != prefixLen {
				return nil, fromBadger(errCodec)
			}
			found[tag(e.key[1:])] = sum.at
		}
	}
}
