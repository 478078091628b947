package imapendpoint

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
)

// How much may be on its way without an answer when literals need no permission.
const (
	windowBytes    = 1 << 20
	windowMessages = 32
)

// literalMinus is the greatest literal that may be sent unasked under LITERAL- (RFC 7888 section 5).
const literalMinus = 4096

// maxFlagSets bounds how many lists of flags a session remembers; the rest keeps asking.
const maxFlagSets = 1000

// appendMessage is a message for APPEND (RFC 9051 section 6.3.12).
type appendMessage struct {
	flags []string  // of the five system flags, and keywords that are atoms
	date  time.Time // INTERNALDATE; zero lets the server choose, else within 1970 to 2105
	size  int64
	body  func() (io.Reader, error) // called at most once per attempt; the caller closes
}

// appendResult is what became of a message. With err nil it is stored; with code InDoubt that is
// not known; with any other error, it is not stored and will not come.
type appendResult struct {
	uid, validity uint32 // 0 if the server did not tell
	err           error
}

// append sends messages to a folder and returns one result for each. Where the server takes
// literals unasked (RFC 7888), many are on their way at once.
//
// The literal of a refused APPEND would be read as commands, written by whoever sent the message.
// So the first message with a list of flags asks before it sends, and a BAD ends the connection at
// once. The connection is dead when a result is InDoubt.
func (s *session) append(ctx context.Context, wireName string, msgs []appendMessage) []appendResult {
	a := &appending{session: s, results: make([]appendResult, len(msgs))}
	a.changed = sync.NewCond(&a.mu)
	for i := range a.results {
		a.results[i].err = errOpen
	}
	name, err := quoteString(wireName)
	if err == nil {
		err = s.guard(ctx, func() error { return a.all(ctx, name, msgs) })
	}
	if err == nil {
		return a.results
	}
	for i := range a.results {
		conclude(&a.results[i], err)
	}
	return a.results
}

// conclude settles a message whose answer did not come.
func conclude(r *appendResult, cause error) {
	switch {
	case errors.Is(r.err, errOpen):
		r.err = cause
	case errors.Is(r.err, errWhole):
		// The cause is not wrapped: its own code, or that of a context, would say "not stored".
		doubt := endpoint.Errorf(endpoint.InDoubt, "no answer to a message that was sent: %s", cause.Error())
		doubt.RetryAfter = endpoint.RetryAfterOf(cause)
		r.err = doubt
	}
}

// The states of a message without an answer, as its error.
var (
	errOpen  = errors.New("not sent whole") // the server cannot have stored it
	errWhole = errors.New("sent whole")     // it may have
)

// appending is one call of append. The calling goroutine writes; another one, which ends with the
// call, reads the answers, so that neither side waits for the other to listen.
type appending struct {
	session *session
	results []appendResult

	mu      sync.Mutex
	changed *sync.Cond
	open    []*appendCommand // without an answer, oldest first
	bytes   int64            // of the literals of open
	asking  *appendCommand   // waits for leave to send its literal
	done    bool             // nothing more will be sent
	failed  error            // the connection has ended
}

type appendCommand struct {
	tag    string
	flags  string
	size   int64
	result *appendResult
	leave  bool // the server asked for the literal
	ended  bool // answered
}

// all sends the messages and waits for the answers. None is begun once the context has ended:
// guard ends the connection a moment later, in which many a message could go out.
func (a *appending) all(ctx context.Context, name string, msgs []appendMessage) error {
	var reader sync.WaitGroup
	reader.Go(a.read)
	for i := range msgs {
		if ctx.Err() != nil {
			a.session.kill()
			break
		}
		if err := a.one(name, &msgs[i], &a.results[i]); err != nil {
			break // a.failed says why
		}
	}
	_ = a.session.wire.flush()
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
func (a *appending) one(name string, m *appendMessage, result *appendResult) error {
	line, err := m.line(name)
	if err == nil && m.size < 0 {
		err = endpoint.Errorf(endpoint.Invalid, "the size of a message is negative")
	}
	if err != nil {
		a.settle(result, err)
		return nil
	}
	body, err := m.body()
	if err != nil {
		a.settle(result, err)
		return nil
	}
	cmd := &appendCommand{flags: strings.Join(m.flags, " "), size: m.size, result: result}
	unasked := a.mayPush(m.size, cmd.flags)
	if err := a.admit(cmd, unasked); err != nil {
		return err
	}
	send, err := a.announce(cmd, line, unasked)
	if err != nil || !send {
		return err
	}
	return a.literal(cmd, body)
}

func (a *appending) settle(result *appendResult, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	result.err = err
}

// mayPush reports whether a literal may be sent without leave. Which lists of flags the server
// takes must be known first.
func (a *appending) mayPush(size int64, flags string) bool {
	a.mu.Lock()
	known := a.session.flagSets[flags]
	a.mu.Unlock()
	return known && (a.session.has("LITERAL+") || a.session.has("LITERAL-") && size <= literalMinus)
}

// admit waits until the window has room for cmd, and gives it its tag.
func (a *appending) admit(cmd *appendCommand, unasked bool) error {
	room := func() bool {
		if !unasked {
			return len(a.open) == 0
		}
		return len(a.open) == 0 || len(a.open) < windowMessages && a.bytes+cmd.size <= windowBytes
	}
	if err := a.wait(room); err != nil {
		return err
	}
	cmd.tag = a.session.wire.begin("APPEND")
	a.mu.Lock()
	defer a.mu.Unlock()
	a.open = append(a.open, cmd)
	a.bytes += cmd.size
	a.changed.Broadcast()
	return nil
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

// announce sends the command up to its literal; send is false if the server refused it.
func (a *appending) announce(cmd *appendCommand, line string, unasked bool) (send bool, err error) {
	mark := "}\r\n"
	if unasked {
		mark = "+}\r\n"
	}
	if _, err := fmt.Fprintf(a.session.wire.out, "%s {%d%s", line, cmd.size, mark); err != nil {
		return false, a.session.wire.fail(err)
	}
	if unasked {
		return true, nil
	}
	a.mu.Lock()
	a.asking = cmd
	a.mu.Unlock()
	err = a.wait(func() bool { return cmd.leave || cmd.ended })
	a.mu.Lock()
	defer a.mu.Unlock()
	return err == nil && !cmd.ended, err
}

// literal sends exactly the announced bytes and the end of the command. A body that fails leaves
// the server waiting for the rest, so the connection ends.
func (a *appending) literal(cmd *appendCommand, body io.Reader) error {
	out := a.session.wire.out
	// All but the last byte: up to here, the server cannot have the message.
	if err := a.copy(cmd, out, body, cmd.size-1); err != nil {
		return err
	}
	a.mu.Lock()
	if !cmd.ended {
		cmd.result.err = errWhole
	}
	a.mu.Unlock()
	if err := a.copy(cmd, out, body, min(cmd.size, 1)); err != nil {
		return err
	}
	if _, err := out.WriteString("\r\n"); err != nil {
		return a.session.wire.fail(err)
	}
	return nil
}

func (a *appending) copy(cmd *appendCommand, out io.Writer, body io.Reader, n int64) error {
	if n <= 0 {
		return nil
	}
	source := &bodyReader{r: body}
	_, err := io.CopyN(out, source, n)
	if err != nil && errors.Is(err, source.err) {
		if errors.Is(err, io.EOF) {
			err = fmt.Errorf("body is shorter than its stated size: %w", io.ErrUnexpectedEOF)
		}
		// What was held back of the literal is never sent, so it is certain that it is not stored.
		a.settle(cmd.result, err)
		return a.session.wire.fail(errKilled)
	}
	if err != nil {
		return a.session.wire.fail(err)
	}
	return nil
}

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
		if err == nil {
			err = a.answer(line)
		}
		if err != nil {
			a.mu.Lock()
			a.failed = err
			a.changed.Broadcast()
			a.mu.Unlock()
			return
		}
	}
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

// answer takes in one response.
func (a *appending) answer(line []byte) error {
	s, ok := parseStatus(line)
	if !ok || s.tag == "*" {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	defer a.changed.Broadcast()
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
	if a.asking == cmd {
		a.asking = nil
	}
	switch s.kind {
	case "OK":
		if !errors.Is(cmd.result.err, errWhole) {
			return a.session.wire.fail(fmt.Errorf("%w: APPEND was confirmed before it was sent", errProtocol))
		}
		cmd.result.err = nil
		cmd.result.validity, cmd.result.uid = s.appendUID()
		if len(a.session.flagSets) < maxFlagSets {
			a.session.flagSets[cmd.flags] = true
		}
		return nil
	case "NO":
		cmd.result.err = s.err()
		return nil
	}
	cmd.result.err = s.err()
	return a.session.wire.fail(errRefused)
}

// errRefused is the end of a connection on which an APPEND was answered with BAD.
var errRefused = errors.New("connection was closed because the server did not understand an APPEND")

// appendUID reads the response code APPENDUID (RFC 4315 section 3).
func (s status) appendUID() (validity, uid uint32) {
	if s.code != "APPENDUID" {
		return 0, 0
	}
	first, second, _ := strings.Cut(s.args, " ")
	v, ok := parseNumber([]byte(first), 1<<32-1)
	u, also := parseNumber([]byte(second), 1<<32-1)
	if !ok || !also {
		return 0, 0
	}
	return uint32(v), uint32(u)
}

// line returns the command before its literal, without the tag. What could be refused with BAD is
// refused here.
func (m *appendMessage) line(name string) (string, error) {
	line := "APPEND " + name
	for _, f := range m.flags {
		if !mayAppend(f) {
			return "", endpoint.Errorf(endpoint.Invalid, "a flag is neither a system flag that can be set nor an atom")
		}
	}
	if len(m.flags) > 0 {
		line += " (" + strings.Join(m.flags, " ") + ")"
	}
	if m.date.IsZero() {
		return line, nil
	}
	if y := m.date.UTC().Year(); y < 1970 || y > 2105 {
		return "", endpoint.Errorf(endpoint.Invalid, "a date is not within the years 1970 to 2105")
	}
	return line + ` "` + m.date.Format("02-Jan-2006 15:04:05 -0700") + `"`, nil
}

// mayAppend reports whether a flag may stand in an APPEND (RFC 9051 section 2.3.2): no server
// refuses the five, and \Recent is refused by all.
func mayAppend(flag string) bool {
	for _, f := range []endpoint.Flag{endpoint.Seen, endpoint.Answered, endpoint.IsFlagged, endpoint.Deleted, endpoint.Draft} {
		if strings.EqualFold(flag, string(f)) {
			return true
		}
	}
	return isAtom(flag)
}
