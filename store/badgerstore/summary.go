package badgerstore

import (
	"bytes"
	"cmp"
	"maps"
	"slices"

	"github.com/dandyroll/dandyroll/store"
)

// A pair can have millions of records, so that opening it must not read them. What proves them
// stands in three steps, each committed together with what it sums up:
//
//	seal     position: seq, count of all entries, digest of the small entries
//	summary  the same; statistics; the sum of all passes
//	folder   a small entry: the sum of the folder's records, and of its sightings
//
// Small entries are those that follow the number of folders; Open reads and checks all of them.
// Records and sightings are checked folder by folder, before any of them is shown (see verify).

// summary is what Badger holds of a pair as a whole.
type summary struct {
	at       position
	passes   sum
	lastPass uint64
	stats    map[statKey]int
	// old says that it is one of the first two formats: the digest is that of all entries, there
	// are no entries of folders, and only the number is known of the passes.
	old bool
}

func (s summary) encode() []byte {
	var e encoder
	s.at.encode(&e)
	e.uint(uint64(s.passes.count))
	e.uint(s.lastPass)
	e.raw(s.passes.digest[:]) // from here on since thirdFormat
	keys := slices.SortedFunc(maps.Keys(s.stats), func(a, b statKey) int {
		return cmp.Or(cmp.Compare(a.epoch, b.epoch), cmp.Compare(a.status, b.status))
	})
	for _, key := range keys {
		e.uint(uint64(key.epoch))
		e.byte(byte(key.status))
		e.uint(uint64(s.stats[key]))
	}
	return e.b
}

func decodeSummary(value []byte) (summary, error) {
	d := decoder{b: value}
	s := summary{at: d.position(), passes: sum{count: int(d.number())}, lastPass: d.uint(), stats: map[statKey]int{}}
	if s.old = len(d.b) == 0; s.old {
		return s, d.err
	}
	d.digest(&s.passes.digest)
	for len(d.b) > 0 {
		key := statKey{epoch: d.number(), status: store.Status(d.byte())}
		s.stats[key] = int(d.uint())
	}
	return s, d.err
}

func (d *decoder) digest(to *digest) { copy(to[:], d.raw(uint64(len(to)))) }

// What an entry of a folder has, by bits of its first byte. The values are stored and never change.
const (
	hasRecords byte = 1 << iota
	hasSightings
	hasLitter // dropped sightings may still be there

	knownFolder = hasLitter<<1 - 1
)

// encodeFolder returns nil for a folder of which nothing needs to be known.
func encodeFolder(sums folderSums, litter bool) []byte {
	bits := bit(hasRecords, sums.records != sum{}) | bit(hasSightings, sums.sightings != sum{}) | bit(hasLitter, litter)
	if bits == 0 {
		return nil
	}
	var e encoder
	e.byte(bits)
	for _, part := range []sum{sums.records, sums.sightings} {
		if part != (sum{}) {
			e.uint(uint64(part.count))
			e.raw(part.digest[:])
		}
	}
	return e.b
}

func decodeFolder(value []byte) (sums folderSums, litter bool, err error) {
	d := decoder{b: value}
	bits := d.byte()
	if bits == 0 || bits&^knownFolder != 0 {
		d.fail()
	}
	if bits&hasRecords != 0 {
		sums.records = d.sum()
	}
	if bits&hasSightings != 0 {
		sums.sightings = d.sum()
	}
	return sums, bits&hasLitter != 0, d.end()
}

func (d *decoder) sum() (s sum) {
	s.count = int(d.uint())
	d.digest(&s.digest)
	return s
}

// check compares what was read of a pair with its summary.
func (st *state) check(want summary) error {
	records, stats := 0, 0
	for _, sums := range st.folders {
		records += sums.records.count
	}
	for _, n := range st.stats {
		stats += n
	}
	switch {
	case st.at.count != want.at.count:
		return damaged("a pair has %d entries and should have %d", st.at.count, want.at.count)
	case st.at.digest != want.at.digest, st.passes != want.passes, records != stats:
		return damaged("a pair has %d entries, but not those that it should have", st.at.count)
	}
	return nil
}

// loadFolder takes what the entry of a folder says.
func (st *state) loadFolder(name uint32, value []byte) error {
	sums, litter, err := decodeFolder(value)
	if err != nil {
		return err
	}
	st.addFolder(name, sums)
	st.at.count += uint64(sums.records.count) + uint64(sums.sightings.count)
	if litter {
		st.litter[name] = true
	}
	return nil
}

// equal compares two values of entries, of which nil stands for none.
func equal(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }
