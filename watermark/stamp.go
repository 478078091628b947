package watermark

import (
	"bytes"
	"fmt"
	"io"
)

// headWindow is how much of the beginning of a message decides how a mark is put before it.
const headWindow = 64 << 10

// Pad is the field that stands between the mark and a message whose first line begins with a
// space or tab, which would otherwise read as a continuation of the mark.
const Pad = Field + "-Pad: x"

// Stamp returns body behind the mark m, and the exact size of that.
//
// The bytes of body follow the mark untouched, so that every signature over them still holds
// (RFC 6376 section 5.4.2: a new field above the signed ones is not covered). The caller
// guarantees that body yields exactly size bytes; a body that ends early makes the returned
// reader fail with io.ErrUnexpectedEOF instead of ending, one that is longer is an error too.
func Stamp(m Mark, body io.Reader, size int64) (io.Reader, int64, error) {
	if err := m.Types.Validate(); err != nil {
		return nil, 0, fmt.Errorf("watermark: %w", err)
	}
	if size < 0 {
		return nil, 0, fmt.Errorf("watermark: size %d of the body is negative", size)
	}
	head := make([]byte, min(size, headWindow))
	if _, err := io.ReadFull(body, head); err != nil {
		return nil, 0, fmt.Errorf("watermark: read the beginning of the body: %w", unexpected(err))
	}
	prefix := Prefix(m, head)
	rest := &exactReader{r: body, left: size - int64(len(head))}
	return io.MultiReader(bytes.NewReader(prefix), bytes.NewReader(head), rest), int64(len(prefix)) + size, nil
}

// Prefix returns what [Stamp] puts before a message that begins with head: the first 64 KiB of
// it, or all of it where it is shorter.
//
// It is the mark's line, and, for three odd beginnings, a little more: a pad field where the
// first line begins with a space or tab, and an empty line where there is no header at all and
// no empty line that would end it.
func Prefix(m Mark, head []byte) []byte {
	line := Field + ": " + m.String() + "\r\n"
	switch {
	case len(head) > 0 && (head[0] == ' ' || head[0] == '\t'):
		return []byte(line + Pad + "\r\n")
	case headerless(head):
		return []byte(line + "\r\n")
	}
	return []byte(line)
}

// headerless reports whether a message has neither a header field in its first line nor an empty
// line within head. A first line that is no field, but is followed by an empty line, counts as
// part of a (broken) header, like the "From " line of an mbox.
func headerless(head []byte) bool {
	first, _, _ := bytes.Cut(head, []byte("\n"))
	if isField(first) || emptyLine(first) && len(head) > 0 {
		return false
	}
	return !bytes.Contains(head, []byte("\n\r\n")) && !bytes.Contains(head, []byte("\n\n"))
}

func emptyLine(line []byte) bool { return len(bytes.TrimRight(line, "\r")) == 0 }

// isField reports whether line begins with a field name and a colon (RFC 5322 section 2.2; space
// before the colon is the obsolete syntax of section 4.5).
func isField(line []byte) bool {
	name, _, found := bytes.Cut(line, []byte(":"))
	name = bytes.TrimRight(name, " \t")
	return found && len(name) > 0 && bytes.IndexFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
}

// exactReader yields exactly left bytes of r, or an error.
type exactReader struct {
	r    io.Reader
	left int64
}

func (e *exactReader) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, e.end()
	}
	n, err := e.r.Read(p[:min(int64(len(p)), e.left)])
	e.left -= int64(n)
	if e.left > 0 {
		return n, unexpected(err)
	}
	return n, nil
}

// end makes sure that r has ended where it was said to.
func (e *exactReader) end() error {
	n, err := io.ReadFull(e.r, make([]byte, 1))
	if n > 0 {
		return fmt.Errorf("watermark: body is longer than its stated size")
	}
	return err
}

func unexpected(err error) error {
	if err == io.EOF { //nolint:errorlint // io.Reader promises io.EOF itself
		return io.ErrUnexpectedEOF
	}
	return err
}
