package imapendpoint

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/internal/imapscript"
)

// kept reads a body whose bytes are all the same into memory.
func kept(t *testing.T, f *filling, letter byte, size int) *pieceContent {
	t.Helper()
	c, err := f.read(bytes.NewReader(bytes.Repeat([]byte{letter}, size)), int64(size), newHeaderFilter())
	if err != nil {
		t.Fatal(err)
	}
	return c.(*pieceContent)
}

// wantBody reads what is left of a body whose bytes are all the same, and closes the reader.
func wantBody(t *testing.T, r io.ReadCloser, letter byte, size int) {
	t.Helper()
	defer func() { _ = r.Close() }()
	got, err := io.ReadAll(r)
	if err != nil || len(got) != size || bytes.Count(got, []byte{letter}) != size {
		t.Fatalf("a body of %d bytes %q has %d, of which %d are of it: %v", size, letter, len(got), bytes.Count(got, []byte{letter}), err)
	}
}

func opened(t *testing.T, c endpoint.Content) io.ReadCloser {
	t.Helper()
	r, err := c.Open()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Bodies come in any sizes, are read at any time, and are closed in any order, by several at once.
func TestPiecesHoldWhatWasRead(t *testing.T) {
	var p pieces
	var readers sync.WaitGroup
	for seed := range uint64(4) {
		readers.Go(func() {
			random := rand.New(rand.NewPCG(seed, 0))
			open := map[byte]*pieceContent{}
			for range 20 {
				f := filling{pieces: &p}
				for range 20 {
					letter := byte('A' + random.IntN(20))
					if c := open[letter]; c != nil {
						wantBody(t, opened(t, c), letter, int(c.Size()))
						_ = c.Close()
					}
					size := random.IntN(100)
					if random.IntN(3) == 0 {
						size = pieceSize - 50 + random.IntN(2*pieceSize)
					}
					open[letter] = kept(t, &f, letter, size)
				}
				f.end()
			}
			for letter, c := range open {
				wantBody(t, opened(t, c), letter, int(c.Size()))
			}
		})
	}
	readers.Wait()
}

// Whoever closed a body sees nothing of it any more, nor of those that come after it.
func TestPiecesAfterClose(t *testing.T) {
	var p pieces
	for range 30 { // the pool forgets a piece now and then
		f := filling{pieces: &p}
		c := kept(t, &f, 'a', 2*pieceSize)
		r, gone := opened(t, c), opened(t, c)
		if n, err := io.ReadFull(r, make([]byte, 10)); err != nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
		for range 2 {
			_, _ = c.Close(), gone.Close()
		}
		if _, err := c.Open(); err == nil {
			t.Fatal("a body opens that was closed")
		}
		if n, err := gone.Read(make([]byte, 10)); n != 0 || err == nil || errors.Is(err, io.EOF) {
			t.Fatalf("of a reader that was closed, %d bytes were read: %v", n, err)
		}
		kept(t, &f, 'b', 2*pieceSize)
		wantBody(t, r, 'a', 2*pieceSize-10)
		_ = r.Close() // again: it gives up the memory once
		first, second := kept(t, &f, 'c', 2*pieceSize), kept(t, &f, 'd', 2*pieceSize)
		wantBody(t, opened(t, first), 'c', 2*pieceSize)
		wantBody(t, opened(t, second), 'd', 2*pieceSize)
	}
}

// allocated returns how much memory work takes from the heap.
func allocated(work func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	work()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// The memory of bodies that were closed is that of the next ones. The race detector has the pool forget a quarter of them.
func TestPiecesAreUsedAgain(t *testing.T) {
	const rounds, bodies, size = 50, 16, 4 * pieceSize
	text := make([]byte, size)
	n := allocated(func() {
		var p pieces
		for range rounds {
			f := filling{pieces: &p}
			var open []endpoint.Content
			for range bodies {
				c, err := f.read(bytes.NewReader(text), size, newHeaderFilter())
				if err != nil {
					t.Fatal(err)
				}
				open = append(open, c)
			}
			f.end()
			for _, c := range open {
				_ = c.Close()
			}
		}
	})
	if n > rounds*bodies*size*3/4 {
		t.Errorf("%d bytes were taken for %d bytes, of which %d were open at once", n, rounds*bodies*size, bodies*size)
	}
}

// Memory follows what arrives, and what breaks off gives it back.
func TestPiecesOfWhatWasAnnounced(t *testing.T) {
	var p pieces
	text := make([]byte, 2*pieceSize)
	n := allocated(func() {
		for range 50 {
			f := filling{pieces: &p}
			if _, err := f.read(bytes.NewReader(text), 1<<40, newHeaderFilter()); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatalf("a body that breaks off: %v", err)
			}
			f.end()
		}
	})
	if n > 80*pieceSize { // as above
		t.Errorf("%d bytes were taken for 50 times %d bytes, which were given back", n, len(text))
	}
	broken := errors.New("connection lost")
	f := filling{pieces: &p}
	if _, err := f.read(iotest.ErrReader(broken), 1, newHeaderFilter()); !errors.Is(err, broken) {
		t.Errorf("%v, want %v", err, broken)
	}
}

// Small bodies that are read one by one do not take a piece each.
func TestSmallBodiesShareAPiece(t *testing.T) {
	model := &imapscript.Model{}
	model.Add("INBOX", message(1))
	m := openScript(t, model)
	f := folder(t, m, "INBOX")
	used := map[*piece]bool{}
	for range 50 {
		for b, err := range m.Driver().Read(t.Context(), f, []string{"1"}, endpoint.ReadOptions{Memory: 1 << 20}) {
			if err != nil || b.Err != nil {
				t.Fatal(err, b.Err)
			}
			for _, part := range b.Content.(*pieceContent).parts {
				used[part.in] = true
			}
		}
	}
	if len(used) != 1 {
		t.Errorf("50 bodies of %d bytes lie in %d pieces", len(message(1)), len(used))
	}
}
