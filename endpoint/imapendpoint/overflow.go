package imapendpoint

import (
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/dandyroll/dandyroll/endpoint"
)

// overflow is one temporary file for all bodies of a flight that do not go into memory, one behind
// the other: how many files are open must not follow the number of messages. It is open as long as
// one of its contents is, or its maker has not closed it. It is unlinked from the beginning, so that
// nothing stays behind after a crash.
type overflow struct {
	dir string

	file *os.File // once something was written

	mu    sync.Mutex
	end   int64 // where the next body goes
	users int   // contents that are open, and the maker
}

func newOverflow(dir string) *overflow { return &overflow{dir: dir, users: 1} }

// write adds a body of an announced size. The contents must not be handed out before the last write.
func (o *overflow) write(r io.Reader, size int64) (endpoint.Content, error) {
	if o.file == nil {
		if err := o.create(); err != nil {
			return nil, err
		}
	}
	n, err := io.Copy(io.NewOffsetWriter(o.file, o.end), io.LimitReader(r, size))
	if err == nil && n < size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, fmt.Errorf("%d of %d bytes: %w", n, size, err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	c := &overflowContent{file: o, at: o.end, size: size}
	o.end += size
	o.users++
	return c, nil
}

func (o *overflow) create() error {
	file, err := os.CreateTemp(o.dir, "dandyroll-*")
	if err != nil {
		return err
	}
	if err := os.Remove(file.Name()); err != nil {
		_ = file.Close()
		return err
	}
	o.file = file
	return nil
}

// Close says that nothing more will be written.
func (o *overflow) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.leave()
}

// release gives up a content. The place of the last one is used again, so that what is thrown away does
// not fill the disk.
func (o *overflow) release(c *overflowContent) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if c.at+c.size == o.end {
		o.end = c.at
	}
	return o.leave()
}

// leave closes the file behind the last of its users.
func (o *overflow) leave() error {
	if o.users--; o.users > 0 || o.file == nil {
		return nil
	}
	return o.file.Close()
}

// overflowContent is a part of the file.
type overflowContent struct {
	file     *overflow
	at, size int64
	closed   sync.Once
}

// Format is always that of mail.
func (c *overflowContent) Format() endpoint.Format { return endpoint.RFC822 }

// Size is the exact number of bytes.
func (c *overflowContent) Size() int64 { return c.size }

// Open returns a reader at the first byte.
func (c *overflowContent) Open() (io.ReadCloser, error) {
	return io.NopCloser(io.NewSectionReader(c.file.file, c.at, c.size)), nil
}

// Close may be called again, to no effect.
func (c *overflowContent) Close() (err error) {
	c.closed.Do(func() { err = c.file.release(c) })
	return err
}
