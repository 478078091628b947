package graphendpoint

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/emersion/go-ical"
)

const (
	maxDepth        = 8  // components within components; iCalendar has three levels
	maxCalendarLine = 75 // octets of a line (RFC 5545 section 3.1)
)

var (
	errNoCalendar    = errors.New("the text is no calendar of iCalendar, or not a whole one")
	errManyCalendars = errors.New("the text holds several calendars of iCalendar")
)

// readICalendar reads one VCALENDAR. Lines that are no content lines are passed over.
//
// It makes the components of go-ical, but not by its decoder: that one panics on a parameter at the end of a line, takes quadratic
// time for long parameters, gives up an event for one bad line, and recurses as deep as the text wants.
func readICalendar(text []byte) (*ical.Component, error) {
	var open []*ical.Component
	var calendar *ical.Component
	for _, line := range calendarLines(text) {
		p, ok := readProperty(line)
		switch {
		case !ok:
		case p.Name == "BEGIN":
			c := ical.NewComponent(strings.TrimSpace(p.Value))
			if len(open) > 0 {
				parent := open[len(open)-1]
				parent.Children = append(parent.Children, c)
			} else if calendar != nil && c.Name == ical.CompCalendar {
				return nil, errManyCalendars
			}
			if open = append(open, c); len(open) > maxDepth {
				return nil, errNoCalendar
			}
		case len(open) == 0: // outside of any component
		case p.Name == "END":
			last := open[len(open)-1]
			if !strings.EqualFold(last.Name, strings.TrimSpace(p.Value)) {
				return nil, errNoCalendar
			}
			if open = open[:len(open)-1]; len(open) == 0 && last.Name == ical.CompCalendar {
				calendar = last
			}
		default:
			open[len(open)-1].Props.Add(p)
		}
	}
	if calendar == nil || len(open) > 0 {
		return nil, errNoCalendar
	}
	return calendar, nil
}

// calendarLines returns the lines of a text, unfolded (RFC 5545 section 3.1). Lone line feeds end lines too.
func calendarLines(text []byte) []string {
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	for _, fold := range []string{"\n ", "\n\t"} {
		text = bytes.ReplaceAll(text, []byte(fold), nil)
	}
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		lines[i] = strings.ToValidUTF8(strings.Map(visible, line), "\uFFFD")
	}
	return lines
}

// visible drops control characters, which no property may have (RFC 5545 section 3.1, CONTROL).
func visible(r rune) rune {
	if r < ' ' && r != '\t' || r == 0x7f {
		return -1
	}
	return r
}

// readProperty takes a content line apart: name, parameters, value.
func readProperty(line string) (*ical.Prop, bool) {
	end := strings.IndexAny(line, ";:")
	if end < 1 || !isName(line[:end]) {
		return nil, false
	}
	p := ical.NewProp(line[:end])
	for rest := line[end:]; rest != ""; {
		if rest[0] == ':' {
			p.Value = rest[1:]
			return p, true
		}
		name, after, found := strings.Cut(rest[1:], "=")
		if !found || !isName(name) {
			return nil, false
		}
		values, after, ok := readParameterValues(after)
		if !ok {
			return nil, false
		}
		p.Params[strings.ToUpper(name)] = append(p.Params[strings.ToUpper(name)], values...)
		rest = after
	}
	return nil, false
}

// readParameterValues reads the values of a parameter, up to the semicolon or colon behind them.
func readParameterValues(text string) (values []string, rest string, ok bool) {
	for {
		quoted := strings.HasPrefix(text, `"`)
		text = strings.TrimPrefix(text, `"`)
		ends := `",;:`
		if quoted {
			ends = `"`
		}
		end := strings.IndexAny(text, ends)
		if end < 0 || (text[end] == '"') != quoted {
			return nil, "", false
		}
		values = append(values, text[:end])
		if text = text[end:]; quoted {
			text = text[1:]
		}
		if text == "" || text[0] == '"' || quoted && !strings.ContainsRune(",;:", rune(text[0])) {
			return nil, "", false
		}
		if text[0] != ',' {
			return values, text, true
		}
		text = text[1:]
	}
}

// isName reports whether a text is the name of a property or parameter (RFC 5545 section 3.1).
func isName(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool {
		return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) < 0
}

// writeICalendar writes a component with sorted properties and folded lines. The encoder of go-ical folds none, and refuses the
// parts of events that are kept in a named property.
func writeICalendar(c *ical.Component) []byte {
	var out bytes.Buffer
	writeComponent(&out, c)
	return out.Bytes()
}

func writeComponent(out *bytes.Buffer, c *ical.Component) {
	writeCalendarLine(out, "BEGIN:"+c.Name)
	for _, name := range sortedNames(c.Props) {
		for _, p := range c.Props[name] {
			writeCalendarLine(out, lineOf(p))
		}
	}
	for _, child := range c.Children {
		writeComponent(out, child)
	}
	writeCalendarLine(out, "END:"+c.Name)
}

func sortedNames[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }

// lineOf is a property as a line, not folded. Double quotes, which no parameter may have, become single ones.
func lineOf(p ical.Prop) string {
	var b strings.Builder
	b.WriteString(p.Name)
	for _, name := range sortedNames(p.Params) {
		b.WriteString(";" + name + "=")
		for i, v := range p.Params[name] {
			if i > 0 {
				b.WriteByte(',')
			}
			v = strings.Map(visible, strings.ReplaceAll(v, `"`, "'"))
			if strings.ContainsAny(v, ";:,") {
				v = `"` + v + `"`
			}
			b.WriteString(v)
		}
	}
	b.WriteString(":" + strings.Map(visible, p.Value))
	return b.String()
}

// writeCalendarLine writes a line, folded between characters.
func writeCalendarLine(out *bytes.Buffer, line string) {
	for room := maxCalendarLine; len(line) > room; room = maxCalendarLine - 1 {
		cut := room
		for cut > 1 && !utf8.RuneStart(line[cut]) {
			cut--
		}
		out.WriteString(line[:cut] + "\r\n ")
		line = line[cut:]
	}
	out.WriteString(line + "\r\n")
}

// setRaw sets a property whose value needs no escaping.
func setRaw(c *ical.Component, name, value string) {
	p := ical.NewProp(name)
	p.Value = value
	c.Props.Set(p)
}

// setText sets a property to a text, if there is one.
func setText(c *ical.Component, name, text string) {
	if text != "" {
		setRaw(c, name, escapeCalendarText(text))
	}
}

// escapeCalendarText escapes what a TEXT value may not have (RFC 5545 section 3.3.11).
func escapeCalendarText(s string) string {
	return strings.NewReplacer("\r\n", `\n`, "\n", `\n`, "\r", `\n`, `\`, `\\`, ";", `\;`, ",", `\,`).Replace(s)
}

// textOf returns the text of a property, or "".
func textOf(c *ical.Component, name string) string {
	p := c.Props.Get(name)
	if p == nil {
		return ""
	}
	return unescaped(p.Value)
}

// unescaped is a value of type TEXT as plain text. Other than go-ical, it takes commas that nobody escaped for part of the text, and
// backslashes before other characters for nothing.
func unescaped(value string) string { return strings.Join(textList(value), ",") }

// textList returns the texts of a list, unescaped.
func textList(value string) []string {
	list := []string{""}
	var b strings.Builder
	for i := 0; i < len(value); i++ {
		switch {
		case value[i] == ',':
			list[len(list)-1] = b.String()
			list = append(list, "")
			b.Reset()
			continue
		case value[i] == '\\' && i+1 < len(value):
			if i++; value[i] == 'n' || value[i] == 'N' {
				b.WriteByte('\n')
				continue
			}
		}
		b.WriteByte(value[i])
	}
	list[len(list)-1] = b.String()
	return list
}
