package memendpoint

import (
	"strconv"
	"strings"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
)

// state returns the State of a folder at a time: validity, position and changes.
//
// The position is the reference before which nothing more will appear: that of the next item, or
// of the first one that does not show yet. The changes are the items that came or went so far. An
// item that does not show yet has not come, so that the state changes again when it does.
func (f *folder) state(now time.Time) string {
	position, hidden := f.next, uint64(0)
	for _, it := range f.items {
		if it.shows.After(now) {
			position = min(position, it.ref)
			hidden++
		}
	}
	return decimal(f.validity) + "." + decimal(position) + "." + decimal(f.changes-hidden)
}

// position returns from which reference on a listing since a state goes. An empty state is the
// beginning. It fails with Stale if the state is of another validity.
func (f *folder) position(since string) (uint64, error) {
	if since == "" {
		return 0, nil
	}
	parts := strings.Split(since, ".")
	if len(parts) != 3 {
		return 0, endpoint.Errorf(endpoint.Invalid, "since is no state of this folder")
	}
	if parts[0] != decimal(f.validity) {
		return 0, endpoint.Errorf(endpoint.Stale, "list the folder from the beginning")
	}
	n, err := strconv.ParseUint(parts[1], 10, 64)
	if err != nil {
		return 0, endpoint.Errorf(endpoint.Invalid, "since is no state of this folder")
	}
	return n, nil
}
