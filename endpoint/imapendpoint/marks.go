package imapendpoint

import (
	"context"
	"iter"

	"github.com/emersion/go-imap/v2"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/watermark"
)

// Marks yields the items of a folder whose header has a field of the watermark's name. It ends
// without an error only if every message of the folder was looked at or is known to be expunged.
func (d *driver) Marks(ctx context.Context, f endpoint.Folder, since string) iter.Seq2[endpoint.Sighting, error] {
	return func(yield func(endpoint.Sighting, error) bool) {
		uids, err := d.uidsSince(ctx, f, since)
		if err != nil {
			yield(endpoint.Sighting{}, err)
			return
		}
		for o, err := range d.sweepMarks(f).all(ctx, uids) {
			if o.damaged {
				err = endpoint.Errorf(endpoint.Damaged, "the server cannot deliver the header of the message with UID %d: remove it, or leave out its folder", o.uid)
			}
			if err == nil && (o.gone || o.value.Fields() == 0) {
				continue
			}
			if !yield(endpoint.Sighting{Ref: refOf(o.uid), Marks: o.value}, err) || err != nil {
				return
			}
		}
	}
}

func (d *driver) sweepMarks(f endpoint.Folder) sweep[watermark.Reading] {
	return sweep[watermark.Reading]{
		driver: d, folder: f, levels: headerLevels, take: takePage,
		fetch: func(ctx context.Context, s *session, uids []uint32, level int, accept acceptFunc[watermark.Reading]) error {
			return fetchHeaders(ctx, s, uids, level, markOptions(level), func(m fetched, header []byte) {
				accept(m, watermark.Read(header))
			})
		},
	}
}

// markOptions returns what a scan for marks asks for: the field alone, and at greater levels the
// beginning of the message in other words.
func markOptions(level int) *imap.FetchOptions {
	if level >= 2 {
		return listOptions(level)
	}
	return &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{{
		Peek: true, Specifier: imap.PartSpecifierHeader, HeaderFields: []string{watermark.Field},
	}}}
}
