package imapendpoint

import (
	"bytes"
	"fmt"
	"strings"
	"time"
)

// repairLine makes an untagged data response fit for the library, and refuses what would leave the
// library waiting for a line that never comes: a quoted string without end. Spaces too many are
// taken away.
func repairLine(text []byte) ([]byte, error) {
	if !bytes.Contains(text, []byte("  ")) && !bytes.ContainsAny(text, `"()`) {
		return text, nil
	}
	out := make([]byte, 0, len(text))
	quoted := false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quoted && c == '\\' && i+1 < len(text):
			out = append(out, c)
			i++
			c = text[i]
		case c == '"':
			quoted = !quoted
		case !quoted && c == ' ' && needless(out, text[i+1:]):
			continue
		}
		out = append(out, c)
	}
	if quoted {
		return nil, fmt.Errorf("%w: quoted string without end", errProtocol)
	}
	return out, nil
}

// needless reports whether a space between before and after has no meaning.
func needless(before, after []byte) bool {
	if n := len(before); n > 0 && (before[n-1] == ' ' || before[n-1] == '(') {
		return true
	}
	return len(after) > 0 && after[0] == ')'
}

// fetchRepair rewrites a FETCH response (RFC 9051 section 7.5.2) item by item, since one that the
// library does not know, or a date from another calendar, ends its connection. Items that mean
// something here are passed on in the strict form; any other is left out.
type fetchRepair struct {
	out     []byte
	items   int
	skip    int  // depth of parentheses in a value that is left out
	through bool // the literal after this segment is passed on
}

// fetchEnd is an item (RFC 7162 section 3.1.4.2) that nobody asks for, and that is put at the end of
// each response whose end was seen. Without it, what came before cannot be believed: where a
// server states a wrong size for a literal, that alone shows it.
const fetchEnd = "MODSEQ"

// segment rewrites the text of a segment. Afterwards through says what to do with its literal.
func (f *fetchRepair) segment(text []byte, literal bool) error {
	f.through = false
	for {
		if f.skip > 0 {
			text = f.skipList(text)
		}
		text = bytes.TrimLeft(text, " ")
		switch {
		case f.skip > 0 && literal:
			return nil
		case len(text) == 0 || f.skip > 0:
			return fmt.Errorf("%w: FETCH response without end", errProtocol)
		case text[0] == ')':
			if literal || len(bytes.TrimSpace(text[1:])) > 0 {
				return fmt.Errorf("%w: FETCH response goes on after its end", errProtocol)
			}
			f.put(fetchEnd, "(1)")
			f.out = append(f.out, ')')
			return nil
		}
		rest, done, err := f.item(text, literal)
		if err != nil || done {
			return err
		}
		text = rest
	}
}

// item rewrites one item; done means that its value is the literal after this segment.
func (f *fetchRepair) item(text []byte, literal bool) (rest []byte, done bool, err error) {
	name, text := cutItemName(text)
	if name == "" || strings.ContainsRune(name, '\\') || strings.Count(name, `"`)%2 != 0 {
		return nil, false, fmt.Errorf("%w: FETCH item without a name", errProtocol)
	}
	text = bytes.TrimLeft(text, " ")
	if len(text) == 0 {
		if !literal {
			return nil, false, fmt.Errorf("%w: FETCH item without a value", errProtocol)
		}
		if f.through = isSection(name); f.through {
			f.put(name, "")
		}
		return nil, true, nil
	}
	value, rest, whole := cutValue(text)
	if !whole {
		if !literal || text[0] != '(' {
			return nil, false, fmt.Errorf("%w: FETCH value without end", errProtocol)
		}
		f.skip = 1
		return text[1:], false, nil
	}
	if value, ok := repairValue(name, string(value)); ok {
		f.put(name, value)
	}
	return rest, false, nil
}

func (f *fetchRepair) put(name, value string) {
	if f.items > 0 {
		f.out = append(f.out, ' ')
	}
	f.items++
	f.out = append(append(append(f.out, name...), ' '), value...)
}

// skipList drops text up to the end of the list that is being left out.
func (f *fetchRepair) skipList(text []byte) []byte {
	end, depth := listEnd(text, f.skip)
	f.skip = depth
	return text[end:]
}

// repairValue returns the value of an item in the form that the library takes; false leaves the
// item out.
func repairValue(name, value string) (string, bool) {
	switch {
	case name == "UID":
		return value, isNumber([]byte(value))
	case name == "FLAGS":
		return repairFlags(value), true
	case name == "RFC822.SIZE":
		_, ok := parseNumber([]byte(value), 1<<63-1)
		return value, ok
	case name == "INTERNALDATE":
		t, err := time.Parse(`"_2-Jan-2006 15:04:05 -0700"`, value)
		return value, err == nil && !t.IsZero()
	case isSection(name):
		return value, strings.HasPrefix(value, `"`) || strings.EqualFold(value, "NIL")
	}
	return "", false
}

// repairFlags keeps those of a list that are flags (RFC 9051 section 9: flag).
func repairFlags(list string) string {
	var flags []string
	for f := range strings.FieldsSeq(strings.Trim(list, "()")) {
		if isAtom(strings.TrimPrefix(f, `\`)) && !strings.EqualFold(f, "NIL") {
			flags = append(flags, f)
		}
	}
	return "(" + strings.Join(flags, " ") + ")"
}

func isSection(name string) bool {
	return strings.HasPrefix(name, "BODY[") || strings.HasPrefix(name, "BINARY[")
}

// cutItemName returns the name of an item, with its section, in upper case, and what follows.
func cutItemName(text []byte) (name string, rest []byte) {
	end := bytes.IndexAny(text, " ()[{\"")
	if end < 0 {
		return strings.ToUpper(string(text)), nil
	}
	if text[end] == '[' {
		at := bytes.IndexByte(text, ']')
		if at < 0 {
			return "", nil
		}
		end = at + 1
		if end < len(text) && text[end] == '<' {
			end += bytes.IndexByte(text[end:], '>') + 1
		}
	}
	return strings.ToUpper(string(text[:end])), text[end:]
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
		if end = bytes.IndexAny(text, " )"); end < 0 {
			end = len(text)
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
