package badgerstore

import (
	"slices"

	"github.com/dgraph-io/badger/v4"
)

// loadOld loads a pair of the first two formats: it reads all entries, for there is but one digest
// of them.
func (s *Store) loadOld(st *state, want summary) error {
	var have position
	err := s.readEntries(st.tag.prefix(), func(e entry) error {
		switch k := keyKind(e.key); {
		case k == kindFolder:
			return nil // of an upgrade that was cut
		case k == kindSighting && incarnationOf(e.key) != st.incarnations[numberOf(e.key)]:
			st.litter[numberOf(e.key)] = true // dropped, and not yet swept
			return nil
		}
		hash, err := st.take(s.secret, e)
		have.count++
		have.digest.toggle(hash)
		return err
	})
	switch {
	case err != nil:
		return err
	case have.count != want.at.count:
		return damaged("a pair has %d entries and should have %d", have.count, want.at.count)
	case have.digest != want.at.digest, st.passes.count != want.passes.count:
		return damaged("a pair has %d entries, but not those that it should have", have.count)
	}
	return nil
}

// upgrade brings a pair of the first two formats to the third. The entries of its folders can be
// more than one commit takes; they come first, and nobody looks at them before the summary says
// that they are there.
func (l *ledger) upgrade() error {
	if err := l.store.seal.raise(thirdFormat); err != nil {
		return err
	}
	folders := l.folderEntries()
	if err := l.store.setEntries(folders); err != nil {
		return err
	}
	return l.commit(func(c *change) { c.upgrade(folders) })
}

// setEntries writes entries that no sum counts yet.
func (s *Store) setEntries(entries []entry) error {
	for batch := range slices.Chunk(entries, sweepBatch) {
		if err := s.inTransaction(func(txn *badger.Txn) error {
			for _, e := range batch {
				if err := txn.Set(e.key, sealValue(e.key, slices.Clone(e.value))); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// folderEntries returns what the state knows of its folders.
func (l *ledger) folderEntries() (all []entry) {
	st := l.state
	for i := range st.names.values {
		name := uint32(i + 1)
		if value := encodeFolder(st.folders[name], st.litter[name]); value != nil {
			all = append(all, entry{st.tag.numbered(kindFolder, name), value})
		}
	}
	return all
}

// upgrade counts entries of folders that are there already, and writes the summary in any case.
func (c *change) upgrade(folders []entry) {
	for _, f := range folders {
		c.tally.at.count++
		c.tally.at.digest.toggle(entryDigest(c.secret, f.key, f.value))
	}
	c.changed = true
}
