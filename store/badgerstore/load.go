package badgerstore

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/dandyroll/dandyroll/store"
)

// smallKinds are the kinds of the small entries.
func smallKinds() []kind {
	return []kind{
		kindMeta, kindName, kindValidity, kindEpoch, kindIncarnation, kindPosition, kindReset, kindFlags, kindFolder,
	}
}

// load reads the small entries of a pair, and makes sure that they are exactly what was committed.
// A pair that is not there yet has the empty state, with seq 0.
func (s *Store) load(pair string) (st *state, old bool, err error) {
	st = newState(pair, tagOf(s.secret, pair))
	value, err := s.lookup(summaryKey(st.tag))
	if err != nil || value == nil {
		return st, false, err
	}
	want, err := decodeSummary(value)
	if err != nil {
		return nil, false, fromBadger(err)
	}
	st.lastPass = want.lastPass
	if want.old {
		err = s.loadOld(st, want)
	} else {
		err = s.loadSmall(st, want)
	}
	st.at.seq = want.at.seq
	return st, want.old, err
}

func (s *Store) loadSmall(st *state, want summary) error {
	for _, k := range smallKinds() {
		if err := s.readEntries(st.tag.key(k), func(e entry) error {
			_, err := st.take(s.secret, e)
			return err
		}); err != nil {
			return err
		}
	}
	st.passes, st.stats = want.passes, want.stats
	st.at.count += uint64(want.passes.count)
	return st.check(want)
}

// readEntries hands over all entries with a prefix.
func (s *Store) readEntries(prefix []byte, take func(entry) error) error {
	c, err := s.newCursor(prefix)
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
			if err := take(e); err != nil {
				return fromBadger(err)
			}
		}
	}
}

// take adds a stored entry to the state, and returns its digest.
func (st *state) take(secret [32]byte, e entry) (digest, error) {
	k := keyKind(e.key)
	if k == 0 {
		return digest{}, errCodec
	}
	hash, err := st.account(secret, e.key, e.value, 1)
	if err != nil {
		return hash, err
	}
	return hash, st.learn(k, e)
}

// learn keeps what other entries refer to.
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
		return st.names.load(numberOf(e.key), string(e.value))
	case kindValidity:
		return st.validities.load(numberOf(e.key), string(e.value))
	case kindFlags:
		return st.flags.load(numberOf(e.key), string(e.value))
	case kindEpoch:
		v, err := decodeEpoch(e.value)
		return errors.Join(err, st.epochs.load(numberOf(e.key), v))
	case kindIncarnation:
		st.incarnations[numberOf(e.key)] = d.number()
		return d.end()
	case kindReset:
		st.reset = bytes.Clone(e.value)
	case kindFolder:
		return st.loadFolder(numberOf(e.key), e.value)
	case kindPosition, kindPass, kindRecord, kindSighting:
	}
	return nil
}
