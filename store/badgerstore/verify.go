package badgerstore

import (
	"context"

	"github.com/dandyroll/dandyroll/store"
)

// part is what is read as a whole: the records of a folder, or its sightings.
type part struct {
	kind kind
	name uint32
}

// sums returns the sum of a part, as it was committed.
func (st *state) sumOf(p part) sum {
	if p.kind == kindRecord {
		return st.folders[p.name].records
	}
	return st.folders[p.name].sightings
}

// prefixOf is where the entries of a part begin.
func (st *state) prefixOf(p part) []byte {
	if p.kind == kindRecord {
		return st.tag.numbered(kindRecord, p.name)
	}
	return st.tag.sightings(p.name, st.incarnations[p.name])
}

// verify makes sure that parts are exactly what was committed, each once in an opening of the pair
// and before anything of it is shown. What is read afterwards is no other than what was read here:
// the same process, the same open files.
//
// A record that is missing says as much as one that is there, so this goes for Lookup too: only of
// a part that is whole can it be said that a record is not in it.
func (l *ledger) verify(ctx context.Context, parts ...part) error {
	for _, p := range parts {
		if _, err := l.verifyPart(ctx, p, nil); err != nil {
			return err
		}
	}
	return nil
}

// verifyPart is verify for one part. What it reads it keeps in hold, which may be nil. It is not done where the
// part was verified before.
func (l *ledger) verifyPart(ctx context.Context, p part, hold *held) (done bool, err error) {
	r, err := l.openUnverified(p)
	if err != nil || r == nil {
		return false, err
	}
	keys, known := keyFilter{seed: l.recent.keys.seed}, l.knows(p)
	have, err := sumUp(ctx, l.store.secret, r, func(entries []entry) {
		for _, e := range entries {
			if !known {
				keys.add(e.key)
			}
		}
		hold.take(&r.snapshot)
	})
	r.close()
	if err != nil {
		return false, err
	}
	if have != r.whole {
		return false, damaged("a folder has %d entries of a kind and should have %d, or others", have.count, r.whole.count)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.verified[p] = true
	l.recent.read(p, keys)
	return true, nil
}

// knows reports whether every key of a part is known without reading it.
func (l *ledger) knows(p part) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.recent.whole[p]
}

// openUnverified returns a reading of a part, but none of one that was verified before.
func (l *ledger) openUnverified(p part) (*pieces, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, store.ErrClosed
	}
	if l.verified[p] {
		return nil, nil
	}
	return l.newPieces(p)
}

// sumUp reads all entries, and shows them chunk by chunk.
func sumUp(ctx context.Context, secret [32]byte, from source, show func([]entry)) (total sum, err error) {
	for {
		entries, err := from.next()
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || len(entries) == 0 {
			return total, err
		}
		for _, e := range entries {
			total.add(sum{1, entryDigest(secret, e.key, e.value)})
		}
		show(entries)
	}
}
