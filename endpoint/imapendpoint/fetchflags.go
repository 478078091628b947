package imapendpoint

import (
	"context"
	"iter"

	"github.com/emersion/go-imap/v2"

	"github.com/dandyroll/dandyroll/endpoint"
)

// Flags yields the flags of the messages with the given references, or of all with nil, in the order
// of their UIDs. Where the server cannot deliver those of a message, all others are yielded before
// the error, which has code Damaged.
func (d *driver) Flags(ctx context.Context, f endpoint.Folder, refs []string) iter.Seq2[endpoint.Flagging, error] {
	return func(yield func(endpoint.Flagging, error) bool) {
		uids, err := d.namedUIDs(ctx, f, refs)
		if err != nil {
			yield(endpoint.Flagging{}, err)
			return
		}
		var damaged error
		for o, err := range d.sweepFlags(f).all(ctx, uids) {
			if o.damaged && damaged == nil {
				damaged = endpoint.Errorf(endpoint.Damaged, "the server cannot deliver the flags of the message with UID %d: remove it, or leave out its folder", o.uid)
			}
			if o.damaged || o.gone {
				continue
			}
			if !yield(endpoint.Flagging{Ref: refOf(o.uid), Flags: o.value}, err) || err != nil {
				return
			}
		}
		if damaged != nil {
			yield(endpoint.Flagging{}, damaged)
		}
	}
}

// namedUIDs returns the UIDs that references stand for, or those of the whole folder for nil.
func (d *driver) namedUIDs(ctx context.Context, f endpoint.Folder, refs []string) ([]uint32, error) {
	if refs == nil {
		return d.uidsSince(ctx, f, "")
	}
	uids, invalid := parseRefs(refs)
	if len(invalid) > 0 {
		return nil, errRef()
	}
	return uids, nil
}

func (d *driver) sweepFlags(f endpoint.Folder) sweep[[]endpoint.Flag] {
	return sweep[[]endpoint.Flag]{
		driver: d, folder: f, levels: 1, take: takePage,
		fetch: func(ctx context.Context, s *session, uids []uint32, _ int, accept acceptFunc[[]endpoint.Flag]) error {
			return fetchMessages(ctx, s, uids, &imap.FetchOptions{UID: true, Flags: true}, ignoreSection, func(m fetched, usable bool) {
				if usable {
					accept(m, carriedFlags(m.flags))
				}
			})
		},
	}
}
