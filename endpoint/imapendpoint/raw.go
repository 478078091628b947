package imapendpoint

import (
	"errors"
	"fmt"
	"strings"

	"github.com/dandyroll/dandyroll/endpoint"
)

// exchange sends a command of our own and reads up to its tagged response. The untagged responses
// before it go to untagged, which may be nil and must not keep the line. With reply, continuation
// requests are answered: reply gets the text and returns the line to send, without line end.
//
// A NO or BAD is no error of exchange: the status says it. An error means that the connection has
// ended.
func (w *wire) exchange(name, args string, untagged func(line []byte), reply func(text string) (string, error)) (status, error) {
	tag := w.begin(name)
	_, _ = w.out.WriteString(strings.TrimRight(name+" "+args, " ") + "\r\n")
	if err := w.flush(); err != nil {
		return status{}, err
	}
	for {
		line, err := w.response()
		if err != nil {
			return status{}, err
		}
		s, ok := parseStatus(line)
		switch {
		case ok && s.tag == tag:
			return s, nil
		case ok && s.tag == "+":
			err = w.reply(s.text, reply)
		case ok && s.tag != "*":
			err = w.fail(fmt.Errorf("%w: answer to a command that was not sent", errProtocol))
		case untagged != nil:
			untagged(line)
		}
		if err != nil {
			return status{}, err
		}
	}
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
