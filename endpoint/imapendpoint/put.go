package imapendpoint

import (
	"context"
	"io"
	"iter"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/watermark"
)

// Put appends messages, each behind its mark, to a folder, which is created where it is missing.
// Flags that the folder does not keep are dropped, and dates are clamped to 1970 to 2105.
func (d *driver) Put(ctx context.Context, f endpoint.Folder, items []endpoint.Put) iter.Seq2[endpoint.PutResult, error] {
	return func(yield func(endpoint.PutResult, error) bool) {
		w := newPutWindow(items)
		d.put(ctx, f, w)
		for _, r := range w.results {
			if !yield(r, nil) {
				return
			}
		}
		if ctx.Err() != nil {
			yield(endpoint.PutResult{}, ctx.Err())
		}
	}
}

// put tries the items that are open, again on another connection while some of them get settled:
// one refused message may cost the others their connection.
func (d *driver) put(ctx context.Context, f endpoint.Folder, w *putWindow) {
	created := false
	for progress := true; progress && len(w.open()) > 0; {
		before := len(w.open())
		err := d.appendOpen(ctx, f, w)
		if err == nil {
			err = w.missingFolder()
		}
		progress = len(w.open()) < before
		if endpoint.CodeOf(err) == endpoint.NotFound && !created {
			// [TRYCREATE] (RFC 9051 section 6.3.12).
			created, progress = true, true
			err = d.with(ctx, func(s *session) error { return create(ctx, s, f.ID) })
		}
		if err != nil {
			w.refuse(err)
		}
	}
	d.locate(ctx, f, w)
}

// putWindow is what became so far of the items of one Put.
type putWindow struct {
	items    []endpoint.Put
	results  []endpoint.PutResult
	settled  []bool
	reader   io.Closer // of the body that is being sent
	validity uint32    // of the folder, and
	uidNext  uint32    // what its UIDNEXT was before the first append; 0 if unknown
}

func newPutWindow(items []endpoint.Put) *putWindow {
	w := &putWindow{items: items, results: make([]endpoint.PutResult, len(items)), settled: make([]bool, len(items))}
	for i, it := range items {
		w.results[i].Mark = it.Mark
		if it.Kind != endpoint.Mail || it.Content.Format() != endpoint.RFC822 {
			w.settle(i, endpoint.Errorf(endpoint.Unsupported, "only mail in the format %s can be written", endpoint.RFC822))
		}
	}
	return w
}

func (w *putWindow) settle(i int, err error) {
	w.results[i].Err = err
	w.settled[i] = true
}

// open returns the indices of the items that were not tried yet, or to no effect.
func (w *putWindow) open() []int {
	var out []int
	for i, settled := range w.settled {
		if !settled {
			out = append(out, i)
		}
	}
	return out
}

// refuse says of all open items that they are not there and will not come.
func (w *putWindow) refuse(err error) {
	for _, i := range w.open() {
		w.settle(i, err)
	}
}

// missingFolder returns the error of an item that was refused for want of its folder, or nil.
func (w *putWindow) missingFolder() error {
	for _, i := range w.open() {
		if err := w.results[i].Err; endpoint.CodeOf(err) == endpoint.NotFound {
			return err
		}
	}
	return nil
}

// appendOpen appends the open items on one connection, on which the folder is open too: without
// that, some servers read the whole folder at each APPEND. An error means that none was tried.
func (d *driver) appendOpen(ctx context.Context, f endpoint.Folder, w *putWindow) error {
	defer w.closeReader()
	return d.with(ctx, func(s *session) error {
		sel, err := s.selectFolder(ctx, f.ID, false)
		if err != nil {
			return err
		}
		if sel.readOnly {
			return errReadOnly()
		}
		if w.validity == 0 {
			w.validity, w.uidNext = sel.validity, sel.uidNext
		}
		indices, messages := w.messages(s, sel)
		for j, r := range s.append(ctx, f.ID, messages) {
			if !s.has("UIDPLUS") {
				r.uid = 0 // hidden by the configuration: the server's numbers are not to be trusted
			}
			w.take(indices[j], r, sel)
		}
		return nil
	})
}

// messages prepares the open items for APPEND.
func (w *putWindow) messages(s *session, sel *selected) (indices []int, messages []appendMessage) {
	limit := s.appendLimit()
	for _, i := range w.open() {
		size, err := stampedSize(w.items[i])
		if err == nil && limit > 0 && size > limit {
			err = endpoint.Errorf(endpoint.TooLarge, "the server takes messages of at most %d bytes", limit)
		}
		if err != nil {
			w.settle(i, err)
			continue
		}
		m := appendMessage{date: clampDate(w.items[i].Received), size: size, body: func() (io.Reader, error) { return w.body(i) }}
		m.flags, w.results[i].Dropped = sel.settable(w.items[i].Flags)
		indices, messages = append(indices, i), append(messages, m)
	}
	return indices, messages
}

// stampedSize returns the size of an item behind its mark.
func stampedSize(it endpoint.Put) (int64, error) {
	r, err := it.Content.Open()
	if err != nil {
		return 0, err
	}
	_, size, err := watermark.Stamp(it.Mark, r, it.Content.Size())
	_ = r.Close()
	return size, err
}

// body opens an item behind its mark. The one that was sent before is done with.
func (w *putWindow) body(i int) (io.Reader, error) {
	w.closeReader()
	r, err := w.items[i].Content.Open()
	if err != nil {
		return nil, err
	}
	w.reader = r
	stamped, _, err := watermark.Stamp(w.items[i].Mark, r, w.items[i].Content.Size())
	return stamped, err
}

func (w *putWindow) closeReader() {
	if w.reader != nil {
		_ = w.reader.Close()
		w.reader = nil
	}
}

// take notes the answer to an item. It stays open where another connection, or a folder, is all
// that it takes.
func (w *putWindow) take(i int, r appendResult, sel *selected) {
	w.results[i].Err = r.err
	code := endpoint.CodeOf(r.err)
	w.settled[i] = r.err == nil || code != endpoint.Unavailable && code != endpoint.NotFound
	if r.err == nil && r.uid != 0 && r.validity == sel.validity {
		w.results[i].Ref = refOf(r.uid)
	}
}

// locate finds, by their marks, the UIDs of the messages whose UID the server did not tell: it
// lacks UIDPLUS (RFC 4315). A message that is not found has no Ref, which is no error.
func (d *driver) locate(ctx context.Context, f endpoint.Folder, w *putWindow) {
	lost := make(map[watermark.Mark]int)
	for i, r := range w.results {
		if r.Err == nil && r.Ref == "" && w.settled[i] {
			lost[r.Mark] = i
		}
	}
	if len(lost) == 0 || w.uidNext == 0 {
		return
	}
	f.Validity = validityText(w.validity)
	since := folderState{validity: w.validity, uidNext: w.uidNext}.text()
	for sighting, err := range d.Marks(ctx, f, since) {
		if err != nil {
			return
		}
		for _, mark := range sighting.Marks.Marks {
			if i, ok := lost[mark]; ok {
				w.results[i].Ref = sighting.Ref
			}
		}
	}
}
