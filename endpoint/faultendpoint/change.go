package faultendpoint

import (
	"context"
	"iter"

	"github.com/dandyroll/dandyroll/endpoint"
)

func (d *driver) Delete(ctx context.Context, f endpoint.Folder, refs []string) iter.Seq2[endpoint.Result, error] {
	return call(ctx, d, f, changingItems("delete", func(ref string) string { return ref }), refs,
		func(refs []string) iter.Seq2[endpoint.Result, error] { return d.Driver.Delete(ctx, f, refs) })
}

func (d *driver) SetFlags(ctx context.Context, f endpoint.Folder, changes []endpoint.FlagChange) iter.Seq2[endpoint.Result, error] {
	return call(ctx, d, f, changingItems("set-flags", func(c endpoint.FlagChange) string { return c.Ref }), changes,
		func(changes []endpoint.FlagChange) iter.Seq2[endpoint.Result, error] {
			return d.Driver.SetFlags(ctx, f, changes)
		})
}

// changingItems is a method that changes items which are there.
func changingItems[T any](method string, ref func(T) string) writing[T, endpoint.Result] {
	return writing[T, endpoint.Result]{
		method:   method,
		item:     ref,
		answered: func(r endpoint.Result) string { return r.Ref },
		failed:   func(it T, err error) endpoint.Result { return endpoint.Result{Ref: ref(it), Err: err} },
	}
}
