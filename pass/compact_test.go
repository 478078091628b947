package pass

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/dandyroll/dandyroll/watermark"
)

// An idSet holds what a map does, of even IDs and of those that differ in few bits.
func TestIDSet(t *testing.T) {
	for _, spread := range []uint64{10, 300, 1 << 62} {
		random := rand.New(rand.NewPCG(spread, 1)) //nolint:gosec // a test that can be repeated
		var s idSet
		want := map[watermark.ID]uint8{}
		for range 20_000 {
			var id watermark.ID
			at := 8 * random.IntN(2)
			binary.LittleEndian.PutUint64(id[at:], random.Uint64N(spread))
			with := uint8(1 + random.IntN(255)) //nolint:gosec // fits
			switch random.IntN(3) {
			case 0:
				s.put(id, with)
				want[id] = with
			case 1:
				s.or(id, with)
				want[id] |= with
			}
			if s.get(id) != want[id] {
				t.Fatalf("%v has bits %b, want %b", id, s.get(id), want[id])
			}
		}
		maps.DeleteFunc(want, func(_ watermark.ID, bits uint8) bool { return bits == 0 })
		if s.len() != len(want) || !maps.Equal(maps.Collect(s.all()), want) {
			t.Fatalf("the set has %d IDs, want %d", s.len(), len(want))
		}
	}
}

// drawnRefs are references in any order, some of them no numbers, or none that can be told apart from others
// once it is read as one.
func drawnRefs(random *rand.Rand) []string {
	var refs []string
	for next, n := uint64(random.Uint32N(5)), random.IntN(400); n > 0; n-- {
		switch random.IntN(20) {
		case 0:
			next = random.Uint64N(1 << 33)
		case 1:
			next -= min(next, random.Uint64N(50))
		case 2:
			refs = append(refs, fmt.Sprintf("AAMk%d=", random.IntN(50)))
		case 3:
			refs = append(refs, fmt.Sprintf("0%d", random.IntN(9)), "+1", "4294967295", "4294967296", "0", "-1")
		}
		refs = append(refs, strconv.FormatUint(next, 10))
		next++
	}
	return refs
}

func TestRefSet(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // as above
		var s refSet
		want := map[string]bool{}
		for _, ref := range drawnRefs(random) {
			s.add(ref)
			want[ref] = true
		}
		for _, ref := range append(drawnRefs(random), slices.Sorted(maps.Keys(want))...) {
			if s.rest() != len(want) {
				t.Fatalf("seed %d: %d references are left, want %d", seed, s.rest(), len(want))
			}
			if have := s.has(ref); have != want[ref] {
				t.Fatalf("seed %d: %q is there: %v", seed, ref, have)
			}
			if have := s.take(ref); have != want[ref] {
				t.Fatalf("seed %d: %q is taken: %v", seed, ref, have)
			}
			delete(want, ref)
		}
	}
}

func TestRefMap(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // as above
		var m refMap
		want := map[string]uint32{}
		weak := map[string]bool{}
		for i, ref := range drawnRefs(random) {
			givesWay := random.IntN(4) == 0
			m.add(ref, uint32(i), givesWay) //nolint:gosec // fits
			if _, twice := want[ref]; !twice || weak[ref] && !givesWay {
				want[ref], weak[ref] = uint32(i), givesWay //nolint:gosec // fits
			}
		}
		for _, ref := range append(drawnRefs(random), slices.Sorted(maps.Keys(want))...) {
			value, ok := m.get(ref)
			if there, known := want[ref]; ok != known || value != there {
				t.Fatalf("seed %d: %q has %d %v, want %d %v", seed, ref, value, ok, there, known)
			}
		}
	}
}
