package watermark

import (
	"crypto/hmac"
	"encoding/base32"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

const (
	// Field is the name of the header field that carries a mark.
	Field = "X-Dandyroll"
	// Version is the version of the marks that this package writes.
	Version = 1
	// MaxType is the greatest length of the name of an endpoint type, so that the field of a
	// mark stays within 78 characters (RFC 5322 section 2.1.1).
	MaxType = 6
	// maxGeneration bounds the search for the generation of a mark.
	maxGeneration = 256
)

var (
	// ErrSyntax reports text that is not a mark.
	ErrSyntax = errors.New("watermark: not a mark")
	// ErrVersion reports a mark of a version newer than [Version]. It is never to be treated as
	// no mark at all.
	ErrVersion = errors.New("watermark: mark of a newer version")
)

// ID identifies one source item of one pair, under one key, generation and pair of endpoint
// types.
type ID [16]byte

// PairTag is the part of a mark that all items of a pair share.
type PairTag [5]byte

// Types are the types of the endpoints between which an item was migrated, such as "imap" and
// "graph": 1 to [MaxType] lower-case letters and digits.
type Types struct{ Source, Destination string }

// Mark is the watermark of one item. Marks are comparable.
type Mark struct {
	Types Types
	Pair  PairTag
	Item  ID
	MAC   [8]byte
}

// Item is what the ID of an item is made from. No field is required to be unique or non-empty.
type Item struct {
	Types      Types
	Pair       string   // ID of the pair
	Generation uint32   // counter of the pair, from 1
	Kind       string   // mail, event, …
	Folder     []string // path of the source folder, from the root
	Identity   string   // identity of the item in its folder, as its driver computes it
	Ordinal    int      // 0, 1, 2… among items of equal identity in one folder
}

// alphabet is RFC 4648 base32 in lower case.
//
//nolint:gochecknoglobals // nobody changes it, and making it anew costs more than using it
var alphabet = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// String returns the ID as it stands in a mark.
func (id ID) String() string { return alphabet.EncodeToString(id[:]) }

// String returns the tag as it stands in a mark.
func (t PairTag) String() string { return alphabet.EncodeToString(t[:]) }

// Tag returns the tag of the pair with the given ID.
func (k Key) Tag(pair string) PairTag {
	sum := k.sum("pair", []byte(pair))
	return PairTag(sum[:5])
}

// ItemID returns the ID of an item under k.
func (k Key) ItemID(it Item) ID {
	fields := make([][]byte, 0, 7+len(it.Folder))
	fields = append(fields,
		[]byte(it.Types.Source), []byte(it.Types.Destination), []byte(it.Pair),
		number(uint64(it.Generation)), []byte(it.Kind), []byte(it.Identity), number(uint64(it.Ordinal)))
	for _, name := range it.Folder {
		fields = append(fields, []byte(name))
	}
	sum := k.sum("item", fields...)
	return ID(sum[:16])
}

// Mark returns the mark of the item with the given ID.
func (k Key) Mark(types Types, pair string, generation uint32, id ID) Mark {
	m := Mark{Types: types, Pair: k.Tag(pair), Item: id}
	m.MAC = k.mac(m, generation)
	return m
}

// Verify reports whether m was made under k, and for which generation of its pair.
//
// The generation is not written in a mark; it is found by trying, beginning with hint.
// It takes the same time whichever bytes of the code differ.
func (k Key) Verify(m Mark, hint uint32) (generation uint32, ok bool) {
	if k.IsZero() {
		return 0, false
	}
	if k.madeFor(m, hint) {
		return hint, true
	}
	for g := uint32(1); g <= maxGeneration; g++ {
		if k.madeFor(m, g) {
			return g, true
		}
	}
	return 0, false
}

func (k Key) madeFor(m Mark, generation uint32) bool {
	want := k.mac(m, generation)
	return hmac.Equal(want[:], m.MAC[:])
}

func (k Key) mac(m Mark, generation uint32) [8]byte {
	sum := k.sum("mark", number(Version), []byte(m.Types.Source), []byte(m.Types.Destination),
		m.Pair[:], m.Item[:], number(uint64(generation)))
	return [8]byte(sum[:8])
}

// String returns the value of the header field, without the field's name.
func (m Mark) String() string {
	return strings.Join([]string{
		strconv.Itoa(Version), m.Types.Source, m.Types.Destination,
		m.Pair.String(), m.Item.String(), alphabet.EncodeToString(m.MAC[:]),
	}, ".")
}

// Parse inverts [Mark.String]. Letters may be of either case. A well-formed mark proves nothing
// until [Key.Verify] says so.
//
// Its errors satisfy errors.Is for [ErrSyntax] or [ErrVersion]. With the latter, the mark has
// nothing but the tag of its pair, which is the fourth part of a mark of any version.
func Parse(text string) (Mark, error) {
	var m Mark
	parts := split(text, make([]string, 0, 7)) // a part too many is enough
	if err := checkVersion(parts[0]); errors.Is(err, ErrVersion) {
		return newer(parts, err)
	} else if err != nil {
		return m, err
	}
	if len(parts) != 6 {
		return m, fmt.Errorf("%w: it has not 6 parts", ErrSyntax)
	}
	m.Types = Types{strings.Map(lower, parts[1]), strings.Map(lower, parts[2])}
	if m.Types.Validate() != nil {
		return Mark{}, fmt.Errorf("%w: endpoint types are not 1 to %d letters and digits", ErrSyntax, MaxType)
	}
	if !decode(m.Pair[:], parts[3]) || !decode(m.Item[:], parts[4]) || !decode(m.MAC[:], parts[5]) {
		return Mark{}, fmt.Errorf("%w: tag, ID or code is not base32 of the right length", ErrSyntax)
	}
	return m, nil
}

// split cuts text at its dots, into as many parts as there is room for: a scan parses very many marks.
func split(text string, parts []string) []string {
	for len(parts) < cap(parts) {
		part, rest, more := strings.Cut(text, ".")
		if parts = append(parts, part); !more {
			break
		}
		text = rest
	}
	return parts
}

// lower is strings.ToLower for ASCII alone: no other letter stands for one of ours.
func lower(r rune) rune {
	if 'A' <= r && r <= 'Z' {
		return r + 'a' - 'A'
	}
	return r
}

// newer is what can be known of a mark of a newer version: its pair, which every version has as its
// fourth part. Without one, it is no mark, whatever its version says.
func newer(parts []string, err error) (Mark, error) {
	var m Mark
	if len(parts) < 4 || !decode(m.Pair[:], parts[3]) {
		return Mark{}, fmt.Errorf("%w: no tag of a pair", ErrSyntax)
	}
	return m, err
}

func checkVersion(text string) error {
	version, err := strconv.ParseUint(text, 10, 16)
	switch {
	case err != nil || strconv.FormatUint(version, 10) != text || version == 0:
		return fmt.Errorf("%w: no version", ErrSyntax)
	case version > Version:
		return fmt.Errorf("%w: %d", ErrVersion, version)
	}
	return nil
}

// decode fills dst from text, and refuses the spellings that differ only in the unused bits of
// the last digit: but for the case of its letters, a mark has exactly one text. When it fails, dst may
// hold a part of it.
func decode(dst []byte, text string) bool {
	if len(text) != alphabet.EncodedLen(len(dst)) {
		return false
	}
	var unread, count uint // bits that are in no byte yet, and how many
	for i := range len(text) {
		value, ok := digit(text[i])
		if !ok {
			return false
		}
		unread, count = unread<<5|value, count+5
		if count >= 8 {
			count -= 8
			dst[0], dst = byte(unread>>count), dst[1:]
			unread &= 1<<count - 1
		}
	}
	return unread == 0
}

// digit returns the five bits for which a character of the alphabet stands, in either case. It is written
// so that it compiles to few branches: which way they go, no processor could foresee.
func digit(c byte) (value uint, ok bool) {
	value = uint(c|0x20) - 'a' // of a letter; that bit makes it a small one
	ok = value < 26
	if number := uint(c) - '2'; number < 6 {
		value, ok = 26+number, true
	}
	return value, ok
}

// Validate reports a type name that a mark cannot carry.
func (t Types) Validate() error {
	for _, name := range []string{t.Source, t.Destination} {
		if len(name) == 0 || len(name) > MaxType || strings.ContainsFunc(name, notOfType) {
			return fmt.Errorf("endpoint type %q is not 1 to %d lower-case letters and digits", name, MaxType)
		}
	}
	return nil
}

// notOfType reports whether a character may not be in the name of an endpoint type.
func notOfType(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') }
