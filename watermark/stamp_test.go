package watermark_test

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/dandyroll/dandyroll/watermark"
)

//nolint:gochecknoglobals // a flag of the test program
var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

func bodies() map[string]string {
	return map[string]string{
		"usual":                  "From: a@example.org\r\nSubject: x\r\n\r\nbody\r\n",
		"header-only":            "Subject: x\r\n",
		"no-line-end":            "Subject: x",
		"line-feeds":             "From: a@example.org\nSubject: x\n\nbody\n",
		"marked-already":         watermark.Field + ": 1.imap.imap.aaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaa\r\n\r\nbody",
		"space-before-colon":     "Subject : x\r\n\r\nbody",
		"byte-order-mark":        "\xef\xbb\xbfSubject: x\r\n\r\nbody",
		"eight-bit":              "Subject: gr\xfc\xdfe\r\n\r\nb\xf6dy \x00",
		"empty":                  "",
		"empty-header":           "\r\nbody\r\n",
		"empty-header-line-feed": "\nbody\n",
		"no-header":              "just a text: without any header\r\nof two lines\r\n",
		"no-header-one-word":     "text",
		"no-header-paragraphs":   "Dear Ann,\r\n\r\nsee below.\r\n",
		"begins-with-space":      " folded\r\nSubject: x\r\n\r\nbody",
		"begins-with-tab":        "\tfolded\r\n\r\nbody",
		"begins-with-blank-line": "   \r\nSubject: x\r\n\r\nbody",
		"junk-first-line":        "junk\r\nSubject: x\r\n\r\nbody",
		"mbox-from":              "From ann@example.org Sat Nov 21 22:55:03 2026\r\nSubject: x\r\n\r\nbody",
		"mbox-quoted-from":       ">From ann@example.org\nSubject: x\n\nbody",
		"colon-first":            ": x\r\n\r\nbody",
	}
}

// TestStampGolden compares what Stamp writes, line by line, with testdata. The files hold each line
// as a quoted Go string, so that a change of any byte shows in a review.
func TestStampGolden(t *testing.T) {
	t.Parallel()
	m := testMark(t)
	for name, body := range bodies() {
		stamped := stamp(t, m, body)
		if !strings.HasSuffix(stamped, body) {
			t.Errorf("%s: the body is not the end of %q", name, stamped)
		}
		if got := watermark.Read([]byte(stamped)); len(got.Marks) == 0 || got.Marks[0] != m {
			t.Errorf("%s: the mark is not read back first: %+v", name, got)
		}
		var quoted strings.Builder
		for line := range strings.Lines(stamped) {
			quoted.WriteString(strconv.QuoteToASCII(line) + "\n")
		}
		golden(t, filepath.Join("testdata", "stamp", name+".golden"), quoted.String())
	}
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%swant\n%s", path, got, want)
	}
}

// stamp reads all of a stamped body, in pieces of one byte and whole, and checks the stated size.
func stamp(t testing.TB, m watermark.Mark, body string) string {
	t.Helper()
	whole, size, err := watermark.Stamp(m, strings.NewReader(body), int64(len(body)))
	if err != nil {
		t.Fatal(err)
	}
	if err := iotest.TestReader(whole, append(watermark.Prefix(m, []byte(body)[:min(len(body), 64<<10)]), body...)); err != nil {
		t.Errorf("reader of a body of %d bytes: %v", len(body), err)
	}
	pieces, _, err := watermark.Stamp(m, iotest.OneByteReader(strings.NewReader(body)), int64(len(body)))
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(pieces)
	if err != nil || int64(len(out)) != size {
		t.Errorf("%d bytes with error %v, stated were %d", len(out), err, size)
	}
	return string(out)
}

func TestStampLargeBodies(t *testing.T) {
	t.Parallel()
	m := testMark(t)
	for _, size := range []int{64<<10 - 1, 64 << 10, 64<<10 + 1, 1 << 20} {
		body := "Subject: x\r\n\r\n" + strings.Repeat("x", size-14)
		if stamped := stamp(t, m, body); !strings.HasSuffix(stamped, "\r\n"+body) {
			t.Errorf("a body of %d bytes is changed", size)
		}
	}
	// The empty line that ends the header lies beyond what decides about the beginning.
	body := strings.Repeat("junk", 20_000) + "\r\n\r\nbody"
	if stamped := stamp(t, m, body); !strings.HasSuffix(stamped, "\r\n\r\n"+body) {
		t.Error("no empty line is put before a text without a header in its first 64 KiB")
	}
}

func TestStampChecksSize(t *testing.T) {
	t.Parallel()
	m := testMark(t)
	broken := errors.New("broken")
	tests := map[string]struct {
		body io.Reader
		size int64
		want error // nil: any
	}{
		"negative":                   {strings.NewReader(""), -1, nil},
		"too short":                  {strings.NewReader("A: b"), 5, io.ErrUnexpectedEOF},
		"empty but not to be":        {strings.NewReader(""), 1, io.ErrUnexpectedEOF},
		"too short behind the head":  {strings.NewReader(strings.Repeat("x", 70_000)), 70_001, io.ErrUnexpectedEOF},
		"too long":                   {strings.NewReader("A: b"), 3, nil},
		"too long behind the head":   {strings.NewReader(strings.Repeat("x", 70_000)), 69_999, nil},
		"fails at once":              {iotest.ErrReader(broken), 3, broken},
		"fails behind the head":      {io.MultiReader(strings.NewReader(strings.Repeat("x", 70_000)), iotest.ErrReader(broken)), 80_000, broken},
		"fails instead of ending":    {io.MultiReader(strings.NewReader("A: b"), iotest.ErrReader(broken)), 4, broken},
		"ends with the last byte":    {iotest.DataErrReader(strings.NewReader(strings.Repeat("x", 70_000))), 70_001, io.ErrUnexpectedEOF},
		"announces far more than is": {strings.NewReader("A: b"), 1 << 60, io.ErrUnexpectedEOF},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, _, err := watermark.Stamp(m, test.body, test.size)
			if err == nil {
				_, err = io.Copy(io.Discard, r)
			}
			if err == nil || test.want != nil && !errors.Is(err, test.want) {
				t.Errorf("error %v, want %v", err, test.want)
			}
		})
	}
	whole := iotest.DataErrReader(strings.NewReader(strings.Repeat("x", 70_000)))
	r, size, err := watermark.Stamp(m, whole, 70_000)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, r); err != nil || n != size {
		t.Errorf("a reader that ends with its last byte gives %d bytes, %v", n, err)
	}
}

func TestStampRefusesTypes(t *testing.T) {
	t.Parallel()
	m := testMark(t)
	m.Types.Source = "no\r\ntype"
	if r, _, err := watermark.Stamp(m, bytes.NewReader(nil), 0); err == nil || r != nil {
		t.Errorf("a mark with a line end in it is written: %v", err)
	}
}
