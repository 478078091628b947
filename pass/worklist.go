package pass

import (
	"iter"
	"math"
	"strconv"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/watermark"
)

// workItem is an item that is to be migrated.
type workItem struct {
	n        int // its place in the list
	id       watermark.ID
	ref      string
	kind     endpoint.Kind
	size     int64
	received time.Time
	version  string
	attempts uint8 // failed ones before
	// before is the record to return to if the item is not tried after all.
	before *store.Record
	// trashed says that we once moved the item to the trash of the destination.
	trashed bool
	// duplicate says that a copy of an older generation is there.
	duplicate bool
	// newcomer says that nothing is known of the item, whose identity is then noted if policies ask.
	newcomer bool
	identity string
	// follows is the item that this one was before it moved; zero if it did not.
	follows watermark.ID
}

// workList is the work of a folder in its order: 16 bytes for each item whose reference is a number and of
// which little is known, as of all mail that is new to an IMAP source, and 16 more once its ID is. What was
// written is let go: the ledger has it. The zero value is empty.
type workList struct {
	chunks []workChunk
	n      int
	odd    map[int]workItem // items that do not fit into those bytes
	bytes  int64            // of all
	wrote  int              // how many items were written
	// ids are those of the items that were written, with the bits below, and what twins keeps.
	ids idSet
}

// workChunk is a number of items that follow each other. Once all of them were written, it is empty.
type workChunk struct {
	items   []packedItem
	ids     []watermark.ID // nil as long as none is known
	odd     bool           // some of the items do not fit
	written int            // how many
}

// packedItem is a workItem without its ID in few bytes.
type packedItem struct {
	ref      uint32
	size     uint32 // or noSize
	received uint32 // seconds since 1970; 0 if unknown
	kind     endpoint.Kind
	bits     uint8
}

const (
	workChunkItems = 1 << 10
	noSize         = math.MaxUint32
)

// What is known of a packedItem, by bits.
const (
	packedOdd uint8 = 1 << iota // the item is in odd
	packedTrashed
	packedDuplicate
	packedNewcomer
)

// What is known of the ID of an item that was written, by bits, beside those of a view.
const (
	wroteItem      uint8 = 4 << iota // this pass wrote the item
	wroteTrashed                     // workItem.trashed
	wroteDuplicate                   // workItem.duplicate
)

func (l *workList) len() int { return l.n }

// add appends an item. Nothing is added once an item was written.
func (l *workList) add(w workItem) {
	if l.n%workChunkItems == 0 {
		l.chunks = append(l.chunks, workChunk{items: make([]packedItem, 0, workChunkItems)})
	}
	last := &l.chunks[len(l.chunks)-1]
	last.items = append(last.items, packedItem{})
	l.n++
	l.bytes += max(w.size, 0)
	l.set(l.n-1, w)
}

// set replaces an item by what is known of it now.
func (l *workList) set(n int, w workItem) {
	w.n = n
	chunk, i := l.chunk(n)
	packed, ok := w.pack()
	delete(l.odd, n)
	if !ok {
		packed.bits |= packedOdd
		chunk.odd = true
		if l.odd == nil {
			l.odd = map[int]workItem{}
		}
		l.odd[n] = w
	}
	if chunk.ids == nil && w.id != (watermark.ID{}) {
		chunk.ids = make([]watermark.ID, cap(chunk.items))
	}
	if chunk.ids != nil {
		chunk.ids[i] = w.id
	}
	chunk.items[i] = packed
}

// chunk returns the chunk of an item, and the item's place in it.
func (l *workList) chunk(n int) (*workChunk, int) {
	return &l.chunks[n/workChunkItems], n % workChunkItems
}

// at returns an item that was not let go.
func (l *workList) at(n int) workItem {
	chunk, i := l.chunk(n)
	packed := chunk.items[i]
	if packed.bits&packedOdd != 0 {
		return l.odd[n]
	}
	w := packed.unpack(n)
	if chunk.ids != nil {
		w.id = chunk.ids[i]
	}
	return w
}

// all yields the items in their order, but for those that were let go. They may be set meanwhile.
func (l *workList) all() iter.Seq[workItem] {
	return func(yield func(workItem) bool) {
		for n := range l.n {
			if chunk, _ := l.chunk(n); chunk.items != nil && !yield(l.at(n)) {
				return
			}
		}
	}
}

// keep leaves only items that are to be kept.
func (l *workList) keep(keeps func(workItem) bool) {
	var kept workList
	for w := range l.all() {
		if keeps(w) {
			kept.add(w)
		}
	}
	*l = kept
}

// window returns the items from a place on that are committed together.
func (l *workList) window(at, items int, bytes int64) []workItem {
	some := make([]workItem, 0, min(items, l.n-at))
	for n := at; n < l.n && len(some) < items; n++ {
		some = append(some, l.at(n))
	}
	return some[:fitting(some, func(w workItem) int64 { return w.size }, items, bytes)]
}

// written notes that an item of the list was written. Its ID is kept, and a chunk is let go with the last
// of its items, unless the ledger has less of one.
func (l *workList) written(w workItem) {
	slot := l.ids.slot(w.id)
	if slot.bits&wroteItem != 0 {
		return
	}
	slot.bits |= wroteItem
	if w.trashed {
		slot.bits |= wroteTrashed
	}
	if w.duplicate {
		slot.bits |= wroteDuplicate
	}
	l.wrote++
	chunk, _ := l.chunk(w.n)
	if chunk.written++; chunk.written == len(chunk.items) && !chunk.odd {
		*chunk = workChunk{}
	}
}

// attempts returns how often items failed in earlier passes, of those that did.
func (l *workList) attempts() map[watermark.ID]uint8 {
	attempts := map[watermark.ID]uint8{}
	for _, w := range l.odd {
		if w.attempts > 0 {
			attempts[w.id] = w.attempts
		}
	}
	return attempts
}

// pack returns what there is to an item beside its ID in few bytes; ok is false if it does not fit.
func (w workItem) pack() (p packedItem, ok bool) {
	p = packedItem{kind: w.kind, size: noSize}
	for _, b := range []struct {
		set bool
		bit uint8
	}{{w.trashed, packedTrashed}, {w.duplicate, packedDuplicate}, {w.newcomer, packedNewcomer}} {
		if b.set {
			p.bits |= b.bit
		}
	}
	if w.version != "" || w.attempts != 0 || w.before != nil || w.identity != "" || w.follows != (watermark.ID{}) {
		return p, false
	}
	if p.ref, ok = numberOf(w.ref); !ok {
		return p, false
	}
	if w.size >= 0 {
		p.size = uint32(min(w.size, noSize)) //nolint:gosec // bounded
	}
	if !w.received.IsZero() {
		seconds := w.received.Unix()
		p.received = uint32(min(max(seconds, 0), math.MaxUint32)) //nolint:gosec // bounded
		ok = seconds > 0 && seconds < math.MaxUint32
	}
	return p, ok && w.size < noSize && (w.size >= 0 || w.size == -1)
}

// unpack inverts pack.
func (p packedItem) unpack(n int) workItem {
	w := workItem{
		n: n, ref: strconv.FormatUint(uint64(p.ref), 10), kind: p.kind, size: int64(p.size),
		trashed: p.bits&packedTrashed != 0, duplicate: p.bits&packedDuplicate != 0, newcomer: p.bits&packedNewcomer != 0,
	}
	if p.size == noSize {
		w.size = -1
	}
	if p.received != 0 {
		w.received = time.Unix(int64(p.received), 0).UTC()
	}
	return w
}
