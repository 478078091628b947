package graphendpoint

import (
	"strings"
)

// maxKept bounds what is kept of an item, in UTF-16 code units: Exchange stores those, and takes properties of 32 kB.
const maxKept = 15_000

// kept is what of a card or task has no place in Graph. Its text is stored with the item, in a property of ours, and put back when the
// item is read.
//
// There are two sorts of it. A line without a place is shown whenever the item is. A line whose place holds less than the line
// did (the number of a telephone, but not that it is preferred) is shown instead of what Graph's field says, as long as the field says
// the same: a change made in Outlook is never undone.
//
// The text has one entry a line. "+" begins a line without a place, "=" and a digest of what it stands for one of the other sort,
// and a blank continues an entry of several lines, such as an alarm.
type kept struct {
	lines   []string
	instead []replacement
}

// replacement is shown for the lines whose digest it has.
type replacement struct{ digest, lines string }

// add keeps a line that has no place.
func (k *kept) add(line string) { k.lines = append(k.lines, line) }

// addInstead keeps what an item said where Graph says shown. Both may be several lines.
func (k *kept) addInstead(shown, said string) {
	if shown != said {
		k.instead = append(k.instead, replacement{lineDigest(shown), said})
	}
}

func lineDigest(line string) string { return digest(line, 4) }

// String is the text that is stored. What does not fit in is left out; lines without a place come first, in their order.
func (k *kept) String() string {
	var b strings.Builder
	room := maxKept
	write := func(prefix, lines string) {
		entry := prefix + strings.ReplaceAll(lines, "\n", "\n ") + "\n"
		if size := utf16Length(entry); size <= room {
			room -= size
			b.WriteString(entry)
		}
	}
	for _, line := range k.lines {
		write("+", line)
	}
	for _, r := range k.instead {
		write("="+r.digest+" ", r.lines)
	}
	return b.String()
}

// parseKept inverts String. Anyone with the mailbox can write the property, so entries that would break the item are dropped.
func parseKept(text string) kept {
	var k kept
	for entry := range strings.SplitSeq(strings.ReplaceAll(text, "\n ", "\x00"), "\n") {
		sort, lines := entry[:min(1, len(entry))], ""
		if sort != "" {
			lines = strings.ReplaceAll(entry[1:], "\x00", "\n")
		}
		switch digest, said, _ := strings.Cut(lines, " "); {
		case sort == "+" && harmlessLines(lines):
			k.add(lines)
		case sort == "=" && harmlessLines(said):
			k.instead = append(k.instead, replacement{digest, said})
		}
	}
	return k
}

// harmlessLines reports whether lines are content lines, none of which begins or ends a component, but for whole alarms.
func harmlessLines(lines string) bool {
	alarm := false
	for line := range strings.SplitSeq(lines, "\n") {
		l, ok := parseCardLine(line)
		switch {
		case !ok || line != cleanText(line):
			return false
		case l.name == "BEGIN" && !alarm && l.value == "VALARM":
			alarm = true
		case l.name == "END" && alarm && l.value == "VALARM":
			alarm = false
		case l.name == "BEGIN" || l.name == "END":
			return false
		}
	}
	return !alarm
}

// restore returns what an item said: what Graph shows of it, with what was kept.
func (k *kept) restore(shown []string) []string {
	instead := make(map[string][]string)
	for _, r := range k.instead {
		instead[r.digest] = append(instead[r.digest], r.lines)
	}
	var all []string
	for _, line := range shown {
		digest := lineDigest(line)
		if said := instead[digest]; len(said) > 0 {
			line, instead[digest] = said[0], said[1:]
		}
		all = append(all, strings.Split(line, "\n")...)
	}
	for _, lines := range k.lines {
		all = append(all, strings.Split(lines, "\n")...)
	}
	return all
}
