package graphendpoint

import (
	"bytes"
	"slices"
	"strings"

	"github.com/emersion/go-vcard"
)

// cardLine is one line of a vCard (RFC 6350 section 3.3), unfolded.
//
// Cards are read line by line, with the parameters and names of go-vcard but not by its decoder: that one takes an escaped semicolon
// for a separator, passes over lines with an odd parameter, and takes time that grows with the square of a photo's size.
type cardLine struct {
	group  string       // RFC 6350 section 3.3: what stands before a dot, such as "item1"
	name   string       // in upper case
	params vcard.Params // names in upper case
	value  string       // as it stands there, escapes included
}

// readCardLines takes a text apart. Lone line feeds end lines too; what is no content line is passed over.
func readCardLines(text []byte) []cardLine {
	var lines []cardLine
	rest := bytes.TrimPrefix(text, []byte("\ufeff"))
	for len(rest) > 0 {
		var raw []byte
		raw, rest = unfoldedLine(rest)
		if l, ok := parseCardLine(string(raw)); ok {
			lines = append(lines, l.modern())
		}
	}
	return lines
}

// unfoldedLine cuts the first line with all that continues it: lines that begin with a blank (RFC 6350 section 3.2), and those after
// a soft break of quoted-printable in vCard 2.1 (RFC 2045 section 6.7).
func unfoldedLine(text []byte) (line, rest []byte) {
	line, rest = cutLine(text)
	line = slices.Clip(line) // what is appended must not overwrite the text
	quoted := isQuotedPrintable(line)
	for len(rest) > 0 {
		var next []byte
		switch {
		case quoted && bytes.HasSuffix(line, []byte("=")):
			next, rest = cutLine(rest)
			line = append(line[:len(line)-1], next...)
		case rest[0] == ' ' || rest[0] == '\t':
			next, rest = cutLine(rest[1:])
			line = append(line, next...)
		default:
			return line, rest
		}
	}
	return line, nil
}

func cutLine(text []byte) (line, rest []byte) {
	line, rest, _ = bytes.Cut(text, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r")), rest
}

// isQuotedPrintable reports whether a line, or the beginning of one, says that its value has that encoding.
func isQuotedPrintable(line []byte) bool {
	l, ok := parseCardLine(string(line))
	return ok && strings.EqualFold(l.params.Get("ENCODING"), "QUOTED-PRINTABLE")
}

// parseCardLine takes one line apart: group, name, parameters, value.
func parseCardLine(line string) (l cardLine, ok bool) {
	end := strings.IndexAny(line, ";:")
	if end < 0 {
		return cardLine{}, false
	}
	l.group, l.name = cutGroup(line[:end])
	if !isName(l.name) || l.group != "" && !isName(l.group) {
		return cardLine{}, false
	}
	l.name = strings.ToUpper(l.name)
	l.params = vcard.Params{}
	rest := line[end:]
	for strings.HasPrefix(rest, ";") {
		if rest, ok = l.parseParam(rest[1:]); !ok {
			return cardLine{}, false
		}
	}
	l.value, ok = strings.CutPrefix(rest, ":")
	return l, ok
}

func cutGroup(s string) (group, name string) {
	if group, name, ok := strings.Cut(s, "."); ok {
		return group, name
	}
	return "", s
}

// parseParam reads one parameter with its values, and returns what follows it. A parameter without a name (vCard 2.1) is the value
// of one whose name the value tells.
func (l *cardLine) parseParam(s string) (rest string, ok bool) {
	end := strings.IndexAny(s, "=;:")
	if end < 0 {
		return "", false
	}
	if s[end] != '=' {
		l.params.Add(nameOfBareParam(s[:end]), s[:end])
		return s[end:], s[:end] == "" || isName(s[:end])
	}
	name := strings.ToUpper(s[:end])
	if !isName(name) {
		return "", false
	}
	for rest = s[end:]; rest != "" && (rest[0] == '=' || rest[0] == ','); {
		var value string
		if value, rest, ok = paramValue(rest[1:]); !ok {
			return "", false
		}
		l.params.Add(name, value)
	}
	return rest, true
}

func nameOfBareParam(value string) string {
	switch strings.ToUpper(value) {
	case "QUOTED-PRINTABLE", "BASE64", "8BIT", "7BIT":
		return "ENCODING"
	case "INLINE", "URL", "CONTENT-ID", "CID":
		return vcard.ParamValue
	}
	return vcard.ParamType
}

// paramValue reads a value, quoted or not. Its escapes are those of RFC 6868.
func paramValue(s string) (value, rest string, ok bool) {
	if quoted, found := strings.CutPrefix(s, `"`); found {
		value, rest, ok = strings.Cut(quoted, `"`)
		if !ok {
			return "", "", false
		}
	} else {
		end := strings.IndexAny(s, ";:,")
		if end < 0 {
			return "", "", false
		}
		value, rest = s[:end], s[end:]
	}
	return strings.NewReplacer("^n", "\n", "^'", `"`, "^^", "^").Replace(cleanText(value)), rest, true
}

// String is the line as it is written, but not folded. Parameters are in the order of their names.
func (l cardLine) String() string {
	var b strings.Builder
	if l.group != "" {
		b.WriteString(l.group + ".")
	}
	b.WriteString(l.name)
	for _, name := range sortedNames(l.params) {
		for i, v := range l.params[name] {
			if i == 0 {
				b.WriteString(";" + name + "=")
			} else {
				b.WriteByte(',')
			}
			b.WriteString(quotedParam(v))
		}
	}
	b.WriteString(":" + l.value)
	return b.String()
}

func quotedParam(v string) string {
	v = strings.NewReplacer("^", "^^", "\n", "^n", `"`, "^'").Replace(cleanText(v))
	if strings.ContainsAny(v, ":;,") {
		return `"` + v + `"`
	}
	return v
}

// text is the value as plain text.
func (l cardLine) text() string { return unescapeCardText(l.value) }

// components are the values of a compound property as plain text, at least n.
func (l cardLine) components(n int) []string {
	parts := splitEscaped(l.value, ';')
	for i, p := range parts {
		parts[i] = strings.TrimSpace(unescapeCardText(p))
	}
	for len(parts) < n {
		parts = append(parts, "")
	}
	return parts
}

// list are the values of a property that is a list, as plain text, without empty ones.
func (l cardLine) list() []string {
	var list []string
	for _, p := range splitEscaped(l.value, ',') {
		if p = strings.TrimSpace(unescapeCardText(p)); p != "" {
			list = append(list, p)
		}
	}
	return list
}

// splitEscaped splits at a separator that no backslash stands before.
func splitEscaped(s string, separator byte) []string {
	var parts []string
	start := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case separator:
			parts = append(parts, s[start:i])
			start = i + 1
		}
	}
	return append(parts, s[start:])
}

// cardText makes a value of plain text (RFC 6350 section 3.4).
func cardText(s string) string { return escapeCalendarText(cleanText(s)) }

// textLine is a line whose value is plain text.
func textLine(name, value string) string { return name + ":" + cardText(value) }

func cardList(list []string, separator string) string {
	escaped := make([]string, len(list))
	for i, s := range list {
		escaped[i] = cardText(s)
	}
	return strings.Join(escaped, separator)
}

// unescapeCardText undoes cardText. A backslash that escapes nothing stays, as vCard 2.1 means it.
func unescapeCardText(s string) string {
	return strings.NewReplacer(`\\`, `\`, `\,`, ",", `\;`, ";", `\:`, ":", `\n`, "\n", `\N`, "\n").Replace(s)
}

// cleanText takes away what neither a line nor JSON can carry: broken UTF-8 and control characters. Line breaks become line feeds.
func cleanText(s string) string {
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.ToValidUTF8(s, "\ufffd"))
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f {
			return -1
		}
		return r
	}, s)
}

// foldLines writes lines with their breaks, none of them too long.
func foldLines(lines []string) []byte {
	var b bytes.Buffer
	for _, line := range lines {
		writeCalendarLine(&b, line)
	}
	return b.Bytes()
}
