package watermark_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/dandyroll/dandyroll/watermark"
)

func testTypes() watermark.Types { return watermark.Types{Source: "imap", Destination: "graph"} }

func testItem() watermark.Item {
	return watermark.Item{
		Types: testTypes(), Pair: "ann", Generation: 1, Kind: "mail",
		Folder: []string{"Archive", "2026"}, Identity: "identity", Ordinal: 0,
	}
}

func testMark(t testing.TB) watermark.Mark {
	t.Helper()
	k := testKey(t)
	return k.Mark(testTypes(), "ann", 1, k.ItemID(testItem()))
}

// TestFormat pins every byte of the format: marks at destinations outlive the program.
func TestFormat(t *testing.T) {
	t.Parallel()
	const want = "1.imap.graph.5swmvnky.zd7gyta7q7ymxcnifey6xmycby.26tnma4mihmok"
	if got := testMark(t).String(); got != want {
		t.Errorf("mark %s,\nwant %s", got, want)
	}
}

func TestLineLength(t *testing.T) {
	t.Parallel()
	k := testKey(t)
	longest := strings.Repeat("z", watermark.MaxType)
	m := k.Mark(watermark.Types{Source: longest, Destination: longest}, strings.Repeat("pair", 1000), 1<<31, watermark.ID{255})
	line := string(watermark.Prefix(m, []byte("A: b\r\n")))
	if len(line) != 78+len("\r\n") { // RFC 5322 section 2.1.1
		t.Errorf("the longest line has %d characters with its end, want 80: %q", len(line), line)
	}
}

func TestParseRoundTrip(t *testing.T) {
	t.Parallel()
	m := testMark(t)
	for _, text := range []string{m.String(), strings.ToUpper(m.String())} {
		if got, err := watermark.Parse(text); err != nil || got != m {
			t.Errorf("Parse(%q) = %v, %v, want %v", text, got, err, m)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	good := testMark(t).String()
	parts := strings.Split(good, ".")
	with := func(i int, part string) string {
		changed := slices.Clone(parts)
		changed[i] = part
		return strings.Join(changed, ".")
	}
	tests := map[string]error{
		"":                          watermark.ErrSyntax,
		".":                         watermark.ErrSyntax,
		"1":                         watermark.ErrSyntax,
		good + ".":                  watermark.ErrSyntax,
		good + ".x":                 watermark.ErrSyntax,
		good + " ":                  watermark.ErrSyntax,
		with(0, "0"):                watermark.ErrSyntax,
		with(0, "01"):               watermark.ErrSyntax,
		with(0, "+1"):               watermark.ErrSyntax,
		with(0, "-1"):               watermark.ErrSyntax,
		with(0, "1e0"):              watermark.ErrSyntax,
		with(0, "65536"):            watermark.ErrSyntax,
		with(0, "2"):                watermark.ErrVersion,
		"2":                         watermark.ErrSyntax, // a mark of any version has the tag of a pair
		"65535.anything":            watermark.ErrSyntax,
		"2.a.b." + parts[3]:         watermark.ErrVersion,
		with(1, ""):                 watermark.ErrSyntax,
		with(1, "toolong"):          watermark.ErrSyntax,
		with(2, "ima-p"):            watermark.ErrSyntax,
		with(2, "ımap"):             watermark.ErrSyntax,
		with(3, parts[3][1:]):       watermark.ErrSyntax,
		with(3, "1"+parts[3][1:]):   watermark.ErrSyntax, // 1 is no digit of base32
		with(4, parts[4]+"a"):       watermark.ErrSyntax,
		with(4, parts[4][:25]+"b"):  watermark.ErrSyntax, // unused bits are set
		with(5, parts[5][1:]+"\n"):  watermark.ErrSyntax, // encoding/base32 skips line ends
		with(5, parts[5]+"======="): watermark.ErrSyntax,
		strings.Replace(good, "k", "\u212a", 1) + "k": watermark.ErrSyntax,
	}
	for text, want := range tests {
		if m, err := watermark.Parse(text); !errors.Is(err, want) || m.Item != (watermark.ID{}) {
			t.Errorf("Parse(%q) = %v, %v, want %v", text, m, err, want)
		}
	}
	// Other letters whose lower case is one of ours stand for nothing.
	kelvin := with(1, "\u212a")
	if m, err := watermark.Parse(kelvin); err == nil {
		t.Errorf("Parse(%q) = %v without an error", kelvin, m)
	}
}

func TestParseErrorShowsNothingOfTheText(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"hostile", "1.hostile.x.y.z.w", "1.imap.imap.hostile.hostile.hostile", "hostile.1.1.1.1.1.1.1"} {
		if _, err := watermark.Parse(text); err == nil || strings.Contains(err.Error(), "hostile") {
			t.Errorf("Parse(%q): %v", text, err)
		}
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{"a": true, "imap": true, "graph1": true, "": false, "toolong": false, "Imap": false, "i.p": false, "ü": false, "a\n": false} {
		source := watermark.Types{Source: name, Destination: "imap"}.Validate()
		destination := watermark.Types{Source: "imap", Destination: name}.Validate()
		if (source == nil) != want || (destination == nil) != want {
			t.Errorf("type %q: %v, %v, want valid %v", name, source, destination, want)
		}
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	k := testKey(t)
	id := k.ItemID(testItem())
	tests := []struct{ generation, hint uint32 }{
		{1, 1}, {1, 0}, {1, 9}, {3, 1}, {256, 1}, {1 << 20, 1 << 20}, {0, 0},
	}
	for _, test := range tests {
		m := k.Mark(testTypes(), "ann", test.generation, id)
		if got, ok := k.Verify(m, test.hint); !ok || got != test.generation {
			t.Errorf("generation %d, hint %d: found %d, %v", test.generation, test.hint, got, ok)
		}
	}
	if got, ok := k.Verify(k.Mark(testTypes(), "ann", 257, id), 1); ok {
		t.Errorf("generation 257 is found as %d beyond the bound of the search", got)
	}
}

func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	k, m := testKey(t), testMark(t)
	if _, ok := testKey(t, 8).Verify(m, 1); ok {
		t.Error("another key verifies the mark")
	}
	if _, ok := (watermark.Key{}).Verify((watermark.Key{}).Mark(testTypes(), "ann", 1, m.Item), 1); ok {
		t.Error("the zero value verifies its own mark")
	}
	m.Types.Source = "graph"
	if _, ok := k.Verify(m, 1); ok {
		t.Error("the mark verifies with another source type")
	}
	m = testMark(t)
	m.Types = watermark.Types{Source: "imapg", Destination: "raph"}
	if _, ok := k.Verify(m, 1); ok {
		t.Error("the mark verifies with a letter moved between the types")
	}
}

// TestVerifyRefusesFlippedBits flips each bit of a mark.
func TestVerifyRefusesFlippedBits(t *testing.T) {
	t.Parallel()
	k := testKey(t)
	for part, size := range map[string]int{"pair": 5, "item": 16, "mac": 8} {
		for bit := range size * 8 {
			m := testMark(t)
			mask := byte(1) << (bit % 8)
			switch part {
			case "pair":
				m.Pair[bit/8] ^= mask
			case "item":
				m.Item[bit/8] ^= mask
			case "mac":
				m.MAC[bit/8] ^= mask
			}
			if _, ok := k.Verify(m, 1); ok {
				t.Fatalf("the mark verifies with bit %d of %s flipped", bit, part)
			}
		}
	}
}

func TestTag(t *testing.T) {
	t.Parallel()
	k := testKey(t)
	if k.Tag("ann") != testMark(t).Pair {
		t.Error("a mark does not bear the tag of its pair")
	}
	if k.Tag("ann") == k.Tag("ben") || k.Tag("ann") == testKey(t, 8).Tag("ann") || k.Tag("") == k.Tag("\x00") {
		t.Error("two pairs, or two keys, have one tag")
	}
}

// TestItemIDIsInjective changes each field alone, and moves bytes from every field to its
// neighbours, so that an encoding which runs fields together would give one ID twice.
func TestItemIDIsInjective(t *testing.T) {
	t.Parallel()
	k := testKey(t)
	seen := map[watermark.ID]string{}
	add := func(it watermark.Item) {
		description := fmt.Sprintf("%q", fmt.Sprint(it.Types.Source, "|", it.Types.Destination, "|", it.Pair, "|", it.Generation, "|",
			it.Kind, "|", it.Identity, "|", it.Ordinal, "|", len(it.Folder), fmt.Sprintf("%q", it.Folder)))
		if before, ok := seen[k.ItemID(it)]; ok && before != description {
			t.Errorf("one ID for two items:\n%s\n%s", before, description)
		}
		seen[k.ItemID(it)] = description
	}
	add(testItem())
	for _, change := range []func(*watermark.Item){
		func(it *watermark.Item) { it.Types.Source = "graph" },
		func(it *watermark.Item) { it.Types.Destination = "imap" },
		func(it *watermark.Item) { it.Types.Source, it.Types.Destination = "imapg", "raph" },
		func(it *watermark.Item) { it.Pair = "an" },
		func(it *watermark.Item) { it.Pair, it.Kind = "an", "nmail" },
		func(it *watermark.Item) { it.Generation = 2 },
		func(it *watermark.Item) { it.Generation = 1 << 8 },
		func(it *watermark.Item) { it.Kind = "" },
		func(it *watermark.Item) { it.Kind, it.Identity = "maili", "dentity" },
		func(it *watermark.Item) { it.Identity = "" },
		func(it *watermark.Item) { it.Identity = "identity\x00" },
		func(it *watermark.Item) { it.Ordinal = 1 },
		func(it *watermark.Item) { it.Ordinal = 1 << 16 },
		func(it *watermark.Item) { it.Folder = nil },
		func(it *watermark.Item) { it.Folder = []string{""} },
		func(it *watermark.Item) { it.Folder = []string{"", ""} },
		func(it *watermark.Item) { it.Folder = []string{"Archive2026"} },
		func(it *watermark.Item) { it.Folder = []string{"Archive/2026"} },
		func(it *watermark.Item) { it.Folder = []string{"2026", "Archive"} },
		func(it *watermark.Item) { it.Folder = []string{"Archive2", "026"} },
		func(it *watermark.Item) { it.Folder = []string{"Archive\x00\x00\x00\x00\x00\x00\x00\x042026"} },
	} {
		it := testItem()
		change(&it)
		add(it)
	}
	if len(seen) != 22 {
		t.Errorf("%d IDs for 22 items", len(seen))
	}
	randomItems(add)
}

// randomItems makes items from the very bytes that prefix fields with their lengths.
func randomItems(add func(watermark.Item)) {
	random := rand.New(rand.NewPCG(1, 2)) // the same items in every run
	text := func() string {
		return strings.Repeat("\x00\x00\x00\x00\x00\x00\x00\x01a\x02", 2)[random.IntN(10):][:random.IntN(10)]
	}
	for range 20_000 {
		it := watermark.Item{Types: watermark.Types{Source: text(), Destination: text()}, Pair: text(), Generation: random.Uint32N(3), Kind: text(), Identity: text(), Ordinal: random.IntN(3)}
		for range random.IntN(4) {
			it.Folder = append(it.Folder, text())
		}
		add(it)
	}
}

// One key makes marks for many at once.
func TestMarksAtOnce(t *testing.T) {
	key := testKey(t, 7)
	var makers sync.WaitGroup
	for maker := range 4 {
		makers.Go(func() {
			for i := range 2000 {
				it := benchItem(10_000*maker + i)
				alone := testKey(t, 7)
				want := alone.Mark(it.Types, it.Pair, it.Generation, alone.ItemID(it))
				if got := key.Mark(it.Types, it.Pair, it.Generation, key.ItemID(it)); got != want {
					t.Errorf("mark %v, want %v", got, want)
				}
			}
		})
	}
	makers.Wait()
}
