package imapendpoint

import (
	"context"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/watermark"
)

// headerLevels is how often the header of a message is asked for, in ever other words.
const headerLevels = 5

func refOf(uid uint32) string { return strconv.FormatUint(uint64(uid), 10) }

// List yields the items of a folder in the order of their UIDs. A message that the server cannot
// deliver even a header of is listed with size -1 and an identity made from its UID; reading it
// will say that it is damaged.
func (d *driver) List(ctx context.Context, f endpoint.Folder, since string) iter.Seq2[endpoint.Item, error] {
	return func(yield func(endpoint.Item, error) bool) {
		for o, err := range d.sweepList(f).since(ctx, since) {
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
	return sweepHeaders(d, f, listItems, func(m *fetched, header []byte) endpoint.Item {
		return endpoint.Item{
			Ref: refOf(m.uid), Kind: endpoint.Mail, Identity: identity(header, m.size),
			Marks: watermark.Read(header), Received: m.received, Sent: sentDate(header), Size: m.size,
		}
	})
}

// sweepHeaders is the sweep that looks at the header of each message, or at what of it items asks
// for at a level.
func sweepHeaders[T any](d *driver, f endpoint.Folder, items func(level int) fetchItems, look func(m *fetched, header []byte) T) sweep[T] {
	return sweep[T]{
		driver: d, folder: f, levels: headerLevels,
		fetch: func(level int, accept acceptFunc[T]) *fetching {
			return fetchHeader(items(level), level, func(m *fetched, header []byte) { accept(m.uid, look(m, header)) })
		},
	}
}

// listItems returns what a listing asks for: less at each level, and at the last the header in
// the very words in which Read asks for a message, so that what can be read can be listed.
func listItems(level int) fetchItems {
	items := fetchItems{received: level == 0, size: level < 4}
	switch {
	case level < 2:
		items.section = fieldsSection(listFields()...)
	case level == 2:
		items.section = "[HEADER]"
	default:
		items.section = "[]<0." + strconv.Itoa(maxHeader) + ">"
	}
	return items
}

func fieldsSection(fields ...string) string {
	return "[HEADER.FIELDS (" + strings.Join(fields, " ") + ")]"
}

// fetchHeader takes in one section that is a header, and of it what is looked at. NIL, which could
// hide a mark, is believed at the last level only.
func fetchHeader(items fetchItems, level int, look func(m *fetched, header []byte)) *fetching {
	var header []byte
	filter := newHeaderFilter()
	none := false
	return &fetching{
		items: items,
		section: func(body io.Reader, size int64) (err error) {
			if none = body == nil; none {
				header = nil
				return nil
			}
			if items.section == "[HEADER]" {
				filter.reset()
				_, err = io.Copy(filter, body)
				header = filter.kept
				return err
			}
			n := int(min(size, maxHeader))
			header = slices.Grow(header[:0], n)[:n]
			_, err = io.ReadFull(body, header)
			return err
		},
		done: func(m *fetched) {
			if !none || level == headerLevels-1 {
				look(m, header)
			}
		},
	}
}

func errHeader(uid uint32) error {
	return endpoint.Errorf(endpoint.Damaged, "the server cannot deliver the header of the message with UID %d: remove it, or leave out its folder", uid)
}

// fieldItems returns what a search for one field asks for: the field alone, and at greater levels
// the beginning of the message in other words.
func fieldItems(field string) func(level int) fetchItems {
	return func(level int) fetchItems {
		items := listItems(level)
		if level < 2 {
			items.section = fieldsSection(field)
		}
		items.size, items.received = false, false
		return items
	}
}
