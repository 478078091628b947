package graphendpoint

import (
	"iter"
	"maps"

	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"github.com/dandyroll/dandyroll/endpoint"
)

// maxLooks bounds how often a folder is listed until it stands still.
const maxLooks = 10

// whole yields every item that is in a folder all the time, each once. listing yields the pages of its list, with what is wanted of the
// items or nothing but their IDs; single asks for one item.
//
// The service finds the pages of a list by counting from its beginning: when an item goes meanwhile, another one slips through between two
// pages. So a list of several pages is followed by others of nothing but IDs, until two in a row are the same: nothing that was in the
// former had gone when the latter was made, and so nothing slipped through. What only a later list has is asked for by itself.
func whole[T models.Entityable](listing func(onlyIDs bool) iter.Seq2[[]T, error], single func(id string) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		seen, before := map[string]struct{}{}, map[string]struct{}{}
		var none T
		for look := range maxLooks {
			now, pages := map[string]struct{}{}, 0
			for page, err := range listing(look > 0) {
				if err != nil {
					yield(none, err)
					return
				}
				pages++
				for _, it := range unseen(page, seen, now) {
					if look > 0 {
						it, err = single(idOf(it))
					}
					if hasCode(err, endpoint.NotFound) {
						continue // it went meanwhile
					}
					if !yield(it, err) || err != nil {
						return
					}
				}
			}
			if pages <= 1 || look > 0 && maps.Equal(now, before) {
				return
			}
			before = now
		}
		yield(none, endpoint.Errorf(endpoint.Unavailable, "the folder changes faster than it can be listed"))
	}
}

// unseen enters the items of a page among those of this look, and returns the ones that no look had before.
func unseen[T models.Entityable](page []T, seen, now map[string]struct{}) []T {
	var fresh []T
	for _, it := range page {
		id := idOf(it)
		if _, ok := seen[id]; !ok {
			fresh = append(fresh, it)
		}
		seen[id], now[id] = struct{}{}, struct{}{}
	}
	return fresh
}
