package imapendpoint

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Bounds on what a server can make us hold. A literal of a BODY section is no part of them: it
// is streamed.
const (
	maxLine       = 1 << 20  // a response without the literals of BODY sections
	maxSearchLine = 32 << 20 // SEARCH, ESEARCH: some three million UIDs
	maxLiteral    = 64 << 10 // any other literal
	maxSegments   = 1 << 12  // literals in one response
)

// errProtocol is the end of a connection whose server said what cannot be understood safely.
var errProtocol = errors.New("the server broke the IMAP protocol")

// segment is a piece of a response: text, and the size of the literal that follows it. A response
// (RFC 9051 section 7) is a run of segments, the last of which has no literal.
type segment struct {
	text    []byte // without line end and literal announcement; valid until the next call
	literal int64  // -1 if none follows
	binary  bool   // the literal was announced as a literal8
	first   bool   // begins a response
}

// framer cuts what a server sends into responses. It looks no deeper than that.
type framer struct {
	r    *bufio.Reader
	long []byte // a line that does not fit into r's buffer

	inside   bool  // within a response
	status   bool  // the response is one whose text may look like a literal
	search   bool  // the response may be long
	fetch    bool  // the response may carry BODY sections
	total    int   // bytes of the response so far, as maxLine counts
	segments int   // of the response so far
	open     int64 // bytes of the literal at hand that were not read yet
}

func newFramer(r io.Reader) *framer { return &framer{r: bufio.NewReaderSize(r, 32<<10)} }

// next returns the next segment. The literal of the one before must have been read.
func (f *framer) next() (segment, error) {
	if f.open > 0 {
		return segment{}, fmt.Errorf("%w: literal was not read", errProtocol)
	}
	line, err := f.line()
	if err != nil {
		return segment{}, err
	}
	s := segment{text: line, literal: -1, first: !f.inside}
	if s.first {
		f.begin(line)
	}
	f.total += len(line)
	f.segments++
	if !f.status {
		if err := f.announce(&s); err != nil {
			return segment{}, err
		}
	}
	if f.total > f.limit() || f.segments > maxSegments {
		return segment{}, fmt.Errorf("%w: response is too long", errProtocol)
	}
	f.inside = s.literal >= 0
	f.open = max(s.literal, 0)
	return s, nil
}

// begin learns from the first line of a response how the rest is to be read.
func (f *framer) begin(line []byte) {
	tag, rest := cutWord(line)
	kind, _ := cutKind(rest)
	f.total, f.segments = 0, 0
	f.search = string(tag) == "*" && (equalFold(kind, "SEARCH") || equalFold(kind, "ESEARCH"))
	number, _ := cutWord(rest)
	f.fetch = string(tag) == "*" && equalFold(kind, "FETCH") && isNumber(number)
	f.status = string(tag) != "*" || statusKind(kind) != ""
}

// isFetch reports whether the response at hand is a FETCH response.
func (f *framer) isFetch() bool { return f.fetch }

func (f *framer) limit() int {
	if f.search {
		return maxSearchLine
	}
	return maxLine
}

// announce takes the announcement of a literal off the end of a segment (RFC 9051 section 4.3).
func (f *framer) announce(s *segment) error {
	if !bytes.HasSuffix(s.text, []byte("}")) {
		return nil
	}
	at := bytes.LastIndexByte(s.text, '{')
	if at < 0 {
		return nil
	}
	n, ok := parseNumber(bytes.TrimSuffix(s.text[at+1:len(s.text)-1], []byte("+")), 1<<62)
	if !ok {
		return nil
	}
	before := s.text[:at]
	if trimmed, binary := bytes.CutSuffix(before, []byte("~")); binary { // RFC 3516 section 7
		before, s.binary = trimmed, true
	}
	s.text, s.literal = before, int64(n)
	if f.fetch && endsInSection(before) {
		return nil
	}
	if n > maxLiteral {
		return fmt.Errorf("%w: literal is too long", errProtocol)
	}
	f.total += int(n)
	return nil
}

// endsInSection reports whether text ends in the name of a BODY or BINARY section, such as
// BODY[HEADER] or BODY[]<0>.
func endsInSection(text []byte) bool {
	text = bytes.TrimRight(text, " ")
	if at := bytes.LastIndexByte(text, '<'); at >= 0 && bytes.HasSuffix(text, []byte(">")) {
		text = text[:at]
	}
	return bytes.HasSuffix(text, []byte("]"))
}

// line returns the next line without its line end, which may be a bare LF.
func (f *framer) line() ([]byte, error) {
	line, err := f.r.ReadSlice('\n')
	if err == nil {
		return trimLineEnd(line), nil
	}
	f.long = append(f.long[:0], line...)
	for errors.Is(err, bufio.ErrBufferFull) {
		if limit := f.longLimit(); len(f.long) > limit {
			return nil, fmt.Errorf("%w: line is longer than %d bytes", errProtocol, limit)
		}
		line, err = f.r.ReadSlice('\n')
		f.long = append(f.long, line...)
	}
	if errors.Is(err, io.EOF) {
		return nil, io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	long := f.long
	if cap(long) > maxLine {
		f.long = nil // one long answer must not be held for the life of the connection
	}
	return trimLineEnd(long), nil
}

func (f *framer) longLimit() int {
	if !f.inside {
		f.begin(f.long)
	}
	return f.limit()
}

// Read reads from the literal at hand, and returns io.EOF at its end.
func (f *framer) Read(p []byte) (int, error) {
	if f.open == 0 {
		return 0, io.EOF
	}
	n, err := f.r.Read(p[:min(int64(len(p)), f.open)])
	f.open -= int64(n)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func trimLineEnd(line []byte) []byte {
	line = bytes.TrimSuffix(line, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r"))
}

// cutWord returns the first word of b and what follows the spaces behind it.
func cutWord(b []byte) (word, rest []byte) {
	b = bytes.TrimLeft(b, " ")
	at := bytes.IndexByte(b, ' ')
	if at < 0 {
		return b, nil
	}
	return b[:at], bytes.TrimLeft(b[at:], " ")
}

// cutKind returns the kind of an untagged response without its asterisk, such as FETCH, and what
// follows it. The number before it, if any, is passed over, and a space after it may be missing.
func cutKind(rest []byte) (kind, data []byte) {
	number, text := cutWord(rest)
	if !isNumber(number) {
		text = bytes.TrimLeft(rest, " ")
	}
	end := 0
	for end < len(text) && text[end] != ' ' && text[end] != '(' {
		end++
	}
	return text[:end], bytes.TrimLeft(text[end:], " ")
}

func equalFold(b []byte, s string) bool { return len(b) == len(s) && bytes.EqualFold(b, []byte(s)) }

func isNumber(b []byte) bool {
	_, ok := parseNumber(b, 1<<32-1)
	return ok
}

// parseNumber reads digits and nothing else, up to a greatest value.
func parseNumber(b []byte, most uint64) (uint64, bool) {
	if len(b) == 0 || len(b) > 19 {
		return 0, false
	}
	var n uint64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, n <= most
}
