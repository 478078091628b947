package imapendpoint

import (
	"context"
	"errors"
	"strings"
)

// pipelined is how many commands may be on their way at once: few enough that their lines and the
// answers fit into what the network buffers while neither side reads.
const pipelined = 50

// pipeline is command for many lines that do not depend on each other (RFC 9051 section 5.5). It
// returns one error, or nil, for each line.
func (s *session) pipeline(ctx context.Context, lines []string, untagged func(line []byte)) []error {
	results := make([]error, len(lines))
	for first := 0; first < len(lines); first += pipelined {
		last := min(first+pipelined, len(lines))
		err := s.guard(ctx, func() error {
			return s.wire.exchangeAll(lines[first:last], results[first:last], untagged)
		})
		for i := first; i < last && err != nil; i++ {
			if results[i] == nil || errors.Is(results[i], errUnanswered) {
				results[i] = err
			}
		}
	}
	return results
}

// errUnanswered stands for the answer to a command until that comes.
var errUnanswered = errors.New("no answer")

// exchangeAll sends commands and reads up to the last of their tagged responses. An error means
// that the connection has ended.
func (w *wire) exchangeAll(lines []string, results []error, untagged func(line []byte)) error {
	tags := make([]string, len(lines))
	for i, line := range lines {
		name, args, _ := strings.Cut(line, " ")
		tags[i] = w.send(name, args)
		results[i] = errUnanswered
	}
	for i, tag := range tags {
		st, err := w.await(tag, answers{untagged: untagged})
		if err != nil {
			return err
		}
		results[i] = nil
		if st.kind != "OK" {
			results[i] = st.err()
		}
	}
	return nil
}

// appendLimit is the greatest message that the server takes into any folder, or 0 if it does not
// tell (RFC 7889 section 3).
func (s *session) appendLimit() int64 {
	for name := range s.caps {
		if text, ok := strings.CutPrefix(name, "APPENDLIMIT="); ok {
			if n, ok := parseNumber([]byte(text), 1<<62); ok {
				return int64(n)
			}
		}
	}
	return 0
}
