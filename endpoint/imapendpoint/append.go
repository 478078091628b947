package imapendpoint

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
)

// appendMessage is a message for APPEND (RFC 9051 section 6.3.12), and what became of it.
type appendMessage struct {
	flags []string  // of the five system flags, and keywords that are atoms
	date  time.Time // INTERNALDATE; zero lets the server choose, else within 1970 to 2105
	// open returns the bytes of the message, and how many they are. It is called once, when the
	// message is to be sent; what it returns is closed before the next message is opened.
	open func() (body io.ReadCloser, size int64, err error)
	// alone keeps it out of batches.
	alone bool
	// ask gives it a literal that asks for leave.
	ask bool

	size   int64 // once it is open
	result appendResult
}

// appendResult is what became of a message. With err nil it is stored; with code InDoubt that is
// not known; with any other error, it is not stored and will not come, unless batched is set.
type appendResult struct {
	uid, validity uint32 // 0 if the server did not tell
	err           error
	batched       bool // it was answered together with others
}

// append sends the messages that take hands out to a folder, until that returns nil, and leaves
// the result in each. Where the server takes literals unasked (RFC 7888), many are on their way at
// once; where it takes batches besides (RFC 3502), one command carries many.
//
// The literal of a refused APPEND would be read as commands, written by whoever sent the message.
// So what a server may refuse before it reads the literal is sent with a literal that asks for
// leave, once on each connection and before anything goes unasked: each list of flags (see flagSets),
// and the second message of a command. And a BAD ends the connection at once. The connection is dead
// when a result is InDoubt, or a batch was refused.
//
// An error says why the connection ended before all messages were sent.
func (s *session) append(ctx context.Context, wireName string, limits appendLimits, take func() *appendMessage) error {
	name, err := quoteString(wireName)
	if err != nil {
		return err
	}
	a := newAppending(s, name, limits)
	err = s.guard(ctx, func() error { return a.all(ctx, take) })
	for _, m := range a.taken {
		m.result.conclude(err)
	}
	if a.refused {
		s.kill()
	}
	return err
}

// The states of a message without an answer, as its error.
var (
	errOpen  = errors.New("not sent whole") // the server cannot have stored it
	errWhole = errors.New("sent whole")     // it may have
)

// conclude settles a message whose answer did not come.
func (r *appendResult) conclude(cause error) {
	switch {
	case errors.Is(r.err, errOpen):
		r.err = cause
	case errors.Is(r.err, errWhole):
		r.err = inDoubt("no answer to a message that was sent", cause)
	}
}

// inDoubt is the error of a message that may be stored. The cause is not wrapped: its own code, or
// that of a context, would say "not stored".
func inDoubt(what string, cause error) error {
	doubt := endpoint.Errorf(endpoint.InDoubt, "%s: %s", what, cause.Error())
	doubt.RetryAfter = endpoint.RetryAfterOf(cause)
	return doubt
}

// arguments returns what stands before the literal of a message: flags and date, with a blank
// before each. What could be refused with BAD is refused here.
func (m *appendMessage) arguments() (string, error) {
	args := ""
	for _, f := range m.flags {
		if !mayAppend(f) {
			return "", endpoint.Errorf(endpoint.Invalid, "a flag is neither a system flag that can be set nor an atom")
		}
	}
	if len(m.flags) > 0 {
		args += " (" + m.flagList() + ")"
	}
	if m.date.IsZero() {
		return args, nil
	}
	if y := m.date.UTC().Year(); y < 1970 || y > 2105 {
		return "", endpoint.Errorf(endpoint.Invalid, "a date is not within the years 1970 to 2105")
	}
	return args + ` "` + m.date.Format("02-Jan-2006 15:04:05 -0700") + `"`, nil
}

// flagList is the list of flags as the server sees it. It is what the server refuses or takes.
func (m *appendMessage) flagList() string { return strings.Join(m.flags, " ") }

// mayAppend reports whether a flag may stand in an APPEND (RFC 9051 section 2.3.2): no server
// refuses the five, and \Recent is refused by all.
func mayAppend(flag string) bool {
	_, system := systemFlag(flag)
	return system || isAtom(flag)
}
