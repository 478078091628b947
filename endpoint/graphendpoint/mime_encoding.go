package graphendpoint

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"slices"
	"strings"
)

// transferDecoding undoes a Content-Transfer-Encoding (RFC 2045 section 6). It takes text as it comes, in pieces of any length, and
// is never at a loss: what is no encoding stays as it is, or is passed over, as mail programs do.
type transferDecoding interface {
	// decode appends to dst what src stands for.
	decode(dst, src []byte) []byte
	// finish appends what was held back, at the end of the text.
	finish(dst []byte) []byte
}

// decodingOf returns the decoding for the value of a Content-Transfer-Encoding.
func decodingOf(encoding string) transferDecoding {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "base64":
		return &base64Decoding{}
	case "quoted-printable":
		return &quotedPrintableDecoding{}
	}
	return identityDecoding{}
}

// identityDecoding is that of 7bit, 8bit and binary, and of names that nobody knows.
type identityDecoding struct{}

func (identityDecoding) decode(dst, src []byte) []byte { return append(dst, src...) }
func (identityDecoding) finish(dst []byte) []byte      { return dst }

// base64Decoding ignores characters outside of the alphabet (RFC 2045 section 6.8), and padding does not end the text: some programs
// encode piece by piece.
type base64Decoding struct {
	bits  uint32
	count int // characters in bits, below 4
}

func (d *base64Decoding) decode(dst, src []byte) []byte {
	if whole, ok := d.line(dst, src); ok {
		return whole // a failure has changed nothing behind dst that is not written again
	}
	for _, c := range src {
		value, known := base64Value(c)
		if !known {
			if c == '=' {
				dst = d.finish(dst)
			}
			continue
		}
		d.bits = d.bits<<6 | value
		if d.count++; d.count == 4 {
			dst = append(dst, byte(d.bits>>16), byte(d.bits>>8), byte(d.bits))
			d.bits, d.count = 0, 0
		}
	}
	return dst
}

// line decodes what is nothing but groups of four characters, as most lines are, and is faster than the general way.
func (d *base64Decoding) line(dst, src []byte) ([]byte, bool) {
	src = bytes.TrimRight(src, "\r\n")
	if d.count != 0 || len(src)%4 != 0 {
		return dst, false
	}
	dst = slices.Grow(dst, base64.StdEncoding.DecodedLen(len(src)))
	n, err := base64.StdEncoding.Decode(dst[len(dst):cap(dst)], src)
	return dst[:len(dst)+n], err == nil
}

func (d *base64Decoding) finish(dst []byte) []byte {
	switch d.count {
	case 2:
		dst = append(dst, byte(d.bits>>4))
	case 3:
		dst = append(dst, byte(d.bits>>10), byte(d.bits>>2))
	}
	d.bits, d.count = 0, 0
	return dst
}

func base64Value(c byte) (uint32, bool) {
	switch {
	case 'A' <= c && c <= 'Z':
		return uint32(c - 'A'), true
	case 'a' <= c && c <= 'z':
		return uint32(c-'a') + 26, true
	case '0' <= c && c <= '9':
		return uint32(c-'0') + 52, true
	case c == '+':
		return 62, true
	case c == '/':
		return 63, true
	}
	return 0, false
}

// maxHeld bounds what quotedPrintableDecoding holds back: white space of which it is not yet known whether it ends a line.
const maxHeld = 1024

// quotedPrintableDecoding knows RFC 2045 section 6.7. An equals sign that begins no code stands for itself.
type quotedPrintableDecoding struct {
	// held begins with an equals sign, or is white space.
	held []byte
}

func (d *quotedPrintableDecoding) decode(dst, src []byte) []byte {
	for _, c := range src {
		switch {
		case len(d.held) > 0 && d.held[0] == '=':
			dst = d.code(dst, c)
		case c == '=':
			dst = append(dst, d.held...)
			d.held = append(d.held[:0], c)
		case c == ' ' || c == '\t':
			if len(d.held) == maxHeld {
				dst = d.finish(dst)
			}
			d.held = append(d.held, c)
		case c == '\r' || c == '\n':
			d.held = d.held[:0] // white space at the end of a line was added on the way
			dst = append(dst, c)
		default:
			dst = append(append(dst, d.held...), c)
			d.held = d.held[:0]
		}
	}
	return dst
}

// code takes the next character behind an equals sign: of two hexadecimal digits, or of a soft line break.
func (d *quotedPrintableDecoding) code(dst []byte, c byte) []byte {
	first, isDigit := hexValue(d.held[len(d.held)-1])
	second, ends := hexValue(c)
	switch {
	case c == '\n':
		d.held = d.held[:0]
		return dst
	case len(d.held) == 2 && isDigit && ends:
		d.held = d.held[:0]
		return append(dst, first<<4|second)
	case len(d.held) == 1 && ends, len(d.held) < maxHeld && blank(c) && (len(d.held) == 1 || blank(d.held[1])):
		d.held = append(d.held, c)
		return dst
	}
	dst = append(dst, d.held...)
	d.held = d.held[:0]
	return d.decode(dst, []byte{c})
}

func (d *quotedPrintableDecoding) finish(dst []byte) []byte {
	dst = append(dst, d.held...)
	d.held = d.held[:0]
	return dst
}

func blank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' }

func hexValue(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	}
	return 0, false
}

// decodingReader reads what a text that is encoded stands for.
type decodingReader struct {
	r        *bufio.Reader
	decoding transferDecoding
	decoded  []byte // not yet read
	buffer   []byte // of decoded
	err      error
}

func newDecodingReader(r io.Reader, encoding string) *decodingReader {
	return &decodingReader{r: bufio.NewReader(r), decoding: decodingOf(encoding)}
}

func (d *decodingReader) Read(p []byte) (int, error) {
	for len(d.decoded) == 0 && d.err == nil {
		line, err := d.r.ReadSlice('\n')
		d.buffer = d.decoding.decode(d.buffer[:0], line)
		if errors.Is(err, io.EOF) {
			d.buffer = d.decoding.finish(d.buffer)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			d.err = err
		}
		d.decoded = d.buffer
	}
	n := copy(p, d.decoded)
	d.decoded = d.decoded[n:]
	if n > 0 {
		return n, nil
	}
	return 0, d.err
}
