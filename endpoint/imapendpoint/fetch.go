package imapendpoint

import (
	"context"
	"io"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// fetched is what one FETCH response told of a message, without its body.
type fetched struct {
	uid      uint32
	size     int64 // -1 if it was not told
	received time.Time
	flags    []imap.Flag
	hasFlags bool
}

// fetchMessages runs one UID FETCH over an open folder. section is called for each body section
// while it streams; what it leaves unread is discarded. done is called behind each message, with
// whole telling whether everything asked for was there: the end of a connection in the middle of
// a response leaves it in part, and an update of flags by another client looks like an answer.
//
// An error of section is returned as it is and ends the session, rather than read on for nothing.
func fetchMessages(ctx context.Context, s *session, uids []uint32, options *imap.FetchOptions,
	section func(literal imap.LiteralReader) error, done func(m fetched, whole bool),
) error {
	set, _ := uidSet(uids, len(uids))
	var broken error // in section
	err := s.run(ctx, func(c *imapclient.Client) error {
		command := c.Fetch(set, options)
		for m := command.Next(); m != nil && broken == nil; m = command.Next() {
			var got fetched
			var whole bool
			got, whole, broken = readMessage(m, options, section)
			if broken != nil {
				s.kill()
				break
			}
			done(got, whole)
		}
		return command.Close()
	})
	if broken != nil {
		return broken
	}
	return err
}

// readMessage reads one FETCH response to its end.
func readMessage(m *imapclient.FetchMessageData, options *imap.FetchOptions,
	section func(imap.LiteralReader) error,
) (got fetched, whole bool, err error) {
	got.size = -1
	sections, cut := 0, false
	for item := m.Next(); item != nil; item = m.Next() {
		switch item := item.(type) {
		case imapclient.FetchItemDataUID:
			got.uid = uint32(item.UID)
		case imapclient.FetchItemDataRFC822Size:
			got.size = item.Size
		case imapclient.FetchItemDataInternalDate:
			got.received = item.Time
		case imapclient.FetchItemDataFlags:
			got.flags, got.hasFlags = item.Flags, true
		case imapclient.FetchItemDataBodySection:
			sections++
			var short bool
			if short, err = readSection(item.Literal, section); err != nil {
				return got, false, err
			}
			cut = cut || short
		}
	}
	whole = got.uid != 0 && !cut && sections == len(options.BodySection) &&
		(got.size >= 0 || !options.RFC822Size) &&
		(!got.received.IsZero() || !options.InternalDate) && (got.hasFlags || !options.Flags)
	return got, whole, nil
}

// readSection hands a literal to section and discards what that left; short reports that the
// connection ended within it. NIL is handed on as nil.
func readSection(literal imap.LiteralReader, section func(imap.LiteralReader) error) (short bool, err error) {
	if literal == nil {
		return false, section(nil)
	}
	counted := &countedLiteral{LiteralReader: literal}
	if err := section(counted); err != nil {
		return false, err
	}
	_, _ = io.Copy(io.Discard, counted)
	return counted.n < literal.Size(), nil
}

// countedLiteral counts what was read of a literal, and remembers that its connection broke.
type countedLiteral struct {
	imap.LiteralReader
	n      int64
	failed bool
}

func (l *countedLiteral) Read(p []byte) (int, error) {
	n, err := l.LiteralReader.Read(p)
	l.n += int64(n)
	if err != nil && l.n < l.Size() {
		l.failed = true
	}
	return n, err
}
