package imapendpoint

import (
	"sync"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/watermark"
)

// maxDoubts bounds how many items doubts remembers. Beyond that it begins anew.
const maxDoubts = 1 << 14

// doubts counts how often the answer to an item was lost. An item at which a connection ends each
// time must not take those beside it along for ever: once lost, it goes without a batch around it,
// and once more lost, with a literal that asks for leave, so that nothing is on its way besides.
// The zero value counts none.
type doubts struct {
	mu    sync.Mutex
	times map[watermark.ID]int
}

// of returns how often the answer to an item was lost.
func (d *doubts) of(it endpoint.Put) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.times[it.Mark.Item]
}

// learn takes in the results of a Put.
func (d *doubts) learn(results []endpoint.PutResult) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range results {
		switch {
		case endpoint.CodeOf(r.Err) != endpoint.InDoubt:
			delete(d.times, r.Mark.Item)
			continue
		case d.times == nil, len(d.times) >= maxDoubts:
			d.times = map[watermark.ID]int{}
		}
		d.times[r.Mark.Item]++
	}
}
