package memendpoint

import (
	"bytes"
	"iter"
	"net/mail"
	"strings"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
)

// headerFields yields the fields in the header of a message (RFC 5322 section 2.2): names in lower
// case, values as they stand there, folded or not. A line that is no field has no value.
func headerFields(body []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for len(body) > 0 {
			end := lineLength(body)
			if len(bytes.TrimRight(body[:end], "\r\n")) == 0 {
				return // the end of the header
			}
			for end < len(body) && (body[end] == ' ' || body[end] == '\t') {
				end += lineLength(body[end:])
			}
			name, value, _ := bytes.Cut(body[:end], []byte(":"))
			if !yield(strings.ToLower(string(bytes.TrimRight(name, " \t"))), value) {
				return
			}
			body = body[end:]
		}
	}
}

// lineLength returns the length of the first line of b, its end included.
func lineLength(b []byte) int {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		return i + 1
	}
	return len(b)
}

// sentAt returns the time in the Date field of a mail or note (RFC 5322 section 3.6.1), or zero
// where the first such field holds none.
func sentAt(k endpoint.Kind, body []byte) time.Time {
	if formatOf(k) != endpoint.RFC822 {
		return time.Time{}
	}
	for name, value := range headerFields(body) {
		if name != "date" {
			continue
		}
		if at, err := mail.ParseDate(strings.Join(strings.Fields(string(value)), " ")); err == nil {
			return at.UTC()
		}
		return time.Time{}
	}
	return time.Time{}
}
