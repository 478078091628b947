package graphendpoint

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-ical"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/internal/graphserve"
	"github.com/dandyroll/dandyroll/watermark"
)

// calendarBox is a mailbox of the fake service, and our shelf of its calendars.
type calendarBox struct {
	calendarShelf
	server *graphserve.Server
	owner  *graphserve.Mailbox
	home   string // the default calendar
}

func openCalendars(t *testing.T, quirks graphserve.Quirks, change func(*Config)) calendarBox {
	t.Helper()
	s := startServer(t, quirks)
	owner := s.AddMailbox(address, "Ann")
	return calendarBox{calendarShelf{testDriver(t, s, change).client}, s, owner, owner.Calendar()}
}

func eventTestMark(t *testing.T, n int) watermark.Mark {
	t.Helper()
	m, err := watermark.Parse("1.imap.graph.aaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaa" + string(rune('a'+n/26)) + string(rune('a'+n%26)) + "a.aaaaaaaaaaaaa")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func eventPut(t *testing.T, mark watermark.Mark, text []byte) endpoint.Put {
	t.Helper()
	return endpoint.Put{Mark: mark, Kind: endpoint.Event, Content: endpoint.Bytes(endpoint.ICalendar, text)}
}

// collected returns what a sequence yields.
func collected[T any](t *testing.T, seq iter.Seq2[T, error]) []T {
	t.Helper()
	var all []T
	for v, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	return all
}

func (b calendarBox) readText(t *testing.T, ref string) string {
	t.Helper()
	body := b.read(t.Context(), b.home, ref, reading{room: newRoom(1 << 20), tempDir: t.TempDir()})
	if body.Err != nil {
		t.Fatal(body.Err)
	}
	r, err := body.Content.Open()
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close(), body.Content.Close()); err != nil || int64(len(text)) != body.Content.Size() {
		t.Fatalf("%d of %d bytes: %v", len(text), body.Content.Size(), err)
	}
	return string(text)
}

// without drops the lines of some properties, unfolded, which the service adds or which are tested elsewhere.
func without(text string, names ...string) []string {
	lines := calendarLines([]byte(text))
	return slices.DeleteFunc(lines, func(line string) bool {
		name, _, _ := strings.Cut(line, ":")
		name, _, _ = strings.Cut(name, ";")
		return slices.Contains(names, name)
	})
}

func testEvent(uid, more string) []byte {
	return []byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//example//EN\r\nBEGIN:VEVENT\r\nUID:" + uid + "\r\nDTSTAMP:20260101T000000Z\r\n" +
		"DTSTART:20260323T110000Z\r\nDTEND:20260323T120000Z\r\nSUMMARY:Lunch\r\n" + more + "END:VEVENT\r\nEND:VCALENDAR\r\n")
}

// TestEventsSurviveTheService writes every calendar in testdata/events, reads it back, and wants what the golden files say that comes
// back. Nobody must be invited by that.
func TestEventsSurviveTheService(t *testing.T) {
	t.Parallel()
	b := openCalendars(t, graphserve.Quirks{}, nil)
	n := 0
	for file, text := range inputs(t, "events/*.ics") {
		mark := eventTestMark(t, n)
		n++
		result := b.put(t.Context(), b.home, eventPut(t, mark, text))
		if result.Err != nil {
			t.Errorf("%s: %v", file, result.Err)
			continue
		}
		want, err := os.ReadFile(strings.TrimSuffix(file, ".ics") + ".out.ics")
		if err != nil {
			t.Fatal(err)
		}
		got := b.readText(t, result.Ref)
		reading := watermark.ReadProperty([]byte(got))
		if len(reading.Marks) == 0 || reading.Marks[0] != mark {
			t.Errorf("%s: marks %+v", file, reading)
		}
		ignored := []string{"CREATED", "LAST-MODIFIED", "X-DANDYROLL", "ATTACH"}
		if a, b := without(got, ignored...), without(string(want), ignored...); !slices.Equal(a, b) {
			t.Errorf("%s: got\n%s\nwant\n%s", file, strings.Join(a, "\n"), strings.Join(b, "\n"))
		}
	}
	if told := b.server.Invitations(); told != 0 {
		t.Errorf("%d people were invited", told)
	}
	if found := collected(t, b.marks(t.Context(), b.home, "")); len(found) != n {
		t.Errorf("%d of %d events are marked", len(found), n)
	}
}

func TestMeetingKeepsItsPeopleWithoutInvitingThem(t *testing.T) {
	t.Parallel()
	b := openCalendars(t, graphserve.Quirks{}, nil)
	text := testEvent("meeting", "ORGANIZER:mailto:ann@example.org\r\nATTENDEE;CN=Bob:mailto:bob@example.org\r\n")
	result := b.put(t.Context(), b.home, eventPut(t, eventTestMark(t, 0), text))
	if result.Err != nil {
		t.Fatal(result.Err)
	}
	item, err := b.owner.Item(result.Ref)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := item.Fields["body"].(map[string]any)
	if list, _ := item.Fields["attendees"].([]any); len(list) != 0 || !strings.Contains(body["content"].(string), "Attendee: Bob <bob@example.org>") {
		t.Errorf("attendees %v, body %v", list, body)
	}
	if err := b.remove(t.Context(), b.home, result.Ref); err != nil || b.server.Invitations() != 0 {
		t.Errorf("%v, and %d people were told", err, b.server.Invitations())
	}
}

// TestChangesInOutlookWin changes what was kept of an event by what somebody did to it.
func TestChangesInOutlookWin(t *testing.T) {
	t.Parallel()
	b := openCalendars(t, graphserve.Quirks{}, nil)
	text := bytes.ReplaceAll(testEvent("changed", "X-MORE:kept\r\nCOMMENT:kept\r\n"), []byte("0000Z\r\nDTEND"), []byte("0000\r\nDTEND"))
	result := b.put(t.Context(), b.home, eventPut(t, eventTestMark(t, 0), text))
	if result.Err != nil {
		t.Fatal(result.Err)
	}
	if got := b.readText(t, result.Ref); !strings.Contains(got, "DTSTART:20260323T110000\r\n") {
		t.Fatalf("a floating time became\n%s", got)
	}
	err := b.owner.Update(result.Ref, map[string]any{"start": map[string]any{"dateTime": "2026-03-23T10:30:00", "timeZone": "UTC"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := b.readText(t, result.Ref); !strings.Contains(got, "DTSTART:20260323T103000Z\r\n") || !strings.Contains(got, "X-MORE:kept\r\n") {
		t.Errorf("after a change\n%s", got)
	}
}

// cancelAt cancels a context instead of sending the first request with a method.
type cancelAt struct {
	next   http.RoundTripper
	method string
	cancel *context.CancelFunc
}

func (c cancelAt) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == c.method && *c.cancel != nil {
		(*c.cancel)()
		*c.cancel = nil
		return nil, r.Context().Err()
	}
	return c.next.RoundTrip(r)
}

func TestUnfinishedSeriesDoesNotCountAndIsReplaced(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/events/exceptions-over-dst.ics")
	if err != nil {
		t.Fatal(err)
	}
	for _, method := range []string{http.MethodDelete, http.MethodPatch} {
		var cancel context.CancelFunc
		b := openCalendars(t, graphserve.Quirks{}, func(c *Config) { c.Transport = cancelAt{c.Transport, method, &cancel} })
		ctx, stop := context.WithCancel(t.Context())
		cancel = stop
		put := eventPut(t, eventTestMark(t, 0), text)
		if result := b.put(ctx, b.home, put); !errors.Is(result.Err, context.Canceled) {
			t.Fatalf("%s: %v", method, result.Err)
		}
		if items, err := b.owner.Items(b.home); len(items) != 1 || err != nil {
			t.Fatalf("%s: %d items: %v", method, len(items), err)
		}
		if found := collected(t, b.marks(t.Context(), b.home, "")); len(found) != 0 {
			t.Errorf("%s: what is not whole counts: %+v", method, found)
		}
		result := b.put(t.Context(), b.home, put)
		items, err := b.owner.Items(b.home)
		if result.Err != nil || err != nil || len(items) != 1 || items[0].ID != result.Ref {
			t.Errorf("%s: %v, %d items: %v", method, result.Err, len(items), err)
		}
		if found := collected(t, b.marks(t.Context(), b.home, "")); len(found) != 1 || found[0].Ref != result.Ref {
			t.Errorf("%s: marks %+v", method, found)
		}
	}
}

func TestEventThatCannotBeFinishedIsTakenAway(t *testing.T) {
	t.Parallel()
	b := openCalendars(t, graphserve.Quirks{}, nil)
	b.server.Inject(graphserve.Fault{Route: "POST /users/{user}/events/{event}/attachments", Kind: graphserve.Forbidden})
	text := testEvent("file", "ATTACH;VALUE=BINARY;ENCODING=BASE64;FILENAME=a:SGVsbG8=\r\n")
	if result := b.put(t.Context(), b.home, eventPut(t, eventTestMark(t, 0), text)); !hasCode(result.Err, endpoint.Denied) {
		t.Errorf("put: %v", result.Err)
	}
	if items, err := b.owner.Items(b.home); len(items) != 0 || err != nil {
		t.Errorf("%d items are left: %v", len(items), err)
	}
}

func TestLostAnswerToACreateMakesOneEvent(t *testing.T) {
	t.Parallel()
	for _, conflict := range []bool{false, true} {
		b := openCalendars(t, graphserve.Quirks{TransactionConflict: conflict}, nil)
		for i, kind := range []graphserve.FaultKind{graphserve.TimeoutAfter, graphserve.ResetAfter, graphserve.UnavailableBefore} {
			b.server.Inject(graphserve.Fault{Route: "POST /users/{user}/calendars/{calendar}/events", Kind: kind})
			result := b.put(t.Context(), b.home, eventPut(t, eventTestMark(t, i), testEvent("once", "")))
			items, err := b.owner.Items(b.home)
			if result.Err != nil || err != nil || len(items) != i+1 || items[i].ID != result.Ref {
				t.Fatalf("conflict %v, fault %d: %v, %d items: %v", conflict, kind, result.Err, len(items), err)
			}
		}
	}
}

// TestMarkMayBePutTwice puts what replaces an item while that is still there.
func TestMarkMayBePutTwice(t *testing.T) {
	t.Parallel()
	b := openCalendars(t, graphserve.Quirks{}, nil)
	first := b.put(t.Context(), b.home, eventPut(t, eventTestMark(t, 0), testEvent("twice", "")))
	second := b.put(t.Context(), b.home, eventPut(t, eventTestMark(t, 0), testEvent("twice", "")))
	if first.Err != nil || second.Err != nil || first.Ref == second.Ref {
		t.Errorf("%+v, %+v", first, second)
	}
}

func TestStateOfACalendarChangesWithItsEvents(t *testing.T) {
	t.Parallel()
	b := openCalendars(t, graphserve.Quirks{}, nil)
	state := func(since string) string {
		t.Helper()
		s, err := b.state(t.Context(), b.home, since)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	empty := state("")
	if state(empty) != empty {
		t.Error("the state of an idle calendar changed")
	}
	ref := b.put(t.Context(), b.home, eventPut(t, eventTestMark(t, 0), testEvent("one", ""))).Ref
	one := state(empty)
	if err := b.owner.Update(ref, map[string]any{"subject": "changed"}); err != nil {
		t.Fatal(err)
	}
	changed := state(one)
	if err := b.remove(t.Context(), b.home, ref); err != nil {
		t.Fatal(err)
	}
	if gone := state(changed); len(slices.Compact(slices.Sorted(slices.Values([]string{empty, one, changed, gone})))) != 4 {
		t.Errorf("states %q, %q, %q, %q", empty, one, changed, gone)
	}
}

func TestEventsAreListedInOneOrder(t *testing.T) {
	t.Parallel()
	b := openCalendars(t, graphserve.Quirks{}, nil)
	for n := range 3 {
		if result := b.put(t.Context(), b.home, eventPut(t, eventTestMark(t, n), testEvent("u", ""))); result.Err != nil {
			t.Fatal(result.Err)
		}
	}
	refs := collected(t, b.refs(t.Context(), b.home))
	for i, it := range collected(t, b.list(t.Context(), b.home, "")) {
		if it.Ref != refs[i] || it.Kind != endpoint.Event || it.Identity == "" || it.Received.IsZero() || len(it.Marks.Marks) != 1 {
			t.Errorf("item %+v, reference %q", it, refs[i])
		}
	}
	if len(refs) != 3 {
		t.Errorf("references %q", refs)
	}
}

func TestEventsAreFoundByUID(t *testing.T) {
	t.Parallel()
	b := openCalendars(t, graphserve.Quirks{}, nil)
	long := strings.Repeat("long", 100)
	want := map[string]string{}
	for n, uid := range []string{"plain@example.org", "PLAIN@example.org", "it's", "a&b=c#d+e%20", "ünïcode", long} {
		result := b.put(t.Context(), b.home, eventPut(t, eventTestMark(t, n), testEvent(uid, "")))
		if result.Err != nil {
			t.Fatal(result.Err)
		}
		want[uid] = result.Ref
	}
	native, err := b.owner.Create(b.home, map[string]any{"subject": "native", "start": utcField("2026-03-23T10:00:00"), "end": utcField("2026-03-23T11:00:00")})
	if err != nil {
		t.Fatal(err)
	}
	item, err := b.owner.Item(native)
	if err != nil {
		t.Fatal(err)
	}
	want[item.Fields["iCalUId"].(string)] = native
	for uid, ref := range want {
		for _, id := range []string{uid, "<" + uid + ">"} {
			if found := collected(t, b.find(t.Context(), b.home, id)); !slices.Equal(found, []string{ref}) {
				t.Errorf("%q: found %q, want %q", id, found, ref)
			}
		}
	}
	for _, uid := range []string{"", "plain", "x' or id ne '", "nul\x00", "bad\xff", long + "er"} {
		if found := collected(t, b.find(t.Context(), b.home, uid)); len(found) != 0 {
			t.Errorf("%q: found %q", uid, found)
		}
	}
}

func utcField(at string) map[string]any { return map[string]any{"dateTime": at, "timeZone": "UTC"} }

func TestAttachmentsOfEventsAreRead(t *testing.T) {
	t.Parallel()
	b := openCalendars(t, graphserve.Quirks{}, nil)
	large := strings.Repeat("0123456789abcde\n", 100_000)
	file := func(kind, name string, more map[string]any) map[string]any {
		a := map[string]any{"@odata.type": "#microsoft.graph." + kind, "name": name}
		maps.Copy(a, more)
		return a
	}
	ref, err := b.owner.Create(b.home, map[string]any{
		"subject": "files", "start": utcField("2026-03-23T10:00:00"), "end": utcField("2026-03-23T11:00:00"),
		"attachments": []any{
			file("fileAttachment", "large; \"quoted\".txt", map[string]any{"contentType": "text/plain", "contentBytes": base64Text(large)}),
			file("fileAttachment", "empty", map[string]any{"contentBytes": ""}),
			file("referenceAttachment", "elsewhere", map[string]any{"sourceUrl": "https://example.org/file"}),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	whole := b.readText(t, ref)
	for line := range strings.SplitSeq(whole, "\r\n") {
		if len(line) > maxCalendarLine {
			t.Fatalf("a line of %d octets", len(line))
		}
	}
	d, err := eventFromICalendar([]byte(whole))
	if err != nil {
		t.Fatal(err)
	}
	if len(d.files) != 2 || d.files[0].name != "large; 'quoted'.txt" || d.files[1].size != 0 {
		t.Fatalf("files %+v", d.files)
	}
	if content, err := d.files[0].read(); err != nil || string(content) != large {
		t.Errorf("%d bytes of a file: %v", len(content), err)
	}
	if !strings.Contains(whole, "ATTACH;FILENAME=elsewhere:https://example.org/file\r\n") {
		t.Error("the file elsewhere is missing")
	}
}

func TestAttachmentsOfExceptionsStayWithThem(t *testing.T) {
	t.Parallel()
	b := openCalendars(t, graphserve.Quirks{}, nil)
	file := "ATTACH;VALUE=BINARY;ENCODING=BASE64;FILENAME=of-%d:SGVsbG8=\r\n"
	text := string(testEvent("series", "RRULE:FREQ=DAILY;COUNT=5\r\nX-TRAP:xBEGIN:VEVENT\r\n"+fmt.Sprintf(file, 0)))
	text = strings.Replace(text, "END:VCALENDAR", "BEGIN:VEVENT\r\nUID:series\r\nRECURRENCE-ID:20260325T110000Z\r\nDTSTART:20260325T130000Z\r\n"+
		fmt.Sprintf(file, 1)+"END:VEVENT\r\nEND:VCALENDAR", 1)
	result := b.put(t.Context(), b.home, eventPut(t, eventTestMark(t, 0), []byte(text)))
	if result.Err != nil {
		t.Fatal(result.Err)
	}
	calendar, err := readICalendar([]byte(b.readText(t, result.Ref)))
	if err != nil {
		t.Fatal(err)
	}
	s, err := vevents(calendar)
	if err != nil || len(s.overrides) != 1 {
		t.Fatalf("%d overrides: %v", len(s.overrides), err)
	}
	for i, c := range []*ical.Component{s.main, s.overrides[0]} {
		if files := inlinedFiles(c); len(files) != 1 || files[0].name != fmt.Sprintf("of-%d", i) {
			t.Errorf("component %d has files %+v", i, files)
		}
	}
}

func TestLargeAttachmentsOfEventsAreUploaded(t *testing.T) {
	t.Parallel()
	b := openCalendars(t, graphserve.Quirks{}, nil)
	large := bytes.Repeat([]byte("0123456789abcde\n"), 300_000)
	text := testEvent("large", "ATTACH;VALUE=BINARY;ENCODING=BASE64;FILENAME=large:"+base64Text(string(large))+"\r\n")
	result := b.put(t.Context(), b.home, eventPut(t, eventTestMark(t, 0), text))
	if result.Err != nil {
		t.Fatal(result.Err)
	}
	item, err := b.owner.Item(result.Ref)
	if err != nil || !bytes.Equal(item.Attachments["large"], large) {
		t.Errorf("%d bytes came of %d: %v", len(item.Attachments["large"]), len(large), err)
	}
	if found := collected(t, b.marks(t.Context(), b.home, "")); len(found) != 1 {
		t.Errorf("marks %+v", found)
	}
}

func TestWhatCannotBeAnEventIsRefused(t *testing.T) {
	t.Parallel()
	b := openCalendars(t, graphserve.Quirks{}, nil)
	for name, c := range map[string]struct {
		text string
		code endpoint.Code
	}{
		"no calendar": {"hello", endpoint.Rejected},
		"no event":    {"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", endpoint.Rejected},
		"two events":  {"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:20260101\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nDTSTART:20260101\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n", endpoint.Rejected},
		"no start":    {"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n", endpoint.Rejected},
		"large event": {strings.Repeat(" ", maxSmall+1), endpoint.TooLarge},
	} {
		if result := b.put(t.Context(), b.home, eventPut(t, eventTestMark(t, 0), []byte(c.text))); !hasCode(result.Err, c.code) {
			t.Errorf("%s: %v", name, result.Err)
		}
	}
	if items, err := b.owner.Items(b.home); len(items) != 0 || err != nil {
		t.Errorf("%d items: %v", len(items), err)
	}
}

func TestEventsThatAreGone(t *testing.T) {
	t.Parallel()
	b := openCalendars(t, graphserve.Quirks{}, nil)
	result := b.put(t.Context(), b.home, eventPut(t, eventTestMark(t, 0), testEvent("gone", "")))
	if err := b.remove(t.Context(), b.home, result.Ref); err != nil {
		t.Fatal(err)
	}
	if err := b.remove(t.Context(), b.home, result.Ref); !hasCode(err, endpoint.NotFound) {
		t.Errorf("removed twice: %v", err)
	}
	opts := reading{room: newRoom(1 << 20), tempDir: t.TempDir()}
	if body := b.read(t.Context(), b.home, result.Ref, opts); !hasCode(body.Err, endpoint.NotFound) {
		t.Errorf("read: %v", body.Err)
	}
	opts.formats = []endpoint.Format{endpoint.RFC822}
	if body := b.read(t.Context(), b.home, result.Ref, opts); !hasCode(body.Err, endpoint.Unsupported) {
		t.Errorf("read as mail: %v", body.Err)
	}
}

func TestCalendarsAreFolders(t *testing.T) {
	t.Parallel()
	b := openCalendars(t, graphserve.Quirks{}, nil)
	paths := [][]string{
		{calendarsRoot, "Work"},
		{calendarsRoot, "work"},
		{calendarsRoot, "A", "B"},
		{calendarsRoot, "A / B"},
		{calendarsRoot, " blank "},
		{calendarsRoot, "line\nbreak"},
		{calendarsRoot, strings.Repeat("long", 100)},
		{"Elsewhere", "Work"},
		{calendarsRoot, "Größe"},
	}
	ids := map[string]bool{}
	for _, p := range paths {
		made, err := b.create(t.Context(), p)
		if err != nil {
			t.Fatalf("%q: %v", p, err)
		}
		again, err := b.create(t.Context(), p)
		if err != nil || again.ID != made.ID || ids[made.ID] {
			t.Errorf("%q: made %q, then %q: %v", p, made.ID, again.ID, err)
		}
		ids[made.ID] = true
	}
	all, err := b.folders(t.Context())
	if err != nil || len(all) != len(paths)+1 {
		t.Fatalf("%d calendars: %v", len(all), err)
	}
	for _, p := range paths {
		if !slices.ContainsFunc(all, func(f endpoint.Folder) bool { return slices.Equal(f.Path, p) && ids[f.ID] }) {
			t.Errorf("%q is not listed", p)
		}
	}
	if i := slices.IndexFunc(all, func(f endpoint.Folder) bool { return f.Role == endpoint.DefaultCalendar }); i < 0 || all[i].ID != b.home {
		t.Errorf("the default calendar: %+v", all)
	}
}

func TestRenamedAndDeletedCalendars(t *testing.T) {
	t.Parallel()
	b := openCalendars(t, graphserve.Quirks{}, nil)
	made, err := b.create(t.Context(), []string{calendarsRoot, "A", "B"})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.owner.RenameFolder(made.ID, "C"); err != nil {
		t.Fatal(err)
	}
	all, err := b.folders(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(all, func(f endpoint.Folder) bool {
		return f.ID == made.ID && slices.Equal(f.Path, []string{calendarsRoot, "C"})
	}) {
		t.Errorf("after a renaming %+v", all)
	}
	if err := b.drop(t.Context(), made.ID); err != nil {
		t.Fatal(err)
	}
	if err := b.drop(t.Context(), made.ID); !hasCode(err, endpoint.NotFound) {
		t.Errorf("dropped twice: %v", err)
	}
	if err := b.drop(t.Context(), b.home); err == nil {
		t.Error("the default calendar was dropped")
	}
}

func base64Text(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
