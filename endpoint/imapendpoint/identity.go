package imapendpoint

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"

	"github.com/dandyroll/dandyroll/watermark"
)

// maxHeader is how much of a message's header is looked at.
const maxHeader = 64 << 10

// identityScheme names the way in which identity computes. It must change whenever identity gives
// any message another fingerprint: the fields, their order, normalise, the digest.
const identityScheme = "imapendpoint/fingerprint-1"

// identityFields are the fields that a fingerprint is made from, in the order in which they
// enter it: those that no server rewrites, and no trace of the way that a message took.
func identityFields() []string {
	return []string{"Message-ID", "Date", "From", "To", "Cc", "Subject"}
}

// listFields are the header fields that a listing asks for.
func listFields() []string { return append(identityFields(), watermark.Field) }

// identity returns the fingerprint of a message: 16 bytes of SHA-256, in hexadecimal, over its
// identity fields, normalised, each with the number of its instances, so that a missing one
// differs from an empty one. No field needs to exist. The size, -1 if unknown, enters where both
// Message-ID and Date are missing.
//
// The header may be all of the message's header or just those fields, in any order.
func identity(header []byte, size int64) string {
	values := make(map[string][][]byte)
	for name, value := range headerFields(header) {
		values[name] = append(values[name], normalise(value))
	}
	var sum fingerprint
	for _, name := range identityFields() {
		sum.fields(values[strings.ToLower(name)])
	}
	if len(values["message-id"]) == 0 && len(values["date"]) == 0 {
		sum.number(uint64(size))
	}
	digest := sha256.Sum256(sum.input)
	return hex.EncodeToString(digest[:16])
}

// identityOfUID returns the identity of a message whose header the server cannot deliver.
func identityOfUID(validity, ref string) string {
	var sum fingerprint
	sum.fields([][]byte{[]byte("uid"), []byte(validity), []byte(ref)})
	digest := sha256.Sum256(sum.input)
	return hex.EncodeToString(digest[:16])
}

// fingerprint collects length-prefixed values, so that no two lists of values give the same input.
type fingerprint struct{ input []byte }

func (f *fingerprint) number(n uint64) { f.input = binary.BigEndian.AppendUint64(f.input, n) }

func (f *fingerprint) fields(values [][]byte) {
	f.number(uint64(len(values)))
	for _, v := range values {
		f.number(uint64(len(v)))
		f.input = append(f.input, v...)
	}
}

// normalise undoes what servers do to the values of header fields: folding, squeezed blanks, and
// question marks or 0x80 in place of control and 8-bit characters, one for each or one for all.
func normalise(value []byte) []byte {
	out := make([]byte, 0, len(value))
	for _, c := range value {
		switch {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
		case c > ' ' && c < 0x7f && c != '?':
			out = append(out, c)
		case len(out) == 0 || out[len(out)-1] != '?':
			out = append(out, '?')
		}
	}
	return out
}

// headerFields yields the fields of a header: names in lower case, values with their folding
// (RFC 5322 section 2.2). Lines that are no field are passed over. The header ends at an empty
// line.
func headerFields(header []byte) func(yield func(string, []byte) bool) {
	return func(yield func(string, []byte) bool) {
		for len(header) > 0 {
			end := fieldEnd(header)
			field := header[:end]
			header = header[end:]
			if len(bytes.TrimRight(field, "\r\n")) == 0 {
				return
			}
			name, value, found := bytes.Cut(field, []byte(":"))
			if !found {
				continue
			}
			if !yield(strings.ToLower(string(bytes.TrimRight(name, " \t"))), value) {
				return
			}
		}
	}
}

// fieldEnd returns the length of the first line of header with the continuation lines after it.
func fieldEnd(header []byte) int {
	for i, c := range header {
		if c != '\n' {
			continue
		}
		next := i + 1
		empty := len(bytes.TrimRight(header[:i], "\r")) == 0
		if empty || next == len(header) || header[next] != ' ' && header[next] != '\t' {
			return next
		}
	}
	return len(header)
}
