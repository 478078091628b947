package graphendpoint

import (
	"context"
	"iter"

	"github.com/dandyroll/dandyroll/endpoint"
)

// marks yields the messages that have the property of the mark.
//
// The service could look for the property itself ($filter with Any), but walks the folder for it as we do, and is given up by its
// gateway where that takes long.
func (s mailShelf) marks(ctx context.Context, folder, since string) iter.Seq2[endpoint.Sighting, error] {
	return func(yield func(endpoint.Sighting, error) bool) {
		for m, err := range s.since(ctx, folder, since, mailView{properties: []string{markProperty}}) {
			if err != nil {
				yield(endpoint.Sighting{}, err)
				return
			}
			reading := markOf(m)
			if reading.Fields() > 0 && !yield(endpoint.Sighting{Ref: idOf(m), Marks: reading}, nil) {
				return
			}
		}
	}
}
