package fault

import (
	"crypto/sha256"
	"encoding/binary"
)

// Rule makes an effect happen at every call that all of its conditions fit. The zero value of a
// condition fits every call.
type Rule struct {
	Effect Effect

	Side, Method, Folder, At, Item string
	// N and Nth are those of the Call.
	N, Nth int
	// Rate is the share of calls, above 0 and up to 1, that the effect happens at. Which they are
	// follows from Seed and the call alone, not from the process or the order of goroutines.
	Rate float64
	Seed uint64
}

// Plan is a list of rules, of which the first that fits a call has its effect. The zero value does
// nothing.
type Plan []Rule

// effect returns what happens at a call.
func (p Plan) effect(c Call) Effect {
	for _, r := range p {
		if r.fits(c) {
			return r.Effect
		}
	}
	return Effect{}
}

func (r Rule) fits(c Call) bool {
	text := func(want, have string) bool { return want == "" || want == have }
	number := func(want, have int) bool { return want == 0 || want == have }
	return text(r.Side, c.Side) && text(r.Method, c.Method) && text(r.Folder, c.Folder) &&
		text(r.At, c.At) && text(r.Item, c.Item) && number(r.N, c.N) && number(r.Nth, c.Nth) &&
		r.Effect.Fits(c) && (r.Rate == 0 || draw(r.Seed, c) < r.Rate)
}

// draw returns a number from 0 up to 1 for a call. It leaves out N, which depends on the order of
// goroutines, and Item, which may be random.
func draw(seed uint64, c Call) float64 {
	text := binary.BigEndian.AppendUint64(nil, seed)
	for _, part := range []string{c.Side, c.Method, c.Folder, c.At} {
		text = binary.BigEndian.AppendUint64(text, uint64(len(part)))
		text = append(text, part...)
	}
	text = binary.BigEndian.AppendUint64(text, uint64(c.Nth))
	sum := sha256.Sum256(text)
	return float64(binary.BigEndian.Uint64(sum[:])>>11) / (1 << 53)
}
