package watermark_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/dandyroll/dandyroll/watermark"
)

// testKey returns the key that all golden values were made with, or one that differs in the last
// byte.
func testKey(t testing.TB, last ...byte) watermark.Key {
	t.Helper()
	k, err := watermark.KeyFromBytes(append(bytes.Repeat([]byte{7}, watermark.KeySize-1), append(last, 7)[0]))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestLoadOrCreateKey(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	path := filepath.Join(root, "new", "er", "key")
	created, err := watermark.LoadOrCreateKey(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700 | os.ModeDir, filepath.Join(root, "new"): 0o700 | os.ModeDir} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != want {
			t.Errorf("mode of %s is %v, want %v", name, info.Mode(), want)
		}
	}
	loaded, err := watermark.LoadOrCreateKey(path)
	if err != nil || loaded.Export() != created.Export() {
		t.Errorf("the second call returns another key, or fails: %v", err)
	}
	other, err := watermark.LoadOrCreateKey(filepath.Join(root, "other"))
	if err != nil || other.Export() == created.Export() {
		t.Errorf("two files hold the same key, or fail: %v", err)
	}
}

func TestLoadOrCreateKeyConcurrently(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "dir", "key")
	const creators = 32
	keys := make([]watermark.Key, creators)
	errs := make([]error, creators)
	var wait sync.WaitGroup
	for i := range creators {
		wait.Go(func() { keys[i], errs[i] = watermark.LoadOrCreateKey(path) })
	}
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	for i, k := range keys {
		if k.Export() != keys[0].Export() {
			t.Fatalf("creators 0 and %d have different keys", i)
		}
	}
	if files, err := os.ReadDir(filepath.Dir(path)); err != nil || len(files) != 1 {
		t.Errorf("the directory holds %v, %v, want the key alone", files, err)
	}
}

func TestLoadOrCreateKeyRefusesGarbledFile(t *testing.T) {
	t.Parallel()
	good := testKey(t).Export()
	for _, content := range []string{"", "\n", good[:63], good + "0", strings.Repeat("g", 64), good + " x", "\x00"} {
		path := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		k, err := watermark.LoadOrCreateKey(path)
		if !errors.Is(err, watermark.ErrKey) || !k.IsZero() {
			t.Errorf("content %q: key zero %v, error %v, want ErrKey", content, k.IsZero(), err)
		}
		if err != nil && len(content) > 2 && strings.Contains(err.Error(), strings.TrimSpace(content)) {
			t.Errorf("the error shows the content of the file: %v", err)
		}
		if after, err := os.ReadFile(path); err != nil || string(after) != content {
			t.Errorf("content %q became %q, %v", content, after, err)
		}
	}
}

func TestLoadOrCreateKeyReportsPath(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(file, "key"), filepath.Dir(file)} {
		if k, err := watermark.LoadOrCreateKey(path); err == nil || !k.IsZero() || !strings.Contains(err.Error(), file[:len(file)-5]) {
			t.Errorf("path %s: error %v, want one that names it", path, err)
		}
	}
}

func TestExport(t *testing.T) {
	t.Parallel()
	k := watermark.NewKey()
	for _, text := range []string{k.Export(), "\n " + strings.ToUpper(k.Export()) + "\r\n"} {
		back, err := watermark.ParseKey(text)
		if err != nil || back.Export() != k.Export() {
			t.Errorf("ParseKey(%d characters) does not give the key back: %v", len(text), err)
		}
	}
	for _, text := range []string{"", "00", k.Export()[1:], k.Export() + "00", "x" + k.Export()[1:], (watermark.Key{}).Export()} {
		if back, err := watermark.ParseKey(text); !errors.Is(err, watermark.ErrKey) || !back.IsZero() {
			t.Errorf("ParseKey(%q) gives %v, want ErrKey", text, err)
		}
	}
}

func TestKeyFromBytesCopies(t *testing.T) {
	t.Parallel()
	b := bytes.Repeat([]byte{1}, watermark.KeySize)
	k, err := watermark.KeyFromBytes(b)
	if err != nil {
		t.Fatal(err)
	}
	before := k.Export()
	b[0] = 2
	if k.Export() != before {
		t.Error("the key changes with the bytes that it was made from")
	}
	if _, err := watermark.KeyFromBytes(b[1:]); !errors.Is(err, watermark.ErrKey) {
		t.Errorf("31 bytes: %v, want ErrKey", err)
	}
}

func TestDerive(t *testing.T) {
	t.Parallel()
	k := testKey(t)
	secret := k.Derive("store")
	if secret != k.Derive("store") {
		t.Error("one purpose gives two secrets")
	}
	if secret == k.Derive("stor") || secret == testKey(t, 8).Derive("store") || fmt.Sprintf("%x", secret) == k.Export() {
		t.Error("different purposes or keys give one secret")
	}
	// Databases are encrypted with it: it must never change.
	if got, want := fmt.Sprintf("%x", secret), "26a82752a86349cabf58071cef40b46c86124196b87f5d601504ccfb947d8568"; got != want {
		t.Errorf("derived %s, want %s", got, want)
	}
}

// TestKeyIsNotShown prints a key in every way that package fmt, slog and json know, alone and
// inside other things, whose unexported fields they print without asking anyone.
func TestKeyIsNotShown(t *testing.T) {
	t.Parallel()
	k := testKey(t)
	type holder struct {
		Public  watermark.Key
		private watermark.Key
		list    []watermark.Key
		pointer *watermark.Key
	}
	h := holder{k, k, []watermark.Key{k}, &k}
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%b", "%c", "%t"} {
		for _, value := range []any{k, &k, h, &h, []watermark.Key{k}, map[string]watermark.Key{"k": k}, errors.Join(fmt.Errorf("%v", k))} {
			fmt.Fprintf(&out, verb+"\n", value)
		}
	}
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(handler).Info("message", "key", k, "pointer", &k, "holder", h, "group", slog.GroupValue(slog.Any("key", k)))
	}
	encoded, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(encoded)
	// The secret is the byte 7, 32 times; these are its forms in the bases above.
	for _, shown := range []string{"7 7 7", "07 07", "0707", "7, 0x7", "111 111 111", "\a\a", `\a\a`, "BwcHBw", `\u0007`} {
		if at := strings.Index(out.String(), shown); at >= 0 {
			t.Errorf("output shows the secret as %q: …%s", shown, out.String()[max(0, at-80):][:100])
		}
	}
}
