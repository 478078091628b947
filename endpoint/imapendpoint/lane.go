package imapendpoint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/watermark"
)

// headSize is how much of a message decides how a mark is put before it (see watermark.Prefix).
const headSize = 64 << 10

// joinGrace is for how long, when all is written, a connection that was to help may go on to be made:
// it will be of use to the next Put, but no server may hold up this one by not answering.
const joinGrace = 5 * time.Second

// lane is one connection that takes part in a Put. The first has what it needs; others join it
// where a session is to be had, and all take what is open from one queue.
type lane struct {
	session *session
	folder  *selected
	window  *putWindow
	limit   int64  // the greatest message that the server takes, or 0
	head    []byte // the beginning of the item that is being sent
}

// appendOpen appends the open items. An error means that none was tried.
func (d *driver) appendOpen(ctx context.Context, f endpoint.Folder, w *putWindow) error {
	return d.with(ctx, f.ID, func(s *session) error {
		folder, err := s.openToAppend(ctx, f.ID)
		if err != nil {
			return err
		}
		w.begin(folder)
		w.queue, w.round = w.open(), tally{}
		p := d.pace.plan(s, len(w.queue), w.wary)
		began := time.Now()
		joining, stop := context.WithCancel(ctx)
		defer stop()
		var spare sync.WaitGroup
		for range p.lanes - 1 {
			spare.Go(func() { d.spareLane(ctx, joining, f, w, p.limits) })
		}
		newLane(s, folder, w).run(ctx, p.limits)
		defer time.AfterFunc(joinGrace, stop).Stop()
		spare.Wait()
		s.showMark(folder, w)
		d.pace.learn(p, w.round, time.Since(began))
		return nil
	})
}

// showMark asks for the mark of one of the messages that were put into a folder in which nothing was before, and does not wait for it.
// Of the messages that it stores from then on, Dovecot keeps in its cache which fields somebody wanted to know there; the look at what
// was written need not open each of them again then.
func (s *session) showMark(f *selected, w *putWindow) {
	if f.messages > 0 || f.shown || !s.alive() {
		return
	}
	for _, r := range w.results {
		if r.Err == nil && r.Ref != "" {
			f.shown = true
			s.wire.mention("UID FETCH", r.Ref+" (BODY.PEEK"+fieldsSection(watermark.Field)+")")
			return
		}
	}
}

// spareLane helps with the queue if there is a session to be had at once, or that can be made before
// joining ends.
func (d *driver) spareLane(ctx, joining context.Context, f endpoint.Folder, w *putWindow, limits appendLimits) {
	s := d.pool.spare(joining, f.ID)
	if s == nil {
		return
	}
	defer d.pool.release(s)
	if folder, err := s.openToAppend(ctx, f.ID); err == nil {
		w.begin(folder)
		newLane(s, folder, w).run(ctx, limits)
	}
}

// openToAppend opens a folder to write, unless it is open so already. Without it open, some
// servers read the whole folder at each APPEND. A server that tells no UIDs is asked anew, for the
// UIDNEXT behind which locate looks.
func (s *session) openToAppend(ctx context.Context, wireName string) (*selected, error) {
	if open := s.current; open != nil && open.name == wireName && !open.readOnly {
		return open, nil
	}
	open, err := s.selectFolder(ctx, wireName, false)
	if err == nil && open.readOnly {
		return nil, errReadOnly()
	}
	return open, err
}

func newLane(s *session, folder *selected, w *putWindow) *lane {
	return &lane{session: s, folder: folder, window: w, limit: s.appendLimit(), head: make([]byte, headSize)}
}

// run sends items until the queue is empty or the connection has ended.
func (l *lane) run(ctx context.Context, limits appendLimits) {
	var taken []int
	var messages []*appendMessage
	err := l.session.append(ctx, l.folder.name, limits, func() *appendMessage {
		i, ok := l.window.next()
		if !ok {
			return nil
		}
		taken, messages = append(taken, i), append(messages, l.message(i))
		return messages[len(messages)-1]
	})
	for j, m := range messages {
		if !l.session.has("UIDPLUS") {
			m.result.uid = 0 // hidden by the configuration: the server's numbers are not to be trusted
		}
		l.window.take(taken[j], m, l.folder)
		l.learn(m.result)
	}
	if err != nil {
		l.window.connectionEnded(err)
	}
}

// learn forgets what the session knows of its folder where that is no longer true: another one may
// have its name by now.
func (l *lane) learn(r appendResult) {
	if endpoint.CodeOf(r.err) == endpoint.NotFound || r.err == nil && (r.uid == 0 || r.validity != l.folder.validity) {
		l.session.current = nil
	}
}

// message prepares an item for APPEND.
func (l *lane) message(i int) *appendMessage {
	it := l.window.items[i]
	m := &appendMessage{date: clampDate(it.Received), alone: l.window.alone[i] || l.window.doubts[i] > 0, ask: l.window.doubts[i] > 1}
	m.flags, l.window.results[i].Dropped = l.folder.settable(it.Flags)
	m.open = func() (io.ReadCloser, int64, error) { return l.open(it) }
	return m
}

// stampedBody is an item behind its mark.
type stampedBody struct {
	io.Reader
	io.Closer
}

// open begins to read an item behind its mark. What fails here harms no connection, so an item
// that is no longer than head is read to its end.
func (l *lane) open(it endpoint.Put) (io.ReadCloser, int64, error) {
	r, err := it.Content.Open()
	if err != nil {
		return nil, 0, err
	}
	body, size, err := l.stamp(it, r)
	if err != nil {
		_ = r.Close()
		return nil, 0, err
	}
	return stampedBody{body, r}, size, nil
}

func (l *lane) stamp(it endpoint.Put, r io.Reader) (io.Reader, int64, error) {
	size := it.Content.Size()
	head := l.head[:min(size, headSize)]
	if _, err := io.ReadFull(r, head); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, 0, fmt.Errorf("read the beginning of the body: %w", err)
	}
	prefix := watermark.Prefix(it.Mark, head)
	total := int64(len(prefix)) + size
	if l.limit > 0 && total > l.limit {
		return nil, 0, endpoint.Errorf(endpoint.TooLarge, "the server takes messages of at most %d bytes", l.limit)
	}
	if size > headSize {
		return io.MultiReader(bytes.NewReader(prefix), bytes.NewReader(head), r), total, nil
	}
	if n, err := io.ReadFull(r, make([]byte, 1)); n > 0 {
		return nil, 0, errLong
	} else if !errors.Is(err, io.EOF) {
		return nil, 0, err
	}
	return io.MultiReader(bytes.NewReader(prefix), bytes.NewReader(head)), total, nil
}
