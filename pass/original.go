package pass

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/watermark"
)

const (
	// markHead is how much of the beginning of a message holds its mark.
	markHead = 1 << 10
	// maxText is how great an item may be that carries its mark as a property, to be compared.
	maxText = 16 << 20
)

// original is what an item at the destination was before it got its mark: size and digest.
type original struct {
	size   int64
	digest [16]byte
}

// copyAt is what was found at a place of the destination.
type copyAt struct {
	// originals are what it may have been; none if it does not begin with a mark. Of a message
	// without header, its bytes alone do not tell which.
	originals []original
	flags     string
	received  time.Time
	err       error // why it could not be looked at
}

// is reports whether the copy is of the bytes with a digest.
func (c copyAt) is(digest [16]byte) bool {
	return digest != [16]byte{} && slices.ContainsFunc(c.originals, func(o original) bool { return o.digest == digest })
}

// inspect reads what is at some places of the destination, and tells of each what it is. It holds
// no more than a window's bytes at a time.
func (r *running) inspect(ctx context.Context, places []place) (map[place]copyAt, error) {
	byFolder := map[*endpoint.Folder][]string{}
	for _, p := range places {
		byFolder[p.folder] = append(byFolder[p.folder], p.ref)
	}
	found := map[place]copyAt{}
	for _, folder := range inOrder(byFolder) {
		for some := range slices.Chunk(byFolder[folder], r.opts.Window) {
			err := r.to.persist(ctx, func(ctx context.Context) error { return r.inspectSome(ctx, folder, some, found) })
			if err != nil {
				return nil, err
			}
		}
	}
	return found, nil
}

// inOrder returns the folders of a map, in the same order each time.
func inOrder[T any](byFolder map[*endpoint.Folder]T) []*endpoint.Folder {
	return slices.SortedFunc(maps.Keys(byFolder), func(a, b *endpoint.Folder) int { return slices.Compare(a.Path, b.Path) })
}

func (r *running) inspectSome(ctx context.Context, folder *endpoint.Folder, refs []string, found map[place]copyAt) error {
	reading := endpoint.ReadOptions{Memory: r.opts.WindowBytes, TempDir: r.opts.TempDir}
	for body, err := range r.pair.Destination.Read(ctx, *folder, refs, reading) {
		if err != nil {
			return err
		}
		c := copyAt{err: body.Err, received: body.Received, flags: flagText(body.Flags)}
		if body.Err == nil {
			c.originals, c.err = originals(body.Content)
			closeBody(body)
		}
		found[place{folder, body.Ref}] = c
	}
	return nil
}

// originals returns what a body at the destination may have been before its mark was pressed.
func originals(c endpoint.Content) ([]original, error) {
	if c.Format() != endpoint.RFC822 {
		return textOriginal(c)
	}
	r, err := c.Open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }() // it was only read
	head := make([]byte, min(c.Size(), markHead))
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	_, prefixes := watermark.Cut(head)
	sums := make([]hash.Hash, len(prefixes))
	writers := make([]io.Writer, len(prefixes))
	for i, n := range prefixes {
		sums[i] = sha256.New()
		sums[i].Write(head[n:])
		writers[i] = sums[i]
	}
	if len(prefixes) == 0 {
		return nil, nil
	}
	if _, err := io.Copy(io.MultiWriter(writers...), r); err != nil {
		return nil, err
	}
	all := make([]original, len(prefixes))
	for i, n := range prefixes {
		all[i] = original{c.Size() - int64(n), [16]byte(sums[i].Sum(nil)[:16])}
	}
	return all, nil
}

// textOriginal takes the mark out of an item that carries it as a property.
func textOriginal(c endpoint.Content) ([]original, error) {
	if c.Size() > maxText {
		return nil, errors.New("the item is too large to be compared")
	}
	body, err := readWhole(c)
	if err != nil {
		return nil, err
	}
	bare := watermark.StripProperty(body)
	if len(bare) == len(body) {
		return nil, nil
	}
	sum := sha256.Sum256(bare)
	return []original{{int64(len(bare)), [16]byte(sum[:16])}}, nil
}

// digestOf returns the digest of the bytes of a content.
func digestOf(c endpoint.Content) ([16]byte, error) {
	r, err := c.Open()
	if err != nil {
		return [16]byte{}, err
	}
	sum := sha256.New()
	_, err = io.Copy(sum, r)
	return [16]byte(sum.Sum(nil)[:16]), errors.Join(err, r.Close())
}

func readWhole(c endpoint.Content) ([]byte, error) {
	r, err := c.Open()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	_, err = io.Copy(&b, r)
	return b.Bytes(), errors.Join(err, r.Close())
}
