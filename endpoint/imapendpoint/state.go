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

// firstUID returns the lowest UID that an item can have that was not in the folder when it had
// the state since: 1 where since is no state of ours. The validity is 0 then.
func firstUID(since string) (uid, validity uint32) {
	parts := strings.Fields(since)
	if len(parts) != 5 || parts[0] != stateVersion {
		return 1, 0
	}
	v, errV := strconv.ParseUint(parts[1], 10, 32)
	next, errNext := strconv.ParseUint(parts[2], 10, 32)
	if errV != nil || errNext != nil || next == 0 {
		return 1, 0
	}
	return uint32(next), uint32(v)
}
