package pass

import (
	"maps"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/watermark"
)

// drawnWork is an item of which most is usual.
func drawnWork(random *rand.Rand, n int) workItem {
	odd := func() bool { return random.IntN(8) == 0 }
	w := workItem{
		n: n, id: watermark.ID{byte(n), byte(n >> 8)}, ref: strconv.Itoa(n + 1), kind: endpoint.Mail,
		size: int64(random.IntN(5000)), received: time.Unix(1_600_000_000+int64(n), 0).UTC(),
		trashed: odd(), duplicate: odd(), newcomer: !odd(),
	}
	switch random.IntN(30) {
	case 0:
		w.ref = []string{"AAMk", "0", "007", "4294967296", "-1", ""}[random.IntN(6)]
	case 1:
		w.size = []int64{-1, -2, math.MaxUint32 - 1, math.MaxUint32, 1 << 40}[random.IntN(5)]
	case 2:
		w.received = []time.Time{{}, time.Unix(0, 0).UTC(), time.Unix(-5, 0).UTC(), time.Unix(1<<33, 0).UTC()}[random.IntN(4)]
	case 3:
		w.version = "v2"
	case 4:
		w.attempts = 3
	case 5:
		w.before = &store.Record{Ref: "9"}
	case 6:
		w.identity = "<1@x>"
	case 7:
		w.follows = watermark.ID{7}
	case 8:
		w.kind = endpoint.Contact
	}
	return w
}

// A list gives back what was put into it, whatever fits into its few bytes.
func TestWorkList(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1)) //nolint:gosec // a test that can be repeated
	var l workList
	var want []workItem
	written := idSet{}
	for n := range 5000 {
		want = append(want, drawnWork(random, n))
		l.add(want[n])
	}
	for n := range want {
		switch random.IntN(5) {
		case 0:
			want[n] = drawnWork(random, n)
			l.set(n, want[n])
		case 1:
			bits := wroteItem
			if want[n].trashed {
				bits |= wroteTrashed
			}
			if want[n].duplicate {
				bits |= wroteDuplicate
			}
			written.put(want[n].id, bits)
			l.written(want[n])
			l.written(want[n])
		}
	}
	if have := slices.Collect(l.all()); !reflect.DeepEqual(have, want) {
		t.Error("the list holds something else than was put into it")
	}
	if have := maps.Collect(l.ids.all()); !reflect.DeepEqual(have, maps.Collect(written.all())) || l.wrote != written.len() {
		t.Errorf("%d items were written, want %d", len(have), written.len())
	}
	l.keep(func(w workItem) bool { return w.n%3 == 0 })
	if l.len() != (len(want)+2)/3 || l.at(7).id != want[21].id || l.at(7).n != 7 {
		t.Errorf("%d items are kept", l.len())
	}
}

// What was written is let go, but for chunks with an item of which the ledger knows less.
func TestWorkListLetsGo(t *testing.T) {
	var l workList
	plain := func(n int) workItem {
		return workItem{n: n, id: watermark.ID{byte(n), byte(n >> 8), 1}, ref: strconv.Itoa(n + 1), kind: endpoint.Mail, size: 5}
	}
	const odd = workChunkItems + 7
	var left []int
	for n := range 3*workChunkItems - 5 {
		w := plain(n)
		if n == odd {
			w.attempts = 2
		}
		l.add(w)
	}
	for n := range l.len() {
		if w := l.at(n); n != 2*workChunkItems {
			l.written(w)
		}
	}
	for w := range l.all() {
		left = append(left, w.n)
	}
	if len(left) != 2*workChunkItems-5 || left[0] != workChunkItems {
		t.Errorf("%d items are left, from %d on", len(left), left[0])
	}
	if have := l.attempts(); len(have) != 1 || have[plain(odd).id] != 2 {
		t.Errorf("attempts %v", have)
	}
	if l.wrote != l.len()-1 || l.ids.len() != l.wrote {
		t.Errorf("%d of %d items were written, and %d IDs are kept", l.wrote, l.len(), l.ids.len())
	}
}

// Windows hold the work in its order, as many items and bytes as they may, and greater ones alone.
func TestWorkWindows(t *testing.T) {
	var l workList
	var sizes []int64
	for n, size := range []int64{10, 20, -1, 70, 30, 500, 1, 1, 1, 1, 99, 2} {
		l.add(workItem{ref: strconv.Itoa(n + 1), size: size})
		sizes = append(sizes, size)
	}
	var have [][]int64
	for at := 0; at < l.len(); {
		var some []int64
		for _, w := range l.window(at, 3, 100) {
			some = append(some, w.size)
			at++
		}
		have = append(have, some)
	}
	want := slices.Collect(windows(sizes, func(size int64) int64 { return size }, Options{Window: 3, WindowBytes: 100}))
	if !reflect.DeepEqual(have, want) {
		t.Errorf("windows %v, want %v", have, want)
	}
}
