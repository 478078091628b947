package badgerstore

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"time"

	"github.com/dandyroll/dandyroll/store"
)

// errCodec reports bytes that are not what was once written.
var errCodec = errors.New("entry is garbled")

// castagnoli makes the table anew each time it is asked; crc32 itself remembers it.
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// sealValue puts the CRC-32C of key and value behind the value.
func sealValue(key, value []byte) []byte {
	return binary.BigEndian.AppendUint32(value, valueSum(key, value))
}

// openValue checks and takes off what sealValue put there.
func openValue(key, sealed []byte) ([]byte, error) {
	n := len(sealed) - crc32.Size
	if n < 0 || binary.BigEndian.Uint32(sealed[n:]) != valueSum(key, sealed[:n]) {
		return nil, errCodec
	}
	return sealed[:n], nil
}

func valueSum(key, value []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli()), castagnoli(), value)
}

// encoder appends fields to a value.
type encoder struct{ b []byte }

// valueRoom is enough for most records, with their checksum.
const valueRoom = 64

func (e *encoder) byte(v byte)    { e.b = append(e.b, v) }
func (e *encoder) uint(v uint64)  { e.b = binary.AppendUvarint(e.b, v) }
func (e *encoder) int(v int64)    { e.b = binary.AppendVarint(e.b, v) }
func (e *encoder) raw(v []byte)   { e.b = append(e.b, v...) }
func (e *encoder) bytes(v []byte) { e.uint(uint64(len(v))); e.raw(v) }
func (e *encoder) text(v string)  { e.uint(uint64(len(v))); e.b = append(e.b, v...) }
func (e *encoder) time(v time.Time) {
	e.bool(!v.IsZero())
	if !v.IsZero() {
		e.int(v.Unix())
		e.uint(uint64(v.Nanosecond()))
	}
}

func (e *encoder) bool(v bool) {
	if v {
		e.byte(1)
	} else {
		e.byte(0)
	}
}

// decoder takes fields off a value. After a field that is not there, every other is zero and err
// is set.
type decoder struct {
	b   []byte
	err error
}

func (d *decoder) fail() { d.b, d.err = nil, errCodec }

func (d *decoder) raw(n uint64) []byte {
	if n > uint64(len(d.b)) {
		d.fail()
		return nil
	}
	v := d.b[:n]
	d.b = d.b[n:]
	return v
}

func (d *decoder) byte() byte {
	if v := d.raw(1); v != nil {
		return v[0]
	}
	return 0
}

func (d *decoder) uint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) int() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) bool() bool     { return d.byte() != 0 }
func (d *decoder) text() string   { return string(d.raw(d.uint())) }
func (d *decoder) bytes() []byte  { return append([]byte(nil), d.raw(d.uint())...) } // nil if empty
func (d *decoder) number() uint32 { return uint32(d.uint()) }
func (d *decoder) time() time.Time {
	if !d.bool() {
		return time.Time{}
	}
	seconds := d.int()
	return time.Unix(seconds, int64(d.uint())).UTC()
}

// end reports a value that was too short or too long.
func (d *decoder) end() error {
	if d.err == nil && len(d.b) > 0 {
		d.fail()
	}
	return d.err
}

// What a Meta has beyond the fields that are always there, by bits of a byte behind them; without
// such bits, there is no such byte. Since secondFormat.
const (
	hasRebuilding byte = 1 << iota
	hasPurging

	knownMeta = hasPurging<<1 - 1
)

func metaBits(m store.Meta) byte {
	return bit(hasRebuilding, m.Rebuilding) | bit(hasPurging, m.Purging != [16]byte{})
}

func encodeMeta(pair string, m store.Meta) []byte {
	var e encoder
	e.text(pair)
	e.uint(uint64(m.Generation))
	e.text(m.Types.Source)
	e.text(m.Types.Destination)
	e.raw(m.Source[:])
	e.raw(m.Destination[:])
	e.bytes(m.Profile)
	bits := metaBits(m)
	if bits != 0 {
		e.byte(bits)
	}
	if bits&hasPurging != 0 {
		e.raw(m.Purging[:])
	}
	return e.b
}

func decodeMeta(value []byte) (pair string, m store.Meta, err error) {
	d := decoder{b: value}
	pair = d.text()
	m.Generation = d.number()
	m.Types.Source = d.text()
	m.Types.Destination = d.text()
	copy(m.Source[:], d.raw(uint64(len(m.Source))))
	copy(m.Destination[:], d.raw(uint64(len(m.Destination))))
	m.Profile = d.bytes()
	if len(d.b) > 0 {
		d.metaEnd(&m)
	}
	return pair, m, d.end()
}

// metaEnd reads what the last bits of a Meta announce.
func (d *decoder) metaEnd(m *store.Meta) {
	bits := d.byte()
	if bits == 0 || bits&^knownMeta != 0 {
		d.fail()
	}
	m.Rebuilding = bits&hasRebuilding != 0
	if bits&hasPurging != 0 {
		copy(m.Purging[:], d.raw(uint64(len(m.Purging))))
	}
}

func encodePass(p store.Pass) []byte {
	var e encoder
	e.text(p.Kind)
	e.time(p.Started)
	e.time(p.Finished)
	e.bool(p.Complete)
	e.bytes(p.Report)
	return e.b
}

func decodePass(number uint64, value []byte) (store.Pass, error) {
	d := decoder{b: value}
	p := store.Pass{Number: number, Kind: d.text(), Started: d.time(), Finished: d.time(), Complete: d.bool(), Report: d.bytes()}
	return p, d.end()
}

func encodePosition(f store.Folder) []byte {
	var e encoder
	e.text(f.Validity)
	e.text(f.State)
	if f.Summary != "" { // since thirdFormat
		e.text(f.Summary)
	}
	return e.b
}

func decodePosition(side store.Side, name string, value []byte) (store.Folder, error) {
	d := decoder{b: value}
	f := store.Folder{Side: side, Name: name, Validity: d.text(), State: d.text()}
	if len(d.b) > 0 {
		if f.Summary = d.text(); f.Summary == "" {
			d.fail() // it would not have been written
		}
	}
	return f, d.end()
}

// encodeSighting writes the ID, and the Ref where the key only has its hash.
func encodeSighting(s store.Sighting) []byte {
	e := encoder{make([]byte, 0, len(s.ID)+crc32.Size)}
	e.raw(s.ID[:])
	if refKey(s.Ref)[0] == refHash {
		e.raw([]byte(s.Ref))
	}
	return e.b
}

func decodeSighting(folder string, key, value []byte) (store.Sighting, error) {
	s := store.Sighting{Folder: folder}
	d := decoder{b: value}
	copy(s.ID[:], d.raw(uint64(len(s.ID))))
	ref, ok := refOf(key)
	if !ok {
		ref = string(d.raw(uint64(len(d.b))))
	}
	s.Ref = ref
	return s, d.end()
}

func encodeFilter(f store.Filter) []byte {
	var e encoder
	e.bool(f.Folders != nil)
	e.uint(uint64(len(f.Folders)))
	for _, name := range f.Folders {
		e.text(name)
	}
	e.bool(f.Kinds != nil)
	e.bytes(f.Kinds)
	e.time(f.Since)
	e.time(f.Before)
	e.bool(f.Statuses != nil)
	e.uint(uint64(len(f.Statuses)))
	for _, s := range f.Statuses {
		e.byte(byte(s))
	}
	e.bool(f.Removed)
	return e.b
}

func decodeFilter(value []byte) (store.Filter, error) {
	var f store.Filter
	d := decoder{b: value}
	if d.bool() {
		f.Folders = []string{}
	}
	for n := d.uint(); n > 0 && d.err == nil; n-- {
		f.Folders = append(f.Folders, d.text())
	}
	if d.bool() {
		f.Kinds = []uint8{}
	}
	f.Kinds = append(f.Kinds, d.bytes()...)
	f.Since, f.Before = d.time(), d.time()
	if d.bool() {
		f.Statuses = []store.Status{}
	}
	for n := d.uint(); n > 0 && d.err == nil; n-- {
		f.Statuses = append(f.Statuses, store.Status(d.byte()))
	}
	f.Removed = d.bool()
	return f, d.end()
}
