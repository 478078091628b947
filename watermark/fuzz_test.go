package watermark_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/dandyroll/dandyroll/watermark"
)

// FuzzParse checks that Parse never panics, accepts exactly what String writes, in either case, and
// names one of its two reasons otherwise.
func FuzzParse(f *testing.F) {
	good := testMark(f).String()
	for _, seed := range []string{good, strings.ToUpper(good), "", "2." + good, good + ".", strings.Repeat(".", 300), "1.a.b.c.d.e", "\u212a"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := watermark.Parse(text)
		if err != nil {
			if !errors.Is(err, watermark.ErrSyntax) && !errors.Is(err, watermark.ErrVersion) {
				t.Errorf("error %v is neither ErrSyntax nor ErrVersion", err)
			}
			known := watermark.Mark{}
			if errors.Is(err, watermark.ErrVersion) {
				known.Pair = m.Pair
			}
			if m != known {
				t.Errorf("a mark comes with the error: %v", m)
			}
			return
		}
		if m.String() != strings.ToLower(text) {
			t.Errorf("Parse(%q).String() = %q", text, m)
		}
		if again, err := watermark.Parse(m.String()); err != nil || again != m {
			t.Errorf("Parse(%q) = %v, %v, want %v", m, again, err, m)
		}
	})
}

// FuzzRead checks that Read never panics and stays within its bounds, and that for any body at all
// the mark that Stamp puts before it is the first that Read finds.
func FuzzRead(f *testing.F) {
	m := testMark(f)
	line := watermark.Field + ": " + m.String() + "\r\n"
	for _, body := range bodies() {
		f.Add([]byte(body))
	}
	f.Add([]byte(strings.Repeat(line, 20)))
	f.Add([]byte(watermark.Field + ": =?utf-8?q?1.imap?=\r\n =?utf-8?b?LmltYXA=?=\r\n"))
	f.Add([]byte("\r \r\n\r\r\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		r := watermark.Read(body)
		if len(r.Marks)+r.Newer > 16 || r.Fields() > bytes.Count(body, []byte(":")) {
			t.Errorf("%d marks, %d newer, %d garbled", len(r.Marks), r.Newer, r.Garbled)
		}
		for _, found := range r.Marks {
			if again, err := watermark.Parse(found.String()); err != nil || again != found {
				t.Errorf("Parse(%q) = %v, %v", found, again, err)
			}
		}
		stamped := stamp(t, m, string(body))
		prefix, found := strings.CutSuffix(stamped, string(body))
		if !found || !strings.HasPrefix(prefix, line) {
			t.Errorf("stamped to %q", stamped)
		}
		if got := watermark.Read([]byte(stamped)); len(got.Marks) == 0 || got.Marks[0] != m {
			t.Errorf("the mark is not the first of %+v in %q", got, stamped)
		}
	})
}

// FuzzCut checks that Cut never panics, stays within what it is given, and inverts Prefix.
func FuzzCut(f *testing.F) {
	m := testMark(f)
	line := watermark.Field + ": " + m.String() + "\r\n"
	for _, body := range bodies() {
		f.Add([]byte(body))
	}
	f.Add([]byte(line + watermark.Pad + "\r\n x"))
	f.Fuzz(func(t *testing.T, body []byte) {
		found, lengths := watermark.Cut(body)
		if read := watermark.Read(body); len(lengths) > 0 && (len(read.Marks) == 0 || read.Marks[0] != found) {
			t.Errorf("%v is cut, but not read first in %q", found, body)
		}
		checkCut(t, m, body)
	})
}
