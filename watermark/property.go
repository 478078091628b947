package watermark

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
)

// Property is the name of the property that carries the mark of an item that is no mail: an
// extension property of iCalendar (RFC 5545 section 3.8.8.2) and of vCard (RFC 6350 section 6.10).
const Property = "X-DANDYROLL"

// maxContentLine is the length of a content line in octets (RFC 5545 section 3.1, RFC 6350 section
// 3.2).
const maxContentLine = 75

// ErrNoComponent reports an item that has no component in which a mark could stand.
var ErrNoComponent = errors.New("watermark: no event, task, journal entry or card in the item")

// StampProperty inserts the mark m into every component of an iCalendar or vCard text that is an
// item, or the override of one (VEVENT, VTODO, VJOURNAL, VCARD), and leaves every other byte as it
// is. [StripProperty] undoes it.
//
// The caller guarantees nothing about body. The error satisfies errors.Is for [ErrNoComponent] where
// it has no such component, and says which of the types of m no mark can carry otherwise.
func StampProperty(m Mark, body []byte) ([]byte, error) {
	if err := m.Types.Validate(); err != nil {
		return nil, fmt.Errorf("watermark: %w", err)
	}
	var out bytes.Buffer
	done := 0
	for _, at := range propertyPlaces(body) {
		out.Write(body[done:at])
		out.WriteString(propertyLine(m, lineBreak(body[:at])))
		done = at
	}
	if done == 0 {
		return nil, ErrNoComponent
	}
	out.Write(body[done:])
	return out.Bytes(), nil
}

// ReadProperty finds the marks of an item in iCalendar or vCard text, as [Read] does in the header
// of a message and within its limits. A mark that stands in several components counts once, as does
// any other value.
func ReadProperty(body []byte) Reading {
	var out Reading
	seen := make(map[string]bool)
	for l := range contentLines(body) {
		if l.name == Property && !seen[l.value] {
			seen[l.value] = true
			out.add([]byte(l.value))
		}
	}
	return out
}

// StripProperty returns iCalendar or vCard text without the properties of the name [Property],
// folded or not, whatever their parameters and values. A text that has none it returns as it is.
func StripProperty(body []byte) []byte {
	var out []byte
	kept := 0 // up to where body is in out
	for l := range contentLines(body) {
		if l.name == Property {
			out = append(out, body[kept:l.start]...)
			kept = l.end
		}
	}
	if kept == 0 {
		return body
	}
	return append(out, body[kept:]...)
}

// contentLine is one line of iCalendar or vCard text, unfolded.
type contentLine struct {
	name       string // in upper case, without a vCard group
	value      string // as it stands there, escapes included
	start, end int    // offsets of the line and of the next
}

// begins reports whether the line begins a component that is an item, or the override of one.
func (l contentLine) begins() bool {
	return l.name == "BEGIN" && slices.Contains([]string{"VEVENT", "VTODO", "VJOURNAL", "VCARD"}, strings.ToUpper(l.value))
}

// propertyPlaces returns the offsets at which a mark belongs: after the line that begins a
// component, or after the VERSION that has to follow it in a vCard (RFC 6350 section 6.7.9).
func propertyPlaces(body []byte) []int {
	var at []int
	began := false
	for l := range contentLines(body) {
		switch {
		case body[l.end-1] != '\n': // the text ends within the line
		case l.begins():
			at = append(at, l.end)
		case began && l.name == "VERSION":
			at[len(at)-1] = l.end
		}
		began = l.begins()
	}
	return at
}

// lineBreak returns the line break at the end of text.
func lineBreak(text []byte) string {
	if bytes.HasSuffix(text, []byte("\r\n")) {
		return "\r\n"
	}
	return "\n"
}

// propertyLine returns the content line of a mark, folded where it is too long. Marks hold no
// character that would have to be escaped (RFC 5545 section 3.3.11).
func propertyLine(m Mark, lineBreak string) string {
	line := Property + ":" + m.String()
	var out strings.Builder
	for len(line) > maxContentLine {
		out.WriteString(line[:maxContentLine] + lineBreak)
		line = " " + line[maxContentLine:]
	}
	return out.String() + line + lineBreak
}

// contentLines yields the lines of iCalendar or vCard text. Lone line feeds end lines too.
func contentLines(body []byte) iter.Seq[contentLine] {
	return func(yield func(contentLine) bool) {
		for start := 0; start < len(body); {
			end := start + lineLength(body[start:])
			for end < len(body) && (body[end] == ' ' || body[end] == '\t') {
				end += lineLength(body[end:])
			}
			l := parseContentLine(body[start:end])
			l.start, l.end = start, end
			if !yield(l) {
				return
			}
			start = end
		}
	}
}

// parseContentLine takes a content line apart (RFC 5545 section 3.1): name, parameters, colon,
// value. A colon within quotes belongs to a parameter.
func parseContentLine(raw []byte) contentLine {
	line := unfoldContent(raw)
	head, value, quoted := line, "", false
	for i := range len(line) {
		if line[i] == '"' {
			quoted = !quoted
		}
		if line[i] == ':' && !quoted {
			head, value = line[:i], line[i+1:]
			break
		}
	}
	name, _, _ := strings.Cut(head, ";")
	name = name[strings.LastIndexByte(name, '.')+1:] // a group (RFC 6350 section 3.3)
	return contentLine{name: strings.ToUpper(name), value: strings.TrimSpace(value)}
}

// unfoldContent removes the line breaks of one content line, each with the blank that follows it.
func unfoldContent(raw []byte) string {
	var out strings.Builder
	for len(raw) > 0 {
		n := lineLength(raw)
		out.Write(bytes.TrimRight(raw[:n], "\r\n"))
		if raw = raw[n:]; len(raw) > 0 {
			raw = raw[1:]
		}
	}
	return out.String()
}
