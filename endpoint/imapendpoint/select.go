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
	shown             bool     // a mark was asked for (see showMark)
	permanentFlags    []string // including \* where new keywords may be made
	permanentSet      bool     // false: the server named none, so all flags stay (RFC 9051 section 7.1)
}

// selectFolder opens a folder with SELECT, or EXAMINE if readOnly (RFC 9051 section 6.3.2). It
// asks the server even if the folder is open, so that the numbers are fresh; session.current is
// the answer of the last time.
func (s *session) selectFolder(ctx context.Context, wireName string, readOnly bool) (folder *selected, err error) {
	err = s.guard(ctx, func() error {
		o, err := s.sendSelect(wireName, readOnly)
		if err == nil {
			folder, err = o.await()
		}
		return err
	})
	return folder, err
}

// opening is a SELECT or EXAMINE that is on its way. Commands on the folder may be sent behind it: where
// it is refused no folder is open, and where the folder turns out to be another than was meant, their
// answers must not be believed.
type opening struct {
	session *session
	tag     string
	folder  *selected
}

func (s *session) sendSelect(wireName string, readOnly bool) (*opening, error) {
	name, err := quoteString(wireName)
	if err != nil {
		return nil, err
	}
	verb := "SELECT"
	if readOnly {
		verb = "EXAMINE"
	}
	s.current = nil // a refused SELECT closes the folder that was open
	return &opening{session: s, tag: s.wire.send(verb, name), folder: &selected{name: wireName, readOnly: readOnly}}, nil
}

func (o *opening) await() (*selected, error) {
	st, err := o.session.wire.await(o.tag, answers{untagged: o.folder.learn})
	if err != nil {
		return nil, err
	}
	if st.kind != "OK" {
		return nil, st.err()
	}
	o.folder.readOnly = o.folder.readOnly || st.code == "READ-ONLY"
	o.session.current = o.folder
	return o.folder, nil
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

// sendRefresh opens the folder that is open anew, if it may have the name; it returns nil if there is none. In an older view of it,
// the answer to STATUS may be as old: RFC 9051 section 6.3.11 says that STATUS is not meant for the
// selected mailbox, and Dovecot then tells of nothing that came or went since. That the folder is gone
// does not matter: none is open then.
func (s *session) sendRefresh(name string) *opening {
	if s.current == nil || name != anyFolder && name != s.current.name {
		return nil
	}
	o, err := s.sendSelect(s.current.name, true)
	if err != nil {
		return nil // it was opened by that name
	}
	return o
}

// refresh opens the folder that is open anew, if it has the name.
func (s *session) refresh(ctx context.Context, name string) error {
	return s.guard(ctx, func() error {
		if o := s.sendRefresh(name); o != nil {
			if _, err := o.await(); err != nil && !s.alive() {
				return err
			}
		}
		return nil
	})
}
