package watermark

import (
	"bytes"
	"errors"
	"mime"
	"strings"
)

const (
	maxInstances = 16  // fields of our name that are looked at
	maxValue     = 256 // bytes of a field's value as it stands, folded or not
)

// Reading is what the header of one item says of marks. None of it is verified.
type Reading struct {
	Marks []Mark // well-formed marks, in the order of the header
	Newer int    // marks of a version that this package does not know
	// NewerPairs are the pairs of those, in the order of the header.
	NewerPairs []PairTag
	Garbled    int // fields of our name that hold no mark, and those beyond the limits
}

// Fields returns the number of fields of our name.
func (r Reading) Fields() int { return len(r.Marks) + r.Newer + r.Garbled }

// Read finds the marks in the header of a message.
//
// The header may be the whole of a message, whose body is ignored, or any selection of its
// fields. A mark is recognised at any position, folded, under a name of any case, with lone line
// feeds and encoded as RFC 2047 has it. At most 16 fields of at most 256 bytes are looked at, in
// order; the others count as garbled.
func Read(header []byte) Reading {
	var out Reading
	for len(header) > 0 {
		var field []byte
		if field, header = nextField(header); len(field) == 0 {
			break // the empty line that ends the header
		}
		if value, ours := markValue(field); ours {
			out.add(value)
		}
	}
	return out
}

func (r *Reading) add(value []byte) {
	if r.Fields() >= maxInstances || len(value) > maxValue {
		r.Garbled++
		return
	}
	m, err := Parse(decodeWords(unfold(value)))
	switch {
	case err == nil:
		r.Marks = append(r.Marks, m)
	case errors.Is(err, ErrVersion):
		r.Newer++
		r.NewerPairs = append(r.NewerPairs, m.Pair)
	default:
		r.Garbled++
	}
}

// nextField cuts the first field, with its continuation lines (RFC 5322 section 2.2.3), from
// header. The field is empty where header begins with an empty line.
func nextField(header []byte) (field, rest []byte) {
	end := 0
	for end < len(header) {
		length := lineLength(header[end:])
		if end == 0 && emptyLine(bytes.TrimSuffix(header[:length], []byte("\n"))) {
			return nil, header[length:]
		}
		end += length
		if end < len(header) && header[end] != ' ' && header[end] != '\t' {
			break
		}
	}
	return header[:end], header[end:]
}

// lineLength returns the length of the first line of b, its end included.
func lineLength(b []byte) int {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		return i + 1
	}
	return len(b)
}

// markValue returns the value of a field if it bears our name.
func markValue(field []byte) (value []byte, ours bool) {
	name, value, found := bytes.Cut(field, []byte(":"))
	if !found || !bytes.EqualFold(bytes.TrimRight(name, " \t"), []byte(Field)) {
		return nil, false
	}
	return bytes.TrimSpace(value), true
}

// unfold drops all white space: a mark has none, so any was put there on the way.
func unfold(value []byte) string {
	if !bytes.ContainsAny(value, " \t\r\n") {
		return string(value)
	}
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '\t' || r == '\r' || r == '\n' {
			return -1
		}
		return r
	}, string(value))
}

// decodeWords undoes the RFC 2047 encoding that some stores apply to every value.
func decodeWords(text string) string {
	if !strings.Contains(text, "=?") {
		return text
	}
	var out strings.Builder
	for text != "" {
		end := encodedWordLength(text)
		word, err := new(mime.WordDecoder).Decode(text[:end])
		if err != nil {
			return text
		}
		out.WriteString(strings.TrimSpace(word))
		text = text[end:]
	}
	return out.String()
}

// encodedWordLength returns the length of the encoded word at the beginning of text, or all of it.
// With white space gone, adjacent words touch.
func encodedWordLength(text string) int {
	marks := 0
	for i := 0; i < len(text)-1; i++ {
		if text[i] == '?' {
			marks++
		}
		if marks >= 4 && text[i] == '?' && text[i+1] == '=' {
			return i + 2
		}
	}
	return len(text)
}
