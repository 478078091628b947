package pass

import (
	"context"

	"github.com/dandyroll/dandyroll/endpoint"
)

// learnState enters the State of a folder into f where its listing has none (with
// endpoint.Capabilities.StateSince). It comes before the folder is looked at, so that whatever arrives
// meanwhile belongs to the next pass. Since is the state up to which the folder was gone through, or
// empty; without it, the state serves only a pass that saves how far it came. It returns since, or
// nothing if no state can be told of the folder.
func (a *account) learnState(ctx context.Context, m *endpoint.Mailbox, f *endpoint.Folder, since string, saves bool) (string, error) {
	if a.statesSince && (since != "" || saves) {
		err := a.persist(ctx, func(ctx context.Context) (err error) {
			f.State, err = m.State(ctx, *f, since)
			return err
		})
		if err != nil {
			return "", err
		}
	}
	if f.State == "" {
		return "", nil
	}
	return since, nil
}

// isEmpty reports whether the listing of a folder that told its State says that nothing is in it.
func isEmpty(f endpoint.Folder) bool { return f.Items == 0 && f.State != "" }
