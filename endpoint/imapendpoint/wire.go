package imapendpoint

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"sync"
	"time"
)

// wire is the protocol on one connection: commands out, responses in. Whoever owns the session sends
// commands and reads the answers: one by one or many in a row (raw.go), or both at once (append.go).
type wire struct {
	conn   *conn
	frames *framer
	out    *bufio.Writer
	log    *slog.Logger // nil for none

	tags  uint64
	open  map[string]*status // commands of send; what their answer was, if it came before its turn
	noise map[string]bool    // commands whose answer does not matter
	first sentCommand        // of those that are on their way

	mu    sync.Mutex
	cause error  // why the connection ended, or nil
	bye   status // what the server said before it hung up
}

func newWire(c *conn, log *slog.Logger) *wire {
	return &wire{
		conn: c, frames: newFramer(c), out: bufio.NewWriterSize(c, writeChunk), log: log,
		open: map[string]*status{}, noise: map[string]bool{},
	}
}

// sentCommand is a command whose answer is timed: nothing was on its way before it.
type sentCommand struct {
	tag string
	at  time.Time
}

// fail ends the connection. The first cause is the one that is remembered.
func (w *wire) fail(cause error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cause == nil {
		w.cause = w.explain(cause)
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
func (w *wire) response() ([]byte, error) { return w.receive(nil) }

// receive is response, but hands a FETCH response to f, unless that is nil, and returns no line for it.
func (w *wire) receive(f *fetching) ([]byte, error) {
	for {
		s, err := w.frames.next()
		if err != nil {
			return nil, w.fail(err)
		}
		if f != nil && w.frames.isFetch() {
			w.debug("response", "FETCH", len(s.text))
			if err := f.response(w.frames, s); err != nil {
				return nil, w.fail(err)
			}
			return nil, nil
		}
		line, err := w.gather(s)
		if err != nil {
			return nil, w.fail(err)
		}
		st, _ := parseStatus(line)
		w.noteBye(st)
		w.debug("response", responseName(line), len(line))
		if !w.noise[st.tag] {
			return line, nil
		}
		delete(w.noise, st.tag)
	}
}

// gather reads the rest of a response that begins with s.
func (w *wire) gather(s segment) ([]byte, error) {
	if s.literal < 0 {
		return s.text, nil
	}
	var line []byte
	for {
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
		if s, err = w.frames.next(); err != nil {
			return nil, err
		}
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
