package memendpoint

import (
	"strings"
	"testing"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/watermark"
)

func TestPropertyIsTheOnlyChange(t *testing.T) {
	t.Parallel()
	m := testMark(t, 0)
	cases := []struct{ name, body, want string }{
		{
			"event",
			"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
			"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n*\r\nUID:1\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
		}, {
			"each override",
			"BEGIN:VCALENDAR\r\nBEGIN:VTODO\r\nUID:1\r\nEND:VTODO\r\nBEGIN:VTODO\r\nRECURRENCE-ID:2\r\nEND:VTODO\r\nEND:VCALENDAR",
			"BEGIN:VCALENDAR\r\nBEGIN:VTODO\r\n*\r\nUID:1\r\nEND:VTODO\r\nBEGIN:VTODO\r\n*\r\nRECURRENCE-ID:2\r\nEND:VTODO\r\nEND:VCALENDAR",
		}, {
			"alarms and time zones stay",
			"BEGIN:VTIMEZONE\nEND:VTIMEZONE\nbegin:vjournal\nBEGIN:VALARM\nEND:VALARM\nEND:VJOURNAL\n",
			"BEGIN:VTIMEZONE\nEND:VTIMEZONE\nbegin:vjournal\n*\nBEGIN:VALARM\nEND:VALARM\nEND:VJOURNAL\n",
		}, {
			"folded begin",
			"BEGIN:VE\r\n VENT\r\nUID:1\r\n", "BEGIN:VE\r\n VENT\r\n*\r\nUID:1\r\n",
		}, {
			"version stays first in a vCard",
			"BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Ann\r\nEND:VCARD\r\n", "BEGIN:VCARD\r\nVERSION:4.0\r\n*\r\nFN:Ann\r\nEND:VCARD\r\n",
		}, {
			"vCard with its version elsewhere (RFC 2426)",
			"BEGIN:VCARD\nFN:Ann\nVERSION:3.0\nEND:VCARD\n", "BEGIN:VCARD\n*\nFN:Ann\nVERSION:3.0\nEND:VCARD\n",
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := pressProperty(m, []byte(c.body))
			if want := strings.ReplaceAll(c.want, "*", "X-DANDYROLL:"+m.String()); err != nil || string(got) != want {
				t.Errorf("got  %q, %v\nwant %q", got, err, want)
			}
			if r := readProperty(got); r.Fields() != 1 || len(r.Marks) != 1 || r.Marks[0] != m {
				t.Errorf("read back as %+v", r)
			}
		})
	}
}

func TestNoPlaceForAProperty(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "\n", "BEGIN:VCALENDAR\nEND:VCALENDAR\n", "BEGIN:VEVENT", "SUMMARY:BEGIN:VEVENT\n", " BEGIN:VEVENT\n"} {
		if got, err := pressProperty(testMark(t, 0), []byte(body)); endpoint.CodeOf(err) != endpoint.Rejected {
			t.Errorf("%q became %q, %v", body, got, err)
		}
	}
}

func TestLongPropertyIsFolded(t *testing.T) {
	t.Parallel()
	m := testMark(t, 0)
	m.Types = watermark.Types{Source: "abcdef", Destination: "uvwxyz"}
	got, err := pressProperty(m, []byte("BEGIN:VEVENT\r\nEND:VEVENT\r\n"))
	mustDo(t, err)
	folds := 0
	for line := range strings.Lines(string(got)) {
		if len(strings.TrimRight(line, "\r\n")) > 75 {
			t.Errorf("line of %d octets: %q", len(line), line)
		}
		if strings.HasPrefix(line, " ") {
			folds++
		}
	}
	if folds != 1 {
		t.Errorf("%d folds in %q", folds, got)
	}
	if r := readProperty(got); len(r.Marks) != 1 || r.Marks[0] != m {
		t.Errorf("read back as %+v", r)
	}
}

func TestReadProperty(t *testing.T) {
	t.Parallel()
	a, b := testMark(t, 0), testMark(t, 1)
	cases := []struct {
		name, body            string
		marks, newer, garbled int
	}{
		{"none", plainCard, 0, 0, 0},
		{"parameters, case, group", "g1.x-Dandyroll;VALUE=TEXT;P=\"a:b\":" + a.String() + "\n", 1, 0, 0},
		{"the same twice", "X-DANDYROLL:" + a.String() + "\nX-DANDYROLL:" + a.String() + "\n", 1, 0, 0},
		{"two", "X-DANDYROLL:" + a.String() + "\nX-DANDYROLL:" + b.String() + "\n", 2, 0, 0},
		{"within another value", "NOTE:hello\\nX-DANDYROLL:" + a.String() + "\n", 0, 0, 0},
		{"folded by another program", "X-DANDYROLL\n :" + a.String()[:9] + "\r\n\t" + a.String()[9:], 1, 0, 0},
		{"newer", "X-DANDYROLL:2." + a.String()[2:] + "\n", 0, 1, 0},
		{"garbled", "X-DANDYROLL:hello\nX-DANDYROLL\n", 0, 0, 2},
		{"huge", "X-DANDYROLL:" + strings.Repeat("a", 1<<20) + "\n", 0, 0, 1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := readProperty([]byte(c.body))
			if len(r.Marks) != c.marks || r.Newer != c.newer || r.Garbled != c.garbled {
				t.Errorf("read %+v", r)
			}
		})
	}
}

// FuzzProperty holds that whatever the text, the property can be taken out again, leaving the text,
// and is found where it was put.
func FuzzProperty(f *testing.F) {
	for _, k := range endpoint.AllKinds() {
		f.Add([]byte(sample(k)))
	}
	f.Add([]byte("BEGIN:VCARD\r\n \r\nVERSION:4.0\n\tX:\"\r\nBEGIN:VCARD\n"))
	m := testMark(f, 0)
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := pressProperty(m, body)
		if err != nil {
			return
		}
		line := Property + ":" + m.String()
		restored := strings.ReplaceAll(strings.ReplaceAll(string(got), line+"\r\n", ""), line+"\n", "")
		if restored != string(body) {
			t.Errorf("%q\nbecame %q", body, got)
		}
		if r := readProperty(got); r.Fields() <= 16 && len(r.Marks) == 0 {
			t.Errorf("%q reads as %+v", got, r)
		}
		identify(endpoint.Event, body)
	})
}
