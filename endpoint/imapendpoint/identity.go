package imapendpoint

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"

	"github.com/dandyroll/dandyroll/watermark"
)

// maxHeader is how much of a message's header is looked at.
const maxHeader = 64 << 10

// identityScheme names the way in which identity computes. It must change whenever identity gives
// any message another fingerprint: the fields, their order, appendNormalised, the digest.
const identityScheme = "imapendpoint/fingerprint-1"

// identityFields are the fields that a fingerprint is made from, in the order in which they
// enter it: those that no server rewrites, and no trace of the way that a message took.
func identityFields() [6]string {
	return [...]string{"Message-ID", "Date", "From", "To", "Cc", "Subject"}
}

// listFields are the header fields that a listing asks for.
func listFields() []string {
	fields := identityFields()
	return append(fields[:], watermark.Field)
}

// identity returns the fingerprint of a message: 16 bytes of SHA-256, in hexadecimal, over its
// identity fields, normalised, each with the number of its instances, so that a missing one
// differs from an empty one. No field needs to exist. The size, -1 if unknown, enters where both
// Message-ID and Date are missing.
//
// The header may be all of the message's header or just those fields, in any order.
func identity(header []byte, size int64) string {
	names := identityFields()
	var found [len(names)][][]byte // values by field
	for name, value := range headerFields(header) {
		for i := range names {
			if equalFold(name, names[i]) {
				found[i] = append(found[i], value)
			}
		}
	}
	sum := fingerprint{input: make([]byte, 0, 512)}
	for _, values := range found {
		sum.number(uint64(len(values)))
		for _, v := range values {
			sum.normalised(v)
		}
	}
	if len(found[0]) == 0 && len(found[1]) == 0 {
		sum.number(uint64(size))
	}
	return sum.text()
}

// identityOfUID returns the identity of a message whose header the server cannot deliver.
func identityOfUID(validity, ref string) string {
	var sum fingerprint
	words := []string{"uid", validity, ref}
	sum.number(uint64(len(words)))
	for _, word := range words {
		sum.number(uint64(len(word)))
		sum.input = append(sum.input, word...)
	}
	return sum.text()
}

// fingerprint collects length-prefixed values, so that no two lists of values give the same input.
type fingerprint struct{ input []byte }

func (f *fingerprint) number(n uint64) { f.input = binary.BigEndian.AppendUint64(f.input, n) }

// normalised adds a value without what servers do to it.
func (f *fingerprint) normalised(value []byte) {
	at := len(f.input)
	f.number(0)
	f.input = appendNormalised(f.input, value)
	binary.BigEndian.PutUint64(f.input[at:], uint64(len(f.input)-at-8))
}

func (f *fingerprint) text() string {
	digest := sha256.Sum256(f.input)
	return hex.EncodeToString(digest[:16])
}

// appendNormalised appends the value of a header field, and undoes what servers do to it: folding, squeezed
// blanks, and question marks or 0x80 in place of control and 8-bit characters, one for each or one for all.
func appendNormalised(out, value []byte) []byte {
	begin := len(out)
	for _, c := range value {
		switch {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
		case c > ' ' && c < 0x7f && c != '?':
			out = append(out, c)
		case len(out) == begin || out[len(out)-1] != '?':
			out = append(out, '?')
		}
	}
	return out
}

// headerFields yields the fields of a header: names, and values with their folding
// (RFC 5322 section 2.2). Lines that are no field are passed over. The header ends at an empty
// line.
func headerFields(header []byte) func(yield func(name, value []byte) bool) {
	return func(yield func(name, value []byte) bool) {
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
			if !yield(bytes.TrimRight(name, " \t"), value) {
				return
			}
		}
	}
}

// fieldEnd returns the length of the first line of header with the continuation lines after it.
func fieldEnd(header []byte) int {
	for next := 0; ; {
		i := bytes.IndexByte(header[next:], '\n')
		if i < 0 {
			return len(header)
		}
		next += i + 1
		empty := len(bytes.TrimRight(header[:next-1], "\r")) == 0
		if empty || next == len(header) || header[next] != ' ' && header[next] != '\t' {
			return next
		}
	}
}
