package imapendpoint

import (
	"strings"
)

// appendLimits is how much one command carries, and how much may be on its way without an answer
// where literals need no leave.
type appendLimits struct {
	batch       int   // messages in one command; 1 means no batches
	batchBytes  int64 // of the literals of one command, unless a single message has more
	window      int   // messages on their way
	windowBytes int64 // bytes of their literals, unless a single message has more
	// ask gives every message a literal that asks for leave, and a command of its own.
	ask bool
}

// batches reports whether the server takes many messages with one command, and their literals
// without being asked: only then is a batch worth it.
func (s *session) batches() bool { return s.has("MULTIAPPEND") && s.has("LITERAL+") }

// join adds a message to the command that is being sent, if it may be the next one of it.
//
// A list of flags that the server has not taken yet goes in a command of its own: if it is
// refused, it alone is. A round trip it costs either way, and nothing more, since that command
// follows the one before unasked. The first batch on a connection has two messages, the second of
// which asks for leave; until the server has confirmed it there is no other.
func (a *appending) join(m *appendMessage) bool {
	cmd := a.current
	if cmd == nil || m.alone || cmd.messages[0].alone || a.limits.ask || !a.session.batches() {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if cmd.ended || cmd.asked || !a.fits(cmd, m) || !a.session.flagSets.has(m) || !a.session.batched && a.trying {
		return false
	}
	a.add(cmd, m)
	return true
}

// fits reports whether the limits allow a message as the next one of a command.
func (a *appending) fits(cmd *appendCommand, m *appendMessage) bool {
	return len(cmd.messages) < a.limits.batch && cmd.size+m.size <= a.limits.batchBytes &&
		a.messages < a.limits.window && a.bytes+m.size <= a.limits.windowBytes
}

// appendUIDs reads the response code APPENDUID (RFC 4315 section 3), whose UIDs are those of the
// n messages of a command in their order. A code that says anything else gives none.
func (s status) appendUIDs(n int) (validity uint32, uids []uint32) {
	if s.code != "APPENDUID" {
		return 0, nil
	}
	first, set, _ := strings.Cut(s.args, " ")
	v, ok := parseNumber([]byte(first), 1<<32-1)
	if !ok || v == 0 {
		return 0, nil
	}
	if uids = parseUIDs(set, n); len(uids) != n {
		return 0, nil
	}
	return uint32(v), uids
}

// parseUIDs reads a set of UIDs such as 1:3,7. It returns nil where they do not ascend, as UIDs of
// messages that come one after the other do (RFC 9051 section 2.3.1.1), or are more than most.
func parseUIDs(set string, most int) (uids []uint32) {
	last := uint64(0)
	for part := range strings.SplitSeq(set, ",") {
		low, high, isRange := strings.Cut(part, ":")
		if !isRange {
			high = low
		}
		from, ok := parseNumber([]byte(low), 1<<32-1)
		to, also := parseNumber([]byte(high), 1<<32-1)
		if !ok || !also || from <= last || to < from || to-from >= uint64(most-len(uids)) {
			return nil
		}
		for last = from; last < to; last++ {
			uids = append(uids, uint32(last))
		}
		uids = append(uids, uint32(last))
	}
	return uids
}
