package pass

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
)

// load is the bodies of one window, which are read while the window before it is written. Whoever holds it closes it.
type load struct {
	work   []workItem // a copy of a part of the work of its folder
	cancel context.CancelFunc
	done   chan struct{} // closed when the rest is there

	bodies map[string]endpoint.Body // by reference
	err    error                    // that ended the reading
	took   time.Duration
}

// load begins to read a window. Its goroutine ends when everything is read, or with ctx, or with the load.
func (t *transfer) load(ctx context.Context, plan *folderPlan, work []workItem) *load {
	ctx, cancel := context.WithCancel(ctx)
	l := &load{work: work, cancel: cancel, done: make(chan struct{}), bodies: make(map[string]endpoint.Body, len(work))}
	refs := make([]string, len(work))
	for i := range work {
		refs[i] = work[i].ref
	}
	go func() {
		defer close(l.done)
		began := time.Now()
		l.err = t.fetch(ctx, ctx, plan.source, refs, t.reading(0), l.bodies)
		l.took = time.Since(began)
	}()
	return l
}

// fetch reads items into bodies, trying again where that can help, as long as ctx lasts. What is being read then ends with reading.
// What was read before an error is there, too.
func (t *transfer) fetch(
	ctx, reading context.Context, f endpoint.Folder, refs []string, o endpoint.ReadOptions, bodies map[string]endpoint.Body,
) error {
	return t.from.persist(ctx, func(context.Context) error {
		var missing []string
		wanted := make(map[string]bool, len(refs))
		for _, ref := range refs {
			if _, have := bodies[ref]; !have {
				missing, wanted[ref] = append(missing, ref), true
			}
		}
		if len(missing) == 0 {
			return nil
		}
		for body, err := range t.source.Read(reading, f, missing, o) {
			if err != nil {
				return err
			}
			if !wanted[body.Ref] {
				closeBody(body)
				continue
			}
			bodies[body.Ref] = body
			delete(wanted, body.Ref)
		}
		return nil
	})
}

// take hands the bodies over to a window.
func (l *load) take() map[string]endpoint.Body {
	bodies := l.bodies
	l.bodies = nil
	return bodies
}

// close ends the reading, and gives free what nobody took.
func (l *load) close() {
	l.cancel()
	<-l.done
	for _, body := range l.take() {
		closeBody(body)
	}
}

// inflated reports whether the bodies are much larger than the source states.
func (l *load) inflated() bool {
	var stated, real int64
	for _, w := range l.work {
		stated += max(w.size, 0)
	}
	for _, body := range l.bodies {
		if body.Content != nil {
			real += body.Content.Size()
		}
	}
	return real > 2*stated+1<<20
}

// queue is the work of a folder of which nothing is written yet, and the window of it that is read.
type queue struct {
	plan  *folderPlan
	next  *load // nil at the end
	at    int   // where in the work what is behind it begins
	ahead *load // what is being read: next or, at the end, the first window of another folder; nil if nothing is
}

// quiet returns when nothing is read ahead any more, so that the source can be asked for something else.
func (q *queue) quiet() {
	if q.ahead != nil {
		<-q.ahead.done
	}
}

// close gives free what is being read.
func (q *queue) close() {
	if q.next != nil {
		q.next.close()
	}
}

// readAhead begins to read what follows: the next window of a folder, or, at its end, the first one of the next folder. So one window
// for each folder that is worked on is read while another is written.
func (t *transfer) readAhead(ctx context.Context, q *queue) {
	if q.next = nil; q.at == q.plan.work.len() {
		q.ahead = t.queues.begin(ctx, t)
		return
	}
	window := t.pace.next(&q.plan.work, q.at)
	q.at += len(window)
	q.next = t.load(ctx, q.plan, window)
	q.ahead = q.next
}

// queues are those of all folders of a pass. They are safe for concurrent use.
type queues struct {
	mu      sync.Mutex
	waiting []*folderPlan          // with work of which nothing is read, in their order
	begun   map[*folderPlan]*queue // of which the first window is read, and nobody works on them yet
}

func newQueues(plans []*folderPlan) *queues {
	waiting := slices.DeleteFunc(slices.Clone(plans), func(p *folderPlan) bool { return p.broken || p.work.len() == 0 })
	return &queues{waiting: waiting, begun: map[*folderPlan]*queue{}}
}

// begin begins to read the first window of the next folder, and returns it, or nil if there is none.
func (s *queues) begin(ctx context.Context, t *transfer) *load {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waiting) == 0 {
		return nil
	}
	plan := s.waiting[0]
	q := s.queue(ctx, t, plan)
	s.begun[plan] = q
	return q.next
}

// queue makes the queue of a folder that waits.
func (s *queues) queue(ctx context.Context, t *transfer, plan *folderPlan) *queue {
	s.waiting = slices.DeleteFunc(s.waiting, func(p *folderPlan) bool { return p == plan })
	q := &queue{plan: plan}
	if plan.work.len() > 0 {
		t.readAhead(ctx, q)
	}
	return q
}

// take returns the queue of a folder to whoever works on it, and closes it.
func (s *queues) take(ctx context.Context, t *transfer, plan *folderPlan) *queue {
	s.mu.Lock()
	defer s.mu.Unlock()
	if q := s.begun[plan]; q != nil {
		delete(s.begun, plan)
		return q
	}
	return s.queue(ctx, t, plan)
}

// close gives free the windows of the folders that nobody worked on.
func (s *queues) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, q := range s.begun {
		q.close()
	}
	clear(s.begun)
}
