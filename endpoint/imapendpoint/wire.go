package imapendpoint

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"sync"
)

// wire is the protocol on one connection: commands out, responses in. It is in one of two modes.
// While the library has a command in flight, the library's goroutine reads (library.go). At any
// other time whoever owns the session sends commands of its own and reads the answers (raw.go,
// append.go).
type wire struct {
	conn   *conn
	frames *framer
	out    *bufio.Writer
	log    *slog.Logger // nil for none

	tags uint64

	mu    sync.Mutex
	cause error  // why the connection ended, or nil
	bye   status // what the server said before it hung up
	ended chan struct{}
}

func newWire(c *conn, log *slog.Logger) *wire {
	return &wire{
		conn: c, frames: newFramer(c), out: bufio.NewWriterSize(c, writeChunk), log: log,
		ended: make(chan struct{}),
	}
}

// fail ends the connection. The first cause is the one that is remembered.
func (w *wire) fail(cause error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cause == nil {
		w.cause = w.explain(cause)
		close(w.ended)
		w.conn.kill()
	}
	return w.cause
}

// explain prefers the server's own farewell to the silence after it.
func (w *wire) explain(cause error) error {
	if w.bye.kind != "" && lost(cause) != "" && !errors.Is(cause, errKilled) {
		return w.bye.err()
	}
	return cause
}

// end returns why the connection ended, or nil while it lives.
func (w *wire) end() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cause
}

func (w *wire) noteBye(s status) {
	if s.tag == "*" && s.kind == "BYE" {
		w.mu.Lock()
		w.bye = s
		w.mu.Unlock()
	}
}

// begin writes the tag of a new command and counts the command.
func (w *wire) begin(name string) (tag string) {
	w.tags++
	w.conn.meter.commands.Add(1)
	tag = "D" + strconv.FormatUint(w.tags, 10)
	w.debug("command", name, 0)
	_, _ = w.out.WriteString(tag + " ") // a failure shows at the next flush
	return tag
}

func (w *wire) flush() error {
	if err := w.out.Flush(); err != nil {
		return w.fail(err)
	}
	return nil
}

// response reads one response. Literals in it are turned into quoted strings, or kept as literals
// if they hold what a quoted string cannot. It is valid until the next call.
func (w *wire) response() ([]byte, error) {
	line, err := w.gather()
	if err != nil {
		return nil, w.fail(err)
	}
	s, _ := parseStatus(line)
	w.noteBye(s)
	w.debug("response", responseName(line), len(line))
	return line, nil
}

func (w *wire) gather() ([]byte, error) {
	var line []byte
	for {
		s, err := w.frames.next()
		if err != nil {
			return nil, err
		}
		if s.literal < 0 && line == nil {
			return s.text, nil
		}
		line = append(line, s.text...)
		if s.literal < 0 {
			return line, nil
		}
		if s.literal > maxLiteral {
			return nil, fmt.Errorf("%w: literal is too long", errProtocol)
		}
		text, err := io.ReadAll(w.frames)
		if err != nil {
			return nil, err
		}
		line = appendString(line, text)
	}
}

// appendString appends a string as RFC 9051 section 4.3 writes it.
func appendString(line, text []byte) []byte {
	for _, c := range text {
		if c == 0 || c == '\r' || c == '\n' {
			return append(fmt.Appendf(line, "{%d}\r\n", len(text)), text...)
		}
	}
	line = append(line, '"')
	for _, c := range text {
		if c == '"' || c == '\\' {
			line = append(line, '\\')
		}
		line = append(line, c)
	}
	return append(line, '"')
}

// debug writes a line of the wire log: which command or response, and its size, never more.
func (w *wire) debug(what, name string, size int) {
	if w.log == nil {
		return
	}
	w.log.Debug("imap", slog.String("what", what), slog.String("name", name), slog.Int("bytes", size))
}

// responseName names a response for the log. It is one of a fixed list: anything else could be
// what the server likes.
func responseName(line []byte) string {
	tag, rest := cutWord(line)
	if string(tag) == "+" {
		return "+"
	}
	kind, _ := cutKind(rest)
	if k := statusKind(kind); k != "" {
		return k
	}
	if k := dataKind(kind); k != "" {
		return k
	}
	return "other"
}

// dataKind returns the kind of untagged data that b names in any case, or "".
func dataKind(b []byte) string {
	for _, k := range []string{
		"ACL", "CAPABILITY", "ENABLED", "ESEARCH", "EXISTS", "EXPUNGE", "FETCH", "FLAGS", "ID", "LIST", "LSUB",
		"MYRIGHTS", "NAMESPACE", "QUOTA", "QUOTAROOT", "RECENT", "SEARCH", "STATUS",
	} {
		if equalFold(b, k) {
			return k
		}
	}
	return ""
}
