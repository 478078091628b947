package watermark_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/dandyroll/dandyroll/watermark"
)

func TestCut(t *testing.T) {
	t.Parallel()
	m := testMark(t)
	line := watermark.Field + ": " + m.String() + "\r\n"
	n := len(line)
	pad := watermark.Pad + "\r\n"
	for name, test := range map[string]struct {
		head string
		want []int
	}{
		"usual":               {line + "Subject: x\r\n\r\n", []int{n}},
		"nothing behind":      {line, []int{n}},
		"pad":                 {line + pad + " folded\r\n", []int{n, n + len(pad)}},
		"empty line":          {line + "\r\ntext", []int{n, n + 2}},
		"lone line feed":      {line + "\ntext", []int{n}},
		"other case":          {strings.ToUpper(line), []int{n}},
		"empty":               {"", nil},
		"no mark":             {"Subject: x\r\n" + line, nil},
		"cut within the line": {line[:n-1], nil},
		"line end is a feed":  {line[:n-2] + "\nSubject: x\r\n", nil},
		"another space":       {strings.Replace(line, ": ", ":  ", 1), nil},
		"no space":            {strings.Replace(line, ": ", ":", 1), nil},
		"another field":       {"X-Dandyroll2" + line[len(watermark.Field):], nil},
		"newer":               {strings.Replace(line, ": 1.", ": 2.", 1), nil},
		"garbled":             {watermark.Field + ": x\r\n", nil},
		"only the name":       {watermark.Field + ":\r\n", nil},
	} {
		got, prefixes := watermark.Cut([]byte(test.head))
		if !slices.Equal(prefixes, test.want) || (got == m) != (test.want != nil) || test.want == nil && got != (watermark.Mark{}) {
			t.Errorf("%s: %v, %v, want %v", name, got, prefixes, test.want)
		}
	}
}

// TestCutInvertsPrefix holds for bodies of every beginning that the length of the prefix is one of
// those that Cut names, also where it sees no more than 128 bytes.
func TestCutInvertsPrefix(t *testing.T) {
	t.Parallel()
	m := testMark(t)
	pieces := []string{watermark.Pad, watermark.Field + ": " + m.String(), "Subject: x", "text", " ", "\t", "\r\n", "\r\n", "\n", "\r", ":"}
	rapid.Check(t, func(t *rapid.T) {
		body := []byte(strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 8).Draw(t, "body"), ""))
		checkCut(t, m, body)
	})
}

// checkCut checks that Cut inverts Prefix for one body.
func checkCut(t rapid.TB, m watermark.Mark, body []byte) {
	t.Helper()
	prefix := watermark.Prefix(m, body)
	stamped := slices.Concat(prefix, body)
	got, lengths := watermark.Cut(stamped)
	if got != m || !slices.Contains(lengths, len(prefix)) || len(lengths) > 2 || !slices.IsSorted(lengths) {
		t.Errorf("a prefix of %d bytes is cut as %v, %v, from %q", len(prefix), got, lengths, stamped)
	}
	if n := slices.Max(append(lengths, 0)); n > len(stamped) {
		t.Errorf("the length %d is none of %q", n, stamped)
	}
	if short, some := watermark.Cut(stamped[:min(len(stamped), 128)]); short != got || !slices.Equal(some, lengths) {
		t.Errorf("from 128 bytes it is cut as %v, %v, want %v", short, some, lengths)
	}
}
