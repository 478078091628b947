package imapendpoint

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
)

// send writes a command behind those that are on their way (RFC 9051 section 5.5), at the latest with
// the next await of any of them. Its lines, and those of the others that have no answer yet, must fit
// into what the network buffers while neither side reads.
func (w *wire) send(name, args string) (tag string) {
	tag = w.begin(name)
	if len(w.open)+len(w.noise) == 0 {
		w.first = sentCommand{tag, time.Now()}
	}
	w.open[tag] = nil
	_, _ = w.out.WriteString(strings.TrimRight(name+" "+args, " ") + "\r\n")
	return tag
}

// mention is send for a command whose answer does not matter. Nobody waits for it.
func (w *wire) mention(name, args string) {
	tag := w.send(name, args)
	delete(w.open, tag)
	w.noise[tag] = true
}

// answers takes in what comes before the tagged response to a command. The zero value takes in nothing.
type answers struct {
	// untagged gets each untagged response, and must not keep the line.
	untagged func(line []byte)
	// fetch gets FETCH responses instead.
	fetch *fetching
	// reply gets the text of a continuation request and returns the line to send, without line end.
	reply func(text string) (string, error)
}

// await reads up to the tagged response to a command of send.
//
// A NO or BAD is no error of await: the status says it. An error means that the connection has
// ended.
func (w *wire) await(tag string, a answers) (status, error) {
	if err := w.flush(); err != nil {
		return status{}, err
	}
	for {
		if early := w.open[tag]; early != nil {
			delete(w.open, tag)
			return *early, nil
		}
		line, err := w.receive(a.fetch)
		if err != nil {
			return status{}, err
		}
		if line == nil {
			continue
		}
		if err := w.sort(line, a); err != nil {
			return status{}, err
		}
	}
}

// sort takes in a response that is no FETCH response.
func (w *wire) sort(line []byte, a answers) error {
	s, ok := parseStatus(line)
	if ok && s.tag == "+" {
		return w.reply(s.text, a.reply)
	}
	if !ok || s.tag == "*" {
		if tag, _ := cutWord(line); a.fetch != nil && len(tag) > 0 && string(tag) != "*" {
			return w.fail(fmt.Errorf("%w: neither tag nor asterisk", errProtocol))
		}
		if a.untagged != nil {
			a.untagged(line)
		}
		return nil
	}
	if early, sent := w.open[s.tag]; !sent || early != nil {
		return w.fail(fmt.Errorf("%w: answer to a command that was not sent", errProtocol))
	}
	w.open[s.tag] = &s
	if s.tag == w.first.tag {
		w.conn.meter.answered(time.Since(w.first.at))
	}
	return nil
}

// drain reads the answers to all commands that are on their way, to no effect.
func (w *wire) drain() error {
	for len(w.open) > 0 {
		for tag := range w.open {
			if _, err := w.await(tag, answers{fetch: ignoring()}); err != nil {
				return err
			}
		}
	}
	return nil
}

// exchange sends a command and reads up to its tagged response, as await does. The untagged responses
// before it go to untagged, which may be nil. With reply, continuation requests are answered.
func (w *wire) exchange(name, args string, untagged func(line []byte), reply func(text string) (string, error)) (status, error) {
	return w.await(w.send(name, args), answers{untagged: untagged, reply: reply})
}

func (w *wire) reply(text string, reply func(text string) (string, error)) error {
	if reply == nil {
		return nil // asked for nothing that is owed
	}
	line, err := reply(text)
	if err != nil {
		return w.fail(err)
	}
	_, _ = w.out.WriteString(line + "\r\n")
	return w.flush()
}

// quoteString returns s as a quoted string (RFC 9051 section 4.3). It fails with Invalid where s
// holds CR, LF, NUL or a byte beyond ASCII: names of folders must be in modified UTF-7.
func quoteString(s string) (string, error) {
	for i := range len(s) {
		if c := s[i]; c == 0 || c == '\r' || c == '\n' || c >= 0x80 {
			return "", endpoint.Errorf(endpoint.Invalid, "a string for the server holds CR, LF, NUL or a byte beyond ASCII")
		}
	}
	return string(appendString(nil, []byte(s))), nil
}

// errLine refuses a command that would be more than one.
var errLine = errors.New("a command holds CR, LF or NUL")
