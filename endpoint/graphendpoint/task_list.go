package graphendpoint

import (
	"context"
	"iter"
	"strings"

	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/watermark"
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

// tasks yields the tasks that are in a list all the time, expanded as asked for.
func (s taskShelf) tasks(ctx context.Context, folder string, expand ...string) iter.Seq2[models.TodoTaskable, error] {
	return whole(func(onlyIDs bool) iter.Seq2[[]models.TodoTaskable, error] {
		if onlyIDs {
			return s.pages(ctx, folder)
		}
		return s.pages(ctx, folder, expand...)
	}, func(id string) (models.TodoTaskable, error) { return s.task(ctx, folder, id, expand...) })
}

// pages yields the pages of a list.
func (s taskShelf) pages(ctx context.Context, folder string, expand ...string) iter.Seq2[[]models.TodoTaskable, error] {
	info, err := s.me().Todo().Lists().ByTodoTaskListId(folder).Tasks().ToGetRequestInformation(ctx,
		&users.ItemTodoListsItemTasksRequestBuilderGetRequestConfiguration{
			QueryParameters: &users.ItemTodoListsItemTasksRequestBuilderGetQueryParameters{
				Select: []string{"id", "createdDateTime", "lastModifiedDateTime"}, Expand: expand, Top: new(int32(taskPage)),
			},
		})
	if err != nil {
		return fault[[]models.TodoTaskable](failed(err))
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
		if !ok || text(open.GetExtensionName()) != markExtension && !strings.HasSuffix(idOf(e), markExtension) {
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
	return stateByDigest(since, flat(s.pages(ctx, folder)), func(t models.TodoTaskable) string { return idOf(t) + " " + taskVersion(t) })
}

func taskVersion(t models.TodoTaskable) string {
	if tag, ok := t.GetAdditionalData()["@odata.etag"].(*string); ok && text(tag) != "" {
		return text(tag)
	}
	return timeOf(t.GetLastModifiedDateTime()).UTC().Format(graphTime)
}

func (s taskShelf) list(ctx context.Context, folder, _ string) iter.Seq2[endpoint.Item, error] {
	return mapped(s.tasks(ctx, folder, "extensions"), func(t models.TodoTaskable) (endpoint.Item, bool) {
		return endpoint.Item{
			Ref: idOf(t), Kind: endpoint.Task, Identity: idOf(t), Marks: taskMark(t),
			Received: timeOf(t.GetCreatedDateTime()), Size: -1, Version: taskVersion(t),
		}, true
	})
}

func (s taskShelf) refs(ctx context.Context, folder string) iter.Seq2[string, error] {
	return refsOf(s.tasks(ctx, folder))
}

func taskMark(t models.TodoTaskable) watermark.Reading { return readMark(markedField(t, markField)) }

// marks yields the tasks that are marked and whole, and remembers those that are not whole.
func (s taskShelf) marks(ctx context.Context, folder, _ string) iter.Seq2[endpoint.Sighting, error] {
	return wholeSightings(s.partials, folder, s.tasks(ctx, folder, "extensions", "linkedResources"), taskMark, partialTaskMark)
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
	if id == "" {
		return none[string]()
	}
	return mapped(s.tasks(ctx, folder, "extensions"), func(t models.TodoTaskable) (string, bool) {
		uid := markedField(t, uidField)
		if uid == "" {
			uid = ownUID(idOf(t))
		}
		return idOf(t), uid == id
	})
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
