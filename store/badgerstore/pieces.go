package badgerstore

import "bytes"

// What a cursor read stays in the process's memory until Badger is opened again (see renew), which waits for the
// cursor. A large part is therefore read in pieces, each by a cursor of its own, and Badger may be opened again in
// between. That shows the same as one cursor as long as no commit changes the part.

// pieces reads a part as it was when the reading began.
type pieces struct {
	*cursor
	ledger *ledger
	part   part
	prefix []byte // of the entries, when the reading began
	whole  sum    // of all of them then
}

// newPieces returns a reading of a part, for the caller to close. The caller holds the ledger's lock, which keeps
// commits away.
func (l *ledger) newPieces(p part) (*pieces, error) {
	r := &pieces{ledger: l, part: p, prefix: l.state.prefixOf(p), whole: l.state.sumOf(p)}
	var err error
	r.cursor, err = l.store.newCursor(r.prefix)
	return r, err
}

// next implements source.
func (r *pieces) next() ([]entry, error) {
	if n := len(r.entries); n > 0 && r.store.due(r.store.work.Load()+int64(r.bytes/readShare)) && r.store.solitary() {
		if err := r.split(bytes.Clone(r.entries[n-1].key)); err != nil {
			return nil, err
		}
	}
	return r.cursor.next()
}

// split goes on behind a key with another cursor, unless the part was changed since the reading began. Commits wait
// meanwhile, so what the new cursor shows is what the old one would have.
func (r *pieces) split(last []byte) error {
	r.ledger.mu.Lock()
	defer r.ledger.mu.Unlock()
	st := r.ledger.state
	same := st.sumOf(r.part) == r.whole && bytes.Equal(st.prefixOf(r.part), r.prefix)
	if !same || r.ledger.closed || r.ledger.broken != nil { // then nobody knows what was changed
		return nil
	}
	r.close()
	rest, err := r.store.newCursor(r.prefix)
	if err != nil {
		return err
	}
	rest.seek(func() { rest.it.Seek(append(last, 0)) })
	r.cursor = rest
	return nil
}

// solitary reports whether only one snapshot is open, so that Badger can be opened again once that is closed.
func (s *Store) solitary() bool {
	s.snapshotsMu.Lock()
	defer s.snapshotsMu.Unlock()
	return len(s.snapshots) == 1
}
