package graphendpoint

import (
	"context"
	"slices"
	"strings"

	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"github.com/dandyroll/dandyroll/endpoint"
)

// tasksRoot is the folder below which task lists are. It does not exist in Graph.
const tasksRoot = "[Tasks]"

// taskShelf holds the task lists of To Do.
//
// A state is a digest of all tasks: rounds of changes of tasks do not know extensions, in which the marks are.
type taskShelf struct {
	*client
	flagless
	partials *partials
}

var _ shelf = taskShelf{}

func newTaskShelf(c *client) taskShelf { return taskShelf{client: c, partials: &partials{}} }

// probe asks for a list.
func (s taskShelf) probe(ctx context.Context) error {
	info, err := s.me().Todo().Lists().ToGetRequestInformation(ctx, &users.ItemTodoListsRequestBuilderGetRequestConfiguration{
		QueryParameters: &users.ItemTodoListsRequestBuilderGetQueryParameters{Top: new(int32(1))},
	})
	if err != nil {
		return failed(err)
	}
	_, err = send[models.TodoTaskListCollectionResponseable](ctx, s.client, info, models.CreateTodoTaskListCollectionResponseFromDiscriminatorValue)
	return err
}

// folders lists the task lists, in the order of the service. Lists may share a name; those after the first get a mark of it. The list of
// flagged mail is a view of messages, which are in the folders of mail.
func (s taskShelf) folders(ctx context.Context) ([]endpoint.Folder, error) {
	first, err := s.me().Todo().Lists().ToGetRequestInformation(ctx, nil)
	if err != nil {
		return nil, failed(err)
	}
	taken := map[string]bool{}
	var all []endpoint.Folder
	for l, err := range entries[models.TodoTaskListable](ctx, s.client, first, models.CreateTodoTaskListCollectionResponseFromDiscriminatorValue) {
		if err != nil {
			return nil, err
		}
		if isWellKnown(l, models.FLAGGEDEMAILS_WELLKNOWNLISTNAME) {
			continue
		}
		f := taskFolder(l)
		for last := len(f.Path) - 1; taken[strings.Join(f.Path, "\x00")]; {
			f.Path[last] += "_"
		}
		taken[strings.Join(f.Path, "\x00")] = true
		all = append(all, f)
	}
	slices.SortStableFunc(all, func(a, b endpoint.Folder) int { return len(a.Path) - len(b.Path) }) // parents first
	return all, nil
}

func isWellKnown(l models.TodoTaskListable, name models.WellknownListName) bool {
	is := l.GetWellknownListName()
	return is != nil && *is == name
}

func taskFolder(l models.TodoTaskListable) endpoint.Folder {
	f := endpoint.Folder{
		ID: idOf(l), Path: listPath(text(l.GetDisplayName())), Items: -1, Subscribed: true,
	}
	if isWellKnown(l, models.DEFAULTLIST_WELLKNOWNLISTNAME) {
		f.Role = endpoint.DefaultTasks
	}
	return f
}

// escapedSlash is a slash in a component of a path; one between components has blanks around it. See nameEscape.
const escapedSlash = nameEscape + "2F"

// listPath is the path of a list by its name. To Do has no tree, so the name is all of the path.
func listPath(name string) []string {
	path := []string{tasksRoot}
	for component := range strings.SplitSeq(name, pathSeparator) {
		if component = unescapeName(strings.ReplaceAll(component, escapedSlash, "/")); component == "" {
			component = "_" // a component of a path is never empty
		}
		path = append(path, component)
	}
	return path
}

// listName inverts listPath.
func listName(path []string) string {
	names := make([]string, 0, len(path))
	for _, component := range path[1:] {
		names = append(names, strings.ReplaceAll(escapeName(component), "/", escapedSlash))
	}
	return strings.Join(names, pathSeparator)
}

// create makes a list. To Do lets lists share a name, so a create whose answer is lost is not repeated here, but by the caller, who
// finds the list then.
func (s taskShelf) create(ctx context.Context, path []string) (endpoint.Folder, error) {
	if len(path) < 2 || path[0] != tasksRoot {
		return endpoint.Folder{}, endpoint.Errorf(endpoint.Rejected, "task lists are below %s: map the folder to such a path", tasksRoot)
	}
	all, err := s.folders(ctx)
	if err != nil {
		return endpoint.Folder{}, err
	}
	for _, f := range all {
		if slices.Equal(f.Path, path) {
			return f, nil
		}
	}
	body := models.NewTodoTaskList()
	body.SetDisplayName(new(listName(path)))
	info, err := s.me().Todo().Lists().ToPostRequestInformation(ctx, body, nil)
	if err != nil {
		return endpoint.Folder{}, failed(err)
	}
	made, err := send[models.TodoTaskListable](ctx, s.client, info, models.CreateTodoTaskListFromDiscriminatorValue)
	if err != nil {
		return endpoint.Folder{}, err
	}
	if f := taskFolder(made); slices.Equal(f.Path, path) {
		return f, nil
	}
	return endpoint.Folder{}, endpoint.Errorf(endpoint.Rejected, "To Do does not take the name of the list as it is: map it to another path")
}

// drop deletes a list with all it holds.
func (s taskShelf) drop(ctx context.Context, folder string) error {
	list := s.me().Todo().Lists().ByTodoTaskListId(folder)
	info, err := list.ToGetRequestInformation(ctx, nil)
	if err != nil {
		return failed(err)
	}
	l, err := send[models.TodoTaskListable](ctx, s.client, info, models.CreateTodoTaskListFromDiscriminatorValue)
	if err != nil {
		return err
	}
	if isWellKnown(l, models.DEFAULTLIST_WELLKNOWNLISTNAME) {
		return endpoint.Errorf(endpoint.Denied, "the default task list of a mailbox cannot be deleted")
	}
	return failed(list.Delete(ctx, nil))
}
