package watermark_test

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/dandyroll/dandyroll/internal/prove"
	"github.com/dandyroll/dandyroll/watermark"
)

// TestForgedMarksSuppressNothing plays a sender who knows the format, a genuine mark of another
// item and everything about his message but the key. None of what he writes into its header is the
// mark of that message, whose migration it would suppress.
func TestProveForgedMarks(t *testing.T) {
	t.Parallel()
	headers, verified := prove.Scale(4_096, 65_536), prove.Scale(500, 20_000) // of 16 marks each
	k := testKey(t)
	victim := testItem()
	victim.Identity = "the sender's own message"
	mark := k.Mark(testTypes(), "ann", 1, k.ItemID(victim))
	genuine := testMark(t)
	random := rand.New(rand.NewPCG(3, 4)) // the same marks in every run

	for i := range headers {
		var header []byte
		for j := range 16 {
			forged := forge(t, random, j, genuine, victim)
			header = append(header, watermark.Field+": "+forged.String()+"\r\n"...)
		}
		read := watermark.Read(header)
		if len(read.Marks) != 16 {
			t.Fatalf("16 forged marks are read as %+v", read)
		}
		for _, forged := range read.Marks {
			if forged.Item == mark.Item {
				t.Fatalf("forged mark %v has the ID of the message", forged)
			}
		}
		if i >= verified { // each costs a search of 256 generations
			continue
		}
		if _, ok := k.Verify(read.Marks[i%16], 1); ok {
			t.Fatalf("forged mark %v verifies", read.Marks[i%16])
		}
	}
	prove.Record(t, "forged marks", prove.Figures{Tried: 16 * headers})
}

// forge changes a genuine mark so that it may stand for the victim, in the nth way.
func forge(t *testing.T, random *rand.Rand, n int, genuine watermark.Mark, victim watermark.Item) watermark.Mark {
	t.Helper()
	switch {
	case n == 0: // all of it made under a key of one's own
		half := randomID(random)
		own, err := watermark.KeyFromBytes(slices.Concat(half[:], genuine.Item[:]))
		if err != nil {
			t.Fatal(err)
		}
		return own.Mark(genuine.Types, victim.Pair, 1, own.ItemID(victim))
	case n < 8: // a guessed ID
		genuine.Item = randomID(random)
	default: // the ID of another message, with bits flipped
		genuine.Item[random.IntN(len(genuine.Item))] ^= byte(1 + random.IntN(255))
	}
	return genuine
}

func randomID(random *rand.Rand) (id watermark.ID) {
	binary.BigEndian.PutUint64(id[:], random.Uint64())
	binary.BigEndian.PutUint64(id[8:], random.Uint64())
	return id
}
