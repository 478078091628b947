package memendpoint

import (
	"slices"
	"strings"
	"testing"

	"github.com/dandyroll/dandyroll/endpoint"
)

func TestUpdate(t *testing.T) {
	t.Parallel()
	s := NewServer()
	mb := s.Open(nil)
	inbox := []string{"INBOX"}
	deliver(t, s, Message{Body: []byte(plainMail)}, "INBOX")
	event := endpoint.Put{
		Mark: testMark(t, 0), Kind: endpoint.Event, Flags: []endpoint.Flag{endpoint.Seen},
		Content: endpoint.Bytes(endpoint.ICalendar, []byte(calendar("VEVENT"))),
	}
	all(t, mb.Put(t.Context(), folderAt(t, mb, "INBOX"), []endpoint.Put{event}))
	before := folderAt(t, mb, "INBOX")
	was := all(t, mb.List(t.Context(), before, ""))[1]

	for n := range 2 {
		stored := string(s.Messages("INBOX")[1].Body)
		mustDo(t, s.Update(inbox, "2", []byte(strings.Replace(stored, "lunch", "dinner", 1))))
		after := folderAt(t, mb, "INBOX")
		items := all(t, mb.List(t.Context(), after, before.State))
		if len(items) != 1 || items[0].Ref != "2" || items[0].Identity != was.Identity || items[0].Version == was.Version ||
			!items[0].Received.Equal(was.Received) || after.State == before.State || after.Items != 2 {
			t.Errorf("update %d: listed as %+v, was %+v; %+v", n, items, was, after)
		}
		if marks := all(t, mb.Marks(t.Context(), after, before.State)); len(marks) != 1 || marks[0].Marks.Marks[0] != event.Mark {
			t.Errorf("update %d: marks %+v", n, marks)
		}
		if items := all(t, mb.List(t.Context(), after, after.State)); len(items) != 0 {
			t.Errorf("update %d: since now there is %+v", n, items)
		}
		before, was = after, items[0]
	}
	if got := s.Messages("INBOX")[1]; !strings.Contains(string(got.Body), "dinner") || !slices.Equal(got.Flags, event.Flags) {
		t.Errorf("stored: %+v", got)
	}
	wantCode(t, s.Update(inbox, "9", nil), endpoint.NotFound)
	wantCode(t, s.Update([]string{"A"}, "1", nil), endpoint.NotFound)
}

func TestUpdateAndIdentity(t *testing.T) {
	t.Parallel()
	s := NewServer()
	mb := s.Open(nil)
	deliver(t, s, Message{Body: []byte(plainMail)}, "INBOX")
	deliver(t, s, Message{Body: []byte(plainMail), Identity: "given"}, "INBOX")
	inbox := folderAt(t, mb, "INBOX")
	before := all(t, mb.List(t.Context(), inbox, ""))
	for _, ref := range []string{"1", "2"} {
		mustDo(t, s.Update([]string{"INBOX"}, ref, []byte("Subject: another\r\n\r\n")))
	}
	after := all(t, mb.List(t.Context(), inbox, ""))
	if before[0].Identity == after[0].Identity || after[1].Identity != "given" {
		t.Errorf("before %+v, after %+v", before, after)
	}
	quota, err := mb.Quota(t.Context())
	mustDo(t, err)
	if want := int64(2 * len("Subject: another\r\n\r\n")); quota.Used != want {
		t.Errorf("%d bytes are used, want %d", quota.Used, want)
	}
}

// A body that is being read does not change below its reader.
func TestUpdateWhileReading(t *testing.T) {
	t.Parallel()
	s := NewServer()
	mb := s.Open(nil)
	deliver(t, s, Message{Body: []byte(plainMail)}, "INBOX")
	body := all(t, mb.Read(t.Context(), folderAt(t, mb, "INBOX"), []string{"1"}, endpoint.ReadOptions{Memory: 1 << 16}))[0]
	mustDo(t, s.Update([]string{"INBOX"}, "1", []byte(strings.ToUpper(plainMail))))
	if got, err := readContent(body.Content); err != nil || string(got) != plainMail {
		t.Errorf("read %q, %v", got, err)
	}
}
