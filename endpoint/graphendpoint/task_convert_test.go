package graphendpoint

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/emersion/go-ical"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"pgregory.net/rapid"

	"github.com/dandyroll/dandyroll/endpoint"
)

func TestGoldenTasksFromICalendar(t *testing.T) {
	t.Parallel()
	for file, text := range inputs(t, "tasks/*.ics") {
		t.Run(file, func(t *testing.T) {
			draft, err := taskFromICalendar(text)
			if err != nil {
				t.Fatal(err)
			}
			base := strings.TrimSuffix(file, ".ics")
			golden(t, base+".out.json", taskJSON(t, draft))
			golden(t, base+".out.ics", draft.record().iCalendar())
		})
	}
}

// taskJSON is all of a draft, readable.
func taskJSON(t *testing.T, d taskDraft) []byte {
	t.Helper()
	d.task.SetChecklistItems(d.steps)
	text := graphJSON(t, d.task)
	d.task.SetChecklistItems(nil)
	return fmt.Appendf(text, "uid %q\nkept:\n%s", d.uid, d.kept)
}

// record is the task as it would be in Graph once it is written.
func (d taskDraft) record() taskRecord {
	d.task.SetChecklistItems(d.steps)
	return taskRecord{task: d.task, uid: d.uid, kept: d.kept}
}

func TestGoldenTasksFromGraph(t *testing.T) {
	t.Parallel()
	for file, text := range inputs(t, "tasks/*.json") {
		t.Run(file, func(t *testing.T) {
			task := fromJSON[models.TodoTaskable](t, text, models.CreateTodoTaskFromDiscriminatorValue)
			calendar := taskRecord{task: task}.iCalendar()
			base := strings.TrimSuffix(file, ".json")
			golden(t, base+".out.ics", calendar)
			draft, err := taskFromICalendar(calendar)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, base+".out.json", taskJSON(t, draft))
		})
	}
}

// A task that came out of Graph once comes out of it the same ever after, and other programs can read it.
func TestTasksRoundTrip(t *testing.T) {
	t.Parallel()
	for file, text := range inputs(t, "tasks/*.ics") {
		t.Run(file, func(t *testing.T) { checkTaskRoundTrip(t, text) })
	}
}

func checkTaskRoundTrip(t failer, text []byte) {
	t.Helper()
	draft, err := taskFromICalendar(text)
	if err != nil {
		t.Fatalf("%v", err)
	}
	first := draft.record().iCalendar()
	if !utf8.Valid(first) {
		t.Fatalf("no UTF-8: %q", first)
	}
	if _, err := ical.NewDecoder(bytes.NewReader(first)).Decode(); err != nil {
		t.Fatalf("go-ical: %v in\n%s", err, first)
	}
	draft, err = taskFromICalendar(first)
	if err != nil {
		t.Fatalf("again: %v", err)
	}
	if second := draft.record().iCalendar(); !bytes.Equal(first, second) {
		t.Fatalf("first:\n%s\nsecond:\n%s", first, second)
	}
}

// Every property of a VTODO comes back, whatever its place.
func TestEveryPropertyOfATaskComesBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOfN(rapid.Custom(drawTaskLine), 0, 12).Draw(t, "lines")
		lines = append([]string{"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:p", "BEGIN:VTODO", "UID:u"}, lines...)
		text := foldLines(append(lines, "END:VTODO", "END:VCALENDAR"))
		checkTaskRoundTrip(t, text)
		draft, err := taskFromICalendar(text)
		if err != nil {
			t.Fatal(err)
		}
		got := make(map[string]int)
		for _, line := range calendarLines(draft.record().iCalendar()) {
			got[line]++
		}
		for _, line := range calendarLines(text) {
			if got[line]--; got[line] < 0 && !strings.HasPrefix(line, "PRODID") {
				t.Fatalf("%q is lost: %v", line, got)
			}
		}
	})
}

func drawTaskLine(t *rapid.T) string {
	name := rapid.SampledFrom([]string{
		"SUMMARY", "DESCRIPTION", "LOCATION", "CATEGORIES", "STATUS", "PERCENT-COMPLETE", "PRIORITY", "DTSTART", "DUE", "COMPLETED", "RRULE",
		"URL", "ATTACH", stepProperty, statusProperty, "X-FOO", "GEO",
	}).Draw(t, "name")
	p := ical.NewProp(name)
	switch name {
	case "DTSTART", "DUE", "COMPLETED":
		p.Value = rapid.SampledFrom([]string{"20240101T120000Z", "20240229T235959", "99990101T000000", "x"}).Draw(t, "time")
	case "RRULE":
		p.Value = rapid.SampledFrom([]string{"FREQ=DAILY", "FREQ=YEARLY;BYDAY=1MO;BYMONTH=3", "FREQ=SECONDLY", "x"}).Draw(t, "rule")
	case "STATUS", statusProperty:
		p.Value = rapid.SampledFrom([]string{"COMPLETED", "IN-PROCESS", "CANCELLED", "deferred", "waitingOnOthers", "x"}).Draw(t, "status")
	case "PERCENT-COMPLETE", "PRIORITY":
		p.Value = rapid.SampledFrom([]string{"0", "1", "5", "7", "100", "-1", "x"}).Draw(t, "number")
	case "URL", "ATTACH":
		p.Value = rapid.SampledFrom([]string{"https://example.com/a,b", "http://", "cid:1", "%zz"}).Draw(t, "address")
	default:
		p.Value = escapeCalendarText(rapid.StringMatching(`[a-zäöüЖ山 ;,\\]{0,12}[a-zä山]`).Draw(t, "text"))
	}
	if rapid.Bool().Draw(t, "odd") {
		p.Params.Set("X-ODD", rapid.StringMatching(`[a-z:;, ]{1,6}`).Draw(t, "parameter"))
	}
	return lineOf(*p)
}

func TestTaskRefused(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"nothing":    "",
		"no task":    "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n",
		"an event":   "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
		"two tasks":  "BEGIN:VCALENDAR\r\nBEGIN:VTODO\r\nUID:a\r\nEND:VTODO\r\nBEGIN:VTODO\r\nUID:b\r\nEND:VTODO\r\nEND:VCALENDAR\r\n",
		"broken off": "BEGIN:VCALENDAR\r\nBEGIN:VTODO\r\nUID:a\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := taskFromICalendar([]byte(text)); !hasCode(err, endpoint.Rejected) {
				t.Errorf("got %v, want code %v", err, endpoint.Rejected)
			}
		})
	}
}

// Each step costs a request, and each link room in one: an attacker's task has no more than people make.
func TestStepsAndLinksAreBounded(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\r\nBEGIN:VTODO\r\nUID:u\r\n")
	for i := range 5000 {
		fmt.Fprintf(&b, "X-CHECKLIST-ITEM:%d\r\nURL:https://example.com/%d\r\n", i, i)
	}
	b.WriteString("END:VTODO\r\nEND:VCALENDAR\r\n")
	draft, err := taskFromICalendar([]byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	if len(draft.steps) != maxSteps || len(draft.task.GetLinkedResources()) != maxLinks {
		t.Errorf("%d steps, %d links", len(draft.steps), len(draft.task.GetLinkedResources()))
	}
	if !strings.Contains(draft.kept, "+X-CHECKLIST-ITEM:100\n") || utf16Length(draft.kept) > maxKept {
		t.Errorf("kept %d code units", utf16Length(draft.kept))
	}
}

func FuzzTaskFromICalendar(f *testing.F) {
	f.Add([]byte("BEGIN:VCALENDAR\nBEGIN:VTODO\nDUE;TZID=Europe/Berlin:20240101T000000\nRRULE:FREQ=DAILY\nBEGIN:VALARM\nTRIGGER:-PT5M\nEND:VALARM\nEND:VTODO\nEND:VCALENDAR"))
	f.Add([]byte("BEGIN:VCALENDAR\nBEGIN:VTODO\nATTACH;X=\"a:b\":https://x.y/\nCATEGORIES:a\\,b,c\nX-CHECKLIST-ITEM;X-CHECKED=true:\\\nEND:VTODO\nEND:VCALENDAR"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if _, err := taskFromICalendar(text); err == nil {
			checkTaskRoundTrip(t, text)
		}
	})
}
