package graphendpoint

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/microsoft/kiota-abstractions-go/serialization"
	jsonserialization "github.com/microsoft/kiota-serialization-json-go"
)

// golden compares with a file of testdata, which ends in what the conversion should give.
func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *updateGolden {
		if err := os.WriteFile(file, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(filepath.Clean(file))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s:\ngot:\n%s\nwant:\n%s", file, got, want)
	}
}

// inputs are the files of testdata that a pattern matches, but for results of the tests.
func inputs(t *testing.T, pattern string) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no inputs: %v", err)
	}
	texts := make(map[string][]byte)
	for _, file := range files {
		if strings.Contains(file, ".out.") {
			continue
		}
		text, err := os.ReadFile(filepath.Clean(file))
		if err != nil {
			t.Fatal(err)
		}
		texts[file] = text
	}
	return texts
}

// graphJSON is what goes over the wire for an object, made readable.
func graphJSON(t *testing.T, v serialization.Parsable) []byte {
	t.Helper()
	w := jsonserialization.NewJsonSerializationWriter()
	if err := w.WriteObjectValue("", v); err != nil {
		t.Fatal(err)
	}
	content, err := w.GetSerializedContent()
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(content, &fields); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(fields); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// fromJSON is an object as it comes over the wire.
func fromJSON[T serialization.Parsable](t *testing.T, text []byte, factory serialization.ParsableFactory) T {
	t.Helper()
	node, err := jsonserialization.NewJsonParseNode(text)
	if err != nil {
		t.Fatal(err)
	}
	v, err := node.GetObjectValue(factory)
	if err != nil {
		t.Fatal(err)
	}
	return v.(T)
}

// failer is what testing.T and rapid.T have in common.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}
