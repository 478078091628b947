package graphserve_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/dandyroll/dandyroll/internal/graphserve"
)

func TestTasksCarryOpenExtensions(t *testing.T) {
	f := start(t, graphserve.Quirks{})
	list := f.post(t, user+"/todo/lists", object{"displayName": "Work"})
	tasks := user + "/todo/lists/" + esc(list.str("id")) + "/tasks"
	task := f.post(t, tasks, object{"title": "write", "extensions": []object{{"extensionName": "ignored"}}})
	one := tasks + "/" + esc(task.str("id"))
	extension := object{"@odata.type": "microsoft.graph.openTypeExtension", "extensionName": "com.dandyroll.mark", "mark": "w1"}
	f.post(t, one+"/extensions", extension)
	f.call(t, http.StatusConflict, http.MethodPost, one+"/extensions", extension)
	f.call(t, http.StatusOK, http.MethodPatch, one+"/extensions/com.dandyroll.mark", object{"mark": "w2"})
	if rows := f.get(t, tasks).rows(t); rows[0]["extensions"] != nil {
		t.Error("extensions show without $expand")
	}
	rows := f.get(t, tasks+"?$expand=extensions").rows(t)
	extensions, _ := rows[0]["extensions"].([]any)
	if len(extensions) != 1 || extensions[0].(object)["mark"] != "w2" || extensions[0].(object)["id"] != "com.dandyroll.mark" {
		t.Errorf("extensions %v", extensions)
	}
	f.call(t, http.StatusBadRequest, http.MethodGet, tasks+"/delta?$expand=extensions", nil)
	f.post(t, one+"/checklistItems", object{"displayName": "step"})
	if rows := f.get(t, one+"/checklistItems").rows(t); len(rows) != 1 || rows[0]["displayName"] != "step" {
		t.Errorf("steps %v", rows)
	}
	f.call(t, http.StatusNoContent, http.MethodDelete, one, nil)
	if rows := f.get(t, user+"/todo/lists").rows(t); len(rows) != 2 || rows[0]["wellknownListName"] != "defaultList" {
		t.Errorf("lists %v", rows)
	}
}

func TestTaskIsMadeWithItsLinks(t *testing.T) {
	f := start(t, graphserve.Quirks{})
	tasks := user + "/todo/lists/" + esc(f.ann.TaskList()) + "/tasks"
	made := f.post(t, tasks, object{
		"title": "read", "linkedResources": []object{{"externalId": "1", "applicationName": "Test"}}, "checklistItems": []object{{"displayName": "ignored"}},
	})
	one := f.get(t, tasks+"/"+esc(made.str("id"))+"?$expand=linkedResources,checklistItems")
	links, _ := one.json["linkedResources"].([]any)
	steps, _ := one.json["checklistItems"].([]any)
	if len(links) != 1 || links[0].(object)["externalId"] != "1" || len(steps) != 0 || made.json["linkedResources"] != nil {
		t.Errorf("made %s, is %s", made.raw, one.raw)
	}
	properties := []object{{"id": mark, "value": "w"}}
	f.call(t, http.StatusBadRequest, http.MethodPost, tasks, object{"title": "x", "singleValueExtendedProperties": properties})
}

func TestExtensionOfAMessage(t *testing.T) {
	f := start(t, graphserve.Quirks{})
	path := user + "/messages/" + esc(f.deliver(t, "one"))
	made := f.post(t, path+"/extensions", object{"@odata.type": "microsoft.graph.openTypeExtension", "extensionName": "com.x", "a": "b"})
	if made.str("id") != "Microsoft.OutlookServices.OpenTypeExtension.com.x" {
		t.Errorf("made %s", made.raw)
	}
	expanded := f.get(t, path+"?$expand="+url.QueryEscape("extensions($filter=id eq 'com.x')"))
	if list, _ := expanded.json["extensions"].([]any); len(list) != 1 {
		t.Errorf("expanded %s", expanded.raw)
	}
}
