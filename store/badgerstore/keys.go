package badgerstore

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"strconv"

	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/watermark"
)

// Every key begins with its area. The summaries of all pairs stand together, so that a store is
// listed without reading its entries.
const (
	areaSummary byte = 1 // area, tag
	areaEntry   byte = 2 // area, tag, kind, …
)

// kind is what an entry of a pair is. The values are stored and never change.
type kind byte

const (
	kindMeta        kind = iota + 1
	kindName             // number: a folder's name
	kindValidity         // number: a validity that records share
	kindEpoch            // number: types and generation that records share
	kindIncarnation      // name: how often the sightings of this folder were dropped
	kindPosition         // side, name
	kindPass             // number of the pass
	kindReset            // a reset that was begun
	kindRecord           // name, ID
	kindSighting         // name, incarnation, Ref
	kindFlags            // number: flags that records share; since secondFormat
	kindFolder           // name: the sums of the folder's records and sightings; since thirdFormat
)

// isItem tells records and sightings from the small entries.
func (k kind) isItem() bool { return k == kindRecord || k == kindSighting }

// tag stands for a pair in keys and in the seal.
type tag [8]byte

// tagOf hides the pair's ID behind the secret; without one the tag only shortens it.
func tagOf(secret [32]byte, pair string) tag {
	h := sha256.New()
	h.Write(secret[:])
	h.Write([]byte("pair"))
	h.Write([]byte(pair))
	return tag(h.Sum(nil)[:8])
}

func summaryKey(t tag) []byte { return append([]byte{areaSummary}, t[:]...) }

// prefix is where all entries of a pair begin, with room for the rest of most keys.
func (t tag) prefix() []byte { return append(append(make([]byte, 0, keyRoom), areaEntry), t[:]...) }

const keyRoom = 32

const prefixLen = 1 + len(tag{})

func (t tag) key(k kind) []byte { return append(t.prefix(), byte(k)) }

// numbered is the key of an entry that has one number.
func (t tag) numbered(k kind, number uint32) []byte {
	return binary.BigEndian.AppendUint32(t.key(k), number)
}

func (t tag) record(name uint32, id watermark.ID) []byte {
	return append(t.numbered(kindRecord, name), id[:]...)
}

func (t tag) position(side store.Side, name uint32) []byte {
	return binary.BigEndian.AppendUint32(append(t.key(kindPosition), byte(side)), name)
}

func (t tag) pass(number uint64) []byte {
	return binary.BigEndian.AppendUint64(t.key(kindPass), number)
}

// sightings is where the sightings of one incarnation of a folder begin.
func (t tag) sightings(name, incarnation uint32) []byte {
	return binary.BigEndian.AppendUint32(t.numbered(kindSighting, name), incarnation)
}

func (t tag) sighting(name, incarnation uint32, ref string) []byte {
	return append(t.sightings(name, incarnation), refKey(ref)...)
}

// The forms that a Ref takes in a key.
const (
	refNumber byte = iota + 1 // the fewest bytes of the number
	refText                   // the text itself
	refHash                   // its SHA-256; the text is in the value
)

// maxRefText is the longest Ref that stands in a key as it is: Badger's keys are bounded.
const maxRefText = 64

func refKey(ref string) []byte {
	if n, ok := decimal(ref); ok {
		return append([]byte{refNumber}, bytes.TrimLeft(binary.BigEndian.AppendUint64(nil, n), "\x00")...)
	}
	if len(ref) <= maxRefText {
		return append([]byte{refText}, ref...)
	}
	sum := sha256.Sum256([]byte(ref))
	return append([]byte{refHash}, sum[:]...)
}

// refOf inverts refKey, where the key tells the Ref.
func refOf(key []byte) (ref string, ok bool) {
	if len(key) == 0 {
		return "", false
	}
	switch form, rest := key[0], key[1:]; form {
	case refNumber:
		if len(rest) > 8 {
			return "", false
		}
		var wide [8]byte
		copy(wide[8-len(rest):], rest)
		return formatUint(binary.BigEndian.Uint64(wide[:])), true
	case refText:
		return string(rest), true
	}
	return "", false
}

// decimal reports whether text is the one decimal form of a number.
func decimal(text string) (uint64, bool) {
	n, err := strconv.ParseUint(text, 10, 64)
	return n, err == nil && formatUint(n) == text
}

func formatUint(n uint64) string { return strconv.FormatUint(n, 10) }
