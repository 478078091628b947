package imapendpoint

import (
	"context"
	"io"
	"iter"
	"slices"
	"sync/atomic"

	"github.com/dandyroll/dandyroll/endpoint"
)

const (
	// flightBytes is how much is read before some of it is yielded, where ReadOptions.Memory is less.
	flightBytes = 8 << 20
	// firstBodies is how many bodies one FETCH asks for as long as nothing is known of their sizes, and
	// pageBodies how many it does at most.
	firstBodies = 64
	pageBodies  = 256
)

// Read yields the bodies of messages as the server serves them, with the identities that List tells.
func (d *driver) Read(ctx context.Context, f endpoint.Folder, refs []string, opts endpoint.ReadOptions) iter.Seq2[endpoint.Body, error] {
	return func(yield func(endpoint.Body, error) bool) {
		if opts.Formats != nil && !slices.Contains(opts.Formats[endpoint.Mail], endpoint.RFC822) {
			yield(endpoint.Body{}, endpoint.Errorf(endpoint.Unsupported, "mail can be read as %s only", endpoint.RFC822))
			return
		}
		uids, invalid := parseRefs(refs)
		for _, ref := range invalid {
			if !yield(endpoint.Body{Ref: ref, Err: errRef()}, nil) {
				return
			}
		}
		r := &reading{driver: d, opts: opts, memory: filling{pieces: &d.pieces}, left: opts.Memory, header: newHeaderFilter()}
		defer r.memory.end()
		for o, err := range r.sweep(f).all(ctx, uids) {
			if !yield(bodyOf(o), err) || err != nil {
				return
			}
		}
	}
}

func bodyOf(o outcome[endpoint.Body]) endpoint.Body {
	body := o.value
	body.Ref = refOf(o.uid)
	switch {
	case o.gone:
		body.Err = endpoint.Errorf(endpoint.NotFound, "the message was expunged")
	case o.damaged:
		body.Err = endpoint.Errorf(endpoint.Damaged, "the server breaks off, or delivers nothing, whenever it is asked for the message with UID %d", o.uid)
	}
	return body
}

// reading is one call of Read.
type reading struct {
	driver *driver
	opts   endpoint.ReadOptions
	memory filling
	left   int64 // bytes that may still go into memory

	flight  int64 // bytes of the flight at hand
	rest    *overflow
	content endpoint.Content // of the message that is being read
	header  *headerFilter
}

// bodyStats are the bodies that a driver has read. One FETCH asks for about as much as a flight holds, by their
// mean size: asking for the sizes first would cost a round trip.
type bodyStats struct{ bytes, count atomic.Int64 }

func (b *bodyStats) add(size int64) {
	b.bytes.Add(size)
	b.count.Add(1)
}

func (b *bodyStats) page() int {
	count := b.count.Load()
	if count == 0 {
		return firstBodies
	}
	return int(min(max(flightBytes/(b.bytes.Load()/count+1), 1), pageBodies))
}

func (r *reading) sweep(f endpoint.Folder) sweep[endpoint.Body] {
	return sweep[endpoint.Body]{
		driver: r.driver, folder: f, levels: bodyLevels,
		fetch: r.fetch,
		page:  r.driver.bodies.page,
		full:  func() bool { return r.flight >= max(flightBytes, r.opts.Memory) },
		end:   r.end,
		drop:  func(b endpoint.Body) { _ = b.Content.Close() },
	}
}

// bodyLevels is how often a message is asked for alone: for less each time.
const bodyLevels = 4

func bodyItems(level int) fetchItems {
	return fetchItems{received: level == 0, flags: level < 2, size: level < 3, section: "[]"}
}

// fetch begins a flight. Of the sizes that servers state (RFC822.SIZE), some are missing and some wrong, so
// they only enter into identities, and tell an empty message from a body that is missing.
func (r *reading) fetch(level int, accept acceptFunc[endpoint.Body]) *fetching {
	r.flight, r.rest = 0, newOverflow(r.opts.TempDir)
	return &fetching{
		items: bodyItems(level), sizeOptional: true,
		section: r.section,
		done: func(m *fetched) {
			if body, ok := r.body(m); ok {
				accept(m.uid, body)
			}
		},
	}
}

// end ends a flight.
func (r *reading) end() {
	r.discard()
	_ = r.rest.Close()
}

// section stores a body. What counts is the size of the literal, never RFC822.SIZE.
func (r *reading) section(body io.Reader, size int64) (err error) {
	r.discard()
	r.header.reset()
	if body == nil {
		return nil
	}
	r.content, err = r.store(body, size)
	if err != nil { // unless the connection broke, which counts before this
		return endpoint.Errorf(endpoint.Invalid, "the temporary directory cannot take a message: make room or name another: %w", err)
	}
	r.flight += size
	r.driver.bodies.add(size)
	return nil
}

func (r *reading) store(body io.Reader, size int64) (endpoint.Content, error) {
	if size > r.left {
		return r.rest.write(io.TeeReader(body, r.header), size)
	}
	r.left -= size
	return r.memory.read(body, size, r.header)
}

// body returns the message that was read, if there is one.
func (r *reading) body(m *fetched) (body endpoint.Body, ok bool) {
	content := r.content
	r.content = nil
	if content == nil || content.Size() == 0 {
		if m.size != 0 {
			return body, false
		}
		content = endpoint.Bytes(endpoint.RFC822, nil)
	}
	return endpoint.Body{
		Content: content, Flags: carriedFlags(m.flags), Received: m.received, Identity: identity(r.header.kept, m.size),
	}, true
}

// discard drops the body of a response that was no answer.
func (r *reading) discard() {
	if r.content != nil {
		_ = r.content.Close()
		r.content = nil
	}
}
