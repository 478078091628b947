package watermark

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"sync"
)

// summing is what it takes to make a sum. Several are made for each item of a pass, and beginning under a key costs more than the sum
// itself, so a Key keeps some.
type summing struct {
	hash  hash.Hash
	input []byte
}

// newSummings returns a pool of them.
func newSummings(secret []byte) *sync.Pool {
	return &sync.Pool{New: func() any { return &summing{hash: hmac.New(sha256.New, secret)} }}
}

// idle returns the pool of the key. That of the zero value has no secret.
func (k Key) idle() *sync.Pool {
	if k.IsZero() {
		return newSummings(nil)
	}
	return k.summings()
}

// sum is HMAC-SHA-256 over length-prefixed fields, so that no two lists of fields give the same
// input.
func (k Key) sum(purpose string, fields ...[]byte) [sha256.Size]byte {
	idle := k.idle()
	s, _ := idle.Get().(*summing) // there is nothing else in it
	defer idle.Put(s)
	s.input = appendNumber(s.input[:0], uint64(len(purpose)))
	s.input = append(s.input, purpose...)
	for _, f := range fields {
		s.input = append(appendNumber(s.input, uint64(len(f))), f...)
	}
	s.hash.Reset()
	_, _ = s.hash.Write(s.input) // never fails
	return [sha256.Size]byte(s.hash.Sum(s.input[:0]))
}

func appendNumber(b []byte, n uint64) []byte { return binary.BigEndian.AppendUint64(b, n) }

func number(n uint64) []byte { return appendNumber(nil, n) }
