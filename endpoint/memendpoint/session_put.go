package memendpoint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/watermark"
)

func (s *session) Put(ctx context.Context, f endpoint.Folder, items []endpoint.Put) iter.Seq2[endpoint.PutResult, error] {
	return func(yield func(endpoint.PutResult, error) bool) {
		err := s.enter(ctx)
		for i := 0; err == nil && i < len(items); i++ {
			var r endpoint.PutResult
			if r, err = s.put(ctx, f, items[i]); err == nil && !yield(r, nil) {
				return
			}
			if errors.Is(r.Err, endpoint.ErrInDoubt) {
				err = endpoint.Errorf(endpoint.Unavailable, "the connection was lost")
			}
		}
		if err != nil {
			yield(endpoint.PutResult{}, err)
		}
	}
}

// put writes one item. Its error is one of the whole call; that of the item is within the result.
func (s *session) put(ctx context.Context, f endpoint.Folder, p endpoint.Put) (endpoint.PutResult, error) {
	if err := s.alive(ctx); err != nil {
		return endpoint.PutResult{}, err
	}
	body, err := s.prepare(p)
	if err != nil {
		return endpoint.PutResult{Mark: p.Mark, Err: err}, nil
	}
	flags, dropped := s.options.Quirks.keep(p.Flags)
	it := item{kind: p.Kind, body: body, flags: flags, received: p.Received}
	if s.options.Quirks.IgnoreReceived {
		it.received = time.Time{}
	}
	r, err := s.store(f, p.Mark, it)
	if err != nil || r.Err != nil {
		return r, err
	}
	r.Dropped = dropped
	s.sent.Add(int64(len(body)))
	if n := s.puts.Add(1); s.options.Quirks.LoseAnswer != nil && s.options.Quirks.LoseAnswer(int(n)) {
		r = endpoint.PutResult{Mark: p.Mark, Err: endpoint.Errorf(endpoint.InDoubt, "look for the mark")}
	}
	return r, nil
}

// prepare reads the body of an item and presses its mark, without the lock, or says why the session
// does not take the item.
func (s *session) prepare(p endpoint.Put) ([]byte, error) {
	q := s.options.Quirks
	if err := s.writable(); err != nil {
		return nil, err
	}
	if !q.knows(p.Kind) || p.Content.Format() != formatOf(p.Kind) {
		return nil, endpoint.Errorf(endpoint.Unsupported, "no such format for this kind of item")
	}
	body, err := readContent(p.Content)
	if err != nil {
		return nil, err
	}
	if !q.DropMark {
		if body, err = press(p.Mark, p.Kind, body); err != nil {
			return nil, err
		}
	}
	if q.MaxItem > 0 && int64(len(body)) > q.MaxItem {
		return nil, endpoint.Errorf(endpoint.TooLarge, "the greatest item has %d bytes", q.MaxItem)
	}
	if q.Rewrite {
		body = append(body, "\r\n"...)
	}
	return body, nil
}

// readContent returns a body that has the size it was said to have.
func readContent(c endpoint.Content) ([]byte, error) {
	r, err := c.Open()
	if err != nil {
		return nil, fmt.Errorf("open the body: %w", err)
	}
	defer func() { _ = r.Close() }()
	body, err := io.ReadAll(io.LimitReader(r, c.Size()+1))
	if err != nil {
		return nil, fmt.Errorf("read the body: %w", err)
	}
	if int64(len(body)) != c.Size() {
		return nil, endpoint.Errorf(endpoint.Damaged, "the body is not as long as its size says")
	}
	return body, nil
}

// press puts a mark on a body: before a mail or note, into the components of anything else.
func press(m watermark.Mark, k endpoint.Kind, body []byte) ([]byte, error) {
	if formatOf(k) != endpoint.RFC822 {
		stamped, err := watermark.StampProperty(m, body)
		if err != nil {
			return nil, endpoint.Errorf(endpoint.Rejected, "%w", err)
		}
		return stamped, nil
	}
	stamped, _, err := watermark.Stamp(m, bytes.NewReader(body), int64(len(body)))
	if err != nil {
		return nil, endpoint.Errorf(endpoint.Invalid, "%w", err)
	}
	return io.ReadAll(stamped)
}

// store gives an item its place in the mailbox. Its error is one of the whole call.
func (s *session) store(f endpoint.Folder, m watermark.Mark, it item) (endpoint.PutResult, error) {
	r := endpoint.PutResult{Mark: m}
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	g, err := s.server.resolve(f)
	switch {
	case err != nil:
		return r, err
	case g.readOnly:
		r.Err = endpoint.Errorf(endpoint.Denied, "the folder is read-only")
	case !g.holds(it.kind):
		r.Err = endpoint.Errorf(endpoint.Denied, "the folder does not hold this kind of item")
	case s.server.limit >= 0 && s.server.used+int64(len(it.body)) > s.server.limit:
		r.Err = endpoint.Errorf(endpoint.OverQuota, "make room in the mailbox")
	default:
		if s.options.Quirks.Visibility > 0 {
			it.shows = time.Now().Add(s.options.Quirks.Visibility)
		}
		r.Ref = decimal(s.server.add(g, it).ref)
		s.server.counts.Puts++
	}
	return r, nil
}
