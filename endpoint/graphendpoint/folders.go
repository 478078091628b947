package graphendpoint

import (
	"context"

	"github.com/dandyroll/dandyroll/endpoint"
)

// maxFolderDepth is what Exchange Online allows for the depth of a tree of folders.
// https://learn.microsoft.com/office365/servicedescriptions/exchange-online-service-description/exchange-online-limits#mailbox-folder-limits
const maxFolderDepth = 300

// descend returns folders with all that are below them, parents first. children lists those directly below one.
func descend(ctx context.Context, all []endpoint.Folder, children func(context.Context, endpoint.Folder) ([]endpoint.Folder, error)) ([]endpoint.Folder, error) {
	seen := map[string]bool{}
	for i := 0; i < len(all); i++ {
		if seen[all[i].ID] || len(all[i].Path) > maxFolderDepth {
			return nil, endpoint.Errorf(endpoint.Damaged, "the service lists a folder twice, or a tree of folders without end")
		}
		seen[all[i].ID] = true
		below, err := children(ctx, all[i])
		if hasCode(err, endpoint.NotFound) {
			continue // deleted meanwhile, with what it held
		}
		if err != nil {
			return nil, err
		}
		all = append(all, below...)
	}
	return all, nil
}

// foundOrMade returns the folder with a name among its siblings, and makes it if there is none.
func foundOrMade(name string, siblings func() ([]endpoint.Folder, error), make func() error) (endpoint.Folder, error) {
	found, err := named(name, siblings)
	if !hasCode(err, endpoint.NotFound) {
		return found, err
	}
	if err := make(); err != nil && !hasCode(err, endpoint.Exists) {
		return endpoint.Folder{}, err
	}
	// One that exists now was made by somebody else, or by us when the answer was lost.
	found, err = named(name, siblings)
	if hasCode(err, endpoint.NotFound) {
		return endpoint.Folder{}, endpoint.Errorf(endpoint.Rejected,
			"the mailbox takes the name of the folder for that of another one beside it, perhaps one that differs in case: map it to another path")
	}
	return found, err
}

// named returns the folder with a name among its siblings.
func named(name string, siblings func() ([]endpoint.Folder, error)) (endpoint.Folder, error) {
	all, err := siblings()
	if err != nil {
		return endpoint.Folder{}, err
	}
	for _, f := range all {
		if f.Path[len(f.Path)-1] == name {
			return f, nil
		}
	}
	return endpoint.Folder{}, endpoint.Errorf(endpoint.NotFound, "no such folder")
}
