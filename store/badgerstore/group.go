package badgerstore

import (
	"slices"
	"sync"

	"github.com/dandyroll/dandyroll/store"
)

// A commit waits for the disk, twice. Batches of a pair that come while another commit is under way wait for it
// together, and are then one commit: one transaction, one frame of the seal. Each has an answer of its own.

// queue holds the batches of a pair in the order in which they came.
type queue struct {
	lead chan struct{} // full while one of the callers commits, for itself and for others

	mu      sync.Mutex
	waiting []*waiting
}

// waiting is a batch whose caller waits for the answer.
type waiting struct {
	batch    store.Batch
	err      error
	answered chan struct{} // closed when err is the answer
}

func newQueue() queue { return queue{lead: make(chan struct{}, 1)} }

// commitQueued commits a batch, alone or with others.
func (l *ledger) commitQueued(b store.Batch) error {
	w := l.queue.add(b)
	select {
	case <-w.answered:
		return w.err
	case l.queue.lead <- struct{}{}:
	}
	defer func() { <-l.queue.lead }()
	for !w.isAnswered() { // there may be more before it than one commit takes
		l.commitGroup(l.queue.next())
	}
	return w.err
}

// commitGroup answers each batch of a group. If anything is wrong, each is tried alone: the fault may be that of
// one, and nothing was written. If something was, the ledger is broken, and says so to each.
func (l *ledger) commitGroup(group []*waiting) {
	writes, err := l.commitWrites(func(c *change) {
		for _, w := range group {
			c.batch(&w.batch)
		}
	})
	if err != nil && len(group) > 1 {
		for _, w := range group {
			l.commitGroup([]*waiting{w})
		}
		return
	}
	for _, w := range group {
		w.answer(err)
	}
	l.store.written(writes) // once they are answered, for it takes long now and then
}

func (q *queue) add(b store.Batch) *waiting {
	q.mu.Lock()
	defer q.mu.Unlock()
	w := &waiting{batch: b, answered: make(chan struct{})}
	q.waiting = append(q.waiting, w)
	return w
}

// next takes the batches that can be committed together, which are as many entries as one batch may have. One that
// deletes begins a group, for in a change, deletions go first.
func (q *queue) next() []*waiting {
	q.mu.Lock()
	defer q.mu.Unlock()
	n, entries := 0, 0
	for _, w := range q.waiting {
		entries += w.batch.Len()
		if n > 0 && (entries > store.MaxBatch || deletes(&w.batch)) {
			break
		}
		n++
	}
	group := slices.Clone(q.waiting[:n])
	q.waiting = slices.Delete(q.waiting, 0, n)
	return group
}

func deletes(b *store.Batch) bool { return len(b.Forget)+len(b.Unscan)+len(b.Unsee) > 0 }

func (w *waiting) answer(err error) {
	w.err = err
	close(w.answered)
}

func (w *waiting) isAnswered() bool {
	select {
	case <-w.answered:
		return true
	default:
		return false
	}
}
