package imapendpoint

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/dandyroll/dandyroll/endpoint"
)

// maxDepth bounds the nesting of lists in a response.
const maxDepth = 20

// value is one element of an untagged response: a word (atom, string or literal), NIL, or a list.
type value struct {
	word   string
	list   []value
	isList bool
	quoted bool // a string, so that "NIL" is a word
}

// isNil reports whether the value is NIL.
func (v value) isNil() bool { return !v.isList && !v.quoted && strings.EqualFold(v.word, "NIL") }

// number returns the value as an unsigned number of 64 bits.
func (v value) number() (uint64, bool) {
	n, err := strconv.ParseUint(v.word, 10, 64)
	return n, err == nil && !v.isList
}

// parseValues reads the values of an untagged response. It is laxer than RFC 9051 section 9: any
// number of blanks, any character in an atom, 8-bit strings. It fails with Damaged.
func parseValues(line []byte) ([]value, error) {
	p := valueParser{rest: line}
	values, err := p.values(0)
	if err == nil && len(p.rest) > 0 {
		err = errResponse()
	}
	return values, err
}

func errResponse() error {
	return endpoint.Errorf(endpoint.Damaged, "the server's response is malformed")
}

// cutResponse splits an untagged response into its name, in upper case, and what follows.
func cutResponse(line []byte) (kind string, rest []byte) {
	_, line = cutWord(line) // the asterisk
	word, rest := cutWord(line)
	return strings.ToUpper(string(word)), rest
}

type valueParser struct{ rest []byte }

// values reads to the end of the list, whose parenthesis it leaves, or of the line.
func (p *valueParser) values(depth int) ([]value, error) {
	var out []value
	for {
		p.rest = bytes.TrimLeft(p.rest, " \r\n")
		if len(p.rest) == 0 || p.rest[0] == ')' {
			return out, nil
		}
		v, err := p.value(depth)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
}

func (p *valueParser) value(depth int) (value, error) {
	switch p.rest[0] {
	case '(':
		return p.listValue(depth)
	case '"':
		return p.quotedValue()
	case '{':
		return p.literalValue()
	}
	end := bytes.IndexAny(p.rest, " ()\"")
	if end < 0 {
		end = len(p.rest)
	}
	v := value{word: string(p.rest[:end])}
	p.rest = p.rest[end:]
	return v, nil
}

func (p *valueParser) listValue(depth int) (value, error) {
	if depth == maxDepth {
		return value{}, errResponse()
	}
	p.rest = p.rest[1:]
	list, err := p.values(depth + 1)
	if err != nil || len(p.rest) == 0 {
		return value{}, errResponse()
	}
	p.rest = p.rest[1:]
	return value{list: list, isList: true}, nil
}

func (p *valueParser) quotedValue() (value, error) {
	var word []byte
	for i := 1; i < len(p.rest); i++ {
		switch c := p.rest[i]; {
		case c == '"':
			p.rest = p.rest[i+1:]
			return value{word: string(word), quoted: true}, nil
		case c == '\\' && i+1 < len(p.rest):
			i++
			word = append(word, p.rest[i])
		default:
			word = append(word, c)
		}
	}
	return value{}, errResponse()
}

// literalValue reads {n}, CRLF and n bytes (RFC 9051 section 4.3).
func (p *valueParser) literalValue() (value, error) {
	length, rest, found := bytes.Cut(p.rest[1:], []byte("}\r\n"))
	n, err := strconv.ParseUint(strings.TrimSuffix(string(length), "+"), 10, 31)
	if !found || err != nil || n > uint64(len(rest)) {
		return value{}, errResponse()
	}
	p.rest = rest[n:]
	return value{word: string(rest[:n]), quoted: true}, nil
}
