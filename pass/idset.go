package pass

import (
	"encoding/binary"
	"iter"
	"math/bits"

	"github.com/dandyroll/dandyroll/watermark"
)

// idSet holds IDs, each with some bits of which one is set at least, in 20 to 25 bytes an ID. It is many
// small tables with open addressing, so that growing needs no second copy of all of it. The zero value
// is empty.
type idSet struct {
	tables []idTable
	n      int
}

// idTable is one of the tables: the slots with no bits set are free.
type idTable struct {
	slots []idSlot
	used  int
}

type idSlot struct {
	id   watermark.ID
	bits uint8
}

const (
	idTables    = 256
	leastIDs    = 8
	idTableBits = 8 // of the hash, that choose the table
)

// hashOf spreads IDs, whatever their bytes are: most are evenly spread already.
func hashOf(id watermark.ID) uint64 {
	high, low := bits.Mul64(binary.LittleEndian.Uint64(id[:8])^0x9e3779b97f4a7c15, binary.LittleEndian.Uint64(id[8:])|1)
	return (high ^ low ^ binary.LittleEndian.Uint64(id[:8])) * 0xd6e8feb86659fd93
}

// find returns the slot of an ID, or the free one where it would go.
func (t *idTable) find(id watermark.ID, hash uint64) *idSlot {
	at, _ := bits.Mul64(hash<<idTableBits, uint64(len(t.slots)))
	for i := int(at); ; i++ { //nolint:gosec // below the length
		if i == len(t.slots) {
			i = 0
		}
		if s := &t.slots[i]; s.bits == 0 || s.id == id {
			return s
		}
	}
}

// get returns the bits of an ID, or 0 if it is not in the set, or there is no set.
func (s *idSet) get(id watermark.ID) uint8 {
	if slot := s.lookup(id); slot != nil {
		return slot.bits
	}
	return 0
}

// mark adds bits to those of an ID, if it is in the set, and reports whether it is.
func (s *idSet) mark(id watermark.ID, with uint8) bool {
	slot := s.lookup(id)
	if slot == nil || slot.bits == 0 {
		return false
	}
	slot.bits |= with
	return true
}

// lookup returns the slot of an ID, which may be a free one, or nil.
func (s *idSet) lookup(id watermark.ID) *idSlot {
	if s == nil || s.tables == nil {
		return nil
	}
	hash := hashOf(id)
	t := &s.tables[hash>>(64-idTableBits)]
	if len(t.slots) == 0 {
		return nil
	}
	return t.find(id, hash)
}

// put enters an ID with exactly these bits, which are not 0.
func (s *idSet) put(id watermark.ID, with uint8) { s.slot(id).bits = with }

// or adds bits to those of an ID, which it enters if it is new.
func (s *idSet) or(id watermark.ID, with uint8) { s.slot(id).bits |= with }

// slot returns the slot of an ID, for the caller to set bits in.
func (s *idSet) slot(id watermark.ID) *idSlot {
	if s.tables == nil {
		s.tables = make([]idTable, idTables)
	}
	hash := hashOf(id)
	t := &s.tables[hash>>(64-idTableBits)]
	if 8*(t.used+1) > 7*len(t.slots) {
		t.grow()
	}
	slot := t.find(id, hash)
	if slot.bits == 0 {
		slot.id = id
		t.used++
		s.n++
	}
	return slot
}

func (t *idTable) grow() {
	old := t.slots
	t.slots = make([]idSlot, leastIDs+len(old)+len(old)/5)
	for _, s := range old {
		if s.bits != 0 {
			*t.find(s.id, hashOf(s.id)) = s
		}
	}
}

// len returns the number of IDs.
func (s *idSet) len() int { return s.n }

// clear takes bits from all IDs, each of which keeps another one.
func (s *idSet) clear(some uint8) {
	if s == nil {
		return
	}
	for _, t := range s.tables {
		for i := range t.slots {
			t.slots[i].bits &^= some
		}
	}
}

// merge enters the IDs of another set, whose own are not needed any more.
func (s *idSet) merge(more *idSet) {
	if s.tables == nil {
		*s, *more = *more, idSet{}
		return
	}
	for id, with := range more.all() {
		s.or(id, with)
	}
	*more = idSet{}
}

// all yields the IDs and their bits, in no order. The set must not grow meanwhile.
func (s *idSet) all() iter.Seq2[watermark.ID, uint8] {
	return func(yield func(watermark.ID, uint8) bool) {
		for _, t := range s.tables {
			for _, slot := range t.slots {
				if slot.bits != 0 && !yield(slot.id, slot.bits) {
					return
				}
			}
		}
	}
}
