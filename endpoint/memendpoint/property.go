package memendpoint

import (
	"bytes"
	"iter"
	"slices"
	"strings"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/watermark"
)

// Property is the property that carries the mark of an item that is no mail: an extension property
// of iCalendar (RFC 5545 section 3.8.8.2) and of vCard (RFC 6350 section 6.10).
const Property = "X-DANDYROLL"

// maxLine is the length of a content line in octets (RFC 5545 section 3.1, RFC 6350 section 3.2).
const maxLine = 75

// contentLine is one line of iCalendar or vCard text, unfolded.
type contentLine struct {
	name  string // in upper case, without a vCard group
	value string // as it stands there, escapes included
	end   int    // offset of the next line
}

// begins reports whether the line begins a component that is an item, or the override of one.
func (l contentLine) begins() bool {
	return l.name == "BEGIN" && slices.Contains([]string{"VEVENT", "VTODO", "VJOURNAL", "VCARD"}, strings.ToUpper(l.value))
}

// pressProperty inserts a mark into each component of an item and leaves every other byte as it is.
// It fails with Rejected where there is no component.
func pressProperty(m watermark.Mark, body []byte) ([]byte, error) {
	var out bytes.Buffer
	done := 0
	for _, at := range places(body) {
		out.Write(body[done:at])
		out.WriteString(propertyLine(m, lineBreak(body[:at])))
		done = at
	}
	if done == 0 {
		return nil, endpoint.Errorf(endpoint.Rejected, "no component in the item that could carry a mark")
	}
	out.Write(body[done:])
	return out.Bytes(), nil
}

// places returns the offsets at which a mark belongs: after the line that begins a component, or
// after the VERSION that has to follow it in a vCard (RFC 6350 section 6.7.9).
func places(body []byte) []int {
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
func propertyLine(m watermark.Mark, lineBreak string) string {
	line := Property + ":" + m.String()
	var out strings.Builder
	for len(line) > maxLine {
		out.WriteString(line[:maxLine] + lineBreak)
		line = " " + line[maxLine:]
	}
	return out.String() + line + lineBreak
}

// readProperty finds the marks of an item. Components that carry the same mark count once.
func readProperty(body []byte) watermark.Reading {
	var header bytes.Buffer // what watermark.Read reads, so that its limits hold here too
	seen := make(map[string]bool)
	for l := range contentLines(body) {
		if l.name == Property && !seen[l.value] {
			seen[l.value] = true
			header.WriteString(watermark.Field + ": " + l.value + "\r\n")
		}
	}
	return watermark.Read(header.Bytes())
}

// contentLines yields the lines of iCalendar or vCard text. Lone line feeds end lines too.
func contentLines(body []byte) iter.Seq[contentLine] {
	return func(yield func(contentLine) bool) {
		for start := 0; start < len(body); {
			end := start + lineLength(body[start:])
			for end < len(body) && (body[end] == ' ' || body[end] == '\t') {
				end += lineLength(body[end:])
			}
			if !yield(parseLine(body[start:end], end)) {
				return
			}
			start = end
		}
	}
}

func lineLength(b []byte) int {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		return i + 1
	}
	return len(b)
}

// parseLine takes a content line apart (RFC 5545 section 3.1): name, parameters, colon, value. A
// colon within quotes belongs to a parameter.
func parseLine(raw []byte, end int) contentLine {
	line := unfold(raw)
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
	return contentLine{name: strings.ToUpper(name), value: strings.TrimSpace(value), end: end}
}

// unfold removes the line breaks of one line, each with the blank that follows it.
func unfold(raw []byte) string {
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
