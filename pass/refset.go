package pass

import (
	"cmp"
	"slices"
	"strconv"
)

// numberOf returns the number that a reference is, written as strconv does, if it is one: as in IMAP.
func numberOf(ref string) (uint32, bool) {
	if ref == "" || len(ref) > 10 || ref[0] == '0' {
		return 0, false
	}
	n, err := strconv.ParseUint(ref, 10, 32)
	return uint32(n), err == nil && ref[0] != '+'
}

// span is a run of numbers, with how many numbers there are in the spans before it.
type span struct {
	first, last uint32
	before      int
}

// refSet is the references of a folder, each of which can be taken once. Numbers are kept as runs, and a
// bit each. The zero value is empty; nothing is added after the first was taken.
type refSet struct {
	spans  []span
	sealed bool
	taken  []uint64        // bits
	others map[string]bool // whether it was taken
	left   int
}

func (s *refSet) add(ref string) {
	n, ok := numberOf(ref)
	if !ok {
		if s.others == nil {
			s.others = map[string]bool{}
		}
		s.others[ref] = false
		return
	}
	if last := len(s.spans) - 1; last >= 0 && s.spans[last].last+1 == n && n != 0 {
		s.spans[last].last = n
		return
	}
	s.spans = append(s.spans, span{first: n, last: n})
}

// seal brings the runs into order.
func (s *refSet) seal() {
	slices.SortFunc(s.spans, func(a, b span) int { return cmp.Compare(a.first, b.first) })
	merged, total := s.spans[:0], 0
	for _, next := range s.spans {
		if last := len(merged) - 1; last >= 0 && uint64(next.first) <= uint64(merged[last].last)+1 {
			if next.last > merged[last].last {
				total += int(next.last - merged[last].last)
				merged[last].last = next.last
			}
			continue
		}
		next.before = total
		total += int(next.last-next.first) + 1
		merged = append(merged, next)
	}
	s.spans, s.sealed = merged, true
	s.taken = make([]uint64, (total+63)/64)
	s.left = total + len(s.others)
}

// bit returns the place of a number among the bits.
func (s *refSet) bit(n uint32) (bit int, ok bool) {
	i, found := slices.BinarySearchFunc(s.spans, n, func(sp span, n uint32) int { return cmp.Compare(sp.first, n) })
	if !found {
		i--
	}
	if i < 0 || n > s.spans[i].last {
		return 0, false
	}
	return s.spans[i].before + int(n-s.spans[i].first), true
}

// has reports whether a reference is there, and was not taken.
func (s *refSet) has(ref string) bool {
	if !s.sealed {
		s.seal()
	}
	n, isNumber := numberOf(ref)
	if !isNumber {
		taken, there := s.others[ref]
		return there && !taken
	}
	bit, there := s.bit(n)
	return there && s.taken[bit/64]&(1<<(bit%64)) == 0
}

// take takes a reference, and reports whether it was there, and was not taken before.
func (s *refSet) take(ref string) bool {
	if !s.has(ref) {
		return false
	}
	if n, isNumber := numberOf(ref); isNumber {
		bit, _ := s.bit(n)
		s.taken[bit/64] |= 1 << (bit % 64)
	} else {
		s.others[ref] = true
	}
	s.left--
	return true
}

// rest is how many references were not taken.
func (s *refSet) rest() int {
	if !s.sealed {
		s.seal()
	}
	return s.left
}

// refMap finds numbers by reference, in 8 bytes where references are numbers themselves. The zero value is
// empty; nothing is added after the first was looked for.
type refMap struct {
	numbers []numbered
	sealed  bool
	others  map[string]numbered
}

// numbered is a number, doubled, and one more if it gives way to others of its reference.
type numbered struct{ ref, value uint32 }

// add enters a reference. Of several entries the first counts, of those that do not give way if there
// are any.
func (m *refMap) add(ref string, value uint32, givesWay bool) {
	value *= 2
	if givesWay {
		value++
	}
	if n, ok := numberOf(ref); ok {
		m.numbers = append(m.numbers, numbered{n, value})
		return
	}
	if m.others == nil {
		m.others = map[string]numbered{}
	}
	if e, there := m.others[ref]; !there || e.value%2 > value%2 {
		m.others[ref] = numbered{value: value}
	}
}

// get returns the number of a reference.
func (m *refMap) get(ref string) (value uint32, ok bool) {
	n, isNumber := numberOf(ref)
	if !isNumber {
		e, ok := m.others[ref]
		return e.value / 2, ok
	}
	if !m.sealed {
		slices.SortStableFunc(m.numbers, func(a, b numbered) int {
			return cmp.Or(cmp.Compare(a.ref, b.ref), cmp.Compare(a.value%2, b.value%2))
		})
		m.sealed = true
	}
	i, found := slices.BinarySearchFunc(m.numbers, n, func(e numbered, n uint32) int { return cmp.Compare(e.ref, n) })
	if !found {
		return 0, false
	}
	return m.numbers[i].value / 2, true
}
