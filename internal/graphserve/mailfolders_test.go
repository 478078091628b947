package graphserve_test

import (
	"net/http"
	"testing"

	"github.com/dandyroll/dandyroll/internal/graphserve"
)

func TestMailFolderTree(t *testing.T) {
	f := start(t, graphserve.Quirks{})
	path := user + "/mailFolders"
	shown := len(f.get(t, path+"?$top=100").rows(t))
	all := len(f.get(t, path+"?$top=100&includeHiddenFolders=true").rows(t))
	if shown != 7 || all != 9 {
		t.Errorf("%d folders, %d with hidden ones", shown, all)
	}
	made := f.post(t, path+"/inbox/childFolders", object{"displayName": "Projects"})
	if made.str("parentFolderId") != f.get(t, path+"/inbox").str("id") {
		t.Errorf("made %s", made.raw)
	}
	for _, row := range f.get(t, path).rows(t) {
		if row["displayName"] == "Projects" {
			t.Error("the top level shows a nested folder")
		}
	}
	a := f.call(t, http.StatusConflict, http.MethodPost, path+"/inbox/childFolders", object{"displayName": "PROJECTS"})
	if a.code() != "ErrorFolderExists" {
		t.Errorf("code %q", a.code())
	}
	id := esc(made.str("id"))
	f.call(t, http.StatusOK, http.MethodPatch, path+"/"+id, object{"displayName": "Plans"})
	nested := f.get(t, path+"/inbox/childFolders/"+id)
	if nested.str("displayName") != "Plans" || f.ann.Folder("Inbox", "Plans") != made.str("id") {
		t.Errorf("renamed to %s", nested.raw)
	}
	f.call(t, http.StatusNoContent, http.MethodDelete, path+"/"+id, nil)
	if f.ann.Folder("Deleted Items", "Plans") == "" {
		t.Error("a deleted folder is not in Deleted Items")
	}
	f.call(t, http.StatusNoContent, http.MethodDelete, path+"/"+id, nil)
	f.call(t, http.StatusNotFound, http.MethodGet, path+"/"+id, nil)
	f.call(t, http.StatusForbidden, http.MethodDelete, path+"/inbox", nil)
}

func TestFolderCountsItsItems(t *testing.T) {
	f := start(t, graphserve.Quirks{})
	must(t, f.ann.MarkRead(f.deliver(t, "1"), true))
	f.deliver(t, "2")
	inbox := f.get(t, user+"/mailFolders('inbox')")
	if inbox.json["totalItemCount"] != 2.0 || inbox.json["unreadItemCount"] != 1.0 {
		t.Errorf("inbox %s", inbox.raw)
	}
}
