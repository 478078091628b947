package watermark_test

import (
	"encoding/base64"
	"mime"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/dandyroll/dandyroll/watermark"
)

func TestRead(t *testing.T) {
	t.Parallel()
	m := testMark(t)
	other := m
	other.Item[0]++
	text := m.String()
	line := watermark.Field + ": " + text + "\r\n"
	word := mime.QEncoding.Encode("utf-8", text+"ü") // Encode leaves ASCII alone
	word = strings.Replace(word, "=C3=BC", "", 1)
	encoded := base64.StdEncoding.EncodeToString([]byte(text))
	one := watermark.Reading{Marks: []watermark.Mark{m}}
	tests := map[string]struct {
		header string
		want   watermark.Reading
	}{
		"none":                     {"Subject: x\r\n\r\n", watermark.Reading{}},
		"empty":                    {"", watermark.Reading{}},
		"first":                    {line + "Subject: x\r\n\r\nbody", one},
		"last":                     {"Subject: x\r\n" + line + "\r\nbody", one},
		"no end":                   {"Subject: x\r\n" + strings.TrimSpace(line), one},
		"line feeds":               {"A: b\n" + strings.ReplaceAll(line, "\r", "") + "\nbody", one},
		"lower case":               {strings.ToLower(line), one},
		"upper case":               {strings.ToUpper(line), one},
		"no space":                 {strings.Replace(line, ": ", ":", 1), one},
		"space before the colon":   {strings.Replace(line, ":", " \t:", 1), one},
		"spaces around":            {strings.Replace(line, ": ", ": \t ", 1) + " \t\r\n", one},
		"folded":                   {watermark.Field + ":\r\n " + text[:30] + "\r\n\t" + text[30:] + "\r\n", one},
		"folded within types":      {watermark.Field + ": 1.im\r\n ap" + text[6:] + "\r\n", one},
		"folded with line feeds":   {watermark.Field + ":\n " + text[:30] + "\n  " + text[30:] + "\n", one},
		"folded over blank lines":  {watermark.Field + ":\r\n \t\r\n " + text + "\r\n", one},
		"RFC 2047 Q":               {watermark.Field + ": " + word + "\r\n", one},
		"RFC 2047 B":               {watermark.Field + ": =?UTF-8?b?" + encoded + "?=\r\n", one},
		"RFC 2047 two words":       {watermark.Field + ": =?us-ascii?Q?" + text[:20] + "?=\r\n =?utf-8?Q?" + text[20:] + "?=\r\n", one},
		"RFC 2047 first letter":    {watermark.Field + ": =?utf-8?Q?=31" + text[1:] + "?=\r\n", one},
		"RFC 2047 unknown charset": {watermark.Field + ": =?x-none?Q?" + text + "?=\r\n", watermark.Reading{Garbled: 1}},
		"RFC 2047 in the middle":   {watermark.Field + ": " + text[:20] + "=?utf-8?Q?" + text[20:] + "?=\r\n", watermark.Reading{Garbled: 1}},
		"RFC 2047 without an end":  {watermark.Field + ": =?utf-8?Q?" + text + "\r\n", watermark.Reading{Garbled: 1}},
		"two":                      {line + "A: b\r\n" + watermark.Field + ": " + other.String() + "\r\n", watermark.Reading{Marks: []watermark.Mark{m, other}}},
		"the same twice":           {line + line, watermark.Reading{Marks: []watermark.Mark{m, m}}},
		"newer": {
			watermark.Field + ": 2.a.b." + m.Pair.String() + ".secret\r\n" + line,
			watermark.Reading{Marks: []watermark.Mark{m}, Newer: 1, NewerPairs: []watermark.PairTag{m.Pair}},
		},
		"newer, of no pair":       {watermark.Field + ": 2.secret\r\n" + line, watermark.Reading{Marks: []watermark.Mark{m}, Garbled: 1}},
		"garbled":                 {watermark.Field + ": nonsense\r\n" + watermark.Field + ":\r\n" + line, watermark.Reading{Marks: []watermark.Mark{m}, Garbled: 2}},
		"name with a suffix":      {watermark.Field + "-Pad: " + text + "\r\n", watermark.Reading{}},
		"name with a prefix":      {"X-" + line, watermark.Reading{}},
		"name without a colon":    {watermark.Field + "\r\n", watermark.Reading{}},
		"name behind a space":     {" " + line, watermark.Reading{}},
		"in the body":             {"Subject: x\r\n\r\n" + line, watermark.Reading{}},
		"in the body, line feeds": {"Subject: x\n\n" + line, watermark.Reading{}},
		"behind an empty header":  {"\r\n" + line, watermark.Reading{}},
		"in a continuation":       {"Subject: x\r\n " + line, watermark.Reading{}},
		"in a value":              {"Subject: " + line, watermark.Reading{}},
		"behind junk":             {"junk\r\nFrom a@b 1\r\n\xff\xfe\r\n" + line, one},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := watermark.Read([]byte(test.header)); !reflect.DeepEqual(got, test.want) {
				t.Errorf("Read gives %+v,\nwant %+v of %q", got, test.want, test.header)
			}
		})
	}
}

func TestReadNotInAttachedMessages(t *testing.T) {
	t.Parallel()
	line := watermark.Field + ": " + testMark(t).String() + "\r\n"
	message := "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" +
		line + "--b\r\n" + line + "Content-Type: message/rfc822\r\n\r\n" + line + "Subject: attached\r\n\r\nbody\r\n--b--\r\n"
	if got := watermark.Read([]byte(message)); got.Fields() != 0 {
		t.Errorf("Read finds %+v in the body", got)
	}
	forwarded := line + "Content-Type: message/rfc822\r\n\r\n" + line + "Subject: forwarded\r\n\r\n"
	if got := watermark.Read([]byte(forwarded)); len(got.Marks) != 1 || got.Fields() != 1 {
		t.Errorf("Read finds %+v, want the mark of the outer message alone", got)
	}
}

func TestReadLimits(t *testing.T) {
	t.Parallel()
	m := testMark(t)
	line := watermark.Field + ": " + m.String() + "\r\n"

	got := watermark.Read([]byte(strings.Repeat(line, 100)))
	if len(got.Marks) != 16 || got.Garbled != 84 {
		t.Errorf("of 100 marks %d are read and %d garbled, want 16 and 84", len(got.Marks), got.Garbled)
	}
	got = watermark.Read([]byte(strings.Repeat(watermark.Field+": x\r\n", 16) + line))
	if len(got.Marks) != 0 || got.Garbled != 17 {
		t.Errorf("behind 16 garbled fields %d marks are read and %d fields garbled, want 0 and 17", len(got.Marks), got.Garbled)
	}

	// White space counts as part of the value, but not around it.
	padded := func(size int) []byte {
		text := m.String()
		return []byte(watermark.Field + ": " + text[:10] + strings.Repeat(" ", size-len(text)) + text[10:] + "    \r\n")
	}
	if got := watermark.Read(padded(256)); len(got.Marks) != 1 {
		t.Errorf("a value of 256 bytes is read as %+v", got)
	}
	if got := watermark.Read(padded(257)); len(got.Marks) != 0 || got.Garbled != 1 {
		t.Errorf("a value of 257 bytes is read as %+v", got)
	}
}

// TestReadHostileSizes reads headers of 8 MiB, none of which may make Read allocate as much. It is
// not parallel, because it measures the allocations of the whole program.
func TestReadHostileSizes(t *testing.T) {
	const size = 8 << 20
	line := watermark.Field + ": " + testMark(t).String() + "\r\n"
	headers := map[string]string{
		"long name":          strings.Repeat("n", size) + ": x\r\n",
		"long value":         watermark.Field + ": " + strings.Repeat("1.", size/2) + "\r\n",
		"long folded value":  watermark.Field + ":" + strings.Repeat("\r\n =?utf-8?q?=31?=", size/18) + "\r\n",
		"many fields":        strings.Repeat(watermark.Field+":1\r\n", size/15),
		"many continuations": "A: b\r\n" + strings.Repeat(" \n", size/2),
		"no colon":           strings.Repeat("x", size),
	}
	for name, header := range headers {
		message := []byte(header + line)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got := watermark.Read(message)
		runtime.ReadMemStats(&after)
		if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 64<<10 {
			t.Errorf("%s: Read allocates %d bytes", name, allocated)
		}
		if len(got.Marks) > 16 {
			t.Errorf("%s: %d marks", name, len(got.Marks))
		}
	}
}
