package pass

import (
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"iter"
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
	found := map[place]copyAt{}
	for folder, inside := range byFolder(places, func(at place) *endpoint.Folder { return at.folder }) {
		var refs []string
		for _, at := range inside {
			refs = append(refs, at.ref)
		}
		for some := range slices.Chunk(refs, r.opts.Window) {
			err := r.to.persist(ctx, func(ctx context.Context) error { return r.inspectSome(ctx, folder, some, found) })
			if err != nil {
				return nil, err
			}
		}
	}
	return found, nil
}

// byFolder yields folders of the destination, in the same order each time, with those of all that are
// in them.
func byFolder[T any](all []T, folderOf func(T) *endpoint.Folder) iter.Seq2[*endpoint.Folder, []T] {
	inside := map[*endpoint.Folder][]T{}
	for _, it := range all {
		inside[folderOf(it)] = append(inside[folderOf(it)], it)
	}
	return func(yield func(*endpoint.Folder, []T) bool) {
		for _, folder := range inOrder(inside) {
			if !yield(folder, inside[folder]) {
				return
			}
		}
	}
}

// inOrder returns the folders of a map, in the same order each time.
func inOrder[T any](byFolder map[*endpoint.Folder]T) []*endpoint.Folder {
	return slices.SortedFunc(maps.Keys(byFolder), func(a, b *endpoint.Folder) int { return slices.Compare(a.Path, b.Path) })
}

func (r *running) inspectSome(ctx context.Context, folder *endpoint.Folder, refs []string, found map[place]copyAt) error {
	for body, err := range r.pair.Destination.Read(ctx, *folder, refs, r.reading()) {
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
	b, err := io.ReadAll(r)
	return b, errors.Join(err, r.Close())
}
