package memendpoint

import (
	"bytes"
	"context"
	"iter"
	"slices"

	"github.com/dandyroll/dandyroll/endpoint"
)

func (s *session) Read(ctx context.Context, f endpoint.Folder, refs []string, opts endpoint.ReadOptions) iter.Seq2[endpoint.Body, error] {
	return func(yield func(endpoint.Body, error) bool) {
		err := s.enter(ctx)
		for i := 0; err == nil && i < len(refs); i++ {
			var b endpoint.Body
			if b, err = s.read(ctx, f, refs[i], &opts); err == nil && !yield(b, nil) {
				return
			}
		}
		if err != nil {
			yield(endpoint.Body{}, err)
		}
	}
}

// read returns one body, and takes what it holds off opts.Memory. Its error is one of the whole call; that of the item is within the body.
func (s *session) read(ctx context.Context, f endpoint.Folder, ref string, opts *endpoint.ReadOptions) (endpoint.Body, error) {
	if err := s.alive(ctx); err != nil {
		return endpoint.Body{}, err
	}
	it, found, err := s.fetch(f, ref)
	if err != nil {
		return endpoint.Body{}, err
	}
	b := endpoint.Body{Ref: ref}
	if !found {
		b.Err = endpoint.Errorf(endpoint.NotFound, "the item is gone")
		return b, nil
	}
	if b.Err = s.readable(it.kind, opts); b.Err != nil {
		return b, nil
	}
	if b.Content, err = spool(it, opts); err != nil {
		return endpoint.Body{}, err
	}
	b.Flags, b.Received = it.flags, it.received
	if s.options.Quirks.Outlines {
		b.Identity = s.options.Quirks.identity(&it)
	}
	s.received.Add(b.Content.Size())
	s.server.count(func(c *Counts) { c.Reads++ })
	return b, nil
}

// fetch returns a copy of an item, so that it can be read without the lock.
func (s *session) fetch(f endpoint.Folder, ref string) (it item, found bool, err error) {
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	g, err := s.server.resolve(f)
	if err != nil {
		return item{}, false, err
	}
	stored, _ := g.item(ref) // nil if it is gone, which is no error of the call
	if stored == nil {
		return item{}, false, nil
	}
	it = *stored
	it.flags = slices.Clone(it.flags)
	return it, true, nil
}

// readable refuses a kind that the session cannot read in a format that the caller accepts.
func (s *session) readable(k endpoint.Kind, opts *endpoint.ReadOptions) error {
	accepted := opts.Formats == nil || slices.Contains(opts.Formats[k], formatOf(k))
	if !s.options.Quirks.knows(k) || !accepted {
		return endpoint.Errorf(endpoint.Unsupported, "no common format for this kind of item")
	}
	return nil
}

// spool returns the body of an item as a content, taking its size off the memory that is left.
// Although the server has the body in memory anyway, one that is greater goes to a file, as the
// caller expects of every driver.
func spool(it item, opts *endpoint.ReadOptions) (endpoint.Content, error) {
	size := int64(len(it.body))
	if size <= opts.Memory {
		opts.Memory -= size
		return endpoint.Bytes(formatOf(it.kind), it.body), nil
	}
	return endpoint.Spool(bytes.NewReader(it.body), formatOf(it.kind), size, opts.Memory, opts.TempDir)
}
