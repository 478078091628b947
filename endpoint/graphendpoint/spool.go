package graphendpoint

import (
	"io"
	"sync"

	"github.com/dandyroll/dandyroll/endpoint"
)

// room is the memory that the bodies of one Read may hold together.
type room struct {
	mu    sync.Mutex
	left  int64
	share int64 // what one body may take before its size is known
}

func newRoom(memory int64) *room { return &room{left: memory, share: memory / maxConcurrent} }

// take takes what one body may hold; give returns what it does not need.
func (r *room) take() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := min(r.share, r.left)
	r.left -= n
	return n
}

func (r *room) give(n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.left += n
}

// content returns what a reader yields up to its end: in memory while there is room, else in a temporary file.
func (o reading) content(r io.Reader, format endpoint.Format) (endpoint.Content, error) {
	bound := o.room.take()
	c, err := endpoint.SpoolAll(r, format, bound, o.tempDir)
	if err != nil || c.Size() > bound {
		o.room.give(bound)
		return c, err
	}
	o.room.give(bound - c.Size())
	return c, nil
}
