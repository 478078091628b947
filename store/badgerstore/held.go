package badgerstore

// heldBytes is how much of a part is held while it is verified.
const heldBytes = 2 << 20

// held is a part as it was read to be verified, so that a folder which is not large need not be read twice to be
// shown.
type held struct {
	store  *Store
	chunks [][]entry
	bytes  int
	over   bool // it is too much
}

// take takes over the last chunk of a snapshot.
func (h *held) take(s *snapshot) {
	if h == nil || h.over {
		return
	}
	if h.bytes += len(s.room); h.bytes > heldBytes {
		h.chunks, h.over = nil, true
		return
	}
	h.chunks = append(h.chunks, s.entries)
	s.entries, s.room = make([]entry, 0, cap(s.entries)), make([]byte, 0, cap(s.room))
}

// count is how many entries are held.
func (h *held) count() (n int) {
	for _, c := range h.chunks {
		n += len(c)
	}
	return n
}

// next implements source. Of a store that was closed, it says so.
func (h *held) next() ([]entry, error) {
	if err := h.store.enter(); err != nil {
		return nil, err
	}
	defer h.store.leave()
	if len(h.chunks) == 0 {
		return nil, nil
	}
	first := h.chunks[0]
	h.chunks = h.chunks[1:]
	return first, nil
}

// close implements source.
func (h *held) close() { h.chunks = nil }
