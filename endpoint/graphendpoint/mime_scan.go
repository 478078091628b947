package graphendpoint

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/emersion/go-message"
)

const (
	// maxHeaderRead and maxPartHeader bound what is looked at of a header, in bytes.
	maxHeaderRead = 256 << 10
	maxPartHeader = 32 << 10
	// maxParts and maxNesting bound the structure of a message.
	maxParts   = 250 // attachments of a message in Exchange Online
	maxNesting = 32
	// maxValue bounds the values that are kept of the header of a part, in UTF-16 units.
	maxValue = 255
	// maxBoundary bounds a boundary, which has 70 characters at most (RFC 2046 section 5.1.1).
	maxBoundary = 512
	// maxText is how much of a text is kept, in bytes.
	maxText = 2 << 20
)

// mimePart is a part of a message that has no parts, or the whole of one that has none: what it is, and where.
type mimePart struct {
	mediaType   string
	charset     string
	disposition string
	name        string
	contentID   string
	encoding    string

	parent string // media type of the multipart that holds it
	// branch names the part of a multipart/alternative in which it is: those of one alternative exclude each other.
	alternative, branch int

	start, end int64 // of its body, encoded, in the message
	size       int64 // of its body, decoded

	text *bytes.Buffer // the beginning of its body, decoded, if that was asked for
	cut  bool          // text is not all
}

// multipart is one whose parts are being read.
type multipart struct {
	mediaType   string
	delimiter   []byte // two hyphens and the boundary
	parts       int
	alternative int    // its number, if it is one
	within      [2]int // alternative and branch in which it is itself
}

// mimeScan reads a message once, line by line, and notes its parts (RFC 2046 section 5.1). Boundaries of an outer multipart end the
// inner ones, whether those were closed or not. Memory does not follow the message.
type mimeScan struct {
	r  *bufio.Reader
	at int64 // of the next byte

	// wanted says, at the beginning of a part, whether its text is to be kept.
	wanted func(*mimePart) bool

	open         []multipart
	alternatives int
	header       []byte // that which is being read
	headerStart  int64
	state        scanState
	part         *mimePart
	decoding     transferDecoding
	lineBreak    []byte // the one before this line, which may belong to a boundary
	decoded      []byte

	// The result.
	parts     []*mimePart
	top       message.Header
	topRaw    []byte // the beginning of the header
	topEnd    int64  // the end of the header
	signed    bool   // a multipart/signed is in it
	unordered bool   // there is more to it than could be noted
}

type scanState int

const (
	inHeader  scanState = iota
	inBody              // of a part
	inBetween           // before the first part of a multipart, or after the last
)

// scanMessage reads r to its end.
func scanMessage(r io.Reader, wanted func(*mimePart) bool) (*mimeScan, error) {
	s := &mimeScan{r: bufio.NewReaderSize(r, 64<<10), wanted: wanted}
	begins := true
	for {
		line, err := s.r.ReadSlice('\n')
		if len(line) > 0 {
			s.take(line, begins)
			s.at += int64(len(line))
			begins = line[len(line)-1] == '\n'
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return nil, fmt.Errorf("read the message: %w", err)
		}
	}
	s.end()
	return s, nil
}

// end ends what is open at the end of the message. The last line break belongs to no boundary.
func (s *mimeScan) end() {
	if s.state == inHeader {
		s.endHeader(nil)
	}
	if s.part != nil {
		s.part.keep(s.decoding.decode(nil, s.lineBreak))
	}
	s.endPart(s.at)
	s.leave(0)
}

// take takes a line, or a piece of one that is long; begins says whether a line begins with it.
func (s *mimeScan) take(line []byte, begins bool) {
	if begins && s.boundary(line) {
		return
	}
	switch s.state {
	case inHeader:
		s.takeHeader(line, begins)
	case inBody:
		s.takeBody(line)
	case inBetween:
	}
}

// boundary reports whether a line is a delimiter of an open multipart (RFC 2046 section 5.1.1), and goes on behind it.
func (s *mimeScan) boundary(line []byte) bool {
	if !bytes.HasPrefix(line, []byte("--")) {
		return false
	}
	for i := len(s.open) - 1; i >= 0; i-- {
		rest, found := bytes.CutPrefix(line, s.open[i].delimiter)
		rest, last := bytes.CutPrefix(rest, []byte("--"))
		if !found || len(bytes.Trim(rest, " \t\r\n")) > 0 {
			continue
		}
		if s.state == inHeader {
			s.endHeader(nil)
		}
		s.endPart(s.at - int64(len(s.lineBreak)))
		if last {
			s.leave(i)
			s.state = inBetween
			return true
		}
		s.leave(i + 1)
		s.open[i].parts++
		s.state, s.headerStart = inHeader, s.at+int64(len(line))
		return true
	}
	return false
}

// leave ends the multiparts that are nested deeper than depth.
func (s *mimeScan) leave(depth int) {
	for _, m := range s.open[depth:] {
		s.unordered = s.unordered || m.parts == 0
	}
	s.open = s.open[:depth]
}

func (s *mimeScan) takeHeader(line []byte, begins bool) {
	if begins && len(bytes.TrimRight(line, "\r\n")) == 0 {
		s.endHeader(line)
		return
	}
	limit := maxPartHeader
	if s.isTop() {
		limit = maxHeaderRead
	}
	room := limit - len(s.header)
	if s.header = append(s.header, line[:min(room, len(line))]...); room < len(line) && !s.isTop() {
		s.unordered = true
	}
}

func (s *mimeScan) isTop() bool { return s.headerStart == 0 }

// endHeader looks at a header, and begins the body behind the empty line. Where there is no field at all, it was the body.
func (s *mimeScan) endHeader(empty []byte) {
	raw := s.header
	h, hasFields := parseHeader(raw)
	start := s.at + int64(len(empty))
	headerless := !hasFields && len(raw) > 0
	if headerless {
		start = s.headerStart
	}
	if s.isTop() {
		s.top, s.topEnd = h, start
		if s.topRaw = raw; headerless {
			s.topRaw = nil
		}
	}
	s.header = nil
	s.beginBody(h, start)
	if headerless && s.state == inBody {
		held := s.at - start // what was read as header
		s.takeBody(raw)
		s.part.cut = s.part.cut || held > int64(len(raw))
		s.unordered = s.unordered || s.part.cut
		if empty != nil {
			s.takeBody(empty)
		}
	}
}

// beginBody begins a multipart, or a part.
func (s *mimeScan) beginBody(h message.Header, start int64) {
	mediaType, params := parameters(h.Get("Content-Type"))
	if mediaType == "" {
		mediaType = s.defaultType()
	}
	if strings.HasPrefix(mediaType, "multipart/") {
		boundary := strings.TrimRight(params["boundary"], " ")
		if boundary != "" && len(boundary) <= maxBoundary && len(s.open) < maxNesting {
			s.beginMultipart(mediaType, boundary)
			return
		}
		mediaType, s.unordered = "text/plain", true
	}
	s.beginPart(h, mediaType, params, start)
}

// defaultType is that of a part which does not say (RFC 2045 section 5.2, RFC 2046 section 5.1.5).
func (s *mimeScan) defaultType() string {
	if n := len(s.open); n > 0 && s.open[n-1].mediaType == "multipart/digest" {
		return "message/rfc822"
	}
	return "text/plain"
}

func (s *mimeScan) beginMultipart(mediaType, boundary string) {
	m := multipart{mediaType: mediaType, delimiter: []byte("--" + boundary)}
	m.within[0], m.within[1] = s.place()
	if mediaType == "multipart/alternative" {
		s.alternatives++
		m.alternative = s.alternatives
	}
	s.signed = s.signed || mediaType == "multipart/signed"
	s.open = append(s.open, m)
	s.state = inBetween
}

// place is the alternative and its branch in which the next part is.
func (s *mimeScan) place() (alternative, branch int) {
	if len(s.open) == 0 {
		return 0, 0
	}
	m := s.open[len(s.open)-1]
	if m.alternative > 0 {
		return m.alternative, m.parts
	}
	return m.within[0], m.within[1]
}

func (s *mimeScan) beginPart(h message.Header, mediaType string, params map[string]string, start int64) {
	s.state = inBody
	disposition, named := parameters(h.Get("Content-Disposition"))
	p := &mimePart{
		mediaType: bounded(mediaType), charset: bounded(params["charset"]), disposition: bounded(disposition),
		encoding: bounded(h.Get("Content-Transfer-Encoding")), name: bounded(oneLine(named["filename"])),
		contentID: bounded(oneLine(strings.Trim(h.Get("Content-Id"), "<> \t"))), start: start,
	}
	if p.name == "" {
		p.name = bounded(oneLine(params["name"]))
	}
	p.alternative, p.branch = s.place()
	if len(s.open) > 0 {
		p.parent = s.open[len(s.open)-1].mediaType
	}
	if s.wanted(p) {
		p.text = &bytes.Buffer{}
	}
	s.part, s.decoding = p, decodingOf(p.encoding)
}

// takeBody takes a piece of the body of a part. The line break at its end waits: it belongs to a boundary that follows.
func (s *mimeScan) takeBody(line []byte) {
	content := bytes.TrimSuffix(line, []byte("\n"))
	if len(content) < len(line) {
		content = bytes.TrimSuffix(content, []byte("\r"))
	}
	s.decoded = s.decoding.decode(s.decoded[:0], s.lineBreak)
	s.decoded = s.decoding.decode(s.decoded, content)
	s.lineBreak = append(s.lineBreak[:0], line[len(content):]...)
	s.part.keep(s.decoded)
}

// endPart ends the part that is being read, if there is one. end is where the line break before a boundary begins.
func (s *mimeScan) endPart(end int64) {
	p := s.part
	if p == nil {
		return
	}
	p.keep(s.decoding.finish(nil))
	p.end = max(end, p.start)
	s.lineBreak = s.lineBreak[:0]
	if s.part = nil; len(s.parts) < maxParts {
		s.parts = append(s.parts, p)
		return
	}
	s.unordered = true
}

// bounded is what is kept of a value in the header of a part.
func bounded(value string) string { return strings.Clone(shortened(value, maxValue)) }

func (p *mimePart) keep(decoded []byte) {
	p.size += int64(len(decoded))
	if p.text == nil {
		return
	}
	room := maxText - p.text.Len()
	p.cut = p.cut || len(decoded) > room
	p.text.Write(decoded[:min(room, len(decoded))])
}
