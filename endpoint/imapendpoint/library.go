package imapendpoint

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"time"
)

// errParser is the end of a connection at whose reply the library gave up.
var errParser = errors.New("the server's answer cannot be understood")

// library is the connection as the IMAP library sees it. It never sees the login, it is given
// responses only while a command of its own is in flight, and only those that it can parse.
//
// Its deadlines are ignored: they bound a whole literal, not a silence (see conn.Read).
type library struct {
	wire *wire

	// Of the goroutine that reads.
	ready  []byte // to be handed out next
	within bool   // a response was begun
	drop   bool   // it is kept from the library
	fetch  *fetchRepair
	stream bool // the literal at hand is to be handed out

	// Of the goroutine that writes.
	line    []byte // the command line so far
	literal int64  // bytes of a literal still to be written
	inside  bool   // the line goes on a command begun earlier

	mu    sync.Mutex
	tags  map[string]bool // commands without an answer
	asked int             // literals that wait for a continuation request
	idle  *time.Timer     // runs while an operation goes on without any of its commands unanswered
	wake  chan struct{}   // a command was begun
}

func newLibrary(w *wire, greeting string) *library {
	return &library{wire: w, ready: []byte(greeting), tags: map[string]bool{}, wake: make(chan struct{}, 1)}
}

// Read hands out responses. It blocks while there is no command in flight.
func (l *library) Read(p []byte) (int, error) {
	for {
		if len(l.ready) > 0 {
			n := copy(p, l.ready)
			l.ready = l.ready[n:]
			return n, nil
		}
		if l.stream {
			n, err := l.wire.frames.Read(p)
			if errors.Is(err, io.EOF) && n == 0 {
				l.stream = false
				continue
			}
			if err != nil && !errors.Is(err, io.EOF) {
				return n, l.fail(err)
			}
			return n, nil
		}
		if !l.within {
			if err := l.await(); err != nil {
				return 0, err
			}
		}
		if err := l.fill(); err != nil {
			return 0, l.fail(err)
		}
	}
}

// fail ends the connection and tells the library what it takes for a regular end.
func (l *library) fail(err error) error {
	_ = l.wire.fail(err)
	return net.ErrClosed
}

// await blocks until a command is in flight.
func (l *library) await() error {
	for {
		l.mu.Lock()
		open := len(l.tags)
		l.mu.Unlock()
		if open > 0 {
			return nil
		}
		select {
		case <-l.wake:
		case <-l.wire.ended:
			return net.ErrClosed
		}
	}
}

// fill reads one segment and makes of it what the library is to see.
func (l *library) fill() error {
	s, err := l.wire.frames.next()
	if err != nil {
		return err
	}
	l.within = s.literal >= 0
	if s.first {
		err = l.first(s)
	} else if !l.drop {
		err = l.rewrite(s.text, s)
	}
	if err != nil {
		return err
	}
	if s.literal >= 0 && !l.stream {
		if _, err := io.Copy(io.Discard, l.wire.frames); err != nil {
			return err
		}
	}
	return nil
}

// first decides what becomes of a response.
func (l *library) first(s segment) error {
	l.drop, l.fetch = true, nil
	l.wire.debug("response", responseName(s.text), len(s.text))
	if st, ok := parseStatus(s.text); ok {
		return l.status(st)
	}
	tag, rest := cutWord(s.text)
	if string(tag) != "*" {
		if len(tag) == 0 {
			return nil // an empty line
		}
		return fmt.Errorf("%w: neither tag nor asterisk", errProtocol)
	}
	kind, data := cutKind(rest)
	if number, _ := cutWord(rest); isNumber(number) && equalFold(kind, "FETCH") {
		list, ok := bytes.CutPrefix(data, []byte("("))
		if !ok {
			return fmt.Errorf("%w: FETCH response without items", errProtocol)
		}
		l.drop = false
		l.fetch = &fetchRepair{out: fmt.Appendf(nil, "* %s FETCH (", number)}
		return l.rewrite(list, s)
	}
	switch dataKind(kind) {
	case "LIST", "STATUS", "SEARCH", "ESEARCH", "NAMESPACE", "QUOTA", "QUOTAROOT", "MYRIGHTS", "ACL":
		l.drop = false
		return l.rewrite(append([]byte("* "), rest...), s)
	}
	return nil // unknown, or of no use to the library
}

// rewrite hands out a segment in a form that the library can parse.
func (l *library) rewrite(text []byte, s segment) error {
	var out []byte
	if l.fetch != nil {
		if err := l.fetch.segment(text, s.literal >= 0); err != nil {
			return err
		}
		out, l.fetch.out = l.fetch.out, nil
		l.stream = l.fetch.through
	} else {
		fixed, err := repairLine(text)
		if err != nil {
			return err
		}
		out, l.stream = fixed, s.literal >= 0
	}
	l.ready = append([]byte(nil), out...)
	switch {
	case l.stream:
		l.ready = fmt.Appendf(l.ready, "{%d}\r\n", s.literal)
	case s.literal < 0:
		l.ready = append(l.ready, "\r\n"...)
	}
	return nil
}

// status hands out the end of a command, with what the library makes of response codes, and the
// continuation requests that it waits for. It has no use for any other status.
func (l *library) status(s status) error {
	l.wire.noteBye(s)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case s.tag == "+":
		if l.asked > 0 {
			l.asked--
			l.ready = []byte("+ go on\r\n")
		}
		return nil
	case s.tag == "*":
		return nil
	case !l.tags[s.tag] || s.kind == "BYE" || s.kind == "PREAUTH":
		return fmt.Errorf("%w: answer to a command that was not sent", errProtocol)
	}
	delete(l.tags, s.tag)
	if len(l.tags) == 0 {
		l.asked = 0
		l.idle = time.AfterFunc(l.wire.conn.timeout, func() { _ = l.wire.fail(errParser) })
	}
	code := ""
	if isAtom(s.code) && s.args == "" {
		code = "[" + s.code + "] "
	}
	// The dash keeps a text that looks like an unfinished response code from being read as one.
	l.ready = []byte(s.tag + " " + s.kind + " " + code + "- " + strings.ReplaceAll(s.text, "\r", " ") + "\r\n")
	return nil
}

// Write sends what the library writes, and follows it closely enough to know the tags.
func (l *library) Write(p []byte) (int, error) {
	l.follow(p)
	n, err := l.wire.conn.Write(p)
	if err != nil {
		return n, l.fail(err)
	}
	return n, nil
}

func (l *library) follow(p []byte) {
	for len(p) > 0 {
		if l.literal > 0 {
			n := min(l.literal, int64(len(p)))
			l.literal -= n
			p = p[n:]
			continue
		}
		at := bytes.IndexByte(p, '\n')
		if at < 0 {
			l.line = append(l.line, p...)
			return
		}
		l.line = append(l.line, p[:at+1]...)
		p = p[at+1:]
		l.command(trimLineEnd(l.line))
		l.line = l.line[:0]
	}
}

// command notes a whole line of a command.
func (l *library) command(line []byte) {
	s := segment{text: line, literal: -1}
	_ = (&framer{}).announce(&s) // the library's own literals keep within any bound
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.inside {
		tag, rest := cutWord(line)
		l.tags[string(tag)] = true
		l.stopIdle()
		l.wire.conn.meter.commands.Add(1)
		l.wire.debug("command", commandName(rest), len(line))
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
	l.inside = s.literal >= 0
	if l.inside {
		l.literal = s.literal
		l.asked++
	}
}

// commandName is the name of a command of the library, which is no secret.
func commandName(rest []byte) string {
	name, rest := cutWord(rest)
	if string(name) != "UID" {
		return string(name)
	}
	verb, _ := cutWord(rest)
	return "UID " + string(verb)
}

// settle ends an operation of the library; it reports whether all of its commands were answered.
func (l *library) settle() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopIdle()
	return len(l.tags) == 0
}

func (l *library) stopIdle() {
	if l.idle != nil {
		l.idle.Stop()
		l.idle = nil
	}
}

// Close ends the connection, as the library does when it cannot parse an answer.
func (l *library) Close() error {
	_ = l.wire.fail(errParser)
	return nil
}

// LocalAddr returns the address of this side.
func (l *library) LocalAddr() net.Addr { return l.wire.conn.socket.LocalAddr() }

// RemoteAddr returns the address of the server.
func (l *library) RemoteAddr() net.Addr { return l.wire.conn.socket.RemoteAddr() }

// SetDeadline does nothing.
func (l *library) SetDeadline(time.Time) error { return nil }

// SetReadDeadline sets none. It is the one place where the goroutine of the library can be ended
// cleanly once the connection has: when a literal breaks off, that goroutine looks at its buffer
// again while the reader of the literal, who is told to drain it, reads through the same buffer.
// That is a data race. On its way there it calls this method, and nothing of what it does while it
// unwinds touches the buffer.
func (l *library) SetReadDeadline(time.Time) error {
	if l.wire.end() != nil {
		runtime.Goexit()
	}
	return nil
}

// SetWriteDeadline does nothing.
func (l *library) SetWriteDeadline(time.Time) error { return nil }
