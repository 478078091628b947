package imapendpoint

import (
	"fmt"
	"strconv"
	"strings"
)

// stateVersion begins every State. Older states that are no longer understood read as none, which
// costs a complete scan.
const stateVersion = "1"

// folderState is what STATUS tells of a folder (RFC 9051 section 6.3.11). As a State it is the
// version, UIDVALIDITY, UIDNEXT, the number of messages, and HIGHESTMODSEQ (RFC 7162) or "-", in
// decimal, between blanks: no item can come without UIDNEXT growing, or leave without the number
// of messages telling.
type folderState struct {
	validity, uidNext uint32
	messages          int64 // -1 if unknown
	modseq            uint64
}

// validityText returns a UIDVALIDITY as a Validity, which is empty where the server has none.
func validityText(validity uint32) string {
	if validity == 0 {
		return ""
	}
	return strconv.FormatUint(uint64(validity), 10)
}

// text returns the state as a State, which is empty where the server does not tell enough.
func (st folderState) text() string {
	if st.validity == 0 || st.uidNext == 0 || st.messages < 0 {
		return ""
	}
	modseq := "-"
	if st.modseq > 0 {
		modseq = strconv.FormatUint(st.modseq, 10)
	}
	return fmt.Sprintf("%s %d %d %d %s", stateVersion, st.validity, st.uidNext, st.messages, modseq)
}

// parseState inverts text, but for the HIGHESTMODSEQ.
func parseState(text string) (st folderState, ok bool) {
	parts := strings.Fields(text)
	if len(parts) != 5 || parts[0] != stateVersion {
		return st, false
	}
	validity, errV := strconv.ParseUint(parts[1], 10, 32)
	next, errNext := strconv.ParseUint(parts[2], 10, 32)
	messages, errM := strconv.ParseUint(parts[3], 10, 32)
	if errV != nil || errNext != nil || errM != nil || next == 0 {
		return st, false
	}
	return folderState{validity: uint32(validity), uidNext: uint32(next), messages: int64(messages)}, true
}

// firstUID returns the lowest UID that an item can have that was not in the folder when it had
// the state since: 1 where since is no state of ours. The validity is 0 then.
func firstUID(since string) (uid, validity uint32) {
	st, ok := parseState(since)
	if !ok {
		return 1, 0
	}
	return st.uidNext, st.validity
}

// Stayed implements endpoint.Driver. Each message that came has a UID of its own from one UIDNEXT up to
// the other, and none is given twice (RFC 9051 section 2.3.1.1). If there are as many messages more as
// UIDs were given, each of these is one of a message that came and is there, and none is left to make up
// for one that went.
func (d *driver) Stayed(since, now string) func(ref string) bool {
	first, okFirst := parseState(since)
	last, okLast := parseState(now)
	if !okFirst || !okLast || first.validity != last.validity ||
		last.messages-first.messages != int64(last.uidNext)-int64(first.uidNext) || last.uidNext < first.uidNext {
		return nil
	}
	return func(ref string) bool {
		uid, ok := parseRef(ref)
		return ok && uid < first.uidNext
	}
}
