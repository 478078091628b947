package imapendpoint

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
)

// literalMinus is the greatest literal that may be sent unasked under LITERAL- (RFC 7888 section 5).
const literalMinus = 4096

// appending is one call of append. The calling goroutine writes; another one, which ends with the
// call, reads the answers, so that neither side waits for the other to listen.
type appending struct {
	session *session
	name    string // of the folder, quoted
	limits  appendLimits

	// Of the writer alone.
	current *appendCommand   // waits for its end, or for another message; nil for none
	taken   []*appendMessage // all that were handed out

	mu       sync.Mutex
	changed  *sync.Cond
	open     []*appendCommand // without an answer, oldest first
	messages int              // of open
	bytes    int64            // of the literals of open
	asking   *appendCommand   // waits for leave to send a literal
	trying   bool             // the first batch of the connection is without an answer
	refused  bool             // a batch was
	done     bool             // nothing more will be sent
	failed   error            // the connection has ended
}

// appendCommand is one APPEND with one message or more (RFC 3502 section 6.3.11).
type appendCommand struct {
	tag      string
	messages []*appendMessage
	size     int64 // of the literals
	asked    bool  // leave for the last of them was asked for
	leave    bool  // the server gave it
	sent     bool  // whole
	ended    bool  // answered
}

func newAppending(s *session, name string, limits appendLimits) *appending {
	a := &appending{session: s, name: name, limits: limits}
	a.changed = sync.NewCond(&a.mu)
	return a
}

// all sends the messages and waits for the answers. None is begun once the context has ended:
// guard ends the connection a moment later, in which many a message could go out.
func (a *appending) all(ctx context.Context, take func() *appendMessage) error {
	var reader sync.WaitGroup
	reader.Go(a.read)
	for m := take(); m != nil; m = take() {
		m.result = appendResult{err: errOpen}
		a.taken = append(a.taken, m)
		if ctx.Err() != nil {
			a.session.kill()
			break
		}
		if err := a.one(m); err != nil {
			break // a.failed says why
		}
	}
	if a.session.alive() {
		a.finish()
		_ = a.session.wire.flush()
	}
	a.mu.Lock()
	a.done = true
	a.changed.Broadcast()
	a.mu.Unlock()
	reader.Wait()
	if a.failed != nil {
		return a.failed
	}
	return a.session.wire.end()
}

// one sends one message. An error means that the connection has ended; anything else that goes
// wrong becomes the result.
func (a *appending) one(m *appendMessage) error {
	args, err := m.arguments()
	if err != nil {
		a.settle(m, err)
		return nil
	}
	body, size, err := m.open()
	if err != nil {
		a.settle(m, err)
		return nil
	}
	defer func() { _ = body.Close() }()
	m.size = size
	cmd, err := a.place(m)
	if err != nil {
		return err
	}
	send, err := a.announce(cmd, m, args)
	if err != nil || !send {
		return err
	}
	return a.literal(cmd, m, body)
}

func (a *appending) settle(m *appendMessage, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	m.result.err = err
}

// place adds a message to the command that is being sent, or begins another one with it.
func (a *appending) place(m *appendMessage) (*appendCommand, error) {
	if a.join(m) {
		return a.current, nil
	}
	a.finish()
	room := func() bool {
		return len(a.open) == 0 || a.messages < a.limits.window && a.bytes+m.size <= a.limits.windowBytes
	}
	if err := a.wait(room); err != nil {
		return nil, err
	}
	cmd := &appendCommand{tag: a.session.wire.begin("APPEND")}
	_, _ = a.session.wire.out.WriteString("APPEND " + a.name) // a failure shows at the next write
	a.current = cmd
	a.mu.Lock()
	defer a.mu.Unlock()
	a.open = append(a.open, cmd)
	a.add(cmd, m)
	return cmd, nil
}

// add needs the lock.
func (a *appending) add(cmd *appendCommand, m *appendMessage) {
	cmd.messages = append(cmd.messages, m)
	cmd.size += m.size
	a.messages++
	a.bytes += m.size
	a.changed.Broadcast()
}

// finish ends the command that is being sent, even one that was refused meanwhile: the server
// reads to its end.
func (a *appending) finish() {
	if a.current == nil {
		return
	}
	a.mu.Lock()
	a.current.sent = true
	a.mu.Unlock()
	a.current = nil
	_, _ = a.session.wire.out.WriteString("\r\n") // a failure shows at the next write
}

// wait flushes and blocks until ok, or the connection has ended.
func (a *appending) wait(ok func() bool) error {
	a.mu.Lock()
	ready := ok()
	a.mu.Unlock()
	if !ready {
		_ = a.session.wire.flush() // a failure ends the reader too
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for !ok() && a.failed == nil {
		a.changed.Wait()
	}
	return a.failed
}

// mayPush reports whether the literal of a message may be sent without leave. Whether the server
// takes its list of flags must be known first, and, if it is the second of a command, whether the
// server takes a second one.
func (a *appending) mayPush(cmd *appendCommand, m *appendMessage) bool {
	s := a.session
	permitted := s.has("LITERAL+") || s.has("LITERAL-") && m.size <= literalMinus
	a.mu.Lock()
	defer a.mu.Unlock()
	first := cmd.messages[0] == m
	if !first && !s.batched {
		a.trying = true
		return false
	}
	return permitted && !a.limits.ask && !m.ask && s.flagSets.has(m)
}

// announce sends what stands before the literal; send is false if the server refused it.
func (a *appending) announce(cmd *appendCommand, m *appendMessage, args string) (send bool, err error) {
	unasked := a.mayPush(cmd, m)
	mark := "}\r\n"
	if unasked {
		mark = "+}\r\n"
	}
	if _, err := fmt.Fprintf(a.session.wire.out, "%s {%d%s", args, m.size, mark); err != nil {
		return false, a.session.wire.fail(err)
	}
	if unasked {
		return true, nil
	}
	a.mu.Lock()
	cmd.asked = true
	a.asking = cmd
	a.mu.Unlock()
	err = a.wait(func() bool { return cmd.leave || cmd.ended })
	a.mu.Lock()
	defer a.mu.Unlock()
	if cmd.ended {
		a.current = nil // it ended where the literal would have begun
	}
	return err == nil && !cmd.ended, err
}

// literal sends exactly the announced bytes. A body that fails leaves the server waiting for the
// rest, so the connection ends.
func (a *appending) literal(cmd *appendCommand, m *appendMessage, body io.Reader) error {
	// All but the last byte: up to here, the server cannot have the message.
	if err := a.copy(m, body, m.size-1); err != nil {
		return err
	}
	last, err := a.last(m, body)
	if err != nil {
		return err
	}
	a.mu.Lock()
	if !cmd.ended {
		m.result.err = errWhole
	}
	a.mu.Unlock()
	if _, err := a.session.wire.out.Write(last); err != nil {
		return a.session.wire.fail(err)
	}
	return nil
}

// copy sends n bytes of a body.
func (a *appending) copy(m *appendMessage, body io.Reader, n int64) error {
	if n <= 0 {
		return nil
	}
	source := &bodyReader{r: body}
	_, err := io.CopyN(a.session.wire.out, source, n)
	if err != nil && errors.Is(err, source.err) {
		return a.broken(m, err)
	}
	if err != nil {
		return a.session.wire.fail(err)
	}
	return nil
}

// last returns the last byte of a body, which must end there.
func (a *appending) last(m *appendMessage, body io.Reader) ([]byte, error) {
	if m.size == 0 {
		return nil, nil
	}
	var rest [2]byte
	n, err := io.ReadFull(body, rest[:])
	switch {
	case n == 2:
		return nil, a.broken(m, errLong)
	case n == 0:
		return nil, a.broken(m, err)
	case !errors.Is(err, io.ErrUnexpectedEOF): // of ReadFull: the body ended after one byte
		return nil, a.broken(m, err)
	}
	return rest[:1], nil
}

// broken ends the connection for want of the rest of a body. What was held back of the literal is
// never sent, so it is certain that the message is not stored.
func (a *appending) broken(m *appendMessage, err error) error {
	if errors.Is(err, io.EOF) {
		err = fmt.Errorf("body is shorter than its stated size: %w", io.ErrUnexpectedEOF)
	}
	a.settle(m, err)
	return a.session.wire.fail(errKilled)
}

var errLong = errors.New("body is longer than its stated size")

// bodyReader remembers that it was the body that failed, not the connection.
type bodyReader struct {
	r   io.Reader
	err error
}

// Read reads from the body.
func (b *bodyReader) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	b.err = err
	return n, err
}

// read takes in answers while any are owed.
func (a *appending) read() {
	for a.owed() {
		line, err := a.session.wire.response()
		if !a.answered(line, err) {
			return
		}
	}
}

// answered takes in one response, or why there is none, and reports whether the connection lives on. That it does not, the writer
// learns in the same moment as the answer: what it wrote in between would be in doubt for nothing.
func (a *appending) answered(line []byte, err error) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err == nil {
		err = a.answer(line)
	}
	a.failed = err
	a.changed.Broadcast()
	return err == nil
}

// owed blocks until the server owes an answer; false means that the call is over.
func (a *appending) owed() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.open) == 0 && !a.done {
		a.changed.Wait()
	}
	return len(a.open) > 0
}

// answer takes in one response. It needs the lock.
func (a *appending) answer(line []byte) error {
	s, ok := parseStatus(line)
	if !ok || s.tag == "*" {
		return nil
	}
	if s.tag == "+" {
		if a.asking != nil {
			a.asking.leave, a.asking = true, nil
		}
		return nil
	}
	for i, cmd := range a.open {
		if cmd.tag == s.tag {
			a.open = append(a.open[:i], a.open[i+1:]...)
			return a.end(cmd, s)
		}
	}
	return a.session.wire.fail(fmt.Errorf("%w: answer to a command that was not sent", errProtocol))
}

// end settles a command with its tagged response.
func (a *appending) end(cmd *appendCommand, s status) error {
	cmd.ended = true
	a.bytes -= cmd.size
	a.messages -= len(cmd.messages)
	if a.asking == cmd {
		a.asking = nil
	}
	if s.kind == "OK" {
		return a.stored(cmd, s)
	}
	batch := len(cmd.messages) > 1
	a.refused = a.refused || batch
	for _, m := range cmd.messages {
		m.result = appendResult{err: s.err(), batched: batch}
	}
	if s.kind != "NO" {
		return a.session.wire.fail(errRefused)
	}
	return nil
}

// stored settles a command that was confirmed.
func (a *appending) stored(cmd *appendCommand, s status) error {
	for _, m := range cmd.messages {
		if !cmd.sent || !errors.Is(m.result.err, errWhole) {
			return a.session.wire.fail(fmt.Errorf("%w: APPEND was confirmed before it was sent", errProtocol))
		}
	}
	validity, uids := s.appendUIDs(len(cmd.messages))
	for i, m := range cmd.messages {
		m.result = appendResult{validity: validity, batched: len(cmd.messages) > 1}
		if uids != nil {
			m.result.uid = uids[i]
		}
		a.session.flagSets.add(m)
	}
	a.session.batched = a.session.batched || len(cmd.messages) > 1
	return nil
}

// errRefused is the end of a connection on which an APPEND was answered with BAD.
var errRefused = errors.New("connection was closed because the server did not understand an APPEND")
