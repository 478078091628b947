package badgerstore

import (
	"bytes"

	"github.com/dgraph-io/badger/v4"
)

// sweepBatch is how many entries a sweep deletes in one transaction.
const sweepBatch = 4096

// sweep deletes the sightings that were dropped with their folders. They count no more, so it does
// not matter where a kill cuts it.
func (l *ledger) sweep() error {
	for name := range l.state.litter {
		if err := l.sweepFolder(name); err != nil {
			return err
		}
	}
	return l.commit(func(c *change) { c.swept = true })
}

func (l *ledger) sweepFolder(name uint32) error {
	var keys [][]byte
	flush := func() error {
		err := l.store.deleteKeys(keys)
		keys = nil
		return err
	}
	err := l.store.readEntries(l.state.tag.numbered(kindSighting, name), func(e entry) error {
		if keyKind(e.key) == kindSighting && incarnationOf(e.key) != l.state.incarnations[name] {
			keys = append(keys, bytes.Clone(e.key))
		}
		if len(keys) < sweepBatch {
			return nil
		}
		return flush()
	})
	if err != nil {
		return err
	}
	return flush()
}

// deleteKeys deletes entries that no sum counts.
func (s *Store) deleteKeys(keys [][]byte) error {
	if len(keys) == 0 {
		return nil
	}
	return s.inTransaction(func(txn *badger.Txn) error {
		for _, key := range keys {
			if err := txn.Delete(key); err != nil {
				return err
			}
		}
		return nil
	})
}

// inTransaction commits what fill puts into a transaction, which is nothing that any sum counts.
func (s *Store) inTransaction(fill func(*badger.Txn) error) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	return fromBadger(guard(func() error {
		txn := s.db.NewTransaction(true)
		defer txn.Discard()
		if err := fill(txn); err != nil {
			return err
		}
		return txn.Commit()
	}))
}
