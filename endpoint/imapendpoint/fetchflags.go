package imapendpoint

import (
	"context"
	"iter"

	"github.com/dandyroll/dandyroll/endpoint"
)

// Flags yields the flags of the messages with the given references, or of all with nil, in the order
// of their UIDs. Where the server cannot deliver those of a message, all others are yielded before
// the error, which has code Damaged.
func (d *driver) Flags(ctx context.Context, f endpoint.Folder, refs []string) iter.Seq2[endpoint.Flagging, error] {
	return func(yield func(endpoint.Flagging, error) bool) {
		outcomes := d.sweepFlags(f).since(ctx, "")
		if refs != nil {
			uids, invalid := parseRefs(refs)
			if len(invalid) > 0 {
				yield(endpoint.Flagging{}, errRef())
				return
			}
			outcomes = d.sweepFlags(f).all(ctx, uids)
		}
		var damaged error
		for o, err := range outcomes {
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

func (d *driver) sweepFlags(f endpoint.Folder) sweep[[]endpoint.Flag] {
	return sweep[[]endpoint.Flag]{
		driver: d, folder: f, levels: 1,
		fetch: func(_ int, accept acceptFunc[[]endpoint.Flag]) *fetching {
			return &fetching{
				items: fetchItems{flags: true},
				done:  func(m *fetched) { accept(m.uid, carriedFlags(m.flags)) },
			}
		},
	}
}
