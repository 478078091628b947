package badgerstore

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"maps"

	"github.com/dandyroll/dandyroll/store"
)

// state is what is held in memory of an open pair. It follows the number of folders, not of
// records.
type state struct {
	pair string
	tag  tag
	meta store.Meta

	tally
	lastPass uint64

	names        list[string]
	validities   list[string]
	flags        list[string]
	epochs       list[epoch]
	incarnations map[uint32]uint32 // of the sightings, by folder
	reset        []byte            // a reset that was begun, or nil
	litter       map[uint32]bool   // folders of which dropped sightings may still be there
}

func newState(pair string, t tag) *state {
	return &state{
		pair: pair, tag: t, meta: store.Meta{Generation: 1}, tally: newTally(),
		names: newList[string](), validities: newList[string](), flags: newList[string](), epochs: newList[epoch](),
		incarnations: map[uint32]uint32{}, litter: map[uint32]bool{},
	}
}

// shared is what the numbers in records stand for.
func (st *state) shared() sharedValues {
	return sharedValues{epochs: st.epochs.values, validities: st.validities.values, flags: st.flags.values}
}

// list numbers the values that many entries share, from 1 and for ever. Its values are only
// appended to, so that a copy of values can be read while the list grows.
type list[T comparable] struct {
	numbers map[T]uint32
	values  values[T]
}

// values are the values of a list in the order of their numbers.
type values[T any] []T

func newList[T comparable]() list[T] { return list[T]{numbers: map[T]uint32{}} }

// append gives a value the next number.
func (l *list[T]) append(value T) {
	l.values = append(l.values, value)
	l.numbers[value] = uint32(len(l.values))
}

// load is append for a value whose number is known, which must be the next one.
func (l *list[T]) load(number uint32, value T) error {
	if l.append(value); int(number) != len(l.values) {
		return errCodec
	}
	return nil
}

// of returns the value with a number, if there is one.
func (v values[T]) of(number uint32) (value T, known bool) {
	if number == 0 || int64(number) > int64(len(v)) {
		return value, false
	}
	return v[number-1], true
}

// sum is the number of some entries, and the exclusive or of their digests.
type sum struct {
	count  int
	digest digest
}

func (s *sum) add(more sum) {
	s.count += more.count
	s.digest.toggle(more.digest)
}

// tally counts entries. That of all entries of a pair is what its summary must say.
type tally struct {
	at        position // seq apart
	folders   map[uint32]folderSums
	passes    sum
	stats     map[statKey]int
	positions map[store.Side]int
}

// folderSums are the sums of what is not read before it is asked for.
type folderSums struct{ records, sightings sum }

// statKey is a store.Stat with the number of its epoch.
type statKey struct {
	epoch  uint32
	status store.Status
}

func newTally() tally {
	return tally{folders: map[uint32]folderSums{}, stats: map[statKey]int{}, positions: map[store.Side]int{}}
}

// account adds an entry to the tally, or takes it off with sign -1. It returns the entry's digest.
func (t *tally) account(secret [32]byte, key, value []byte, sign int) (digest, error) {
	hash := entryDigest(secret, key, value)
	one := sum{sign, hash}
	t.at.count += uint64(sign)
	switch kind(key[prefixLen]) {
	case kindRecord:
		stat, err := statOf(value)
		if err != nil {
			return hash, err
		}
		t.stats[stat] += sign
		t.addFolder(numberOf(key), folderSums{records: one})
	case kindSighting:
		t.addFolder(numberOf(key), folderSums{sightings: one})
	case kindPass:
		t.passes.add(one)
	case kindPosition:
		t.positions[store.Side(key[prefixLen+1])] += sign
		t.at.digest.toggle(hash)
	case kindMeta, kindName, kindValidity, kindEpoch, kindIncarnation, kindReset, kindFlags, kindFolder:
		t.at.digest.toggle(hash)
	}
	return hash, nil
}

func (s *folderSums) add(more folderSums) {
	s.records.add(more.records)
	s.sightings.add(more.sightings)
}

func (t *tally) addFolder(name uint32, more folderSums) {
	sums := t.folders[name]
	sums.add(more)
	t.folders[name] = sums
}

// dropSightings takes all sightings of a folder off, of which there were those.
func (t *tally) dropSightings(name uint32, were sum) {
	t.addFolder(name, folderSums{sightings: sum{-were.count, were.digest}})
	t.at.count -= uint64(were.count)
}

// add adds all that more counted.
func (t *tally) add(more tally) {
	t.at.count += more.at.count
	t.at.digest.toggle(more.at.digest)
	for name, sums := range more.folders {
		t.addFolder(name, sums)
	}
	t.passes.add(more.passes)
	addCounts(t.stats, more.stats)
	addCounts(t.positions, more.positions)
}

func addCounts[K comparable](counts, more map[K]int) {
	for key, n := range more {
		counts[key] += n
	}
	maps.DeleteFunc(counts, func(_ K, n int) bool { return n == 0 })
}

// statOf reads what the statistics need of a record.
func statOf(value []byte) (statKey, error) {
	d := decoder{b: value}
	d.byte() // bits
	status := store.Status(d.byte())
	d.byte() // kind
	return statKey{d.number(), status}, d.err
}

// entryDigest is a keyed hash of an entry, so that a summary tells nothing of what it sums up.
func entryDigest(secret [32]byte, key, value []byte) digest {
	var room [256]byte
	b := append(room[:0], secret[:]...)
	b = binary.AppendUvarint(b, uint64(len(key)))
	b = append(append(b, key...), value...)
	sum := sha256.Sum256(b)
	return digest(sum[:16])
}

// keyKind returns the kind of an entry's key, or 0 for a key that is too short for its kind.
func keyKind(key []byte) kind {
	if len(key) <= prefixLen {
		return 0
	}
	k := kind(key[prefixLen])
	if least := keyLength(k); least < 0 || len(key) < prefixLen+1+least {
		return 0
	}
	return k
}

// keyLength is the least that follows the kind in a key, or -1 for no kind.
func keyLength(k kind) int {
	switch k {
	case kindMeta, kindReset:
		return 0
	case kindName, kindValidity, kindEpoch, kindIncarnation, kindFlags, kindFolder:
		return 4
	case kindPosition:
		return 5
	case kindPass:
		return 8
	case kindSighting:
		return 9
	case kindRecord:
		return 20
	}
	return -1
}

// numberOf reads the number behind the kind of a key.
func numberOf(key []byte) uint32 { return binary.BigEndian.Uint32(key[prefixLen+1:]) }

// incarnationOf reads the incarnation of a sighting's key.
func incarnationOf(key []byte) uint32 { return binary.BigEndian.Uint32(key[prefixLen+5:]) }

// refPart is what a sighting's key has of the Ref.
func refPart(key []byte) []byte { return bytes.Clone(key[prefixLen+9:]) }
