package watermark

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// KeySize is the length of a key in bytes.
const KeySize = 32

// ErrKey reports a key, or a key file, that is not one.
var ErrKey = errors.New("watermark: not a key")

// Key is the secret under which marks are made and verified.
//
// It is kept apart from any database, because losing it makes every mark foreign, while a lost
// database is rebuilt from the marks. A Key never shows its bytes when printed or logged, not even
// as a field of something else. It cannot be compared with ==. The zero value is no key; everything
// that takes one refuses it.
type Key struct {
	// Functions, because package fmt prints unexported fields without asking their methods, and
	// even follows pointers to them; of a function it prints the address.
	secret   func() [KeySize]byte
	summings func() *sync.Pool // of *summing
}

// NewKey returns a fresh random key.
func NewKey() Key {
	var secret [KeySize]byte
	_, _ = rand.Read(secret[:]) // never fails, see crypto/rand
	return newKey(secret)
}

// KeyFromBytes returns the key whose secret is b, which must be [KeySize] bytes long.
func KeyFromBytes(b []byte) (Key, error) {
	if len(b) != KeySize {
		return Key{}, fmt.Errorf("%w: have %d bytes, want %d", ErrKey, len(b), KeySize)
	}
	return newKey([KeySize]byte(b)), nil
}

func newKey(secret [KeySize]byte) Key {
	summings := newSummings(secret[:])
	return Key{secret: func() [KeySize]byte { return secret }, summings: func() *sync.Pool { return summings }}
}

// ParseKey inverts [Key.Export]. Space around the text is ignored.
func ParseKey(text string) (Key, error) {
	b, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil {
		return Key{}, fmt.Errorf("%w: want %d hexadecimal digits", ErrKey, 2*KeySize)
	}
	return KeyFromBytes(b)
}

// LoadOrCreateKey returns the key in the file at path, making both if there is none.
//
// The file is created with mode 0600, its missing parent directories with 0700; two processes
// that do so at once end with the same key. An existing file that is not a key is an error that
// satisfies errors.Is(err, [ErrKey]) and is never overwritten. Keep a copy of the file: marks
// made under a lost key are foreign for ever.
func LoadOrCreateKey(path string) (Key, error) {
	k, err := loadKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return k, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return Key{}, fmt.Errorf("watermark: create the key's directory: %w", err)
	}
	if err := createKey(path, NewKey()); err != nil && !errors.Is(err, fs.ErrExist) {
		return Key{}, fmt.Errorf("watermark: create the key file: %w", err)
	}
	return loadKey(path) // also when another process was first
}

func loadKey(path string) (Key, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Key{}, fmt.Errorf("watermark: read the key file: %w", err)
	}
	k, err := ParseKey(string(text))
	if err != nil {
		return Key{}, fmt.Errorf("key file %s: %w", path, err)
	}
	return k, nil
}

// createKey puts the whole key at path, or nothing: it links a synced temporary file into place,
// which fails with fs.ErrExist where another process has done the same.
func createKey(path string, k Key) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".key-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.WriteString(k.Export() + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Export returns the secret as text that [ParseKey] reads; of the zero value, the empty text, which
// it refuses. It is as secret as the key.
func (k Key) Export() string {
	if k.IsZero() {
		return ""
	}
	return hex.EncodeToString(k.bytes())
}

// IsZero reports whether k is no key.
func (k Key) IsZero() bool { return k.secret == nil }

// bytes returns the secret, or nothing for the zero value.
func (k Key) bytes() []byte {
	if k.IsZero() {
		return nil
	}
	secret := k.secret()
	return secret[:]
}

// Derive returns a secret for another purpose, from which nothing about k can be learnt: for
// example the key that encrypts a database.
func (k Key) Derive(purpose string) [KeySize]byte {
	out, err := hkdf.Key(sha256.New, k.bytes(), nil, "dandyroll "+purpose, KeySize)
	if err != nil {
		// Cannot happen: HKDF fails only for output beyond 255 hash lengths (RFC 5869 section 2.3).
		return sha256.Sum256(append(k.bytes(), purpose...))
	}
	return [KeySize]byte(out)
}

// String hides the secret.
func (k Key) String() string { return "watermark.Key(secret)" }

// Format hides the secret whatever the verb: String alone does not, of "%d".
func (k Key) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, k.String()) }

// LogValue hides the secret.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }
