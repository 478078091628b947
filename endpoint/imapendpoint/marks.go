package imapendpoint

import (
	"context"
	"iter"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/watermark"
)

// Marks yields the items of a folder whose header has a field of the watermark's name. It ends
// without an error only if every message of the folder was looked at or is known to be expunged.
func (d *driver) Marks(ctx context.Context, f endpoint.Folder, since string) iter.Seq2[endpoint.Sighting, error] {
	return func(yield func(endpoint.Sighting, error) bool) {
		for o, err := range d.sweepMarks(f).since(ctx, since) {
			if o.damaged {
				err = errHeader(o.uid)
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
	return sweepHeaders(d, f, fieldItems(watermark.Field), func(_ *fetched, header []byte) watermark.Reading {
		return watermark.Read(header)
	})
}
