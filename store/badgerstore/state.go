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
	litter       bool              // whether dropped sightings were still there when loaded
}

func newState(pair string, t tag) *state {
	return &state{
		pair: pair, tag: t, meta: store.Meta{Generation: 1}, tally: newTally(),
		names: newList[string](), validities: newList[string](), flags: newList[string](), epochs: newList[epoch](),
		incarnations: map[uint32]uint32{},
	}
}

// shared is what the numbers in records stand for.
func (st *state) shared() sharedValues {
	return sharedValues{epochs: st.epochs.values, validities: st.validities.values, flags: st.flags.values}
}

// list numbers the values that many entries share, from 1 and for ever.
type list[T comparable] struct {
	numbers map[T]uint32
	values  map[uint32]T
}

func newList[T comparable]() list[T] {
	return list[T]{numbers: map[T]uint32{}, values: map[uint32]T{}}
}

func (l list[T]) add(number uint32, value T) {
	l.numbers[value] = number
	l.values[number] = value
}

// tally counts entries. That of all entries of a pair is what its summary must say.
type tally struct {
	at        position // seq apart
	records   map[uint32]int
	stats     map[statKey]int
	positions map[store.Side]int
	sightings map[uint32]sightings
	passes    int
}

// statKey is a store.Stat with the number of its epoch.
type statKey struct {
	epoch  uint32
	status store.Status
}

// sightings is what the sightings of one folder add to the tally of their pair.
type sightings struct {
	count  int
	digest digest
}

func newTally() tally {
	return tally{
		records: map[uint32]int{}, stats: map[statKey]int{},
		positions: map[store.Side]int{}, sightings: map[uint32]sightings{},
	}
}

// account adds an entry to the tally, or takes it off with sign -1.
func (t *tally) account(secret [32]byte, key, value []byte, sign int) error {
	hash := entryDigest(secret, key, value)
	t.at.digest.toggle(hash)
	t.at.count += uint64(sign)
	rest := key[prefixLen+1:]
	switch kind(key[prefixLen]) {
	case kindRecord:
		stat, err := statOf(value)
		if err != nil {
			return err
		}
		t.stats[stat] += sign
		t.records[binary.BigEndian.Uint32(rest)] += sign
	case kindPosition:
		t.positions[store.Side(rest[0])] += sign
	case kindSighting:
		t.addSightings(binary.BigEndian.Uint32(rest), sightings{sign, hash})
	case kindPass:
		t.passes += sign
	case kindMeta, kindName, kindValidity, kindEpoch, kindIncarnation, kindReset, kindFlags:
	}
	return nil
}

func (t *tally) addSightings(name uint32, more sightings) {
	sum := t.sightings[name]
	sum.count += more.count
	sum.digest.toggle(more.digest)
	t.sightings[name] = sum
}

// dropSightings takes all sightings of a folder off, of which there were those.
func (t *tally) dropSightings(name uint32, were sightings) {
	t.addSightings(name, sightings{-were.count, were.digest})
	t.at.count -= uint64(were.count)
	t.at.digest.toggle(were.digest)
}

// add adds all that more counted.
func (t *tally) add(more tally) {
	t.at.count += more.at.count
	t.at.digest.toggle(more.at.digest)
	addCounts(t.records, more.records)
	addCounts(t.stats, more.stats)
	addCounts(t.positions, more.positions)
	for name, s := range more.sightings {
		t.addSightings(name, s)
	}
	t.passes += more.passes
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

// summary is what Badger holds of a pair as a whole.
type summary struct {
	at       position
	passes   int
	lastPass uint64
}

func (s summary) encode() []byte {
	var e encoder
	s.at.encode(&e)
	e.uint(uint64(s.passes))
	e.uint(s.lastPass)
	return e.b
}

func decodeSummary(value []byte) (summary, error) {
	d := decoder{b: value}
	s := summary{at: d.position(), passes: int(d.number()), lastPass: d.uint()}
	return s, d.end()
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
	case kindName, kindValidity, kindEpoch, kindIncarnation, kindFlags:
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
