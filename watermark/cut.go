package watermark

import (
	"bytes"
	"strings"
)

// Cut inverts [Prefix]: of a message that begins with head, it returns the mark in the first line
// and the lengths that the prefix may have, the shortest first.
//
// There are two lengths where the line of the mark is followed by a [Pad] or an empty line: it may
// be part of the prefix, or the message behind may begin with it. There are none where the first
// line is not that of a mark, as Prefix writes it, in letters of any case; the mark is then zero.
// The mark is not verified (see [Key.Verify]). The first 128 bytes of a message are head enough.
func Cut(head []byte) (m Mark, prefixes []int) {
	line, rest, found := bytes.Cut(head, []byte("\r\n"))
	name := len(Field + ": ")
	if !found || len(line) > name+maxValue || len(line) < name || !strings.EqualFold(string(line[:name]), Field+": ") {
		return Mark{}, nil
	}
	m, err := Parse(string(line[name:]))
	if err != nil {
		return Mark{}, nil
	}
	prefixes = []int{len(line) + len("\r\n")}
	for _, more := range []string{Pad + "\r\n", "\r\n"} {
		if bytes.HasPrefix(rest, []byte(more)) {
			prefixes = append(prefixes, prefixes[0]+len(more))
		}
	}
	return m, prefixes
}
