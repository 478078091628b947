package graphendpoint

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	jsonserialization "github.com/microsoft/kiota-serialization-json-go"
	"pgregory.net/rapid"

	"github.com/dandyroll/dandyroll/endpoint"
)

// updateGolden rewrites the golden files of this package: go test ./endpoint/graphendpoint -run Golden -update.
//
//nolint:gochecknoglobals // a flag of a test
var updateGolden = flag.Bool("update", false, "rewrite the golden files")

func mailContent(text string) endpoint.Content { return endpoint.Bytes(endpoint.RFC822, []byte(text)) }

func readString(t *testing.T, text string) *mimeMessage {
	t.Helper()
	m, err := readMessage(mailContent(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// rendered is a message as it is sent, and its attachments.
func rendered(t testing.TB, m *mimeMessage, item endpoint.Put) []byte {
	t.Helper()
	state := stateOf(item.Flags)
	w := jsonserialization.NewJsonSerializationWriter()
	if err := w.WriteObjectValue("", m.json(item, state)); err != nil {
		t.Fatal(err)
	}
	raw, err := w.GetSerializedContent()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]any{"message": json.RawMessage(raw), "dropped": state.dropped, "attachments": renderedFiles(t, m)}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(out); err != nil {
		t.Fatalf("%v in %s", err, raw)
	}
	return b.Bytes()
}

func renderedFiles(t testing.TB, m *mimeMessage) []map[string]any {
	t.Helper()
	var files []map[string]any
	for _, a := range m.attachments {
		content := contentOf(t, a)
		shown := fmt.Sprintf("%q", content)
		if len(content) > 200 {
			shown = fmt.Sprintf("sha256 %x", sha256.Sum256(content))
		}
		files = append(files, map[string]any{
			"name": a.name, "contentType": a.contentType, "contentId": a.contentID, "isInline": a.inline, "size": a.size, "content": shown,
		})
	}
	return files
}

// contentOf reads an attachment, which must be of its size.
func contentOf(t testing.TB, a attachment) []byte {
	t.Helper()
	r, err := a.open()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	content, err := io.ReadAll(r)
	if err != nil || int64(len(content)) != a.size {
		t.Fatalf("%q has %d bytes, said %d: %v", a.name, len(content), a.size, err)
	}
	return content
}

func TestGoldenMessages(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/messages/*.eml")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d messages: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".eml"), func(t *testing.T) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			item := endpoint.Put{
				Mark:     markNo(1),
				Flags:    []endpoint.Flag{endpoint.Seen, endpoint.IsFlagged, "Grün", "$Junk"},
				Received: time.Date(2021, 3, 4, 5, 6, 7, 0, time.FixedZone("", 3600)),
			}
			got := rendered(t, readString(t, string(raw)), item)
			golden := strings.TrimSuffix(file, ".eml") + ".json"
			if *updateGolden {
				if err := os.WriteFile(golden, got, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: %v, got\n%s", golden, err, got)
			}
		})
	}
}

// holds checks what is true of any message: it is converted into what JSON can say, not much more than was reckoned; each of its attachments
// has the size that was said; and the original is one of them or can be.
func holds(t testing.TB, raw []byte) {
	t.Helper()
	m, err := readMessage(endpoint.Bytes(endpoint.RFC822, raw))
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range []*mimeMessage{m, m.unaddressed(), m.bare()} {
		w := jsonserialization.NewJsonSerializationWriter()
		if err := w.WriteObjectValue("", form.json(endpoint.Put{}, messageState{})); err != nil {
			t.Fatal(err)
		}
		out, err := w.GetSerializedContent()
		if err != nil || !json.Valid(out) || !utf8.Valid(out) {
			t.Errorf("no JSON: %v", err)
		}
		if int64(len(out)) > form.weight() {
			t.Errorf("%d bytes of JSON for a weight of %d", len(out), form.weight())
		}
		for _, a := range form.attachments {
			contentOf(t, a)
		}
	}
	if !bytes.Equal(contentOf(t, m.original), raw) {
		t.Error("the original is another")
	}
}

func goldenMessages(t testing.TB) [][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/messages/*.eml")
	if err != nil {
		t.Fatal(err)
	}
	var all [][]byte
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, raw)
	}
	return all
}

func FuzzMessageFromMIME(f *testing.F) {
	for _, raw := range goldenMessages(f) {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) { holds(t, raw) })
}

// TestMessagesOutOfPieces does what the fuzzer does, without compiling the SDK anew: it mixes lines of the golden messages.
func TestMessagesOutOfPieces(t *testing.T) {
	t.Parallel()
	var lines [][]byte
	for _, raw := range goldenMessages(t) {
		lines = append(lines, slices.Collect(bytes.Lines(raw[:min(len(raw), 4096)]))...)
	}
	lines = append(lines, []byte("\r\n"), []byte("\n"), []byte("--\r\n"), []byte("\x00"), []byte("Content-Type: multipart/alternative; boundary=\"--\"\r\n"))
	rapid.Check(t, func(r *rapid.T) {
		pieces := rapid.SliceOfN(rapid.SampledFrom(lines), 0, 60).Draw(r, "lines")
		holds(pieced{t, r}, bytes.Join(pieces, nil))
	})
}

// pieced reports what fails to rapid, which finds a smaller case.
type pieced struct {
	testing.TB
	r *rapid.T
}

func (p pieced) Helper()                      {}
func (p pieced) Error(args ...any)            { p.r.Error(args...) }
func (p pieced) Errorf(f string, args ...any) { p.r.Errorf(f, args...) }
func (p pieced) Fatal(args ...any)            { p.r.Fatal(args...) }
func (p pieced) Fatalf(f string, args ...any) { p.r.Fatalf(f, args...) }

// What an attacker may choose without bounds is bounded here.
func TestMessagesWithoutEnd(t *testing.T) {
	t.Parallel()
	const many = 100_000
	for name, raw := range map[string]string{
		"recipients":  "To: " + strings.Repeat("someone@new.example, ", many) + "\r\n\r\nbody",
		"groups":      "To: " + strings.Repeat("g:", many) + "\r\n\r\nbody",
		"comments":    "To: " + strings.Repeat("(", many) + "\r\n\r\nbody",
		"quotes":      "From: " + strings.Repeat("\"a\" ", many) + "<a@b.example>\r\n\r\nbody",
		"fields":      strings.Repeat("To: a@b.example\r\n", many) + "\r\nbody",
		"words":       "Subject: " + strings.Repeat("=?utf-8?Q?a?= ", many) + "\r\n\r\nbody",
		"folding":     "Subject: a\r\n" + strings.Repeat(" \r\n", many) + "\r\nbody",
		"a long line": "Subject: a\r\n\r\n" + strings.Repeat("x", 30*many),
		"escapes":     "Subject: a\r\n\r\n" + strings.Repeat("\"\\\u2028", 8*many),
		"nesting":     strings.Repeat("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n", many),
		"parts":       "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n\r\n", many),
		"part fields": "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" + strings.Repeat("Content-Id: x\r\n", many),
		"parameters":  "Content-Type: text/html" + strings.Repeat("; a=b c", many) + "\r\n\r\nbody",
		"no header":   strings.Repeat("text\r\n", many),
		"blanks":      "Content-Transfer-Encoding: quoted-printable\r\n\r\n" + strings.Repeat(" ", 10*many),
		"equal signs": "Content-Transfer-Encoding: quoted-printable\r\n\r\n" + strings.Repeat("= ", 10*many),
		"delimiters":  "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--\r\n", 10*many),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begin := time.Now()
			holds(t, []byte(raw))
			if took := time.Since(begin); took > time.Minute {
				t.Errorf("took %v", took)
			}
		})
	}
}

func TestContentThatFailsIsRefused(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for name, content := range map[string]endpoint.Content{
		"does not open":     testContent{size: 3, err: broken},
		"fails in between":  testContent{size: 30, open: func() io.Reader { return io.MultiReader(strings.NewReader("a: b\r\n"), failing{broken}) }},
		"is shorter":        testContent{size: 30, open: func() io.Reader { return strings.NewReader("a: b\r\n\r\n") }},
		"is longer":         testContent{size: 3, open: func() io.Reader { return strings.NewReader("a: b\r\n\r\n") }},
		"is not there":      testContent{size: 3, open: func() io.Reader { return strings.NewReader("") }},
		"is not empty":      testContent{size: 0, open: func() io.Reader { return strings.NewReader("x") }},
		"has a later error": testContent{size: 2, open: func() io.Reader { return io.MultiReader(strings.NewReader("ab"), failing{broken}) }},
	} {
		if _, err := readMessage(content); endpoint.CodeOf(err) != endpoint.Damaged {
			t.Errorf("a content that %s: %v", name, err)
		}
	}
}

// testContent is a content that is made when it is read.
type testContent struct {
	size int64
	open func() io.Reader
	err  error
}

func (c testContent) Format() endpoint.Format { return endpoint.RFC822 }
func (c testContent) Size() int64             { return c.size }
func (c testContent) Close() error            { return nil }

func (c testContent) Open() (io.ReadCloser, error) {
	if c.err != nil {
		return nil, c.err
	}
	return io.NopCloser(c.open()), nil
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
