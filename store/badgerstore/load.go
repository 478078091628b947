package badgerstore

import (
	"fmt"

	"github.com/dandyroll/dandyroll/store"
)

// load reads all entries of a pair, and so makes sure that they are exactly what was committed.
// A pair that is not there yet has the empty state, with seq 0.
func (s *Store) load(pair string) (*state, error) {
	st := newState(pair, tagOf(s.secret, pair))
	value, err := s.lookup(summaryKey(st.tag))
	if err != nil || value == nil {
		return st, err
	}
	sum, err := decodeSummary(value)
	if err != nil {
		return nil, fromBadger(err)
	}
	st.lastPass = sum.lastPass
	if err := s.readEntries(st); err != nil {
		return nil, err
	}
	switch {
	case st.at.count != sum.at.count:
		return nil, damaged("a pair has %d entries and should have %d", st.at.count, sum.at.count)
	case st.at.digest != sum.at.digest, st.passes != sum.passes:
		return nil, damaged("a pair has %d entries, but not those that it should have", st.at.count)
	}
	st.at.seq = sum.at.seq
	return st, nil
}

func (s *Store) readEntries(st *state) error {
	c, err := s.newCursor(st.tag.prefix())
	if err != nil {
		return err
	}
	defer c.close()
	for {
		entries, err := c.next()
		if err != nil || len(entries) == 0 {
			return err
		}
		for _, e := range entries {
			if err := st.take(s.secret, e); err != nil {
				return fromBadger(err)
			}
		}
	}
}

// take adds a stored entry to the state.
func (st *state) take(secret [32]byte, e entry) error {
	k := keyKind(e.key)
	if k == 0 {
		return errCodec
	}
	if k == kindSighting && incarnationOf(e.key) != st.incarnations[numberOf(e.key)] {
		st.litter = true // dropped, and not yet swept
		return nil
	}
	if err := st.account(secret, e.key, e.value, 1); err != nil {
		return err
	}
	return st.learn(k, e)
}

// learn keeps what later entries refer to.
func (st *state) learn(k kind, e entry) error {
	d := decoder{b: e.value}
	switch k {
	case kindMeta:
		pair, meta, err := decodeMeta(e.value)
		if err == nil && pair != st.pair {
			err = fmt.Errorf("two pairs have one tag: %w", store.ErrPair)
		}
		st.meta = meta
		return err
	case kindName:
		st.names.add(numberOf(e.key), string(e.value))
	case kindValidity:
		st.validities.add(numberOf(e.key), string(e.value))
	case kindFlags:
		st.flags.add(numberOf(e.key), string(e.value))
	case kindEpoch:
		v, err := decodeEpoch(e.value)
		st.epochs.add(numberOf(e.key), v)
		return err
	case kindIncarnation:
		st.incarnations[numberOf(e.key)] = d.number()
		return d.end()
	case kindReset:
		st.reset = e.value
	case kindPosition, kindPass, kindRecord, kindSighting:
	}
	return nil
}

// sweepBatch is how many entries a sweep deletes in one transaction.
const sweepBatch = 4096

// sweep deletes the sightings that were dropped with their folder. They count no more, so it
// does not matter where a kill cuts it.
func (l *ledger) sweep() error {
	c, err := l.store.newCursor(l.state.tag.key(kindSighting))
	if err != nil {
		return err
	}
	defer c.close()
	var keys [][]byte
	for {
		entries, err := c.next()
		if err != nil {
			return err
		}
		for _, e := range entries {
			if keyKind(e.key) == kindSighting && incarnationOf(e.key) != l.state.incarnations[numberOf(e.key)] {
				keys = append(keys, e.key)
			}
		}
		if len(keys) >= sweepBatch || len(entries) == 0 {
			if err := l.store.deleteKeys(keys); err != nil {
				return err
			}
			keys = nil
		}
		if len(entries) == 0 {
			return nil
		}
	}
}

func (s *Store) deleteKeys(keys [][]byte) error {
	if len(keys) == 0 {
		return nil
	}
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	return fromBadger(guard(func() error {
		txn := s.db.NewTransaction(true)
		defer txn.Discard()
		for _, key := range keys {
			if err := txn.Delete(key); err != nil {
				return err
			}
		}
		return txn.Commit()
	}))
}
