package memendpoint

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/dandyroll/dandyroll/endpoint"
)

// identify returns the identity of an item: of a mail or note the fields that no server rewrites,
// of the others their UID. An item that has none of these is identified by all its bytes. The
// folder is no part of it, nor is a mark where there is something else.
func identify(k endpoint.Kind, body []byte) string {
	var parts []string
	if formatOf(k) == endpoint.RFC822 {
		parts = mailIdentity(body)
	} else {
		parts = componentIdentity(body)
	}
	if strings.Join(parts, "") == "" {
		parts = []string{string(body)}
	}
	h := sha256.New()
	for _, p := range append(parts, k.String()) {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(p))))
		h.Write([]byte(p))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// mailIdentity returns the values of the fields that sender and recipient of a mail see
// (RFC 5322 section 3.6), normalised.
func mailIdentity(body []byte) []string {
	names := []string{"message-id", "date", "from", "to", "cc", "subject"}
	parts := make([]string, len(names))
	for name, value := range headerFields(body) {
		if i := slices.Index(names, name); i >= 0 {
			parts[i] += normalise(value) + "\n"
		}
	}
	return parts
}

// normalise undoes what servers do to the value of a field: white space goes, because they fold and
// trim it, and any run of control, 8-bit and question mark characters becomes one question mark,
// because some serve those in place of the others.
func normalise(value []byte) string {
	out := make([]byte, 0, len(value))
	for _, c := range value {
		switch {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
		case c > ' ' && c <= '~' && c != '?':
			out = append(out, c)
		case len(out) == 0 || out[len(out)-1] != '?':
			out = append(out, '?')
		}
	}
	return string(out)
}

// componentIdentity returns the UID of an event, task, journal entry or contact, and the
// RECURRENCE-ID of overrides that come without what they override (RFC 5545 section 3.8.4.4).
func componentIdentity(body []byte) []string {
	var uid string
	var recurrences []string
	components, depth := 0, 0
	for l := range contentLines(body) {
		switch {
		case depth == 0 && l.begins():
			components, depth = components+1, 1
		case depth > 0 && l.name == "BEGIN": // an alarm
			depth++
		case depth > 0 && l.name == "END":
			depth--
		case depth == 1 && l.name == "UID" && uid == "":
			uid = l.value
		case depth == 1 && l.name == "RECURRENCE-ID":
			recurrences = append(recurrences, l.value)
		}
	}
	if len(recurrences) < components {
		return []string{uid}
	}
	slices.Sort(recurrences)
	return append([]string{uid}, recurrences...)
}
