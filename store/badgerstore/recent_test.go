package badgerstore

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/watermark"
)

// TestKeyFilter looks that a filter never forgets a key, and seldom takes one for another.
func TestKeyFilter(t *testing.T) {
	const keys = 3*keysPerBlock + 7
	key := func(n int) []byte { return binary.BigEndian.AppendUint64([]byte("key"), uint64(n)) }
	first := newRecent().keys
	more := keyFilter{seed: first.seed}
	if first.has(key(0)) {
		t.Error("an empty filter has a key")
	}
	for n := range keys {
		if n%2 == 0 {
			first.add(key(n))
		} else {
			more.add(key(n))
		}
	}
	first.merge(more)
	for n := keys; n < keys+10; n++ { // what comes after the merge
		first.add(key(n))
	}
	for n := range keys + 10 {
		if !first.has(key(n)) {
			t.Fatalf("key %d is forgotten", n)
		}
	}
	wrong := 0
	for n := range keys {
		if first.has(key(n + 2*keys)) {
			wrong++
		}
	}
	if wrong > keys/100 {
		t.Errorf("%d of %d keys that were never added are there", wrong, keys)
	}
}

// TestRecentIsTrue holds what is known of keys without asking against what Badger says, over random
// commits to folders that are new, old, read before, and forgotten, and over openings.
func TestRecentIsTrue(t *testing.T) {
	dir := t.TempDir()
	s, l := opened(t, dir)
	random := rand.New(rand.NewPCG(1, 2))
	known := 0
	for round := range 60 {
		if round%20 == 19 {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s, l = opened(t, dir)
		}
		if round%4 == 3 {
			read(t, l.Records(t.Context(), folderOf(random.IntN(4))))
		}
		if err := l.Commit(t.Context(), randomBatch(random)); err != nil {
			t.Fatal(err)
		}
		for n := range 40 {
			for folder := range 4 {
				known += checkRecent(t, s, l, folderOf(folder), n)
			}
		}
	}
	if known == 0 {
		t.Error("nothing was known of any key")
	}
}

func folderOf(n int) string { return fmt.Sprint("folder ", n) }

func idOfNumber(n int) watermark.ID { return watermark.ID(fmt.Appendf(nil, "%16d", n)) }

func randomBatch(random *rand.Rand) (b store.Batch) {
	for range random.IntN(8) {
		r := store.Record{
			Folder: folderOf(random.IntN(4)), ID: idOfNumber(random.IntN(40)), Size: random.Int64N(3),
			Status: []store.Status{store.Intent, store.Settled}[random.IntN(2)],
		}
		switch random.IntN(4) {
		case 0:
			b.Forget = append(b.Forget, r)
		case 1:
			b.Sightings = append(b.Sightings, store.Sighting{Folder: r.Folder, Ref: r.ID.String(), ID: r.ID})
		case 2:
			b.Unscan = append(b.Unscan, store.Folder{Side: store.Destination, Name: r.Folder})
		default:
			b.Records = append(b.Records, r)
		}
	}
	return b
}

// checkRecent returns how many of the keys that could be of an item are known.
func checkRecent(t *testing.T, s *Store, l *ledger, folder string, n int) (known int) {
	t.Helper()
	name, ok := l.state.names.numbers[folder]
	if !ok {
		return 0
	}
	for _, key := range [][]byte{
		l.state.tag.record(name, idOfNumber(n)),
		l.state.tag.sighting(name, l.state.incarnations[name], idOfNumber(n).String()),
	} {
		value, ok := l.recent.value(l.state, key)
		if !ok {
			continue
		}
		known++
		stored, err := s.lookup(key)
		if err != nil {
			t.Fatal(err)
		}
		if !equal(value, stored) || !bytes.Equal(value, stored) {
			t.Fatalf("%x is known as %x, and stored as %x", key, value, stored)
		}
	}
	return known
}
