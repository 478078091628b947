package imapendpoint

import (
	"net/mail"
	"strings"
	"time"
)

// clampDate returns the instant as every server can store it: in UTC, from 1970 to 2105. Servers
// were seen to store 1960 as 2096, and to refuse a command, and then read the message as further
// commands, for a year of five digits. Zero stays zero, which lets the server choose.
func clampDate(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	first := time.Unix(0, 0).UTC()
	last := time.Date(2105, time.December, 31, 23, 59, 59, 0, time.UTC)
	switch {
	case t.Before(first):
		return first
	case t.After(last):
		return last
	}
	return t.UTC()
}

// maxDate is the length beyond which a Date field is not looked at.
const maxDate = 1000

// sentDate returns the time in the first Date field of a header (RFC 5322 section 3.6.1), in UTC.
// It is zero where there is none, it cannot be read, or it lies outside of the years 1 to 9999.
func sentDate(header []byte) time.Time {
	for name, value := range headerFields(header) {
		if name != "date" {
			continue
		}
		if len(value) > maxDate {
			return time.Time{}
		}
		t, err := mail.ParseDate(numericZone(string(value)))
		if t = t.UTC(); err != nil || t.Year() < 1 || t.Year() > 9999 {
			return time.Time{}
		}
		return t
	}
	return time.Time{}
}

// numericZone writes a zone with a name as an offset (RFC 5322 section 4.3): what time.Parse makes
// of a name depends on the machine. Folding and a comment at the end are taken away.
func numericZone(date string) string {
	date, _, _ = strings.Cut(date, "(")
	words := strings.Fields(date)
	if len(words) == 0 {
		return ""
	}
	last := len(words) - 1
	switch zone := words[last]; strings.ToUpper(zone) {
	case "EDT":
		words[last] = "-0400"
	case "EST", "CDT":
		words[last] = "-0500"
	case "CST", "MDT":
		words[last] = "-0600"
	case "MST", "PDT":
		words[last] = "-0700"
	case "PST":
		words[last] = "-0800"
	default:
		if strings.Trim(strings.ToUpper(zone), "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == "" {
			words[last] = "-0000" // GMT, UT, and all that says nothing
		}
	}
	return strings.Join(words, " ")
}
