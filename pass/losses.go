package pass

import (
	"fmt"
	"slices"

	"github.com/dandyroll/dandyroll/endpoint"
)

// losses says what cannot be carried from one endpoint to the other, out of some folders.
func losses(from, to endpoint.Capabilities, folders []endpoint.Folder) []string {
	var all []string
	told := true // the destination tells by itself what becomes of the items
	for _, k := range endpoint.AllKinds() {
		offers := from.Offers(k, to)
		switch {
		case len(offers) > 0: // what is read is in the first of these, see window.reading
			all = append(all, lossesIn(k, from.ReadLosses[offers[0]], to.WriteLosses[offers[0]])...)
			told = told && len(to.WriteLosses[offers[0]]) > 0
		case len(from.Read[k]) > 0:
			all = append(all, left(k, folders)...)
		}
	}
	if !to.Keywords {
		all = append(all, "keywords: the destination keeps only the five system flags")
	}
	if !to.Received {
		all = append(all, "dates: the destination does not keep when an item was received")
	}
	if !to.Exact && !told {
		all = append(all, "bytes: the destination does not keep items byte for byte, so that signatures may break")
	}
	return all
}

// lossesIn lists what is not preserved of items of a kind. What both sides lose stands there once.
func lossesIn(k endpoint.Kind, read, written []string) []string {
	var all []string
	for _, what := range slices.Concat(read, written) {
		if line := fmt.Sprintf("items of kind %s: not preserved: %s", k, what); !slices.Contains(all, line) {
			all = append(all, line)
		}
	}
	return all
}

// left says that items of a kind stay behind, if there are any.
func left(k endpoint.Kind, folders []endpoint.Folder) []string {
	const why = "the destination takes none in a format that the source offers"
	n, known := count(k, folders)
	switch {
	case !known:
		return []string{fmt.Sprintf("items of kind %s: %s", k, why)}
	case n == 0:
		return nil
	}
	return []string{fmt.Sprintf("items of kind %s, of which there are %d: %s", k, n, why)}
}

// count returns how many items of a kind folders hold, if their listing tells: one that may hold other
// kinds, too, does not.
func count(k endpoint.Kind, folders []endpoint.Folder) (items int, known bool) {
	for _, f := range folders {
		kinds := f.Kinds
		if len(kinds) == 0 {
			kinds = []endpoint.Kind{endpoint.Mail}
		}
		switch {
		case !slices.Contains(kinds, k):
		case len(kinds) > 1 && f.Items != 0, f.Items < 0:
			return 0, false
		default:
			items += f.Items
		}
	}
	return items, true
}
