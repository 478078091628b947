package graphendpoint

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-ical"
	"pgregory.net/rapid"
)

// TestNothingOfAnEventIsLost generates events, and wants every line of them back: from the fields of Graph, or from what was kept.
func TestNothingOfAnEventIsLost(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		source := anEvent(t)
		d, err := eventFromICalendar(source)
		if err != nil {
			t.Fatalf("%v in\n%s", err, source)
		}
		calendar, err := stored(d).iCalendar()
		if err != nil {
			t.Fatalf("%v in\n%s", err, source)
		}
		got := writeICalendar(calendar)
		for _, line := range missing(t, source, got) {
			t.Errorf("%q is lost of\n%s\nwhich came back as\n%s", line, source, got)
		}
	})
}

// TestEventsMeanTheSameWithoutWhatWasKept writes what came back of an event as if nothing had been kept, and wants it to be the same
// event of Graph, but for the note in its body.
func TestEventsMeanTheSameWithoutWhatWasKept(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		source := anEvent(t)
		d, err := eventFromICalendar(source)
		if err != nil {
			t.Fatalf("%v in\n%s", err, source)
		}
		r := stored(d)
		r.kept = ""
		calendar, err := r.iCalendar()
		if err != nil {
			t.Fatalf("%v in\n%s", err, source)
		}
		again, err := eventFromICalendar(writeICalendar(calendar))
		if err != nil {
			t.Fatalf("%v in\n%s", err, writeICalendar(calendar))
		}
		want, got := meaning(t, d), meaning(t, again)
		if want != got {
			t.Errorf("%s\nmeans\n%s\nthen\n%s", source, want, got)
		}
	})
}

// meaning shows a draft without its bodies and without what is no field of an event.
func meaning(t *rapid.T, d eventDraft) string {
	var b strings.Builder
	for i := -1; i < len(d.changed); i++ {
		e := d.event
		if i >= 0 {
			e = d.changed[i].event
			fmt.Fprintln(&b, d.changed[i].at.time.UTC())
		}
		e.SetBody(nil)
		e.SetOriginalStart(nil)
		e.SetExceptionOccurrences(nil)
		e.SetCancelledOccurrences(nil)
		b.Write(eventJSON(t, e))
	}
	for _, at := range d.cancelled {
		fmt.Fprintln(&b, at.time.UTC())
	}
	return b.String()
}

// missing returns the lines of the events of one calendar that another one lacks, by component.
func missing(t *rapid.T, source, got []byte) (lost []string) {
	a, errA := readICalendar(source)
	b, errB := readICalendar(got)
	if errA != nil || errB != nil {
		t.Fatalf("%v, %v", errA, errB)
	}
	there := map[string][]string{}
	for _, c := range b.Children {
		there[raw(c, ical.PropRecurrenceID)] = append(there[raw(c, ical.PropRecurrenceID)], linesOf(c)...)
	}
	for _, c := range a.Children {
		for _, line := range linesOf(c) {
			if !slices.Contains(there[raw(c, ical.PropRecurrenceID)], line) {
				lost = append(lost, line)
			}
		}
	}
	return lost
}

func linesOf(c *ical.Component) (lines []string) {
	for _, name := range sortedNames(c.Props) {
		for _, p := range c.Props[name] {
			lines = append(lines, lineOf(p))
		}
	}
	for _, child := range c.Children {
		lines = append(lines, string(writeICalendar(child)))
	}
	return lines
}

// anEvent draws an event, or a series with exceptions, whose occurrences all are days of its rule.
func anEvent(t *rapid.T) []byte {
	day := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, rapid.IntRange(0, 3000).Draw(t, "day"))
	form := rapid.SampledFrom([]string{"date", "utc", "floating", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "W. Europe Standard Time"}).Draw(t, "form")
	at := func(name string, day time.Time, hour int) string {
		switch form {
		case "date":
			return name + ";VALUE=DATE:" + day.Format(dateOnly) + "\r\n"
		case "utc":
			return name + ":" + day.Add(time.Duration(hour)*time.Hour).Format(utcTime) + "\r\n"
		case "floating":
			return name + ":" + day.Add(time.Duration(hour)*time.Hour).Format(localTime) + "\r\n"
		}
		return name + ";TZID=" + form + ":" + day.Add(time.Duration(hour)*time.Hour).Format(localTime) + "\r\n"
	}
	var b bytes.Buffer
	b.WriteString("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:drawn\r\n" + at("DTSTART", day, 9) + at("DTEND", day.AddDate(0, 0, 1), 10))
	step := aRule(t, &b, day)
	if step > 0 && rapid.Bool().Draw(t, "cancelled") {
		b.WriteString(at("EXDATE", day.AddDate(0, 0, 2*step), 9))
	}
	someProperties(t, &b)
	b.WriteString("END:VEVENT\r\n")
	if step > 0 && rapid.Bool().Draw(t, "changed") {
		b.WriteString("BEGIN:VEVENT\r\nUID:drawn\r\n" + at("RECURRENCE-ID", day.AddDate(0, 0, step), 9) + at("DTSTART", day.AddDate(0, 0, step), 11) +
			at("DTEND", day.AddDate(0, 0, step+1), 12))
		someProperties(t, &b)
		b.WriteString("END:VEVENT\r\n")
	}
	b.WriteString("END:VCALENDAR\r\n")
	return b.Bytes()
}

// aRule draws a rule that begins on a day, and returns after how many days it yields another, or 0 where that is not so simple.
func aRule(t *rapid.T, b *bytes.Buffer, day time.Time) (step int) {
	code := dayCodes()[day.Weekday()]
	n := (day.Day()-1)/7 + 1
	interval := rapid.IntRange(1, 4).Draw(t, "interval")
	end := rapid.SampledFrom([]string{"", ";COUNT=20", ";UNTIL=" + day.AddDate(3, 0, 0).Format(utcTime), ";COUNT=5000"}).Draw(t, "end")
	rules := []string{
		"", "FREQ=DAILY", "FREQ=WEEKLY", "FREQ=WEEKLY;BYDAY=" + code, fmt.Sprintf("FREQ=MONTHLY;BYMONTHDAY=%d", day.Day()),
		fmt.Sprintf("FREQ=MONTHLY;BYDAY=%d%s", n, code), fmt.Sprintf("FREQ=YEARLY;BYMONTH=%d;BYMONTHDAY=%d", day.Month(), day.Day()),
		fmt.Sprintf("FREQ=YEARLY;BYMONTH=%d;BYDAY=%d%s", day.Month(), n, code), "FREQ=MONTHLY;BYDAY=" + code + ";BYSETPOS=" + fmt.Sprint(n),
		"FREQ=HOURLY", "FREQ=MONTHLY;BYMONTHDAY=-2", "FREQ=YEARLY;BYWEEKNO=20",
	}
	i := rapid.IntRange(0, len(rules)-1).Draw(t, "rule")
	if rules[i] == "" {
		return 0
	}
	fmt.Fprintf(b, "RRULE:%s;INTERVAL=%d%s\r\n", rules[i], interval, end)
	return []int{0, interval, 7 * interval, 7 * interval, 0, 0, 0, 0, 0, 0, 0, 0}[i]
}

// someProperties draws properties, of the mapped ones and of others.
func someProperties(t *rapid.T, b *bytes.Buffer) {
	for _, p := range rapid.SliceOfNDistinct(rapid.IntRange(0, 15), 0, 16, rapid.ID).Draw(t, "properties") {
		word := escapeCalendarText(rapid.StringMatching(`[a-zA-Zäß€ ,;\\:"'<>&-]{1,40}`).Draw(t, "text"))
		b.WriteString([]string{
			"SUMMARY:" + word, "LOCATION:" + word, "DESCRIPTION:" + word + `\n` + word, "CLASS:" + pick(t, "PUBLIC", "PRIVATE", "CONFIDENTIAL", "X-OTHER"),
			"PRIORITY:" + pick(t, "0", "1", "3", "5", "7", "9", "many"), "TRANSP:" + pick(t, "OPAQUE", "TRANSPARENT"),
			"X-MICROSOFT-CDO-BUSYSTATUS:" + pick(t, "FREE", "BUSY", "TENTATIVE", "OOF", "WORKINGELSEWHERE"), "STATUS:" + pick(t, "CONFIRMED", "TENTATIVE"),
			"CATEGORIES:" + word + "," + word, "GEO:52.5;13.4", "ATTENDEE;CN=Bob:mailto:bob@example.org", "ORGANIZER:mailto:ann@example.org",
			"X-OTHER;PARAM=\"a:b\",c:" + word, "COMMENT:" + word, "URL:https://example.org/",
			"BEGIN:VALARM\r\nACTION:DISPLAY\r\nDESCRIPTION:" + word + "\r\nTRIGGER:" + pick(t, "-PT15M", "-P1DT2H", "PT0S", "PT5M", "bad") + "\r\nEND:VALARM",
		}[p] + "\r\n")
	}
}

func pick(t *rapid.T, values ...string) string { return rapid.SampledFrom(values).Draw(t, "value") }

// FuzzEventFromICalendar wants no text to panic, and what is made of one to be within the limits, and to be read back.
func FuzzEventFromICalendar(f *testing.F) {
	files, err := filepath.Glob("testdata/events/*.ics")
	if err != nil || len(files) == 0 {
		f.Fatal("no inputs", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(filepath.Clean(file))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := eventFromICalendar(text)
		if err != nil {
			return
		}
		if n := utf16Length(d.kept); n > maxKept {
			t.Errorf("%d code units are kept", n)
		}
		calendar, err := stored(d).iCalendar()
		if err != nil {
			t.Fatal(err)
		}
		out := writeICalendar(calendar)
		for line := range bytes.SplitSeq(out, []byte("\r\n")) {
			if len(line) > maxCalendarLine {
				t.Errorf("a line of %d octets", len(line))
			}
		}
		if _, err := eventFromICalendar(out); err != nil {
			t.Errorf("%v in what came back:\n%s", err, out)
		}
	})
}

func TestHostileCalendars(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("x", 1<<20)
	for name, text := range map[string]string{
		"deep nesting":            "BEGIN:VCALENDAR\r\n" + strings.Repeat("BEGIN:VEVENT\r\n", 100_000),
		"nesting within an event": string(testEvent("n", strings.Repeat("BEGIN:X\r\n", 5)+strings.Repeat("END:X\r\n", 5))),
		"long value":              string(testEvent("v", "X-LONG:"+big+"\r\nDESCRIPTION:"+big+"\r\n")),
		"long parameter":          string(testEvent("p", "X-LONG;A="+big+":1\r\n")),
		"long name":               string(testEvent("p", big+":1\r\n")),
		"open quote":              string(testEvent("q", "X-LONG;A=\""+big+"\r\n")),
		"parameter without value": string(testEvent("e", "X;A=b\r\nX;A\r\nX;A=\r\nX;=:\r\n;:\r\n:\r\n")),
		"many parameters":         string(testEvent("m", "X"+strings.Repeat(";A=b", 200_000)+":1\r\n")),
		"many properties":         string(testEvent("m", manyLines("X-%d:1\r\n", 50_000))),
		"many exceptions":         string(testEvent("m", "RRULE:FREQ=DAILY\r\n"+manyLines("EXDATE:20260323T110000Z\r\n", 50_000))),
		"many zones":              strings.Replace(string(testEvent("z", "")), "BEGIN:VEVENT", manyLines("BEGIN:VTIMEZONE\r\nTZID:%d\r\nEND:VTIMEZONE\r\n", 500)+"BEGIN:VEVENT", 1),
		"huge numbers":            string(testEvent("h", "RRULE:FREQ=DAILY;INTERVAL=99999999999999999999;COUNT=-1\r\nDURATION:P999999999W\r\nGEO:NaN;Inf\r\n")),
		"huge duration":           strings.Replace(string(testEvent("d", "DURATION:P999999999D\r\n")), "DTEND:20260323T120000Z\r\n", "", 1),
		"invalid UTF-8":           string(testEvent("u\xff\xfe", "SUMMARY:\xc3\x28\x00\x01\r\n")),
	} {
		d, err := eventFromICalendar([]byte(text))
		if err != nil {
			if name == "deep nesting" || name == "many exceptions" {
				continue
			}
			t.Errorf("%s: %v", name, err)
			continue
		}
		if utf16Length(d.kept) > maxKept {
			t.Errorf("%s: too much is kept", name)
		}
		if _, err := stored(d).iCalendar(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, at := range []string{"20261301T000000Z", "20260230", "00000101T000000Z", "99991231T235959Z", "2026-01-01", "", "T", "20260101T250000Z"} {
		text := strings.Replace(string(testEvent("t", "")), "20260323T110000Z", at, 1)
		if _, err := eventFromICalendar([]byte(text)); err == nil {
			t.Errorf("%q is a start", at)
		}
	}
}

// manyLines repeats a line with a number in it, if it has room for one.
func manyLines(line string, n int) string {
	var b strings.Builder
	for i := range n {
		if strings.Contains(line, "%d") {
			fmt.Fprintf(&b, line, i)
		} else {
			b.WriteString(line)
		}
	}
	return b.String()
}
