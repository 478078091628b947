package imapendpoint

import "slices"

// batch is the messages of a flight.
type batch[T any] struct {
	uids   []uint32 // what was asked for
	values []T
	have   []bool
	next   int // where the next answer is expected
	known  int // how many of the first have an outcome
	drop   func(T)
}

// reset makes a batch of other messages.
func (b *batch[T]) reset(uids []uint32) {
	b.release(0)
	n := len(uids)
	b.uids, b.next, b.known = uids, 0, 0
	b.values, b.have = slices.Grow(b.values[:0], n)[:n], slices.Grow(b.have[:0], n)[:n]
	clear(b.have)
}

// accept takes in a message. One that was not asked for, and one that came before, is dropped.
func (b *batch[T]) accept(uid uint32, value T) {
	i := b.next
	if i >= len(b.uids) || b.uids[i] != uid {
		var asked bool
		if i, asked = slices.BinarySearch(b.uids, uid); !asked {
			b.discard(value)
			return
		}
	}
	if b.have[i] {
		b.discard(b.values[i])
	}
	b.values[i], b.have[i], b.next = value, true, i+1
}

func (b *batch[T]) missing() []uint32 {
	var out []uint32
	for i, uid := range b.uids {
		if !b.have[i] {
			out = append(out, uid)
		}
	}
	return out
}

// count finds the first message of which nothing is known: it did not come, and it exists or the answer
// broke off. What came of those behind it is dropped.
func (b *batch[T]) count(left []uint32, broken bool) {
	for b.known = 0; b.known < len(b.uids); b.known++ {
		_, exists := slices.BinarySearch(left, b.uids[b.known])
		if !b.have[b.known] && (exists || broken) {
			break
		}
	}
	b.release(b.known)
}

// release drops what came, from the i-th message on.
func (b *batch[T]) release(i int) {
	for ; i < len(b.have); i++ {
		if b.have[i] {
			b.have[i] = false
			b.discard(b.values[i])
		}
	}
}

func (b *batch[T]) discard(value T) {
	if b.drop != nil {
		b.drop(value)
	}
}

// arrivals are messages that come before it is known which there are: a server may answer a FETCH before the
// SEARCH in front of it (RFC 9051 section 5.5). There cannot be more of them than UIDs between first and last.
type arrivals[T any] struct {
	first, last uint32
	uids        []uint32
	values      []T
	batch       *batch[T] // where they go
}

func (a *arrivals[T]) accept(uid uint32, value T) {
	i, known := slices.BinarySearch(a.uids, uid)
	switch {
	case uid < a.first || uid > a.last:
		a.batch.discard(value)
	case known:
		a.batch.discard(a.values[i])
		a.values[i] = value
	default:
		a.uids, a.values = slices.Insert(a.uids, i, uid), slices.Insert(a.values, i, value)
	}
}

// sort makes a batch of messages of what came.
func (a *arrivals[T]) sort(uids []uint32) {
	a.batch.reset(uids)
	for i, uid := range a.uids {
		a.batch.accept(uid, a.values[i])
	}
	a.uids, a.values = nil, nil
}
