package graphendpoint

import (
	"slices"
	"strings"
	"testing"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/watermark"
)

const plainTask = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VTODO\r\nUID:task-1\r\nDTSTAMP:20240101T000000Z\r\nSUMMARY:Pack\r\nCLASS:PRIVATE\r\n" +
	"URL:https://example.com/\r\nX-CHECKLIST-ITEM;X-CHECKED=TRUE:Passport\r\nX-CHECKLIST-ITEM:Socks\r\nEND:VTODO\r\nEND:VCALENDAR\r\n"

func TestTaskLists(t *testing.T) {
	t.Parallel()
	b := openPeople(t)
	ctx, s := t.Context(), b.tasks
	if err := s.probe(ctx); err != nil {
		t.Fatal(err)
	}
	for name, wellKnown := range map[string]string{"Flagged": "flaggedEmails", "Twice": "none"} {
		for range 2 {
			id, err := b.owner.CreateFolder(b.owner.TaskList(), name)
			if err == nil {
				err = b.owner.Update(id, map[string]any{"wellknownListName": wellKnown})
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	paths := [][]string{{"[Tasks]", "Work"}, {"[Tasks]", "Work", "a/b / c"}, {"[Tasks]", "Work", "/"}, {"[Tasks]", "=x2F", " "}, {"[Tasks]", "Twice"}}
	for _, path := range paths {
		made, err := s.create(ctx, path)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := s.create(ctx, path); err != nil || again.ID != made.ID || !slices.Equal(made.Path, path) {
			t.Errorf("%q: made %+v, then %+v, %v", path, made, again, err)
		}
	}
	all, err := b.again(t).tasks.folders(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range append(paths, []string{"[Tasks]", "Twice_"}) {
		if !slices.ContainsFunc(all, func(f endpoint.Folder) bool { return slices.Equal(f.Path, path) }) {
			t.Errorf("%q is missing in %+v", path, all)
		}
	}
	if len(all) != len(paths)+2 || all[0].Role != endpoint.DefaultTasks {
		t.Errorf("lists %+v", all)
	}
	if err := s.drop(ctx, all[0].ID); !hasCode(err, endpoint.Denied) {
		t.Errorf("drop of the default list: %v", err)
	}
	if err := s.drop(ctx, all[1].ID); err != nil {
		t.Error(err)
	}
	if _, err := s.create(ctx, []string{"Elsewhere"}); !hasCode(err, endpoint.Rejected) {
		t.Errorf("create elsewhere: %v", err)
	}
}

func TestPutTask(t *testing.T) {
	t.Parallel()
	b := openPeople(t)
	s, folder, mark := b.tasks, b.owner.TaskList(), markNo(1)
	result := s.put(t.Context(), folder, taskPut(mark, plainTask))
	if result.Err != nil {
		t.Fatal(result.Err)
	}
	if ref := wantOneMarked(t, b, s, folder, mark); ref != result.Ref {
		t.Errorf("ref %q, is %q", result.Ref, ref)
	}
	got := readText(t, s, folder, result.Ref)
	if marks := watermark.ReadProperty([]byte(got)); len(marks.Marks) != 1 || marks.Marks[0] != mark {
		t.Errorf("marks %+v", marks)
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(plainTask, "\r\n"), "\r\n") {
		if !strings.Contains(got, line+"\r\n") && !strings.HasPrefix(line, "DTSTAMP") && !strings.HasPrefix(line, "PRODID") {
			t.Errorf("%q is lost in\n%s", line, got)
		}
	}
	if strings.Contains(got, markApplication+":") || strings.Count(got, linkProperty) > 0 {
		t.Errorf("the link that carried the mark is still there:\n%s", got)
	}
	items := gathered(t, s.list(t.Context(), folder, ""))
	if len(items) != 1 || items[0].Marks.Marks[0] != mark || items[0].Version == "" {
		t.Errorf("list %+v", items)
	}
}

func TestFindTask(t *testing.T) {
	t.Parallel()
	b := openPeople(t)
	s, folder := b.tasks, b.owner.TaskList()
	result := s.put(t.Context(), folder, taskPut(markNo(1), plainTask))
	own, err := b.owner.Create(folder, map[string]any{"title": "Without a UID"})
	if err != nil || result.Err != nil {
		t.Fatal(err, result.Err)
	}
	for id, want := range map[string][]string{"task-1": {result.Ref}, "TASK-1": nil, "": nil, "graph-" + own: {own}, "graph-" + result.Ref: nil} {
		if got := gathered(t, s.find(t.Context(), folder, id)); !slices.Equal(got, want) {
			t.Errorf("find %q: %q, want %q", id, got, want)
		}
	}
}

// A program that ended before the mark left a half, which does not count, and which the next one takes away.
func TestHalfATask(t *testing.T) {
	t.Parallel()
	b := openPeople(t)
	folder, mark := b.owner.TaskList(), markNo(1)
	draft, err := taskFromICalendar([]byte(plainTask))
	if err != nil {
		t.Fatal(err)
	}
	draft.task.SetLinkedResources(append(draft.task.GetLinkedResources(), markLink(mark)))
	if _, err := b.tasks.me().Todo().Lists().ByTodoTaskListId(folder).Tasks().Post(t.Context(), draft.task, nil); err != nil {
		t.Fatal(err)
	}
	if seen := gathered(t, b.tasks.marks(t.Context(), folder, "")); len(seen) != 0 {
		t.Errorf("half a task counts: %+v", seen)
	}
	if result := b.again(t).tasks.put(t.Context(), folder, taskPut(mark, plainTask)); result.Err != nil {
		t.Fatal(result.Err)
	}
	wantOneMarked(t, b, b.tasks, folder, mark)
}

func TestTaskFaults(t *testing.T) {
	t.Parallel()
	const tasks = "/users/{user}/todo/lists/{list}/tasks"
	everyFault(t, func(b peopleBox) (shelf, string) { return b.tasks, b.owner.TaskList() }, taskPut(markNo(1), plainTask), []string{
		"POST " + tasks, "GET " + tasks + "/{task}", "POST " + tasks + "/{task}/checklistItems", "POST " + tasks + "/{task}/extensions",
		"DELETE " + tasks + "/{task}/linkedResources/{part}",
	})
}

func TestRemoveTask(t *testing.T) {
	t.Parallel()
	b := openPeople(t)
	s, folder := b.tasks, b.owner.TaskList()
	result := s.put(t.Context(), folder, taskPut(markNo(1), plainTask))
	if result.Err != nil {
		t.Fatal(result.Err)
	}
	if err := s.remove(t.Context(), folder, result.Ref); err != nil {
		t.Error(err)
	}
	for _, ref := range []string{result.Ref, "", "../x"} {
		if err := s.remove(t.Context(), folder, ref); !hasCode(err, endpoint.NotFound) {
			t.Errorf("remove of %q: %v", ref, err)
		}
		if body := s.read(t.Context(), folder, ref, reading{room: newRoom(0)}); !hasCode(body.Err, endpoint.NotFound) {
			t.Errorf("read of %q: %v", ref, body.Err)
		}
	}
}

func TestStateOfTasks(t *testing.T) {
	t.Parallel()
	b := openPeople(t)
	s, folder := b.tasks, b.owner.TaskList()
	checkStates(t, s, folder, func() {
		if result := s.put(t.Context(), folder, taskPut(markNo(1), plainTask)); result.Err != nil {
			t.Fatal(result.Err)
		}
	}, func(ref string) error { return b.owner.Update(ref, map[string]any{"title": "Changed"}) })
}
