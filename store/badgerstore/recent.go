package badgerstore

import (
	"hash/maphash"

	"github.com/dandyroll/dandyroll/store"
)

// A commit must know what it overwrites, to take it off the sums. Asking Badger for each key takes
// as long as writing it, and is for nothing in most cases: an item is new, or its intent was
// committed a moment ago.

// recent knows of some keys what Badger has, without asking it.
type recent struct {
	values map[string][]byte // by key, of what is likely to be overwritten soon
	whole  map[part]bool     // parts of which every key is in keys
	keys   keyFilter
}

const (
	// maxValues is how many values are known, about: twice those of the largest batch, for folders that are
	// written at once have intents in several.
	maxValues = 2 * store.MaxBatch
	// maxValue is the longest value that is known.
	maxValue = 256
)

func newRecent() recent {
	return recent{values: map[string][]byte{}, whole: map[part]bool{}, keys: keyFilter{seed: maphash.MakeSeed()}}
}

// value returns the value of a key, nil if there is none, where that is known.
func (r *recent) value(st *state, key []byte) (value []byte, known bool) {
	if value, known = r.values[string(key)]; known {
		return value, true
	}
	k := kind(key[prefixLen])
	if !k.isItem() {
		return nil, false
	}
	p := part{k, numberOf(key)}
	if !r.whole[p] && st.sumOf(p) == (sum{}) {
		r.whole[p] = true // for all that is written is in keys
	}
	return nil, r.whole[p] && !r.keys.has(key)
}

// wrote notes a commit that succeeded.
func (r *recent) wrote(writes []write) {
	if len(r.values)+len(writes) > maxValues {
		clear(r.values) // Badger knows them, too
	}
	for _, w := range writes {
		if w.fresh && kind(w.key[prefixLen]).isItem() {
			r.keys.add(w.key) // before, it was added by what wrote it, or is by what reads the part
		}
		if w.changesSoon() {
			r.values[string(w.key)] = w.value
		} else {
			delete(r.values, string(w.key))
		}
	}
}

// changesSoon reports whether an entry is likely to be overwritten: an intent is settled, and what is no item
// goes on changing.
func (w write) changesSoon() bool {
	k := kind(w.key[prefixLen])
	switch {
	case w.value == nil, len(w.value) > maxValue, k == kindSighting:
		return false
	case k == kindRecord:
		stat, err := statOf(w.value)
		return err == nil && stat.status == store.Intent
	}
	return true
}

// read notes that a part was read as a whole, and its keys.
func (r *recent) read(p part, keys keyFilter) {
	if r.whole[p] {
		return // they are known
	}
	r.keys.merge(keys)
	r.whole[p] = true
}

// keyFilter is a Bloom filter that grows: 16 bits a key. It never forgets a key, and of ten
// thousand that are not in it, it takes some six a block for one that is.
type keyFilter struct {
	seed   maphash.Seed // never changes, so that it can be read without a lock
	blocks []*keyBlock
	left   int // room in the last block
}

// keyBlock holds keysPerBlock keys.
type keyBlock [keysPerBlock * bitsPerKey / 64]uint64

const (
	keysPerBlock = 1 << 15
	bitsPerKey   = 16
	probes       = 8
)

func (f *keyFilter) add(key []byte) {
	if f.left == 0 {
		f.blocks, f.left = append(f.blocks, new(keyBlock)), keysPerBlock
	}
	f.left--
	block, hash := f.blocks[len(f.blocks)-1], maphash.Bytes(f.seed, key)
	for i := range uint64(probes) {
		word, bit := probe(hash, i)
		block[word] |= bit
	}
}

func (f *keyFilter) has(key []byte) bool {
	hash := maphash.Bytes(f.seed, key)
	for _, block := range f.blocks {
		if block.has(hash) {
			return true
		}
	}
	return false
}

func (b *keyBlock) has(hash uint64) bool {
	for i := range uint64(probes) {
		if word, bit := probe(hash, i); b[word]&bit == 0 {
			return false
		}
	}
	return true
}

// probe returns one of the bits of a hash.
func probe(hash, i uint64) (word, bit uint64) {
	at := (hash + i*(hash>>32|1)) % (keysPerBlock * bitsPerKey)
	return at / 64, 1 << (at % 64)
}

// merge adds all keys of another filter with the same seed. The last block stays that with room.
func (f *keyFilter) merge(more keyFilter) {
	if len(f.blocks) == 0 {
		f.blocks, f.left = more.blocks, more.left
		return
	}
	f.blocks = append(more.blocks, f.blocks...)
}
