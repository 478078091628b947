package imapendpoint

import "time"

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
