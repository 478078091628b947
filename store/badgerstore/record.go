package badgerstore

import (
	"time"

	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/watermark"
)

// epoch is what many records share.
type epoch struct {
	types      watermark.Types
	generation uint32
}

func encodeEpoch(v epoch) []byte {
	var e encoder
	e.uint(uint64(v.generation))
	e.text(v.types.Source)
	e.text(v.types.Destination)
	return e.b
}

func decodeEpoch(value []byte) (epoch, error) {
	d := decoder{b: value}
	v := epoch{generation: d.number(), types: watermark.Types{Source: d.text(), Destination: d.text()}}
	return v, d.end()
}

// What a record has, by bits of its first byte. Fields without a bit are always there. The values
// of these and of the bits below are stored and never change.
const (
	hasGone   byte = 1 << iota
	hasNumber      // Ref is a number; text otherwise
	hasShared      // Validity is a number of the pair's list; text otherwise
	hasReceived
	hasDigest
	hasAt
	hasFailure // Attempts and Code
	hasMore    // a byte of further bits and their fields, at the end; since secondFormat
)

// What a record has beyond that, by bits of the byte that hasMore announces.
const (
	hasTrashed byte = 1 << iota
	hasVersion
	hasFlags
	hasSharedFlags // Flags is a number of the pair's list; text otherwise
	hasFollows

	knownMore = hasFollows<<1 - 1
)

// sharedNumbers are the numbers that stand for what a record shares with others of its pair; zero
// stands for what is in the record itself.
type sharedNumbers struct{ epoch, validity, flags uint32 }

// sharedValues are the lists of a pair, by number.
type sharedValues struct {
	epochs            values[epoch]
	validities, flags values[string]
}

// encodeRecord writes what the key does not say.
func encodeRecord(r store.Record, shared sharedNumbers) []byte {
	e := encoder{make([]byte, 0, valueRoom)}
	number, isNumber := decimal(r.Ref)
	more := moreBits(r, shared.flags != 0)
	e.byte(recordBits(r, isNumber, shared.validity != 0, more != 0))
	e.byte(byte(r.Status))
	e.byte(r.Kind)
	e.uint(uint64(shared.epoch))
	if isNumber {
		e.uint(number)
	} else {
		e.text(r.Ref)
	}
	e.shared(shared.validity, r.Validity)
	e.int(r.Size)
	if !r.Received.IsZero() {
		e.int(r.Received.Unix())
	}
	if r.Digest != [16]byte{} {
		e.raw(r.Digest[:])
	}
	if !r.At.IsZero() {
		e.int(r.At.Unix())
	}
	if r.Attempts != 0 || r.Code != 0 {
		e.byte(r.Attempts)
		e.byte(r.Code)
	}
	if more != 0 {
		e.byte(more)
		e.more(r, shared.flags)
	}
	return e.b
}

// more writes the fields that the further bits announce.
func (e *encoder) more(r store.Record, flags uint32) {
	if r.Version != "" {
		e.text(r.Version)
	}
	if r.Flags != "" {
		e.shared(flags, r.Flags)
	}
	if r.Follows != (watermark.ID{}) {
		e.raw(r.Follows[:])
	}
}

// shared writes the number that stands for a text, or without one the text itself.
func (e *encoder) shared(number uint32, text string) {
	if number != 0 {
		e.uint(uint64(number))
	} else {
		e.text(text)
	}
}

func recordBits(r store.Record, number, shared, more bool) byte {
	return bit(hasGone, r.Gone) |
		bit(hasNumber, number) |
		bit(hasShared, shared) |
		bit(hasReceived, !r.Received.IsZero()) |
		bit(hasDigest, r.Digest != [16]byte{}) |
		bit(hasAt, !r.At.IsZero()) |
		bit(hasFailure, r.Attempts != 0 || r.Code != 0) |
		bit(hasMore, more)
}

func moreBits(r store.Record, shared bool) byte {
	return bit(hasTrashed, r.Trashed) |
		bit(hasVersion, r.Version != "") |
		bit(hasFlags, r.Flags != "") |
		bit(hasSharedFlags, shared) |
		bit(hasFollows, r.Follows != watermark.ID{})
}

// bit returns b where it is set, and no bit otherwise.
func bit(b byte, set bool) byte {
	if set {
		return b
	}
	return 0
}

// decodeRecord inverts encodeRecord. Folder and ID are for the caller to fill in from the key.
func decodeRecord(value []byte, shared sharedValues) (store.Record, error) {
	d := decoder{b: value}
	bits := d.byte()
	has := func(bit byte) bool { return bits&bit != 0 }
	r := store.Record{Gone: has(hasGone), Status: store.Status(d.byte()), Kind: d.byte()}
	epoch, known := shared.epochs.of(d.number())
	r.Types, r.Generation = epoch.types, epoch.generation
	if has(hasNumber) {
		r.Ref = formatUint(d.uint())
	} else {
		r.Ref = d.text()
	}
	r.Validity = d.shared(has(hasShared), shared.validities)
	r.Size = d.int()
	if has(hasReceived) {
		r.Received = time.Unix(d.int(), 0).UTC()
	}
	if has(hasDigest) {
		copy(r.Digest[:], d.raw(uint64(len(r.Digest))))
	}
	if has(hasAt) {
		r.At = time.Unix(d.int(), 0).UTC()
	}
	if has(hasFailure) {
		r.Attempts, r.Code = d.byte(), d.byte()
	}
	if has(hasMore) {
		d.more(&r, shared.flags)
	}
	if !known {
		d.fail()
	}
	return r, d.end()
}

// more inverts encoder.more, its byte of bits included.
func (d *decoder) more(r *store.Record, flags values[string]) {
	bits := d.byte()
	if bits&^knownMore != 0 {
		d.fail()
	}
	r.Trashed = bits&hasTrashed != 0
	if bits&hasVersion != 0 {
		r.Version = d.text()
	}
	if bits&hasFlags != 0 {
		r.Flags = d.shared(bits&hasSharedFlags != 0, flags)
	}
	if bits&hasFollows != 0 {
		copy(r.Follows[:], d.raw(uint64(len(r.Follows))))
	}
}

// shared inverts encoder.shared.
func (d *decoder) shared(isNumber bool, values values[string]) string {
	if !isNumber {
		return d.text()
	}
	text, known := values.of(d.number())
	if !known {
		d.fail()
	}
	return text
}
