package imapendpoint

import (
	"encoding/binary"
	"slices"
	"testing"
)

// FuzzUIDSet cuts sets of UIDs into pieces: each fits into a command, and together they are the whole.
func FuzzUIDSet(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 0, 0, 0, 2, 255, 255, 255, 255}, 3)
	f.Add(make([]byte, 400), 1)
	f.Fuzz(func(t *testing.T, data []byte, most int) {
		var uids []uint32
		for ; len(data) >= 4; data = data[4:] {
			if uid := binary.BigEndian.Uint32(data); uid > 0 {
				uids = append(uids, uid)
			}
		}
		slices.Sort(uids)
		uids = slices.Compact(uids)
		most = max(1, most)
		var together []uint32
		for left := uids; len(left) > 0; {
			set, n := uidSet(left, most)
			if n < 1 || n > most || len(set) > maxSet {
				t.Fatalf("%d of %d UIDs, %d bytes", n, len(left), len(set))
			}
			together = append(together, expand(set)...)
			left = left[n:]
		}
		if !slices.Equal(together, uids) {
			t.Errorf("%v became %v", uids, together)
		}
	})
}
