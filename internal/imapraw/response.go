package imapraw

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Response is one response of a server.
type Response struct {
	Tag    string  // "*", "+" or the tag of a command
	Text   string  // all behind the tag, without the line end, with literals in their place
	Values []Value // Text in its parts; nil for OK, NO, BAD, BYE, PREAUTH and "+", which are prose
}

// Value is an atom, a string of any form, or a parenthesised list.
type Value struct {
	Text string  // the atom, or the content of the string
	List []Value // the elements of a list
}

// Name returns the first word of the response in capitals, such as "OK" or "LIST", and for
// numbered ones the second, such as "FETCH".
func (r Response) Name() string {
	words := strings.Fields(r.Text)
	if len(words) > 1 && strings.Trim(words[0], "0123456789") == "" {
		words = words[1:]
	}
	if len(words) == 0 {
		return ""
	}
	return strings.ToUpper(words[0])
}

// Code returns what stands in brackets behind the first word of OK, NO, BAD, BYE or PREAUTH, such
// as "UIDVALIDITY 7" (RFC 9051 section 7.1), or nothing.
func (r Response) Code() string {
	_, rest, _ := strings.Cut(r.Text, " ")
	if !strings.HasPrefix(rest, "[") {
		return ""
	}
	code, _, _ := strings.Cut(rest[1:], "]")
	return code
}

// parse divides a response into its parts. The literals begin at the given places of text.
func parse(text string, literals []int) (Response, error) {
	text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r") // and none of a literal that ends it
	tag, rest, _ := strings.Cut(text, " ")
	r := Response{Tag: tag, Text: rest}
	if tag == "+" || slices.Contains([]string{"OK", "NO", "BAD", "BYE", "PREAUTH"}, r.Name()) {
		return r, nil
	}
	p := parser{text: text, at: len(text) - len(rest), literals: literals}
	values, err := p.list("")
	r.Values = values
	return r, err
}

type parser struct {
	text     string
	at       int
	literals []int
}

var errEnd = errors.New("response ends too early")

// list reads values until end, which is a parenthesis or, for the outermost list, nothing.
func (p *parser) list(end string) ([]Value, error) {
	values := []Value{}
	for {
		for p.at < len(p.text) && p.text[p.at] == ' ' {
			p.at++
		}
		switch {
		case p.at == len(p.text) && end == "":
			return values, nil
		case p.at == len(p.text):
			return nil, errEnd
		case p.text[p.at:p.at+1] == end:
			p.at++
			return values, nil
		}
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
}

func (p *parser) value() (Value, error) {
	switch p.text[p.at] {
	case '(':
		p.at++
		list, err := p.list(")")
		return Value{List: list}, err
	case '"':
		return p.quoted()
	case '{':
		return p.literal()
	case ')':
		return Value{}, fmt.Errorf("parenthesis without a beginning at byte %d", p.at)
	default:
		return p.atom(), nil
	}
}

// atom reads a word; brackets hold it together, as in BODY[HEADER.FIELDS (SUBJECT)].
func (p *parser) atom() Value {
	begin, depth := p.at, 0
	for ; p.at < len(p.text); p.at++ {
		switch b := p.text[p.at]; {
		case b == '[':
			depth++
		case b == ']':
			depth--
		case depth <= 0 && strings.IndexByte(` ()"`, b) >= 0:
			return Value{Text: p.text[begin:p.at]}
		}
	}
	return Value{Text: p.text[begin:]}
}

func (p *parser) quoted() (Value, error) {
	var out strings.Builder
	for p.at++; p.at < len(p.text); p.at++ {
		switch b := p.text[p.at]; {
		case b == '"':
			p.at++
			return Value{Text: out.String()}, nil
		case b == '\\' && p.at+1 < len(p.text):
			p.at++
			out.WriteByte(p.text[p.at])
		default:
			out.WriteByte(b)
		}
	}
	return Value{}, errEnd
}

func (p *parser) literal() (Value, error) {
	if len(p.literals) == 0 {
		return Value{}, fmt.Errorf("brace without a literal at byte %d", p.at)
	}
	begin := p.literals[0]
	size, ok := literalSize(p.text[p.at:begin])
	if !ok || begin+int(size) > len(p.text) {
		return Value{}, errEnd
	}
	p.literals, p.at = p.literals[1:], begin+int(size)
	return Value{Text: p.text[begin:p.at]}, nil
}
