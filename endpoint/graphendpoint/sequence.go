package graphendpoint

import (
	"iter"

	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/watermark"
)

// mapped yields what each value of a sequence becomes, but for those that become nothing. An error ends it.
func mapped[T, R any](seq iter.Seq2[T, error], become func(T) (R, bool)) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		for v, err := range seq {
			if err != nil {
				var none R
				yield(none, err)
				return
			}
			if r, ok := become(v); ok && !yield(r, nil) {
				return
			}
		}
	}
}

// flat yields what the lists in a sequence hold. An error ends it.
func flat[T any](seq iter.Seq2[[]T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for list, err := range seq {
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, v := range list {
				if !yield(v, nil) {
					return
				}
			}
		}
	}
}

// none yields nothing.
func none[T any]() iter.Seq2[T, error] { return func(func(T, error) bool) {} }

// fault yields an error.
func fault[T any](err error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		yield(none, err)
	}
}

// exhaust runs a sequence to its end.
func exhaust[T any](seq iter.Seq2[T, error]) error {
	for _, err := range seq {
		if err != nil {
			return err
		}
	}
	return nil
}

// refsOf yields the IDs of items.
func refsOf[T models.Entityable](items iter.Seq2[T, error]) iter.Seq2[string, error] {
	return mapped(items, func(it T) (string, bool) { return idOf(it), true })
}

// sightings yields the items that are marked.
func sightings[T models.Entityable](items iter.Seq2[T, error], read func(T) watermark.Reading) iter.Seq2[endpoint.Sighting, error] {
	return mapped(items, func(it T) (endpoint.Sighting, bool) {
		marks := read(it)
		return endpoint.Sighting{Ref: idOf(it), Marks: marks}, marks.Fields() > 0
	})
}
