package graphendpoint

import (
	"bufio"
	"encoding/base64"
	"io"
)

// readCloser is a reader that is made of another one, which is closed with it.
type readCloser struct {
	io.Reader
	io.Closer
}

// base64Size is how long so many bytes are in base64 (RFC 4648 section 4).
func base64Size(n int64) int64 { return (n + 2) / 3 * 4 }

// base64Of encodes what open opens, while it is read.
func base64Of(open func() (io.ReadCloser, error)) (io.ReadCloser, error) {
	r, err := open()
	if err != nil {
		return nil, err
	}
	pr, pw := io.Pipe()
	go func() { // ends with the content, or when the request is closed
		encoder := base64.NewEncoder(base64.StdEncoding, pw)
		_, err := io.Copy(encoder, r)
		if err == nil {
			err = encoder.Close()
		}
		_ = r.Close()
		_ = pw.CloseWithError(err)
	}()
	return pr, nil
}

// crlfReader ends lines that end with a lone line feed with CRLF.
type crlfReader struct {
	r      *bufio.Reader
	last   byte
	behind bool // a line feed is to follow the carriage return that was added
}

func (c *crlfReader) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if c.behind {
			p[n], c.last, c.behind = '\n', '\n', false
			n++
			continue
		}
		b, err := c.r.ReadByte()
		if err != nil {
			return n, err
		}
		if b == '\n' && c.last != '\r' {
			b, c.behind = '\r', true
		}
		p[n], c.last = b, b
		n++
	}
	return n, nil
}
