package endpoint_test

import (
	"errors"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/dandyroll/dandyroll/endpoint"
)

func TestBytes(t *testing.T) {
	t.Parallel()
	c := endpoint.Bytes(endpoint.VCard, []byte("card"))
	if c.Format() != endpoint.VCard || c.Size() != 4 {
		t.Errorf("format %q, size %d", c.Format(), c.Size())
	}
	wantContent(t, c, "card")
}

// wantContent opens a content twice at once, reads both and closes all.
func wantContent(t *testing.T, c endpoint.Content, want string) {
	t.Helper()
	readers := make([]io.ReadCloser, 2)
	for i := range readers {
		var err error
		if readers[i], err = c.Open(); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range readers {
		b, err := io.ReadAll(iotest.OneByteReader(r))
		if err != nil || string(b) != want {
			t.Errorf("read %q, %v, want %q", b, err, want)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

func TestSpool(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name        string
		size, bound int64
		inMemory    bool
	}{
		{"empty", 0, 0, true},
		{"below the bound", 4, 5, true},
		{"at the bound", 4, 4, true},
		{"beyond the bound", 4, 3, false},
		{"no bound", 4, 0, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			body := "more"[:c.size]
			r := strings.NewReader(body + "behind")
			content, err := endpoint.Spool(r, endpoint.RFC822, c.size, c.bound, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			if content.Format() != endpoint.RFC822 || content.Size() != c.size {
				t.Errorf("format %q, size %d", content.Format(), content.Size())
			}
			if rest, _ := io.ReadAll(r); string(rest) != "behind" {
				t.Errorf("left %q in the reader", rest)
			}
			wantContent(t, content, body)

			// Where it was held shows in whether a dir that does not exist hurts.
			_, err = endpoint.Spool(strings.NewReader(body), endpoint.RFC822, c.size, c.bound, t.TempDir()+"/missing")
			if errors.Is(err, os.ErrNotExist) == c.inMemory {
				t.Errorf("in memory: want %v, but without a directory: %v", c.inMemory, err)
			}
		})
	}
}

func TestSpoolLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	wantEmpty := func() {
		t.Helper()
		if files, err := os.ReadDir(dir); err != nil || len(files) != 0 {
			t.Errorf("directory has %v, %v", files, err)
		}
	}
	c, err := endpoint.Spool(strings.NewReader("four"), endpoint.RFC822, 4, 0, dir)
	if err != nil {
		t.Fatal(err)
	}
	wantEmpty() // already now, so that a crash leaves nothing either
	r, err := c.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(r); !errors.Is(err, os.ErrClosed) {
		t.Errorf("read after close: %v", err)
	}
	if _, err := endpoint.Spool(strings.NewReader("fo"), endpoint.RFC822, 4, 0, dir); err == nil {
		t.Error("a short body became a content")
	}
	wantEmpty()
}

func TestSpoolRefusesAShortRead(t *testing.T) {
	t.Parallel()
	for _, bound := range []int64{0, 100} {
		c, err := endpoint.Spool(strings.NewReader("four"), endpoint.RFC822, 5, bound, t.TempDir())
		if c != nil || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("bound %d: content %v, %v", bound, c, err)
		}
		broken := errors.New("cable")
		c, err = endpoint.Spool(iotest.ErrReader(broken), endpoint.RFC822, 5, bound, t.TempDir())
		if c != nil || !errors.Is(err, broken) {
			t.Errorf("bound %d: content %v, %v", bound, c, err)
		}
	}
	if c, err := endpoint.Spool(strings.NewReader("x"), endpoint.RFC822, -1, 0, ""); c != nil || err == nil {
		t.Errorf("negative size: content %v, %v", c, err)
	}
}

// Not parallel: it counts what the process allocates.
func TestSpoolMemoryFollowsWhatArrives(t *testing.T) {
	const announced = 1 << 30
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := endpoint.Spool(strings.NewReader("few"), endpoint.RFC822, announced, announced, "")
	runtime.ReadMemStats(&after)
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a short body: %v", err)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
		t.Errorf("%d bytes allocated for 3 that arrived of %d announced", n, announced)
	}
}
