package graphendpoint

import (
	"context"

	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/watermark"
)

// put writes a task, which takes several requests: a mark is an extension, and extensions and steps are made one by one. Until then, a
// link carries the mark, which the request that makes the task can hold: a task that has only the link is not whole.
func (s taskShelf) put(ctx context.Context, folder string, item endpoint.Put) endpoint.PutResult {
	result := endpoint.PutResult{Dropped: item.Flags}
	calendar, err := contentBytes(item.Content)
	if err != nil {
		result.Err = err
		return result
	}
	draft, err := taskFromICalendar(calendar)
	if err != nil {
		result.Err = err
		return result
	}
	if err := s.clear(ctx, folder, item.Mark); err != nil {
		result.Err = err
		return result
	}
	result.Ref, result.Err = s.write(ctx, folder, draft, item.Mark)
	return result
}

func (s taskShelf) write(ctx context.Context, folder string, draft taskDraft, mark watermark.Mark) (string, error) {
	links := draft.task.GetLinkedResources()
	draft.task.SetLinkedResources(append([]models.LinkedResourceable{markLink(mark)}, links...))
	tasks := s.me().Todo().Lists().ByTodoTaskListId(folder).Tasks()
	info, err := tasks.ToPostRequestInformation(ctx, draft.task, nil)
	if err != nil {
		return "", failed(err)
	}
	ref, err := madeID(send[models.TodoTaskable](ctx, s.client, info, models.CreateTodoTaskFromDiscriminatorValue))
	if err != nil {
		return "", err
	}
	if err := s.complete(ctx, folder, ref, draft, mark); err != nil {
		deleted := s.delete(ctx, folder, ref)
		if deleted != nil {
			s.partials.add(folder, mark, ref)
		}
		return "", givenUp(ctx, err, deleted)
	}
	return ref, nil
}

// markLink is the link that carries a mark while its task is written.
func markLink(mark watermark.Mark) models.LinkedResourceable {
	link := models.NewLinkedResource()
	link.SetApplicationName(new(markApplication))
	link.SetDisplayName(new(markApplication))
	link.SetExternalId(new(mark.String()))
	return link
}

// complete makes what belongs to a task, then its mark, and at last takes the link away that carried it.
func (s taskShelf) complete(ctx context.Context, folder, ref string, draft taskDraft, mark watermark.Mark) error {
	task := s.me().Todo().Lists().ByTodoTaskListId(folder).Tasks().ByTodoTaskId(ref)
	made, err := s.task(ctx, folder, ref, "linkedResources")
	if err != nil {
		return err
	}
	for _, link := range missingLinks(draft.task.GetLinkedResources(), made.GetLinkedResources()) {
		if _, err := task.LinkedResources().Post(ctx, link, nil); err != nil {
			return failed(err)
		}
	}
	for _, step := range draft.steps {
		if _, err := task.ChecklistItems().Post(ctx, step, nil); err != nil {
			return failed(err)
		}
	}
	// An extension of one name is made once: the second time, it exists.
	_, err = task.Extensions().Post(repeatable(ctx), markedExtension(draft, mark), nil)
	if err = failed(err); err != nil && !hasCode(err, endpoint.Exists) {
		return err
	}
	for _, link := range made.GetLinkedResources() {
		if markOfLink(link) == "" {
			continue
		}
		if err := failed(task.LinkedResources().ByLinkedResourceId(idOf(link)).Delete(ctx, nil)); err != nil && !hasCode(err, endpoint.NotFound) {
			return err
		}
	}
	return nil
}

// missingLinks are the links that were not made with their task, but for the one that carries the mark: it would come too late. The
// service documents that it makes them, and could make all or none.
func missingLinks(wanted, made []models.LinkedResourceable) []models.LinkedResourceable {
	if len(made) > 0 {
		return nil
	}
	return wanted[1:]
}

func markedExtension(draft taskDraft, mark watermark.Mark) models.OpenTypeExtensionable {
	extension := models.NewOpenTypeExtension()
	extension.SetExtensionName(new(markExtension))
	extension.SetAdditionalData(map[string]any{
		markField: new(mark.String()), uidField: new(draft.uid), keptField: new(draft.kept),
	})
	return extension
}

// clear deletes what an earlier put of the mark left unfinished, after another look at it.
func (s taskShelf) clear(ctx context.Context, folder string, mark watermark.Mark) error {
	return s.partials.clear(folder, mark, func() error {
		return exhaust(s.marks(ctx, folder, ""))
	}, func(id string) error {
		t, err := s.task(ctx, folder, id, "extensions", "linkedResources")
		if err != nil || partialTaskMark(t) != mark.String() {
			return err
		}
		return s.delete(ctx, folder, id)
	})
}

// remove deletes a task for good: To Do has no trash.
func (s taskShelf) remove(ctx context.Context, folder, ref string) error {
	if ref == "" {
		return endpoint.Errorf(endpoint.NotFound, "no task has an empty ID")
	}
	return s.delete(ctx, folder, ref)
}

func (s taskShelf) delete(ctx context.Context, folder, ref string) error {
	return failed(s.me().Todo().Lists().ByTodoTaskListId(folder).Tasks().ByTodoTaskId(ref).Delete(ctx, nil))
}
