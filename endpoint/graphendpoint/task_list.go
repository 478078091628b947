package graphendpoint

import (
	"context"
	"iter"
	"strings"

	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"github.com/dandyroll/dandyroll/endpoint"
)

// markExtension is the open extension of a task in which its mark is, its UID, and what of it has no place in Graph. To Do knows no
// extended properties.
const markExtension = "com.github.dandyroll.mark"

// The fields of that extension.
const (
	markField = "mark"
	uidField  = "uid"
	keptField = "kept"
)

// tasks yields the tasks of a list, expanded as asked for.
func (s taskShelf) tasks(ctx context.Context, folder string, expand ...string) iter.Seq2[models.TodoTaskable, error] {
	info, err := s.me().Todo().Lists().ByTodoTaskListId(folder).Tasks().ToGetRequestInformation(ctx,
		&users.ItemTodoListsItemTasksRequestBuilderGetRequestConfiguration{
			QueryParameters: &users.ItemTodoListsItemTasksRequestBuilderGetQueryParameters{
				Select: []string{"id", "createdDateTime", "lastModifiedDateTime"}, Expand: expand, Top: new(int32(taskPage)),
			},
		})
	if err != nil {
		return func(yield func(models.TodoTaskable, error) bool) { yield(nil, failed(err)) }
	}
	return pages[models.TodoTaskable](ctx, s.client, info, models.CreateTodoTaskCollectionResponseFromDiscriminatorValue)
}

// taskPage is how many tasks are asked for at a time.
const taskPage = 100

// markedField is a field of our extension of a task, or "".
func markedField(t models.TodoTaskable, field string) string {
	for _, e := range t.GetExtensions() {
		open, ok := e.(models.OpenTypeExtensionable)
		// The ID is the name, at times behind the name of the type.
		if !ok || text(open.GetExtensionName()) != markExtension && !strings.HasSuffix(text(e.GetId()), markExtension) {
			continue
		}
		if value, ok := e.GetAdditionalData()[field].(*string); ok {
			return text(value)
		}
	}
	return ""
}

// state tells a task that changed by its tag, and where it has none by the time.
func (s taskShelf) state(ctx context.Context, folder, since string) (string, error) {
	var items []string
	for t, err := range s.tasks(ctx, folder) {
		if err != nil {
			return "", err
		}
		items = append(items, text(t.GetId())+" "+taskVersion(t))
	}
	return stateByDigest(since, items), nil
}

func taskVersion(t models.TodoTaskable) string {
	if tag, ok := t.GetAdditionalData()["@odata.etag"].(*string); ok && text(tag) != "" {
		return text(tag)
	}
	return timeOf(t.GetLastModifiedDateTime()).UTC().Format(graphTime)
}

func (s taskShelf) list(ctx context.Context, folder, _ string) iter.Seq2[endpoint.Item, error] {
	return func(yield func(endpoint.Item, error) bool) {
		for t, err := range s.tasks(ctx, folder, "extensions") {
			if err != nil {
				yield(endpoint.Item{}, err)
				return
			}
			id := text(t.GetId())
			it := endpoint.Item{
				Ref: id, Kind: endpoint.Task, Identity: id, Marks: readingOf(markedField(t, markField)),
				Received: timeOf(t.GetCreatedDateTime()), Size: -1, Version: taskVersion(t),
			}
			if !yield(it, nil) {
				return
			}
		}
	}
}

func (s taskShelf) refs(ctx context.Context, folder string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for t, err := range s.tasks(ctx, folder) {
			if err != nil {
				yield("", err)
				return
			}
			if !yield(text(t.GetId()), nil) {
				return
			}
		}
	}
}

// marks yields the tasks that are marked and whole, and remembers those that are not whole.
func (s taskShelf) marks(ctx context.Context, folder, _ string) iter.Seq2[endpoint.Sighting, error] {
	return func(yield func(endpoint.Sighting, error) bool) {
		partial := map[string][]string{}
		for t, err := range s.tasks(ctx, folder, "extensions", "linkedResources") {
			if err != nil {
				yield(endpoint.Sighting{}, err)
				return
			}
			id := text(t.GetId())
			if mark := partialTaskMark(t); mark != "" {
				partial[mark] = append(partial[mark], id)
			}
			reading := readingOf(markedField(t, markField))
			if reading.Fields() > 0 && !yield(endpoint.Sighting{Ref: id, Marks: reading}, nil) {
				return
			}
		}
		s.partials.replace(folder, partial)
	}
}

// partialTaskMark is the mark of a task that is not whole, or "".
func partialTaskMark(t models.TodoTaskable) string {
	if markedField(t, markField) != "" {
		return ""
	}
	for _, link := range t.GetLinkedResources() {
		if mark := markOfLink(link); mark != "" {
			return mark
		}
	}
	return ""
}

// find yields the tasks with a UID: the one that was kept, or else that which is made of their ID. Extensions cannot be searched.
func (s taskShelf) find(ctx context.Context, folder, id string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if id == "" {
			return
		}
		for t, err := range s.tasks(ctx, folder, "extensions") {
			if err != nil {
				yield("", err)
				return
			}
			uid := markedField(t, uidField)
			if uid == "" {
				uid = ownUID(text(t.GetId()))
			}
			if uid == id && !yield(text(t.GetId()), nil) {
				return
			}
		}
	}
}

// task asks for one task.
func (s taskShelf) task(ctx context.Context, folder, ref string, expand ...string) (models.TodoTaskable, error) {
	if ref == "" {
		return nil, endpoint.Errorf(endpoint.NotFound, "no task has an empty ID")
	}
	info, err := s.me().Todo().Lists().ByTodoTaskListId(folder).Tasks().ByTodoTaskId(ref).ToGetRequestInformation(ctx,
		&users.ItemTodoListsItemTasksTodoTaskItemRequestBuilderGetRequestConfiguration{
			QueryParameters: &users.ItemTodoListsItemTasksTodoTaskItemRequestBuilderGetQueryParameters{Expand: expand},
		})
	if err != nil {
		return nil, failed(err)
	}
	return send[models.TodoTaskable](ctx, s.client, info, models.CreateTodoTaskFromDiscriminatorValue)
}

// flags yields nothing: tasks have none.
func (s taskShelf) flags(context.Context, string, []string) iter.Seq2[endpoint.Flagging, error] {
	return func(func(endpoint.Flagging, error) bool) {}
}

// setFlags changes nothing.
func (s taskShelf) setFlags(context.Context, string, endpoint.FlagChange) error { return nil }
