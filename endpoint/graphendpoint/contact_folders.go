package graphendpoint

import (
	"context"
	"slices"

	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"github.com/dandyroll/dandyroll/endpoint"
)

const (
	// contactsRoot is the folder below which contact folders are. It does not exist in Graph.
	contactsRoot = "[Contacts]"
	// defaultContactsID finds the default folder whatever it is called. Lists of folders do not show it.
	defaultContactsID = "contacts"
	// defaultContactsName is its path, whatever the service calls it in the user's language.
	defaultContactsName = "Contacts"
)

// contactShelf holds the contact folders of a mailbox. Distribution lists, which Graph does not show, are not among the contacts.
//
// A state is a digest of all contacts, not a position in their changes: address books are small, and rounds of changes know neither
// extended properties nor two states that are equal.
type contactShelf struct {
	*client
	flagless
	partials *partials
}

var _ shelf = contactShelf{}

func newContactShelf(c *client) contactShelf { return contactShelf{client: c, partials: &partials{}} }

// probe asks for the default folder.
func (s contactShelf) probe(ctx context.Context) error {
	_, err := s.defaultFolder(ctx)
	return err
}

func (s contactShelf) defaultFolder(ctx context.Context) (endpoint.Folder, error) {
	info, err := s.me().ContactFolders().ByContactFolderId(defaultContactsID).ToGetRequestInformation(ctx,
		&users.ItemContactFoldersContactFolderItemRequestBuilderGetRequestConfiguration{
			QueryParameters: &users.ItemContactFoldersContactFolderItemRequestBuilderGetQueryParameters{Select: []string{"id"}},
		})
	if err != nil {
		return endpoint.Folder{}, failed(err)
	}
	found, err := send[models.ContactFolderable](ctx, s.client, info, models.CreateContactFolderFromDiscriminatorValue)
	if err != nil {
		return endpoint.Folder{}, err
	}
	folder := contactFolder(idOf(found), []string{contactsRoot, defaultContactsName})
	folder.Role = endpoint.DefaultContacts
	return folder, nil
}

func contactFolder(id string, path []string) endpoint.Folder {
	return endpoint.Folder{ID: id, Path: path, Items: -1, Subscribed: true}
}

// folders lists the default folder, and the tree of all others.
func (s contactShelf) folders(ctx context.Context) ([]endpoint.Folder, error) {
	first, err := s.defaultFolder(ctx)
	if err != nil {
		return nil, err
	}
	top, err := s.children(ctx, endpoint.Folder{Path: []string{contactsRoot}})
	if err != nil {
		return nil, err
	}
	all, err := descend(ctx, top, s.children)
	return append([]endpoint.Folder{first}, all...), err
}

// children lists the folders directly below a folder; at the top, but for the default one, below the zero ID.
func (s contactShelf) children(ctx context.Context, parent endpoint.Folder) ([]endpoint.Folder, error) {
	first, err := s.childRequest(ctx, parent.ID)
	if err != nil {
		return nil, failed(err)
	}
	taken := map[string]bool{"": true, defaultContactsName: parent.ID == ""}
	var list []endpoint.Folder
	for f, err := range entries[models.ContactFolderable](ctx, s.client, first, models.CreateContactFolderCollectionResponseFromDiscriminatorValue) {
		if err != nil {
			return nil, err
		}
		name := unescapeName(text(f.GetDisplayName()))
		for taken[name] { // no name, or that of another folder
			name += "_"
		}
		taken[name] = true
		list = append(list, contactFolder(idOf(f), append(slices.Clone(parent.Path), name)))
	}
	return list, nil
}

func (s contactShelf) childRequest(ctx context.Context, parent string) (*abstractions.RequestInformation, error) {
	fields, top := []string{"id", "displayName"}, new(int32(mailPage))
	if parent == "" {
		return s.me().ContactFolders().ToGetRequestInformation(ctx, &users.ItemContactFoldersRequestBuilderGetRequestConfiguration{
			QueryParameters: &users.ItemContactFoldersRequestBuilderGetQueryParameters{Select: fields, Top: top},
		})
	}
	return s.me().ContactFolders().ByContactFolderId(parent).ChildFolders().ToGetRequestInformation(ctx,
		&users.ItemContactFoldersItemChildFoldersRequestBuilderGetRequestConfiguration{
			QueryParameters: &users.ItemContactFoldersItemChildFoldersRequestBuilderGetQueryParameters{Select: fields, Top: top},
		})
}

// create goes down a path, and makes the folders that are missing.
func (s contactShelf) create(ctx context.Context, path []string) (endpoint.Folder, error) {
	if len(path) < 2 || path[0] != contactsRoot {
		return endpoint.Folder{}, endpoint.Errorf(endpoint.Rejected, "contact folders are below %s: map the folder to such a path", contactsRoot)
	}
	if len(path) == 2 && path[1] == defaultContactsName {
		return s.defaultFolder(ctx)
	}
	folder := endpoint.Folder{Path: path[:1]}
	for _, name := range path[1:] {
		var err error
		if folder, err = s.child(ctx, folder, name); err != nil {
			return endpoint.Folder{}, err
		}
	}
	return folder, nil
}

// child returns the folder with a name below a parent, and makes it if there is none.
func (s contactShelf) child(ctx context.Context, parent endpoint.Folder, name string) (endpoint.Folder, error) {
	return foundOrMade(name, func() ([]endpoint.Folder, error) {
		return s.children(ctx, parent)
	}, func() error { return s.makeFolder(ctx, parent.ID, escapeName(name)) })
}

// makeFolder makes a folder. Asking twice makes one, for the second time fails with Exists.
func (s contactShelf) makeFolder(ctx context.Context, parent, name string) error {
	body := models.NewContactFolder()
	body.SetDisplayName(&name)
	var err error
	if parent == "" {
		_, err = s.me().ContactFolders().Post(repeatable(ctx), body, nil)
	} else {
		_, err = s.me().ContactFolders().ByContactFolderId(parent).ChildFolders().Post(repeatable(ctx), body, nil)
	}
	return failed(err)
}

// drop deletes a folder with all it holds.
func (s contactShelf) drop(ctx context.Context, folder string) error {
	first, err := s.defaultFolder(ctx)
	if err != nil {
		return err
	}
	if folder == first.ID {
		return endpoint.Errorf(endpoint.Denied, "the default contact folder of a mailbox cannot be deleted")
	}
	return failed(s.me().ContactFolders().ByContactFolderId(folder).Delete(ctx, nil))
}
