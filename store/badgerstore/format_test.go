package badgerstore

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/store"
	"github.com/dandyroll/dandyroll/watermark"
)

func bytesOf(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestRecordsOfFirstFormat holds records against bytes that a program wrote which knew only
// firstFormat: it reads them, and writes no byte more.
func TestRecordsOfFirstFormat(t *testing.T) {
	types := watermark.Types{Source: "imap", Destination: "graph"}
	lists := sharedValues{
		epochs:     values[epoch]{{types: types, generation: 1}},
		validities: values[string]{"1700000000"},
	}
	for _, test := range []struct {
		value  string
		shared sharedNumbers
		want   store.Record
	}{
		{
			"7f0301010c0180800180c0f0f50b0102030000000000000000000000000080c49fd50c0304",
			sharedNumbers{epoch: 1, validity: 1},
			store.Record{
				Status: store.Failed, Kind: 1, Types: types, Generation: 1,
				Ref: "12", Validity: "1700000000", Gone: true,
				Received: time.Unix(1_600_000_000, 0).UTC(), Size: 8192, Digest: [16]byte{1, 2, 3},
				At: time.Unix(1_700_000_000, 0).UTC(), Attempts: 3, Code: 4,
			},
		},
		{
			"000400010161017600",
			sharedNumbers{epoch: 1},
			store.Record{Status: store.Originated, Types: types, Generation: 1, Ref: "a", Validity: "v"},
		},
	} {
		value := bytesOf(t, test.value)
		if have, err := decodeRecord(value, lists); err != nil || have != test.want {
			t.Errorf("%s reads as %+v (%v), want %+v", test.value, have, err, test.want)
		}
		if have := encodeRecord(test.want, test.shared); !bytes.Equal(have, value) {
			t.Errorf("record is written as %x, was %s", have, test.value)
		}
	}
}

// TestMetasOfFirstFormat is the same for Metas.
func TestMetasOfFirstFormat(t *testing.T) {
	for _, test := range []struct {
		value, pair string
		want        store.Meta
	}{
		{
			"04706169720304696d617005677261706801000000000000000000000000000000020000000000000000000000000000000170",
			"pair",
			store.Meta{
				Generation: 3, Types: watermark.Types{Source: "imap", Destination: "graph"},
				Source: store.Binding{1}, Destination: store.Binding{2}, Profile: []byte("p"),
			},
		},
		{
			"00010000000000000000000000000000000000000000000000000000000000000000000000",
			"",
			store.Meta{Generation: 1},
		},
	} {
		value := bytesOf(t, test.value)
		pair, have, err := decodeMeta(value)
		if err != nil || pair != test.pair || !reflect.DeepEqual(have, test.want) {
			t.Errorf("%s reads as %q %+v (%v), want %q %+v", test.value, pair, have, err, test.pair, test.want)
		}
		if have := encodeMeta(test.pair, test.want); !bytes.Equal(have, value) {
			t.Errorf("meta is written as %x, was %s", have, test.value)
		}
	}
}

// TestFlagsAreSmall looks how much longer flags that others have too make a record.
func TestFlagsAreSmall(t *testing.T) {
	r := store.Record{Status: store.Settled, Ref: "1"}
	without := len(encodeRecord(r, sharedNumbers{epoch: 1, validity: 1}))
	r.Flags = `(\Seen)`
	if more := len(encodeRecord(r, sharedNumbers{epoch: 1, validity: 1, flags: 1})) - without; more > 2 {
		t.Errorf("flags make a record %d bytes longer, want 2", more)
	}
}

// TestUnknownBits gives decoders bits that only a later program could write.
func TestUnknownBits(t *testing.T) {
	r := store.Record{Trashed: true}
	value := encodeRecord(r, sharedNumbers{epoch: 1, validity: 1})
	value[len(value)-1] |= knownMore + 1
	lists := sharedValues{epochs: values[epoch]{{}}, validities: values[string]{""}}
	if have, err := decodeRecord(value, lists); err == nil {
		t.Errorf("a record with an unknown bit reads as %+v", have)
	}
	value = encodeMeta("pair", store.Meta{Rebuilding: true})
	for _, bits := range []byte{0, hasRebuilding | knownMeta + 1} {
		value[len(value)-1] = bits
		if _, have, err := decodeMeta(value); err == nil {
			t.Errorf("a meta with the bits %b at its end reads as %+v", bits, have)
		}
	}
}
