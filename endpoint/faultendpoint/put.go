package faultendpoint

import (
	"context"
	"iter"

	"github.com/dandyroll/dandyroll/endpoint"
)

func (d *driver) Put(ctx context.Context, f endpoint.Folder, items []endpoint.Put) iter.Seq2[endpoint.PutResult, error] {
	return call(ctx, d, f, writing[endpoint.Put, endpoint.PutResult]{
		method:   "put",
		item:     func(p endpoint.Put) string { return p.Mark.String() },
		answered: func(r endpoint.PutResult) string { return r.Mark.String() },
		failed:   func(p endpoint.Put, err error) endpoint.PutResult { return endpoint.PutResult{Mark: p.Mark, Err: err} },
	}, items, func(items []endpoint.Put) iter.Seq2[endpoint.PutResult, error] {
		return d.Driver.Put(ctx, f, items)
	})
}
