package imapendpoint

import (
	"context"
	"iter"
	"slices"

	"github.com/emersion/go-imap/v2"

	"github.com/dandyroll/dandyroll/endpoint"
)

const (
	// pageBytes, pageBodies and pageFiles bound what one FETCH of bodies asks for: bytes, messages, and
	// messages too great for memory, by the sizes that the server states. One message may be greater.
	pageBytes  = 8 << 20
	pageBodies = 256
	pageFiles  = 32
)

// Read yields the bodies of messages as the server serves them.
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
		sizes, err := d.sizes(ctx, f, uids)
		if err != nil {
			yield(endpoint.Body{}, err)
			return
		}
		for o, err := range d.sweepBodies(f, sizes, opts).all(ctx, uids) {
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

// sizes asks for the size that the server states for each message (RFC822.SIZE). It is wrong on
// some servers, so it only guides how much is asked for at once and tells nothing from a body
// that is missing. A message that is not in the result has none.
func (d *driver) sizes(ctx context.Context, f endpoint.Folder, uids []uint32) (map[uint32]int64, error) {
	w := sweep[int64]{
		driver: d, folder: f, levels: 1, take: takePage,
		fetch: func(ctx context.Context, s *session, uids []uint32, _ int, accept acceptFunc[int64]) error {
			return fetchMessages(ctx, s, uids, &imap.FetchOptions{UID: true, RFC822Size: true}, ignoreSection,
				func(m fetched, usable bool) {
					if usable {
						accept(m, m.size)
					}
				})
		},
	}
	sizes := make(map[uint32]int64, len(uids))
	for o, err := range w.all(ctx, uids) {
		if err != nil {
			return nil, err
		}
		if !o.gone && !o.damaged {
			sizes[o.uid] = o.value
		}
	}
	return sizes, nil
}

func ignoreSection(imap.LiteralReader) error { return nil }

func (d *driver) sweepBodies(f endpoint.Folder, sizes map[uint32]int64, opts endpoint.ReadOptions) sweep[endpoint.Body] {
	memory := opts.Memory // that bodies may still take
	return sweep[endpoint.Body]{
		driver: d, folder: f, levels: 3,
		take: func(left []uint32) int { return takeBodies(left, sizes, opts.Memory) },
		fetch: func(ctx context.Context, s *session, uids []uint32, level int, accept acceptFunc[endpoint.Body]) error {
			p := bodyPage{opts: opts, sizes: sizes, memory: &memory, accept: accept}
			err := fetchMessages(ctx, s, uids, bodyOptions(level), p.section, p.done)
			p.discard()
			return err
		},
		drop: func(b endpoint.Body) { _ = b.Content.Close() },
	}
}

// takeBodies returns how many of the messages left go on a page. One whose size is unknown goes
// alone.
func takeBodies(left []uint32, sizes map[uint32]int64, memory int64) int {
	var total int64
	files := 0
	page := left[:min(takePage(left), pageBodies)]
	for n, uid := range page {
		size, known := sizes[uid]
		if !known || size > pageBytes {
			size = pageBytes
		}
		if size > memory {
			files++
		}
		if total += size; n > 0 && (total > pageBytes || files > pageFiles) {
			return n
		}
	}
	return len(page)
}

// bodyOptions returns what is asked for with a body: less at each level.
func bodyOptions(level int) *imap.FetchOptions {
	return &imap.FetchOptions{
		UID: true, Flags: level < 2, InternalDate: level == 0,
		BodySection: []*imap.FetchItemBodySection{{Peek: true}},
	}
}

// bodyPage collects the bodies of one FETCH.
type bodyPage struct {
	opts   endpoint.ReadOptions
	sizes  map[uint32]int64
	memory *int64 // that the bodies of the whole Read may still take
	accept acceptFunc[endpoint.Body]

	content endpoint.Content // of the message that is being read
}

// section spools a body. What counts is the size of the literal, never RFC822.SIZE.
func (p *bodyPage) section(literal imap.LiteralReader) error {
	p.discard()
	if literal == nil {
		return nil
	}
	bound := *p.memory
	content, err := endpoint.Spool(literal, endpoint.RFC822, literal.Size(), bound, p.opts.TempDir)
	if err != nil {
		return spoolError(err) // unless the connection broke, which the caller sees for itself
	}
	p.content = content
	if literal.Size() <= bound {
		*p.memory -= literal.Size()
	}
	return nil
}

func spoolError(err error) error {
	return endpoint.Errorf(endpoint.Invalid, "the temporary directory cannot take a message: make room or name another: %w", err)
}

func (p *bodyPage) done(m fetched, usable bool) {
	size, known := p.sizes[m.uid]
	missing := p.content == nil || p.content.Size() == 0
	if missing && known && size == 0 && usable {
		p.content, missing = endpoint.Bytes(endpoint.RFC822, nil), false
	}
	if !usable || missing {
		p.discard()
		return
	}
	p.accept(m, endpoint.Body{Content: p.content, Flags: carriedFlags(m.flags), Received: m.received})
	p.content = nil
}

func (p *bodyPage) discard() {
	if p.content != nil {
		_ = p.content.Close()
		p.content = nil
	}
}
