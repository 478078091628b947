package imapendpoint

import (
	"context"
	"iter"

	"github.com/dandyroll/dandyroll/endpoint"
)

// Outline yields the items of a folder in the order of their UIDs, without a look at headers: most
// servers answer out of their index. A message of which the server tells nothing has size -1, as in List.
func (d *driver) Outline(ctx context.Context, f endpoint.Folder, since string) iter.Seq2[endpoint.Item, error] {
	return func(yield func(endpoint.Item, error) bool) {
		if since == "" {
			if items, ok := d.ahead.take(ctx, f); ok {
				for _, it := range items {
					if !yield(it, nil) {
						return
					}
				}
				return
			}
		}
		for o, err := range d.sweepOutline(f).since(ctx, since) {
			if o.damaged {
				o.value = endpoint.Item{Ref: refOf(o.uid), Kind: endpoint.Mail, Size: -1}
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

// sweepOutline asks for less at each level, at the last whether the message is there.
func (d *driver) sweepOutline(f endpoint.Folder) sweep[endpoint.Item] {
	return sweep[endpoint.Item]{
		driver: d, folder: f, levels: 3,
		fetch: func(level int, accept acceptFunc[endpoint.Item]) *fetching {
			return &fetching{
				items: fetchItems{size: level < 2, received: level == 0},
				done: func(m *fetched) {
					accept(m.uid, endpoint.Item{Ref: refOf(m.uid), Kind: endpoint.Mail, Received: m.received, Size: m.size})
				},
			}
		},
	}
}
