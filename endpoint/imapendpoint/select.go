package imapendpoint

import (
	"context"
	"strings"
)

// selected is what the server said of the folder that a session has open.
type selected struct {
	name              string
	readOnly          bool
	validity, uidNext uint32   // 0 if the server did not tell, or not sensibly
	messages          uint32   // when it was selected
	permanentFlags    []string // including \* where new keywords may be made
	permanentSet      bool     // false: the server named none, so all flags stay (RFC 9051 section 7.1)
}

// selectFolder opens a folder with SELECT, or EXAMINE if readOnly (RFC 9051 section 6.3.2). It
// asks the server even if the folder is open, so that the numbers are fresh; session.current is
// the answer of the last time.
func (s *session) selectFolder(ctx context.Context, wireName string, readOnly bool) (*selected, error) {
	name, err := quoteString(wireName)
	if err != nil {
		return nil, err
	}
	verb := "SELECT "
	if readOnly {
		verb = "EXAMINE "
	}
	s.current = nil // a refused SELECT closes the folder that was open
	folder := &selected{name: wireName, readOnly: readOnly}
	st, err := s.send(ctx, verb+name, folder.learn)
	if err != nil {
		return nil, err
	}
	folder.readOnly = readOnly || st.code == "READ-ONLY"
	s.current = folder
	return folder, nil
}

// learn takes in an untagged response to SELECT.
func (f *selected) learn(line []byte) {
	if s, ok := parseStatus(line); ok {
		f.learnCode(s)
		return
	}
	_, rest := cutWord(line)
	number, kind := cutWord(rest)
	if n, ok := parseNumber(number, 1<<32-1); ok && equalFold(kind, "EXISTS") {
		f.messages = uint32(n)
	}
}

func (f *selected) learnCode(s status) {
	n, ok := parseNumber([]byte(s.args), 1<<32-1)
	switch {
	case s.code == "UIDVALIDITY" && ok:
		f.validity = uint32(n)
	case s.code == "UIDNEXT" && ok:
		f.uidNext = uint32(n)
	case s.code == "PERMANENTFLAGS":
		f.permanentFlags = strings.Fields(strings.Trim(s.args, "()"))
		f.permanentSet = true
	}
}

// refresh opens the folder that is open anew. In an older view of it, the answer to STATUS may be
// as old: RFC 9051 section 6.3.11 says that STATUS is not meant for the selected mailbox, and
// Dovecot then tells of nothing that came or went since.
func (s *session) refresh(ctx context.Context) error {
	if s.current == nil {
		return nil
	}
	_, err := s.selectFolder(ctx, s.current.name, true)
	if err != nil && s.alive() && ctx.Err() == nil {
		return nil // it is gone, and none is open now
	}
	return err
}
