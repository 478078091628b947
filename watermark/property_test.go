package watermark_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/dandyroll/dandyroll/watermark"
)

const plainCard = "BEGIN:VCARD\r\nVERSION:4.0\r\nUID:card-1\r\nFN:Ann\r\nEND:VCARD\r\n"

func TestPropertyIsTheOnlyChange(t *testing.T) {
	t.Parallel()
	m := testMark(t)
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
			got, err := watermark.StampProperty(m, []byte(c.body))
			if want := strings.ReplaceAll(c.want, "*", "X-DANDYROLL:"+m.String()); err != nil || string(got) != want {
				t.Errorf("got  %q, %v\nwant %q", got, err, want)
			}
			if r := watermark.ReadProperty(got); r.Fields() != 1 || len(r.Marks) != 1 || r.Marks[0] != m {
				t.Errorf("read back as %+v", r)
			}
			if stripped := watermark.StripProperty(got); string(stripped) != c.body {
				t.Errorf("stripped to %q", stripped)
			}
		})
	}
}

func TestNoPlaceForAProperty(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "\n", "BEGIN:VCALENDAR\nEND:VCALENDAR\n", "BEGIN:VEVENT", "SUMMARY:BEGIN:VEVENT\n", " BEGIN:VEVENT\n"} {
		if got, err := watermark.StampProperty(testMark(t), []byte(body)); got != nil || !errors.Is(err, watermark.ErrNoComponent) {
			t.Errorf("%q became %q, %v", body, got, err)
		}
	}
}

func TestStampPropertyRefusesTypes(t *testing.T) {
	t.Parallel()
	m := testMark(t)
	m.Types.Source = "no\r\ntype"
	if got, err := watermark.StampProperty(m, []byte(plainCard)); err == nil || got != nil {
		t.Errorf("a mark with a line end in it is written: %q", got)
	}
}

func TestLongPropertyIsFolded(t *testing.T) {
	t.Parallel()
	const body = "BEGIN:VEVENT\r\nEND:VEVENT\r\n"
	m := testMark(t)
	m.Types = watermark.Types{Source: "abcdef", Destination: "uvwxyz"}
	got, err := watermark.StampProperty(m, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
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
	if r := watermark.ReadProperty(got); len(r.Marks) != 1 || r.Marks[0] != m {
		t.Errorf("read back as %+v", r)
	}
	if stripped := watermark.StripProperty(got); string(stripped) != body {
		t.Errorf("stripped to %q", stripped)
	}
}

func TestReadProperty(t *testing.T) {
	t.Parallel()
	a, b := testMark(t), testMark(t)
	b.Item[0]++
	cases := []struct {
		name, body            string
		marks, newer, garbled int
		stripped              string
	}{
		{"none", plainCard, 0, 0, 0, plainCard},
		{"parameters, case, group", "g1.x-Dandyroll;VALUE=TEXT;P=\"a:b\":" + a.String() + "\n", 1, 0, 0, ""},
		{"the same twice", "X-DANDYROLL:" + a.String() + "\nX:y\nX-DANDYROLL:" + a.String() + "\n", 1, 0, 0, "X:y\n"},
		{"two", "X-DANDYROLL:" + a.String() + "\nX-DANDYROLL:" + b.String() + "\nX:y", 2, 0, 0, "X:y"},
		{"within another value", "NOTE:hello\\nX-DANDYROLL\n", 0, 0, 0, "NOTE:hello\\nX-DANDYROLL\n"},
		{"folded by another program", "A:b\n\tX-DANDYROLL\r\nX-DANDYROLL\n :" + a.String()[:9] + "\r\n\t" + a.String()[9:], 1, 0, 0, "A:b\n\tX-DANDYROLL\r\n"},
		{"newer", "X-DANDYROLL:2." + a.String()[2:] + "\n", 0, 1, 0, ""},
		{"garbled", "X-DANDYROLL:hello\nX-DANDYROLL\n", 0, 0, 2, ""},
		{"another name", "X-DANDYROLL2:hello\nY-X-DANDYROLL:a\n", 0, 0, 0, "X-DANDYROLL2:hello\nY-X-DANDYROLL:a\n"},
		{"huge", "X-DANDYROLL:" + strings.Repeat("a", 1<<20) + "\n", 0, 0, 1, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := watermark.ReadProperty([]byte(c.body))
			if len(r.Marks) != c.marks || r.Newer != c.newer || r.Garbled != c.garbled {
				t.Errorf("read %+v", r)
			}
			if got := watermark.StripProperty([]byte(c.body)); string(got) != c.stripped {
				t.Errorf("stripped to %q, want %q", got, c.stripped)
			}
		})
	}
}

func TestStripPropertyInvertsStampProperty(t *testing.T) {
	t.Parallel()
	m := testMark(t)
	pieces := []string{
		"BEGIN:VEVENT", "BEGIN:VCARD", "VERSION:4.0", "UID:1", "BEGIN:VALARM", "END:VEVENT", "BEGIN:", "\"", ";",
		"X-DANDYROLL", "X-DANDYROLL:" + m.String(), "\r\n", "\r\n", "\r\n", "\n", "\n", " ", "\t", "\r",
	}
	rapid.Check(t, func(t *rapid.T) {
		checkProperty(t, m, []byte(strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 12).Draw(t, "body"), "")))
	})
}

// FuzzProperty holds what TestStripPropertyInvertsStampProperty does for any text at all.
func FuzzProperty(f *testing.F) {
	f.Add([]byte(plainCard))
	f.Add([]byte("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"))
	f.Add([]byte("BEGIN:VCARD\r\n \r\nVERSION:4.0\n\tX:\"\r\nBEGIN:VCARD\n"))
	m := testMark(f)
	f.Fuzz(func(t *testing.T, body []byte) { checkProperty(t, m, body) })
}

// checkProperty checks that the property is found where it was put into a text, and can be taken out
// again, leaving the text without any such property.
func checkProperty(t rapid.TB, m watermark.Mark, body []byte) {
	t.Helper()
	bare := watermark.StripProperty(body)
	if left := watermark.ReadProperty(bare); left.Fields() != 0 {
		t.Errorf("stripped %q, it reads as %+v", bare, left)
	}
	if watermark.ReadProperty(body).Fields() == 0 && !bytes.Equal(bare, body) {
		t.Errorf("%q has no such property, but is stripped to %q", body, bare)
	}
	for _, text := range [][]byte{body, bare} {
		stamped, err := watermark.StampProperty(m, text)
		if err != nil {
			continue
		}
		if r := watermark.ReadProperty(stamped); r.Fields() <= 16 && len(r.Marks) == 0 {
			t.Errorf("%q reads as %+v", stamped, r)
		}
		if again := watermark.StripProperty(stamped); !bytes.Equal(again, bare) {
			t.Errorf("%q\nbecame %q\nand then %q", text, stamped, again)
		}
	}
}
