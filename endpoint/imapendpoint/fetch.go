package imapendpoint

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// fetchItems is what a FETCH asks for of each message besides its UID (RFC 9051 section 6.4.5). There
// is no ENVELOPE or BODYSTRUCTURE among it: what servers make of hostile messages in those breaks off
// answers.
type fetchItems struct {
	size, received, flags bool
	// section is what BODY.PEEK is asked for, such as "[HEADER]"; empty for none.
	section string
}

// text returns the items as the command names them.
func (i fetchItems) text() string {
	words := []string{"UID"}
	if i.flags {
		words = append(words, "FLAGS")
	}
	if i.received {
		words = append(words, "INTERNALDATE")
	}
	if i.size {
		words = append(words, "RFC822.SIZE")
	}
	if i.section != "" {
		words = append(words, "BODY.PEEK"+i.section)
	}
	return "(" + strings.Join(words, " ") + ")"
}

// fetched is what one FETCH response told of a message, without its body.
type fetched struct {
	uid      uint32 // 0 if it was not told
	size     int64  // -1 if it was not told
	received time.Time
	flags    []string
	hasFlags bool
	sections int // how many sections came
}

// fetching takes in FETCH responses (RFC 9051 section 7.5.2) while they come. It takes what it asked
// for and passes over everything else: servers send items that nobody asked for, and values that are
// none. It gives up only where it cannot tell where a response ends.
type fetching struct {
	items fetchItems
	// section gets a body section while it streams; what it leaves unread is discarded. NIL is a nil
	// reader. An error ends the connection and is returned as it is.
	section func(body io.Reader, size int64) error
	// done is called behind each whole response that is an answer: a change of flags by another
	// client looks like one. It must not keep m. The date may be missing, for servers send dates
	// that are none.
	done func(m *fetched)
	// sizeOptional says that a response without the size is an answer, too.
	sizeOptional bool

	m     fetched       // the message at hand
	depth int           // of parentheses in a value that is passed over
	body  literalReader // the literal at hand
}

// ignoring passes over everything.
func ignoring() *fetching { return &fetching{done: func(*fetched) {}} }

// response reads the FETCH response that begins with s to its end.
func (f *fetching) response(frames *framer, s segment) error {
	_, rest := cutWord(s.text) // the asterisk
	_, list := cutKind(rest)
	text, ok := bytes.CutPrefix(list, []byte("("))
	if !ok {
		return fmt.Errorf("%w: FETCH response without items", errProtocol)
	}
	f.m, f.depth = fetched{size: -1}, 0
	for {
		wanted, err := f.segment(text, s.literal >= 0)
		if err != nil {
			return err
		}
		if s.literal < 0 {
			break
		}
		if err := f.literal(frames, s.literal, wanted); err != nil {
			return err
		}
		if s, err = frames.next(); err != nil {
			return err
		}
		text = s.text
	}
	if f.answers() {
		f.done(&f.m)
	}
	return nil
}

// answers reports whether the response had what was asked for but, perhaps, the date.
func (f *fetching) answers() bool {
	sections := 0
	if f.items.section != "" {
		sections = 1
	}
	return f.m.uid != 0 && f.m.sections == sections &&
		(f.m.size >= 0 || f.sizeOptional || !f.items.size) && (f.m.hasFlags || !f.items.flags)
}

// segment takes in the text of a segment. Wanted says that the literal behind it is a section. Only a
// response whose end was seen can be believed: where a server states a wrong size for a literal, that
// alone shows it.
func (f *fetching) segment(text []byte, literal bool) (wanted bool, err error) {
	for {
		if f.depth > 0 {
			end, depth := listEnd(text, f.depth)
			f.depth, text = depth, text[end:]
		}
		text = bytes.TrimLeft(text, " ")
		switch {
		case f.depth > 0 && literal:
			return false, nil
		case len(text) == 0 || f.depth > 0:
			return false, fmt.Errorf("%w: FETCH response without end", errProtocol)
		case text[0] == ')':
			if literal || len(bytes.TrimSpace(text[1:])) > 0 {
				return false, fmt.Errorf("%w: FETCH response goes on after its end", errProtocol)
			}
			return false, nil
		}
		name, rest := cutItemName(text)
		if len(name) == 0 || bytes.IndexByte(name, '\\') >= 0 || bytes.Count(name, []byte(`"`))%2 != 0 {
			return false, fmt.Errorf("%w: FETCH item without a name", errProtocol)
		}
		rest = bytes.TrimLeft(rest, " ")
		if len(rest) == 0 {
			if !literal {
				return false, fmt.Errorf("%w: FETCH item without a value", errProtocol)
			}
			return f.items.section != "" && isSection(name), nil
		}
		if text, err = f.item(name, rest, literal); err != nil {
			return false, err
		}
	}
}

// item takes in a value that does not begin with a literal, and returns what follows it.
func (f *fetching) item(name, text []byte, literal bool) (rest []byte, err error) {
	value, rest, whole := cutValue(text)
	if whole {
		return rest, f.set(name, value)
	}
	if !literal || text[0] != '(' {
		return nil, fmt.Errorf("%w: FETCH value without end", errProtocol)
	}
	f.depth = 1
	return text[1:], nil
}

// set notes a value. One that cannot be is passed over.
func (f *fetching) set(name, value []byte) error {
	switch {
	case equalFold(name, "UID"):
		if n, ok := parseNumber(value, 1<<32-1); ok {
			f.m.uid = uint32(n)
		}
	case equalFold(name, "FLAGS"):
		f.m.hasFlags = true
		if f.items.flags {
			f.m.flags = flagsOf(value)
		}
	case equalFold(name, "RFC822.SIZE"):
		if n, ok := parseNumber(value, 1<<63-1); ok {
			f.m.size = int64(n)
		}
	case equalFold(name, "INTERNALDATE"):
		if f.items.received {
			f.m.received = internalDate(value)
		}
	case f.items.section != "" && isSection(name):
		return f.inline(value)
	}
	return nil
}

// inline takes in a section that is no literal: NIL or a quoted string.
func (f *fetching) inline(value []byte) error {
	if equalFold(value, "NIL") {
		f.m.sections++
		return f.section(nil, 0)
	}
	if len(value) == 0 || value[0] != '"' {
		return nil
	}
	f.m.sections++
	text := unquote(value)
	return f.section(bytes.NewReader(text), int64(len(text)))
}

// literal reads a literal to its end, and hands it on if it is wanted.
func (f *fetching) literal(frames *framer, size int64, wanted bool) error {
	if wanted {
		f.m.sections++
		f.body = literalReader{frames: frames}
		err := f.section(&f.body, size)
		if f.body.err != nil {
			return f.body.err
		}
		if err != nil {
			return err
		}
	}
	if frames.open == 0 {
		return nil
	}
	_, err := io.Copy(io.Discard, frames)
	return err
}

// literalReader remembers that it was the connection that failed, not who reads from it.
type literalReader struct {
	frames *framer
	err    error
}

// Read reads from the literal, and returns io.EOF at its end.
func (r *literalReader) Read(p []byte) (int, error) {
	n, err := r.frames.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = err
	}
	return n, err
}

// flagsOf returns those of a list that are flags (RFC 9051 section 9: flag).
func flagsOf(list []byte) []string {
	var flags []string
	for f := range strings.FieldsSeq(strings.Trim(string(list), "()")) {
		if isAtom(strings.TrimPrefix(f, `\`)) && !strings.EqualFold(f, "NIL") {
			flags = append(flags, f)
		}
	}
	return flags
}

func isSection(name []byte) bool {
	return hasPrefixFold(name, "BODY[") || hasPrefixFold(name, "BINARY[")
}

func hasPrefixFold(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && equalFold(b[:len(prefix)], prefix)
}

// cutItemName returns the name of an item, with its section, and what follows.
func cutItemName(text []byte) (name, rest []byte) {
	end := 0
	for end < len(text) && strings.IndexByte(" ()[{\"", text[end]) < 0 {
		end++
	}
	if end == len(text) {
		return text, nil
	}
	if text[end] == '[' {
		at := bytes.IndexByte(text, ']')
		if at < 0 {
			return nil, nil
		}
		end = at + 1
		if end < len(text) && text[end] == '<' {
			end += bytes.IndexByte(text[end:], '>') + 1
		}
	}
	return text[:end], text[end:]
}

// cutValue returns the value at the start of text: a list, a quoted string or an atom. Whole is
// false if it goes on after text.
func cutValue(text []byte) (value, rest []byte, whole bool) {
	end := 0
	switch text[0] {
	case '(':
		var depth int
		if end, depth = listEnd(text, 0); depth > 0 {
			return nil, nil, false
		}
	case '"':
		if end = quotedEnd(text); end < 0 {
			return nil, nil, false
		}
	default:
		for end < len(text) && text[end] != ' ' && text[end] != ')' {
			end++
		}
	}
	return text[:end], text[end:], true
}

// listEnd returns the position after the parenthesis that brings depth to zero, or the length of
// text and the depth that remains.
func listEnd(text []byte, depth int) (end, remains int) {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			n := quotedEnd(text[i:])
			if n < 0 {
				return len(text), depth
			}
			i += n - 1
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i + 1, 0
			}
		}
	}
	return len(text), depth
}

// quotedEnd returns the position after the quoted string that text begins with, or -1.
func quotedEnd(text []byte) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}

// unquote returns what a quoted string holds.
func unquote(quoted []byte) []byte {
	text := make([]byte, 0, len(quoted))
	for i := 1; i < len(quoted)-1; i++ {
		if quoted[i] == '\\' {
			i++
		}
		text = append(text, quoted[i])
	}
	return text
}
