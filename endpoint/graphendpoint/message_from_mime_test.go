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
	"strings"
	"testing"
	"time"

	jsonserialization "github.com/microsoft/kiota-serialization-json-go"

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

// FuzzMessageFromMIME holds any message to what is always true: it is converted, within bounds, into what JSON can say, and each of its
// attachments has the size that was said.
func FuzzMessageFromMIME(f *testing.F) {
	files, err := filepath.Glob("testdata/messages/*.eml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := readMessage(endpoint.Bytes(endpoint.RFC822, raw))
		if err != nil {
			t.Fatal(err)
		}
		for _, form := range []*mimeMessage{m, m.unaddressed(), m.bare()} {
			out := rendered(t, form, endpoint.Put{})
			if int64(len(out)) > 2*form.weight()+int64(len(form.attachments))*4096 {
				t.Errorf("%d bytes of JSON for a weight of %d", len(out), form.weight())
			}
		}
		if !bytes.Equal(contentOf(t, m.original), raw) {
			t.Error("the original is another")
		}
	})
}

func TestContentThatFailsIsRefused(t *testing.T) {
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
