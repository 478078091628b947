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

// What a record has, by bits of its first byte. The other fields are always there.
const (
	hasGone   byte = 1 << iota
	hasNumber      // Ref is a number; text otherwise
	hasShared      // Validity is a number of the pair's list; text otherwise
	hasReceived
	hasDigest
	hasAt
	hasFailure // Attempts and Code
)

// encodeRecord writes what the key does not say. The epoch and, with shared set, the validity are
// numbers in the lists of the pair.
func encodeRecord(r store.Record, epoch, validity uint32, shared bool) []byte {
	var e encoder
	number, isNumber := decimal(r.Ref)
	e.byte(recordFlags(r, isNumber, shared))
	e.byte(byte(r.Status))
	e.byte(r.Kind)
	e.uint(uint64(epoch))
	if isNumber {
		e.uint(number)
	} else {
		e.text(r.Ref)
	}
	if shared {
		e.uint(uint64(validity))
	} else {
		e.text(r.Validity)
	}
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
	return e.b
}

func recordFlags(r store.Record, number, shared bool) (flags byte) {
	for _, f := range []struct {
		bit byte
		set bool
	}{
		{hasGone, r.Gone},
		{hasNumber, number},
		{hasShared, shared},
		{hasReceived, !r.Received.IsZero()},
		{hasDigest, r.Digest != [16]byte{}},
		{hasAt, !r.At.IsZero()},
		{hasFailure, r.Attempts != 0 || r.Code != 0},
	} {
		if f.set {
			flags |= f.bit
		}
	}
	return flags
}

// decodeRecord inverts encodeRecord. Folder and ID are for the caller to fill in from the key.
func decodeRecord(value []byte, epochs map[uint32]epoch, validities map[uint32]string) (store.Record, error) {
	d := decoder{b: value}
	flags := d.byte()
	has := func(bit byte) bool { return flags&bit != 0 }
	r := store.Record{Gone: has(hasGone), Status: store.Status(d.byte()), Kind: d.byte()}
	shared, known := epochs[d.number()]
	r.Types, r.Generation = shared.types, shared.generation
	if has(hasNumber) {
		r.Ref = formatUint(d.uint())
	} else {
		r.Ref = d.text()
	}
	if has(hasShared) {
		validity, ok := validities[d.number()]
		r.Validity, known = validity, known && ok
	} else {
		r.Validity = d.text()
	}
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
	if !known {
		d.fail()
	}
	return r, d.end()
}
