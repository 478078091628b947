package endpoint

import (
	"bytes"
	"fmt"
	"io"
	"os"
)

// Content is a body that can be opened more than once.
type Content interface {
	// Format is the media type of the bytes.
	Format() Format
	// Size is their exact number.
	Size() int64
	// Open returns a reader at the first byte. It yields exactly Size bytes or fails.
	Open() (io.ReadCloser, error)
	// Close releases what the content holds; readers must be done by then.
	Close() error
}

// Bytes returns a content in memory. The caller must not change b afterwards.
func Bytes(format Format, b []byte) Content { return memoryContent{format, b} }

type memoryContent struct {
	format Format
	b      []byte
}

func (c memoryContent) Format() Format               { return c.format }
func (c memoryContent) Size() int64                  { return int64(len(c.b)) }
func (c memoryContent) Open() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(c.b)), nil }
func (c memoryContent) Close() error                 { return nil }

// trusted is how much memory is taken for what was only announced.
const trusted = 256 << 10

// Spool reads exactly size bytes from r and returns them as a content: in memory up to bound
// bytes, in an unnamed temporary file in dir beyond that. An empty dir means os.TempDir. A reader
// that ends early is an error that satisfies errors.Is(err, io.ErrUnexpectedEOF), never a content.
// Beyond 256 KiB, memory grows with the bytes that arrive, not with the size that was announced.
func Spool(r io.Reader, format Format, size, bound int64, dir string) (Content, error) {
	if size < 0 {
		return nil, fmt.Errorf("spool: size %d is negative", size)
	}
	if size <= bound {
		b := bytes.NewBuffer(make([]byte, 0, min(size, trusted)+bytes.MinRead))
		if err := copyExactly(b, r, size); err != nil {
			return nil, fmt.Errorf("spool: %w", err)
		}
		return memoryContent{format, b.Bytes()}, nil
	}
	return spoolFile(format, dir, func(w io.Writer) (int64, error) { return size, copyExactly(w, r, size) })
}

// SpoolAll is [Spool] for a reader whose size nobody announced: it reads to its end.
func SpoolAll(r io.Reader, format Format, bound int64, dir string) (Content, error) {
	var b bytes.Buffer
	if _, err := io.CopyN(&b, r, max(bound, 0)+1); err == io.EOF { //nolint:errorlint // io.CopyN returns io.EOF itself
		return memoryContent{format, b.Bytes()}, nil
	} else if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	return spoolFile(format, dir, func(w io.Writer) (int64, error) { return io.Copy(w, io.MultiReader(&b, r)) })
}

// spoolFile makes a content of what fill writes to an unnamed temporary file.
func spoolFile(format Format, dir string, fill func(io.Writer) (int64, error)) (Content, error) {
	f, err := os.CreateTemp(dir, "dandyroll-*")
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	// Unlinked at once, so that nothing stays behind after a crash.
	err = os.Remove(f.Name())
	var size int64
	if err == nil {
		size, err = fill(f)
	}
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("spool: %w", err)
	}
	return &fileContent{format: format, size: size, f: f}, nil
}

func copyExactly(w io.Writer, r io.Reader, size int64) error {
	n, err := io.CopyN(w, r, size)
	if err == io.EOF && n < size { //nolint:errorlint // io.CopyN returns io.EOF itself
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return fmt.Errorf("%d of %d bytes: %w", n, size, err)
	}
	return nil
}

type fileContent struct {
	format Format
	size   int64
	f      *os.File
}

func (c *fileContent) Format() Format { return c.format }
func (c *fileContent) Size() int64    { return c.size }
func (c *fileContent) Close() error   { return c.f.Close() }

func (c *fileContent) Open() (io.ReadCloser, error) {
	return io.NopCloser(io.NewSectionReader(c.f, 0, c.size)), nil
}
