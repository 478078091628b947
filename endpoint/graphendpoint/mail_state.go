package graphendpoint

import (
	"context"
	"strings"

	"github.com/dandyroll/dandyroll/endpoint"
)

// A state of a folder of mail is the folder's ID and the position in its changes, which is the link that ended a round of them.

func stateAt(folder, position string) string { return folder + " " + position }

// positionOf returns the position of a state. One of another folder is none.
func positionOf(folder, state string) (position string, ok bool) {
	return strings.CutPrefix(state, folder+" ")
}

// state runs a round of changes to its end. Rounds may repeat what did not change, so a state may change for nothing, but never stay
// when something did.
func (s mailShelf) state(ctx context.Context, folder, since string) (string, error) {
	if position, ok := positionOf(folder, since); ok {
		end, changed, err := s.runRound(ctx, folder, position)
		switch {
		case err == nil && !changed:
			return since, nil
		case err == nil:
			return stateAt(folder, end), nil
		case !hasCode(err, endpoint.Stale):
			return "", err
		}
	}
	end, _, err := s.runRound(ctx, folder, "")
	if err != nil {
		return "", err
	}
	return stateAt(folder, end), nil
}

// runRound returns the position at the end of a round, and whether it had anything.
func (s mailShelf) runRound(ctx context.Context, folder, position string) (end string, changed bool, err error) {
	for _, err := range s.round(ctx, folder, position, &end) {
		if err != nil {
			return "", false, err
		}
		changed = true
	}
	return end, changed, nil
}
