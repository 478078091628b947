package imapendpoint

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/dandyroll/dandyroll/endpoint"
)

// pieceSize is how much memory is taken at a time for bodies, while they arrive: what was announced does not count.
const pieceSize = 64 << 10

// pieces are the memory of the bodies that a driver reads. Fresh memory is cleared before, and collected afterwards, which costs more
// than to read into it. So the memory of bodies that were closed is used again. There is never more of it than was in use at once, and
// the garbage collector takes what nobody needed for two of its rounds: a mailbox that rests keeps next to nothing.
type pieces struct {
	free sync.Pool // of *piece

	mu    sync.Mutex
	begun []*piece // there is room in them, and nobody fills them: no more than there were calls of Read at once
}

// piece is a part of the memory, with bodies one behind the other.
type piece struct {
	home   *pieces
	bytes  []byte
	filled int          // of whoever fills it
	users  atomic.Int32 // the bodies in it, and whoever fills it
}

// take returns a piece with room in it for the caller to fill.
func (p *pieces) take() *piece {
	p.mu.Lock()
	defer p.mu.Unlock()
	if last := len(p.begun) - 1; last >= 0 {
		q := p.begun[last]
		p.begun = p.begun[:last]
		return q
	}
	q, used := p.free.Get().(*piece)
	if !used {
		q = &piece{home: p, bytes: make([]byte, pieceSize)}
	}
	q.filled = 0
	q.users.Store(1)
	return q
}

// giveBack takes a piece from whoever filled it. If there is room behind the bodies in it, others will come there: small ones that are
// read one by one and kept do not take a piece each.
func (p *pieces) giveBack(q *piece) {
	if q.filled == pieceSize || q.users.Load() == 1 {
		q.leave()
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.begun = append(p.begun, q)
}

// leave ends a use of a piece. Behind the last one, it is free.
func (q *piece) leave() {
	if q.users.Add(-1) == 0 {
		q.home.free.Put(q)
	}
}

// filling is the memory of the bodies of one call of Read.
type filling struct {
	pieces *pieces
	piece  *piece // that is being filled, or nil
}

// read takes in a body of an announced size, and shows it to seen.
func (f *filling) read(body io.Reader, size int64, seen *headerFilter) (endpoint.Content, error) {
	c := &pieceContent{size: size, users: 1}
	for left := size; left > 0; {
		q := f.withRoom()
		room := q.bytes[q.filled:min(int64(q.filled)+left, pieceSize)]
		n, err := io.ReadFull(body, room)
		c.add(q, room[:n])
		_, _ = seen.Write(room[:n]) // never fails
		left -= int64(n)
		if err != nil {
			_ = c.Close()
			return nil, fmt.Errorf("%d of %d bytes: %w", size-left, size, unexpected(err))
		}
	}
	return c, nil
}

// withRoom returns the piece that is being filled, or another one once it is full.
func (f *filling) withRoom() *piece {
	if f.piece != nil && f.piece.filled == pieceSize {
		f.end()
	}
	if f.piece == nil {
		f.piece = f.pieces.take()
	}
	return f.piece
}

// end gives back what is being filled.
func (f *filling) end() {
	if f.piece != nil {
		f.pieces.giveBack(f.piece)
		f.piece = nil
	}
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// pieceContent is a body in pieces. They are given up when it and all of its readers are closed, so that no reader, however late, sees
// what was put there afterwards.
type pieceContent struct {
	size int64

	mu     sync.Mutex
	parts  []part
	few    [2]part // is what most bodies take
	users  int     // readers that are open, and whoever has the content
	closed bool
}

// part is what lies in one piece.
type part struct {
	in   *piece
	text []byte
}

var errBodyClosed = errors.New("the body was closed")

// add appends what was read to the end of what is in a piece.
func (c *pieceContent) add(q *piece, text []byte) {
	if c.parts == nil {
		c.parts = c.few[:0]
	}
	c.parts = append(c.parts, part{q, text})
	q.filled += len(text)
	q.users.Add(1)
}

// Format is always that of mail.
func (c *pieceContent) Format() endpoint.Format { return endpoint.RFC822 }

// Size is the exact number of bytes.
func (c *pieceContent) Size() int64 { return c.size }

// Open returns a reader at the first byte.
func (c *pieceContent) Open() (io.ReadCloser, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errBodyClosed
	}
	c.users++
	return &pieceReader{content: c, left: c.parts}, nil
}

// Close may be called again, to no effect.
func (c *pieceContent) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.closed = true
		c.leave()
	}
	return nil
}

// leave needs the lock.
func (c *pieceContent) leave() {
	if c.users--; c.users > 0 {
		return
	}
	for _, p := range c.parts {
		p.in.leave()
	}
	c.parts = nil
}

// pieceReader reads a body. It may be closed while it is read, as HTTP clients do.
type pieceReader struct {
	content *pieceContent

	mu     sync.Mutex
	left   []part
	at     int // in the first of them
	closed bool
}

// Read fails once the reader is closed.
func (r *pieceReader) Read(p []byte) (n int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return 0, errBodyClosed
	}
	for n < len(p) && len(r.left) > 0 {
		text := r.left[0].text
		copied := copy(p[n:], text[r.at:])
		n += copied
		if r.at += copied; r.at == len(text) {
			r.left, r.at = r.left[1:], 0
		}
	}
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

// Close may be called again, to no effect.
func (r *pieceReader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil
	}
	r.closed, r.left = true, nil
	r.content.mu.Lock()
	defer r.content.mu.Unlock()
	r.content.leave()
	return nil
}
