package imapendpoint

import (
	"context"
	"errors"
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
	ended    bool // the end of the response was seen
	// whole says that everything was there that was asked for.
	whole bool
}

// usable reports whether all was there but, perhaps, the date: servers send dates that are none.
func (m fetched) usable(options *imap.FetchOptions, sections int) bool {
	return m.ended && m.uid != 0 && sections == len(options.BodySection) &&
		(m.size >= 0 || !options.RFC822Size) && (m.hasFlags || !options.Flags)
}

// fetchMessages runs one UID FETCH over an open folder. section is called for each body section
// while it streams; what it leaves unread is discarded. done is called behind each message. If that
// is not usable, it was no answer: another client's change of flags looks like one. If it is not
// whole and an error follows, the connection may have ended in the middle of it.
//
// An error of section is returned as it is and ends the session, rather than read on for nothing.
func fetchMessages(ctx context.Context, s *session, uids []uint32, options *imap.FetchOptions,
	section func(literal imap.LiteralReader) error, done func(m fetched, usable bool),
) error {
	set, _ := uidSet(uids, len(uids))
	var broken error // in section
	err := s.run(ctx, func(c *imapclient.Client) error {
		command := c.Fetch(set, options)
		for m := command.Next(); m != nil; m = command.Next() {
			got, usable, err := readMessage(m, options, section)
			if errors.Is(err, errCut) {
				return err // by now the library's own goroutine is at the buffer: nothing may be read
			}
			if err != nil {
				broken = err
				s.kill()
				break
			}
			done(got, usable)
		}
		return command.Close()
	})
	if broken != nil {
		return broken
	}
	return err
}

// errCut is the end of a connection within a literal.
var errCut = errors.New("a literal was cut off")

// readMessage reads one FETCH response to its end.
func readMessage(m *imapclient.FetchMessageData, options *imap.FetchOptions,
	section func(imap.LiteralReader) error,
) (got fetched, usable bool, err error) {
	got.size = -1
	sections := 0
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
		case imapclient.FetchItemDataModSeq:
			got.ended = true // see fetchEnd
		case imapclient.FetchItemDataBodySection:
			sections++
			if err := readSection(item.Literal, section); err != nil {
				return got, false, err
			}
		}
	}
	usable = got.usable(options, sections)
	got.whole = usable && (!got.received.IsZero() || !options.InternalDate)
	return got, usable, nil
}

// readSection hands a literal to section and discards what that left. NIL is handed on as nil.
func readSection(literal imap.LiteralReader, section func(imap.LiteralReader) error) error {
	if literal == nil {
		return section(nil)
	}
	checked := &checkedLiteral{LiteralReader: literal}
	err := section(checked)
	if err == nil && !checked.cut {
		_, _ = io.Copy(io.Discard, checked)
	}
	if checked.cut {
		return errCut
	}
	return err
}

// checkedLiteral remembers that its connection ended before it did.
type checkedLiteral struct {
	imap.LiteralReader
	n   int64
	cut bool
}

func (l *checkedLiteral) Read(p []byte) (int, error) {
	n, err := l.LiteralReader.Read(p)
	l.n += int64(n)
	l.cut = l.cut || err != nil && l.n < l.Size()
	return n, err
}
