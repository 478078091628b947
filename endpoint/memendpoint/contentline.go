package memendpoint

import (
	"iter"
	"slices"
	"strings"
)

// contentLine is one line of iCalendar or vCard text, unfolded.
type contentLine struct {
	name  string // in upper case
	value string // as it stands there, escapes included
}

// begins reports whether the line begins a component that is an item, or the override of one.
func (l contentLine) begins() bool {
	return l.name == "BEGIN" && slices.Contains([]string{"VEVENT", "VTODO", "VJOURNAL", "VCARD"}, strings.ToUpper(l.value))
}

// contentLines yields the lines of iCalendar or vCard text (RFC 5545 section 3.1, RFC 6350 section
// 3.3). Lone line feeds end lines too.
func contentLines(body []byte) iter.Seq[contentLine] {
	unfolded := strings.NewReplacer("\r\n ", "", "\r\n\t", "", "\n ", "", "\n\t", "").Replace(string(body))
	return func(yield func(contentLine) bool) {
		for line := range strings.Lines(unfolded) {
			if !yield(parseLine(line)) {
				return
			}
		}
	}
}

// parseLine takes a content line apart: group, name, parameters, colon, value. A colon within quotes
// belongs to a parameter.
func parseLine(line string) contentLine {
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
	name = name[strings.LastIndexByte(name, '.')+1:]
	return contentLine{name: strings.ToUpper(name), value: strings.TrimSpace(value)}
}
