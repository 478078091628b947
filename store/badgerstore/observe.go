package badgerstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/dgraph-io/badger/v4/table"
)

// observe returns what is new about Badger's files since the seal was last told.
func (s *Store) observe() (sealState, error) {
	s.observeMu.Lock()
	defer s.observeMu.Unlock()
	change := newSealState()
	path := filepath.Join(s.dir, dbName)
	if err := s.observeNames(path); err != nil {
		return change, err
	}
	if slices.ContainsFunc(s.files, func(name string) bool {
		id, isTable := table.ParseFileID(name)
		return isTable && !s.seal.known(id)
	}) {
		if err := s.observeTables(path, change); err != nil {
			return change, err
		}
	}
	manifest, registry := s.seal.sums()
	var err error
	if change.manifest, err = grown(filepath.Join(path, manifestName), manifest); err != nil {
		return change, err
	}
	change.registry, err = grown(filepath.Join(path, registryName), registry)
	return change, err
}

// observeNames lists the directory, and syncs it when it changed, for Badger does not always: a
// commit is durable only when the file that it is in has a durable name.
func (s *Store) observeNames(path string) error {
	entries, err := os.ReadDir(path)
	if err != nil {
		return fmt.Errorf("list the database's files: %w", err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	if slices.Equal(names, s.files) {
		return nil
	}
	if err := syncDir(path); err != nil {
		return fmt.Errorf("sync the database's directory: %w", err)
	}
	s.files = names
	s.numFiles.Store(int64(len(names)))
	return nil
}

// observeTables sums the tables that Badger has finished since. Finished tables never change.
func (s *Store) observeTables(path string, change sealState) error {
	for _, info := range s.db.Tables() {
		if s.seal.known(info.ID) {
			continue
		}
		sum, err := sumAll(table.NewFilename(info.ID, path))
		if errors.Is(err, fs.ErrNotExist) {
			continue // merged into another one since
		}
		if err != nil {
			return fmt.Errorf("read a table: %w", err)
		}
		change.tables[info.ID] = sum
		s.work.Add(int64(sum.size) / readShare) //nolint:gosec // of a file
	}
	return nil
}

// grown returns the sum of a file that only grows, or nothing if it did not.
func grown(path string, known fileSum) (fileSum, error) {
	info, err := os.Stat(path)
	if err == nil && uint64(info.Size()) == known.size {
		return fileSum{}, nil
	}
	if err != nil {
		return fileSum{}, fmt.Errorf("look at a database file: %w", err)
	}
	sum, err := sumAll(path)
	if err != nil {
		return fileSum{}, fmt.Errorf("read a database file: %w", err)
	}
	return sum, nil
}

// sealCommit tells the seal what a pair holds now. The caller has entered the store.
func (s *Store) sealCommit(t tag, at position) error {
	change, err := s.observe()
	if err != nil {
		return err
	}
	change.pairs[t] = at
	return s.seal.update(change)
}

// sealClosed seals exactly the files that Badger left, now that nothing changes them any more.
func (s *Store) sealClosed() error {
	path := filepath.Join(s.dir, dbName)
	change := newSealState()
	change.clean = true
	var err error
	if change.manifest, err = sumAll(filepath.Join(path, manifestName)); err != nil {
		return fmt.Errorf("read a database file: %w", err)
	}
	if change.registry, err = sumAll(filepath.Join(path, registryName)); err != nil {
		return fmt.Errorf("read a database file: %w", err)
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return fmt.Errorf("list the database's files: %w", err)
	}
	for _, entry := range entries {
		id, isTable := table.ParseFileID(entry.Name())
		if !isTable || s.seal.known(id) {
			continue
		}
		if change.tables[id], err = sumAll(table.NewFilename(id, path)); err != nil {
			return fmt.Errorf("read a table: %w", err)
		}
	}
	return s.seal.update(change)
}
