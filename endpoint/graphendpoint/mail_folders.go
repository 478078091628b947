package graphendpoint

import (
	"context"
	"slices"
	"strings"

	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"github.com/dandyroll/dandyroll/endpoint"
)

// mailShelf holds the folders of mail.
type mailShelf struct {
	*client
	// importMIME lets items be written by the beta of that name.
	importMIME bool
	// transfer has the folder in which messages are made that need more than one request.
	transfer *transfer
}

// classProperty is PidTagContainerClass (MS-OXOSFLD section 2.2.3), which says what a folder holds.
const classProperty = "String 0x3613"

// wellKnownFolder is the name by which the service finds a folder whatever it is called, and its role.
type wellKnownFolder struct {
	name string
	role endpoint.Role
}

// wellKnownFolders returns those that have a role, the inbox first.
func wellKnownFolders() []wellKnownFolder {
	return []wellKnownFolder{
		{"inbox", endpoint.Inbox},
		{"sentitems", endpoint.Sent},
		{"drafts", endpoint.Drafts},
		{trashName, endpoint.Trash},
		{"junkemail", endpoint.Junk},
		{"archive", endpoint.Archive},
	}
}

// folder returns the ID and the size of a folder by its ID or well-known name.
func (s mailShelf) folder(ctx context.Context, name string) (models.MailFolderable, error) {
	info, err := s.me().MailFolders().ByMailFolderId(name).ToGetRequestInformation(ctx, &users.ItemMailFoldersMailFolderItemRequestBuilderGetRequestConfiguration{
		QueryParameters: &users.ItemMailFoldersMailFolderItemRequestBuilderGetQueryParameters{Select: []string{"id", "totalItemCount"}},
	})
	if err != nil {
		return nil, failed(err)
	}
	return send[models.MailFolderable](ctx, s.client, info, models.CreateMailFolderFromDiscriminatorValue)
}

// probe asks for the inbox.
func (s mailShelf) probe(ctx context.Context) error {
	_, err := s.folder(ctx, "inbox")
	return err
}

// roles returns the roles of folders by their IDs. The resource does not tell them, so each name is asked for; a mailbox need not have
// an archive, but always has an inbox.
func (s mailShelf) roles(ctx context.Context) (map[string]endpoint.Role, error) {
	roles := map[string]endpoint.Role{}
	for _, w := range wellKnownFolders() {
		f, err := s.folder(ctx, w.name)
		if hasCode(notGone(err), endpoint.NotFound) && w.role != endpoint.Inbox {
			continue
		}
		if err != nil {
			return nil, err
		}
		if id := idOf(f); roles[id] == endpoint.NoRole {
			roles[id] = w.role
		}
	}
	return roles, nil
}

// folders lists the tree below the top of what people see. What the service keeps outside of it (recoverable items, its own data) is
// not mail of the mailbox. Hidden folders within are listed, as not subscribed, for they may hold mail: Conversation History, Clutter,
// Sync Issues.
func (s mailShelf) folders(ctx context.Context) ([]endpoint.Folder, error) {
	roles, err := s.roles(ctx)
	if err != nil {
		return nil, err
	}
	top, err := s.children(ctx, endpoint.Folder{}, roles)
	if err != nil {
		return nil, err
	}
	return descend(ctx, top, func(ctx context.Context, parent endpoint.Folder) ([]endpoint.Folder, error) {
		below, err := s.children(ctx, parent, roles)
		return below, notGone(err)
	})
}

// children lists the folders of mail directly below a folder, or at the top below the zero one.
func (s mailShelf) children(ctx context.Context, parent endpoint.Folder, roles map[string]endpoint.Role) ([]endpoint.Folder, error) {
	first, err := s.childRequest(ctx, parent.ID)
	if err != nil {
		return nil, failed(err)
	}
	var list []endpoint.Folder
	taken := map[string]bool{}
	for f, err := range entries[models.MailFolderable](ctx, s.client, first, models.CreateMailFolderCollectionResponseFromDiscriminatorValue) {
		if err != nil {
			return nil, err
		}
		if !holdsMail(f) {
			continue
		}
		folder := mailFolder(f, parent.Path, roles)
		last := len(folder.Path) - 1
		for taken[folder.Path[last]] { // names that differ in what a path does not show
			folder.Path[last] += "_"
		}
		taken[folder.Path[last]] = true
		list = append(list, folder)
	}
	return list, nil
}

func (s mailShelf) childRequest(ctx context.Context, parent string) (*abstractions.RequestInformation, error) {
	fields, class := []string{"id", "displayName", "isHidden", "totalItemCount"}, expandProperties(classProperty)
	top, hidden := int32(mailPage), "true"
	if parent == "" {
		return s.me().MailFolders().ToGetRequestInformation(ctx, &users.ItemMailFoldersRequestBuilderGetRequestConfiguration{
			QueryParameters: &users.ItemMailFoldersRequestBuilderGetQueryParameters{
				Select: fields, Expand: class, Top: &top, IncludeHiddenFolders: &hidden,
			},
		})
	}
	return s.me().MailFolders().ByMailFolderId(parent).ChildFolders().ToGetRequestInformation(ctx,
		&users.ItemMailFoldersItemChildFoldersRequestBuilderGetRequestConfiguration{
			QueryParameters: &users.ItemMailFoldersItemChildFoldersRequestBuilderGetQueryParameters{
				Select: fields, Expand: class, Top: &top, IncludeHiddenFolders: &hidden,
			},
		})
}

// holdsMail reports whether a folder is one of mail. Search folders are not: what they show is in other folders. Nor are hidden
// folders in which programs keep settings and the like, nor those in which we stage imports.
func holdsMail(f models.MailFolderable) bool {
	if _, search := f.(models.MailSearchFolderable); search {
		return false
	}
	if isStaging(f) {
		return false
	}
	// A folder without a class holds mail, and so does one of a class that we do not know.
	class := strings.ToLower(propertyOf(f, classProperty))
	return !slices.ContainsFunc([]string{
		"ipf.appointment", "ipf.contact", "ipf.task", "ipf.stickynote", "ipf.journal", "ipf.configuration", "ipf.files",
		"ipf.shortcutfolder", "ipf.skypeteams",
	}, func(other string) bool { return class == other || strings.HasPrefix(class, other+".") })
}

// mailFolder returns a folder as the listing shows it.
func mailFolder(f models.MailFolderable, parent []string, roles map[string]endpoint.Role) endpoint.Folder {
	id := idOf(f)
	role := roles[id]
	component := folderPath(text(f.GetDisplayName()), len(parent) == 0)
	if role == endpoint.Inbox {
		component = inboxName
	}
	items := -1
	if n := f.GetTotalItemCount(); n != nil {
		items = int(*n)
	}
	return endpoint.Folder{
		ID: id, Path: append(slices.Clone(parent), component), Role: role,
		Items: items, Subscribed: !isTrue(f.GetIsHidden()),
	}
}

// create goes down a path, and makes the folders that are missing. Names are those of the path, escaped where Exchange cannot hold
// them. Exchange knows no two siblings whose names differ in case alone: the second is refused, so that two folders do not become one.
func (s mailShelf) create(ctx context.Context, path []string) (endpoint.Folder, error) {
	roles, err := s.roles(ctx)
	if err != nil {
		return endpoint.Folder{}, err
	}
	var folder endpoint.Folder
	for _, component := range path {
		if folder, err = s.child(ctx, folder, component, roles); err != nil {
			return endpoint.Folder{}, err
		}
	}
	return folder, nil
}

// child returns the folder with a name below a parent, and makes it if there is none.
func (s mailShelf) child(ctx context.Context, parent endpoint.Folder, component string, roles map[string]endpoint.Role) (endpoint.Folder, error) {
	top := parent.ID == ""
	if top && strings.EqualFold(component, inboxName) {
		component = inboxName
	}
	return foundOrMade(component, func() ([]endpoint.Folder, error) {
		return s.children(ctx, parent, roles)
	}, func() error {
		name, err := folderDisplayName(component, top)
		if err != nil {
			return err
		}
		return s.makeFolder(ctx, parent.ID, name)
	})
}

// makeFolder makes a folder. Asking twice makes one, for the second time fails with Exists.
func (s mailShelf) makeFolder(ctx context.Context, parent, name string) error {
	body := models.NewMailFolder()
	body.SetDisplayName(&name)
	ctx = repeatable(ctx)
	var err error
	if parent == "" {
		_, err = s.me().MailFolders().Post(ctx, body, nil)
	} else {
		_, err = s.me().MailFolders().ByMailFolderId(parent).ChildFolders().Post(ctx, body, nil)
	}
	return failed(err)
}

// drop deletes a folder for good. A plain DELETE would move it to the trash, where it would be listed on, with the same items.
func (s mailShelf) drop(ctx context.Context, folder string) error {
	roles, err := s.roles(ctx)
	if err != nil {
		return err
	}
	if _, special := roles[folder]; special {
		return endpoint.Errorf(endpoint.Denied, "the inbox and the other folders of every mailbox cannot be deleted")
	}
	return failed(s.me().MailFolders().ByMailFolderId(folder).PermanentDelete().Post(repeatable(ctx), nil))
}
