package imapendpoint

import (
	"context"
	"io"
	"iter"
	"strconv"

	"github.com/emersion/go-imap/v2"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/watermark"
)

// headerLevels is how often the header of a message is asked for, in ever other words.
const headerLevels = 4

func refOf(uid uint32) string { return strconv.FormatUint(uint64(uid), 10) }

// List yields the items of a folder in the order of their UIDs. A message that the server cannot
// deliver even a header of is listed with size -1 and an identity made from its UID; reading it
// will say that it is damaged.
func (d *driver) List(ctx context.Context, f endpoint.Folder, since string) iter.Seq2[endpoint.Item, error] {
	return func(yield func(endpoint.Item, error) bool) {
		uids, err := d.uidsSince(ctx, f, since)
		if err != nil {
			yield(endpoint.Item{}, err)
			return
		}
		for o, err := range d.sweepList(f).all(ctx, uids) {
			if o.damaged {
				o.value = endpoint.Item{
					Ref: refOf(o.uid), Kind: endpoint.Mail,
					Identity: identityOfUID(f.Validity, refOf(o.uid)), Size: -1,
				}
			}
			if o.gone {
				continue
			}
			if !yield(o.value, err) || err != nil {
				return
			}
		}
	}
}

// Refs yields the UIDs of a folder.
func (d *driver) Refs(ctx context.Context, f endpoint.Folder) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		uids, err := d.uidsSince(ctx, f, "")
		if err != nil {
			yield("", err)
			return
		}
		for _, uid := range uids {
			if !yield(refOf(uid), nil) {
				return
			}
		}
	}
}

func (d *driver) sweepList(f endpoint.Folder) sweep[endpoint.Item] {
	return sweepHeaders(d, f, listOptions, func(m fetched, header []byte) endpoint.Item {
		return endpoint.Item{
			Ref: refOf(m.uid), Kind: endpoint.Mail, Identity: identity(header, m.size),
			Marks: watermark.Read(header), Received: m.received, Sent: sentDate(header), Size: m.size,
		}
	})
}

// sweepHeaders is the sweep that looks at the header of each message, or at what of it options asks
// for at a level.
func sweepHeaders[T any](d *driver, f endpoint.Folder, options func(level int) *imap.FetchOptions, look func(m fetched, header []byte) T) sweep[T] {
	return sweep[T]{
		driver: d, folder: f, levels: headerLevels, take: takePage,
		fetch: func(ctx context.Context, s *session, uids []uint32, level int, accept acceptFunc[T]) error {
			return fetchHeaders(ctx, s, uids, level, options(level), func(m fetched, header []byte) {
				accept(m, look(m, header))
			})
		},
	}
}

func takePage(left []uint32) int {
	_, n := uidSet(left, pageItems)
	return n
}

// listOptions returns what a listing asks for: less at each level, and at the last the header in
// the very words in which Read asks for a message, so that what can be read can be listed.
func listOptions(level int) *imap.FetchOptions {
	options := &imap.FetchOptions{UID: true, RFC822Size: level < 2, InternalDate: level == 0}
	section := &imap.FetchItemBodySection{Peek: true}
	switch {
	case level < 2:
		section.Specifier, section.HeaderFields = imap.PartSpecifierHeader, listFields()
	case level == 2:
		section.Specifier = imap.PartSpecifierHeader
	default:
		section.Partial = &imap.SectionPartial{Size: maxHeader}
	}
	options.BodySection = []*imap.FetchItemBodySection{section}
	return options
}

// fetchHeaders fetches one section that is a header, and of it what is looked at. NIL, which could
// hide a mark, is believed at the last level only.
func fetchHeaders(ctx context.Context, s *session, uids []uint32, level int, options *imap.FetchOptions, accept func(fetched, []byte)) error {
	var header []byte
	none := false
	section := func(literal imap.LiteralReader) error {
		header, none = header[:0], literal == nil
		if none {
			return nil
		}
		var err error
		header, err = appendAll(header, io.LimitReader(literal, maxHeader))
		return err
	}
	return fetchMessages(ctx, s, uids, options, section, func(m fetched, usable bool) {
		if usable && (!none || level == headerLevels-1) {
			accept(m, header)
		}
	})
}

func errHeader(uid uint32) error {
	return endpoint.Errorf(endpoint.Damaged, "the server cannot deliver the header of the message with UID %d: remove it, or leave out its folder", uid)
}

// fieldOptions returns what a search for one field asks for: the field alone, and at greater levels
// the beginning of the message in other words.
func fieldOptions(field string) func(level int) *imap.FetchOptions {
	return func(level int) *imap.FetchOptions {
		if level >= 2 {
			return listOptions(level)
		}
		return &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{{
			Peek: true, Specifier: imap.PartSpecifierHeader, HeaderFields: []string{field},
		}}}
	}
}

// appendAll appends what r yields to b, so that one buffer serves many messages.
func appendAll(b []byte, r io.Reader) ([]byte, error) {
	for {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err == io.EOF {
			return b, nil
		}
		if err != nil {
			return b, err
		}
	}
}
