package pass

import (
	"crypto/sha256"
	"hash"
	"io"

	"github.com/dandyroll/dandyroll/endpoint"
)

// digested is a content that knows the digest of its bytes once it was read to the end.
type digested struct {
	endpoint.Content
	sum [16]byte // first half of the SHA-256, or zero
}

// Open returns a reader that fills sum when it comes to the end.
func (d *digested) Open() (io.ReadCloser, error) {
	r, err := d.Content.Open()
	if err != nil {
		return nil, err
	}
	return &digestReader{ReadCloser: r, into: d, hash: sha256.New(), left: d.Size()}, nil
}

type digestReader struct {
	io.ReadCloser
	into *digested
	hash hash.Hash
	left int64
}

func (r *digestReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	r.hash.Write(p[:n])
	if r.left -= int64(n); n > 0 && r.left == 0 {
		r.into.sum = [16]byte(r.hash.Sum(nil)[:16])
	}
	return n, err
}
