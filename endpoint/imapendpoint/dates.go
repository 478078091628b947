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
		if !equalFold(name, "Date") {
			continue
		}
		if len(value) > maxDate {
			return time.Time{}
		}
		t, err := parseDate(string(value))
		if t = t.UTC(); err != nil || t.Year() < 1 || t.Year() > 9999 {
			return time.Time{}
		}
		return t
	}
	return time.Time{}
}

// parseDate reads a date. Nearly all are of the first form that mail.ParseDate would try.
func parseDate(date string) (time.Time, error) {
	if t, err := time.Parse("Mon, 2 Jan 2006 15:04:05 -0700", strings.TrimSpace(date)); err == nil {
		return t, nil
	}
	return mail.ParseDate(numericZone(date))
}

// internalDate reads an INTERNALDATE (RFC 9051 section 9: date-time), in UTC. It is zero where that is no
// date.
func internalDate(quoted []byte) time.Time {
	if t, ok := plainDate(quoted); ok {
		return t
	}
	t, err := time.Parse(`"_2-Jan-2006 15:04:05 -0700"`, string(quoted))
	if err != nil || t.IsZero() {
		return time.Time{}
	}
	return t.UTC()
}

// plainDate is internalDate for the form that nearly all have. A listing reads one for each message, and this
// takes a tenth of the time. False leaves the judgement to time.Parse.
func plainDate(quoted []byte) (t time.Time, ok bool) {
	const form = `"02-Jan-2006 15:04:05 +0700"`
	if len(quoted) != len(form) || quoted[22] != '+' && quoted[22] != '-' {
		return t, false
	}
	for i := range len(form) {
		isMonth, isSign := i >= 4 && i <= 6, i == 22
		digit := form[i] >= '0' && form[i] <= '9'
		if digit && (quoted[i] < '0' || quoted[i] > '9') || !digit && !isMonth && !isSign && quoted[i] != form[i] {
			return t, false
		}
	}
	number := func(from, to int) (n int) {
		for _, c := range quoted[from:to] {
			n = 10*n + int(c-'0')
		}
		return n
	}
	month := strings.Index("JanFebMarAprMayJunJulAugSepOctNovDec", string(quoted[4:7]))
	day, hour, minute, second := number(1, 3), number(13, 15), number(16, 18), number(19, 21)
	east, eastMinutes := number(23, 25), number(25, 27)
	if month < 0 || month%3 != 0 || hour > 23 || minute > 59 || second > 59 || east > 23 || eastMinutes > 59 {
		return t, false
	}
	t = time.Date(number(8, 12), time.Month(month/3+1), day, hour, minute, second, 0, time.UTC)
	if t.Day() != day {
		return t, false
	}
	offset := time.Duration(60*east+eastMinutes) * time.Minute
	if quoted[22] == '+' {
		offset = -offset
	}
	t = t.Add(offset)
	return t, !t.IsZero()
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
