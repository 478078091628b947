package imapendpoint

import (
	"fmt"
	"strings"
	"testing"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/internal/dovecot"
)

// TestMarks finds every field of our name, and nothing else.
func TestMarks(t *testing.T) {
	m, raw := openDovecot(t, dovecot.Config{Format: "sdbox"})
	mark := testMark(1).String()
	for _, text := range []string{
		message(1),
		stamped(1, message(2)),
		"Subject: x\r\nX-DANDYROLL:\r\n " + mark[:20] + "\r\n\t" + mark[20:] + "\r\n\r\n",
		stamped(2, stamped(1, message(3))),
		"X-Dandyroll: forged\r\n\r\n",
		"X-Dandyroll: 9.from.the.aaaaaaaa.future\r\n\r\n",
		"Subject: x\r\n\r\nX-Dandyroll: " + mark + "\r\n",
		strings.Repeat("X-Dandyroll: "+mark+"\r\n", 2000) + "\r\n",
		"X-Dandyroll-Pad: x\r\n\r\n",
	} {
		raw.Append("INBOX", nil, "", []byte(text))
	}
	f := folder(t, m, "INBOX")
	var got []string
	for _, s := range all(t, m.Marks(t.Context(), f, "")) {
		got = append(got, fmt.Sprint(s.Ref, ":", len(s.Marks.Marks), "+", s.Marks.Newer, "+", s.Marks.Garbled))
	}
	// The field of the eighth message is longer than what is looked at.
	const want = "2:1+0+0 3:1+0+0 4:2+0+0 5:0+0+1 6:0+1+0 8:16"
	if !strings.HasPrefix(strings.Join(got, " "), want) || len(got) != 6 {
		t.Errorf("sightings %s, want %s", got, want)
	}
	raw.Append("INBOX", nil, "", []byte(stamped(7, message(9))))
	for _, s := range all(t, m.Marks(t.Context(), f, f.State)) {
		if s.Ref != "10" || s.Marks.Marks[0] != testMark(7) {
			t.Errorf("since the state, there is %+v", s)
		}
	}
	raw.Copy("INBOX", 2, "INBOX")
	if got := len(all(t, m.Marks(t.Context(), f, f.State))); got != 2 {
		t.Errorf("%d sightings since the state, want 2", got)
	}
}

// TestMarksSeeEarlierPuts looks for a mark directly behind its put, over sessions that have had
// the folder open since before.
func TestMarksSeeEarlierPuts(t *testing.T) {
	for _, format := range []string{"maildir", "sdbox"} {
		m, _ := openDovecot(t, dovecot.Config{Format: format})
		f := folder(t, m, "INBOX")
		for i := range 20 {
			if r := put(t, m, f, testPut(i, message(i)))[testMark(i)]; r.Err != nil {
				t.Fatal(r.Err)
			}
			if got := len(all(t, m.Marks(t.Context(), f, ""))); got != i+1 {
				t.Fatalf("%s: %d marks after %d puts", format, got, i+1)
			}
		}
	}
}

// TestMarksWithoutAnEnd loses the connection for good in the middle of a scan.
func TestMarksWithoutAnEnd(t *testing.T) {
	srv := dovecot.Start(t, dovecot.Config{NoFsync: true})
	m := openAt(t, srv.Addr())
	f := folder(t, m, "INBOX")
	for i := range 3 {
		put(t, m, f, testPut(i, message(i)))
	}
	srv.Stop()
	if err := failure(m.Marks(t.Context(), f, "")); endpoint.CodeOf(err) != endpoint.Unavailable {
		t.Errorf("%v, want Unavailable", err)
	}
}
