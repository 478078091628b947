package imapendpoint

import (
	"bytes"
	"io"
)

// headerFilter keeps, of a message that is written to it, what a listing is told of its header: the
// fields of listFields, up to maxHeader bytes. It looks for them as servers do for HEADER.FIELDS
// (RFC 9051 section 6.4.5.1), so that identity gives a message the same fingerprint by either way.
type headerFilter struct {
	fields []string // that are kept
	kept   []byte

	line    []byte // the beginning of the line at hand, until it is decided
	decided bool   // whether it is kept
	keep    bool
	ended   bool // the header is over
}

var _ io.Writer = (*headerFilter)(nil)

// maxFieldName is beyond the length of any name that is looked for, blanks behind it included.
const maxFieldName = 64

func newHeaderFilter() *headerFilter { return &headerFilter{fields: listFields()} }

// reset prepares for another message. What was kept of the last is overwritten.
func (h *headerFilter) reset() {
	*h = headerFilter{fields: h.fields, kept: h.kept[:0], line: h.line[:0]}
}

// Write takes in the next bytes of the message. It never fails.
func (h *headerFilter) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 && !h.ended {
		end := bytes.IndexByte(p, '\n') + 1
		whole := end > 0
		if !whole {
			end = len(p)
		}
		h.piece(p[:end], whole)
		p = p[end:]
	}
	return n, nil
}

// piece takes in more of a line; whole says that it is the rest of it.
func (h *headerFilter) piece(p []byte, whole bool) {
	if h.decided {
		h.add(p)
	} else {
		h.line = append(h.line, p[:min(len(p), maxFieldName)]...)
		if whole || len(h.line) >= maxFieldName || bytes.IndexByte(h.line, ':') >= 0 {
			h.decide()
			h.add(h.line[:len(h.line)-min(len(p), maxFieldName)])
			h.add(p)
		}
	}
	if whole {
		h.line, h.decided = h.line[:0], false
	}
}

// decide judges a line by its beginning. One that begins with a blank goes on the line before
// (RFC 5322 section 2.2.3).
func (h *headerFilter) decide() {
	h.decided = true
	switch line := h.line; {
	case line[0] == '\n' || line[0] == '\r' && len(line) > 1 && line[1] == '\n':
		h.ended, h.keep = true, false
	case line[0] != ' ' && line[0] != '\t':
		name, _, found := bytes.Cut(line, []byte(":"))
		h.keep = found && h.wants(bytes.TrimRight(name, " \t"))
	}
}

func (h *headerFilter) add(p []byte) {
	if h.keep {
		h.kept = append(h.kept, p[:min(len(p), maxHeader-len(h.kept))]...)
	}
}

func (h *headerFilter) wants(name []byte) bool {
	for _, field := range h.fields {
		if equalFold(name, field) {
			return true
		}
	}
	return false
}
