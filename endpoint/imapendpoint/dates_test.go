package imapendpoint

import (
	"strings"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/internal/dovecot"
)

func TestSentDate(t *testing.T) {
	want := time.Date(1994, time.February, 8, 5, 52, 25, 0, time.UTC)
	for _, value := range []string{
		"Mon, 7 Feb 1994 21:52:25 -0800",
		"7 Feb 1994 21:52:25 -0800",
		"\r\n Mon,\r\n\t07 Feb 1994 21:52:25 -0800 (the comment (nested))",
		"Mon, 7 Feb 1994 21:52:25 PST",
		"Mon, 7 Feb 1994 22:52:25 pdt",
		"Tue, 8 Feb 1994 05:52:25 GMT",
		"Tue, 8 Feb 1994 05:52:25 UT",
		"Tue, 8 Feb 1994 05:52:25 CET", // a name that says nothing is -0000
	} {
		if got := sentDate([]byte("Subject: x\r\nDATE:" + value + "\r\nDate: Thu, 1 Jan 1970 00:00:00 +0000\r\n\r\n")); got != want {
			t.Errorf("%q is %v, want %v", value, got, want)
		}
	}
	for _, value := range []string{
		"", " ", "(", "PST", "yesterday", "1994-02-07T21:52:25Z", "Mon, 31 Feb 1994 21:52:25 -0800", "Mon, 7 Feb 1994",
		"Sat, 1 Jan 10000 00:00:00 +0000", "Fri, 31 Dec 9999 23:59:59 -0800", "Sat, 1 Jan 0001 00:00:00 +0800", "-1 Jan -1 00:00:00 +0000",
		"7 Feb 1994 21:52:25 " + strings.Repeat("(", 100_000), "\x00\xff",
	} {
		if got := sentDate([]byte("Date:" + value + "\r\n\r\n")); !got.IsZero() {
			t.Errorf("%.60q is %v, want none", value, got)
		}
	}
	if got := sentDate([]byte("Subject: x\r\n\r\nDate: Mon, 7 Feb 1994 21:52:25 -0800\r\n")); !got.IsZero() {
		t.Errorf("a date in the body is %v", got)
	}
}

// TestListSent lists messages with the date in their header.
func TestListSent(t *testing.T) {
	m, raw := openDovecot(t, dovecot.Config{})
	raw.Append("INBOX", nil, "", []byte(message(1)))
	raw.Append("INBOX", nil, "", []byte("Subject: x\r\n\r\n"))
	items := all(t, m.List(t.Context(), folder(t, m, "INBOX"), ""))
	if want := time.Date(1994, time.February, 8, 5, 52, 25, 0, time.UTC); len(items) != 2 || items[0].Sent != want || !items[1].Sent.IsZero() {
		t.Errorf("items %+v", items)
	}
}

// FuzzInternalDate compares with time.Parse.
func FuzzInternalDate(f *testing.F) {
	for _, date := range []string{
		`"04-Mar-2003 05:06:07 +0100"`, `" 4-Mar-2003 05:06:07 -0730"`, `"31-Feb-2003 05:06:07 +0000"`, `"00-Jan-1900 00:00:00 +0000"`,
		`"01-Jan-0001 00:00:00 +0000"`, `"29-Feb-2004 23:59:60 +0000"`, `"01-anF-2003 05:06:07 +0000"`, `"31-Dec-9999 23:59:59 -2400"`, `NIL`,
	} {
		f.Add([]byte(date))
	}
	f.Fuzz(func(t *testing.T, quoted []byte) {
		want, err := time.Parse(`"_2-Jan-2006 15:04:05 -0700"`, string(quoted))
		if err != nil {
			want = time.Time{}
		}
		if got := internalDate(quoted); !got.Equal(want) {
			t.Errorf("%s is %v, want %v", quoted, got, want)
		}
	})
}
