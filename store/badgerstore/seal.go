package badgerstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/dandyroll/dandyroll/store"
)

// The seal is a file beside Badger's directory that says what Badger was last known to hold. It
// is a header and then frames, each appended and synced after a commit; the state is what all of
// them say in turn. It begins again with one whole frame at each open, and when it gets long.
//
//	header  magic (8), format (2), key check (8), CRC-32C of all that (4); the same in every format
//	frame   length of the payload (4), CRC-32C of the payload (4), payload
//
// A frame that is cut short or garbled at the very end is what a power failure leaves of an
// append: it is dropped, and Badger is then one commit ahead of the seal, never behind.
const (
	sealName   = "seal"
	sealMagic  = "ddrseal\n"
	sealHeader = len(sealMagic) + 2 + len(keyCheck{}) + crc32.Size
	frameHead  = 4 + crc32.Size
	// sealGrowth is by how many bytes a seal grows before its frames are drawn together into one.
	sealGrowth = 1 << 20
)

// The formats of a database. The first two are read, and pairs of theirs brought to the third when
// they are opened.
const (
	firstFormat uint16 = iota + 1
	// secondFormat has a Record's Version, Flags, Trashed and Follows, the states Removed and
	// Adopted, a Meta's Rebuilding and Purging, and resets of a long history.
	secondFormat
	// thirdFormat has a Folder's Summary, and a sum of each folder in the place of one of the whole
	// pair.
	thirdFormat

	newestFormat = thirdFormat
)

// keyCheck tells one encryption key from another, and is zero without encryption.
type keyCheck [8]byte

// digest is the exclusive or of the keyed hashes of some entries of a pair.
type digest [16]byte

func (d *digest) toggle(o digest) {
	for i := range d {
		d[i] ^= o[i]
	}
}

// position is what a pair held after a commit.
type position struct {
	seq    uint64 // number of commits
	count  uint64 // number of entries
	digest digest // of the small ones, see summary; of all in the first two formats
}

// fileSum is what is known of a file of Badger's, or of its beginning.
type fileSum struct {
	size uint64
	crc  uint32
}

// sealState is what a seal says.
type sealState struct {
	format   uint16 // of the whole database; in the header, not in frames
	clean    bool   // Badger was closed in order after this: its files are exactly these
	manifest fileSum
	registry fileSum
	tables   map[uint64]fileSum // by the number in the file's name; others may exist
	pairs    map[tag]position
}

func newSealState() sealState {
	return sealState{format: newestFormat, tables: map[uint64]fileSum{}, pairs: map[tag]position{}}
}

// The parts of a frame's payload. The values are stored and never change.
const (
	partClean byte = iota + 1
	partManifest
	partRegistry
	partTable
	partPair
)

func (p position) encode(e *encoder) {
	e.uint(p.seq)
	e.uint(p.count)
	e.raw(p.digest[:])
}

func (d *decoder) position() (p position) {
	p.seq, p.count = d.uint(), d.uint()
	copy(p.digest[:], d.raw(uint64(len(p.digest))))
	return p
}

func (s fileSum) encode(e *encoder) {
	e.uint(s.size)
	e.uint(uint64(s.crc))
}

func (d *decoder) fileSum() fileSum { return fileSum{size: d.uint(), crc: d.number()} }

// encode writes s as the payload of one frame. What s does not hold, the frame leaves as it was.
func (s sealState) encode() []byte {
	var e encoder
	e.byte(partClean)
	e.bool(s.clean)
	if s.manifest.size > 0 {
		e.byte(partManifest)
		s.manifest.encode(&e)
	}
	if s.registry.size > 0 {
		e.byte(partRegistry)
		s.registry.encode(&e)
	}
	for _, id := range slices.Sorted(maps.Keys(s.tables)) {
		e.byte(partTable)
		e.uint(id)
		s.tables[id].encode(&e)
	}
	for t, p := range s.pairs {
		e.byte(partPair)
		e.raw(t[:])
		p.encode(&e)
	}
	return e.b
}

// apply changes s by what a frame says.
func (s *sealState) apply(payload []byte) error {
	d := decoder{b: payload}
	for len(d.b) > 0 {
		switch d.byte() {
		case partClean:
			s.clean = d.bool()
		case partManifest:
			s.manifest = d.fileSum()
		case partRegistry:
			s.registry = d.fileSum()
		case partTable:
			id := d.uint()
			s.tables[id] = d.fileSum()
		case partPair:
			var t tag
			copy(t[:], d.raw(uint64(len(t))))
			s.pairs[t] = d.position()
		default:
			d.fail()
		}
	}
	return d.err
}

// merge changes s by what change holds, as apply does.
func (s *sealState) merge(change sealState) {
	s.clean = change.clean
	if change.manifest.size > 0 {
		s.manifest = change.manifest
	}
	if change.registry.size > 0 {
		s.registry = change.registry
	}
	maps.Copy(s.tables, change.tables)
	maps.Copy(s.pairs, change.pairs)
}

// readSeal reads the seal of a state directory; found is false where there is none. Its errors
// are ErrFormat, ErrKey and ErrDamaged.
func readSeal(dir string, check keyCheck) (state sealState, found bool, err error) {
	state = newSealState()
	data, err := os.ReadFile(filepath.Join(dir, sealName))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return state, false, nil
	case err != nil:
		return state, false, fmt.Errorf("read the seal: %w", err)
	}
	if err := checkHeader(data, check); err != nil {
		return state, true, err
	}
	state.format = formatOf(data)
	frames := data[sealHeader:]
	for len(frames) > 0 {
		payload, rest, whole := cutFrame(frames)
		if !whole {
			break
		}
		if err := state.apply(payload); err != nil {
			return state, true, damaged("the seal is garbled")
		}
		frames = rest
	}
	if len(frames) == len(data)-sealHeader {
		return state, true, damaged("the seal holds nothing")
	}
	return state, true, nil
}

func checkHeader(data []byte, check keyCheck) error {
	if len(data) < sealHeader || string(data[:len(sealMagic)]) != sealMagic {
		return damaged("the seal is none")
	}
	body := sealHeader - crc32.Size
	if crc32.Checksum(data[:body], castagnoli()) != binary.BigEndian.Uint32(data[body:]) {
		return damaged("the beginning of the seal is garbled")
	}
	if format := formatOf(data); format > newestFormat {
		return fmt.Errorf("%w: %d, this program knows %d; use the newer program", store.ErrFormat, format, newestFormat)
	}
	have := keyCheck(data[len(sealMagic)+2 : body])
	switch {
	case have == check:
		return nil
	case have == keyCheck{}:
		return fmt.Errorf("%w: it is not encrypted; open it without a key", store.ErrKey)
	case check == keyCheck{}:
		return fmt.Errorf("%w: it is encrypted; open it with its key", store.ErrKey)
	}
	return fmt.Errorf("%w; open it with its own key", store.ErrKey)
}

// formatOf reads the format in a header.
func formatOf(data []byte) uint16 { return binary.BigEndian.Uint16(data[len(sealMagic):]) }

// cutFrame takes the first frame off data; whole is false where it is cut short or garbled.
func cutFrame(data []byte) (payload, rest []byte, whole bool) {
	if len(data) < frameHead {
		return nil, data, false
	}
	length := uint64(binary.BigEndian.Uint32(data))
	if length > uint64(len(data)-frameHead) {
		return nil, data, false
	}
	end := frameHead + int(length)
	payload = data[frameHead:end]
	if crc32.Checksum(payload, castagnoli()) != binary.BigEndian.Uint32(data[4:]) {
		return nil, data, false
	}
	return payload, data[end:], true
}

func appendFrame(b, payload []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(payload)))
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(payload, castagnoli()))
	return append(b, payload...)
}
