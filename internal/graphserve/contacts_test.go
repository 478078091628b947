package graphserve_test

import (
	"net/http"
	"testing"

	"github.com/dandyroll/dandyroll/internal/graphserve"
)

func TestContacts(t *testing.T) {
	f := start(t, graphserve.Quirks{})
	folder := f.post(t, user+"/contactFolders", object{"displayName": "Friends"})
	if rows := f.get(t, user+"/contactFolders").rows(t); len(rows) != 1 {
		t.Errorf("the default folder is listed: %v", rows)
	}
	contacts := user + "/contactFolders/" + esc(folder.str("id")) + "/contacts"
	made := f.post(t, contacts, object{"displayName": "Bob", "singleValueExtendedProperties": []object{{"id": mark, "value": "w"}}})
	photo := contacts + "/" + esc(made.str("id")) + "/photo/$value"
	f.call(t, http.StatusNotFound, http.MethodGet, photo, nil)
	f.call(t, http.StatusOK, http.MethodPut, photo, []byte("jpeg"), "Content-Type", "image/jpeg")
	if got := f.get(t, photo); string(got.raw) != "jpeg" {
		t.Errorf("photo %q", got.raw)
	}
	one := contacts + "/" + esc(made.str("id"))
	f.call(t, http.StatusPreconditionFailed, http.MethodPatch, one, object{"displayName": "Rob"}, "If-Match", `W/"old"`)
	f.call(t, http.StatusOK, http.MethodPatch, one, object{"displayName": "Bob"}, "If-Match", f.get(t, one).str("@odata.etag"))
	f.post(t, user+"/contacts", object{"displayName": "Default"})
	if rows := f.get(t, user+"/contacts").rows(t); len(rows) != 1 || rows[0]["displayName"] != "Default" {
		t.Errorf("default folder %v", rows)
	}
	if byName := f.get(t, user+"/contactFolders/contacts"); byName.str("id") != f.ann.Contacts() {
		t.Errorf("the default folder by its name: %s", byName.raw)
	}
	address := object{"address": "x@example.com"}
	f.call(t, http.StatusBadRequest, http.MethodPost, contacts, object{"emailAddresses": []object{address, address, address, address}})
	rows, link := f.round(t, contacts+"/delta?$select=displayName")
	must(t, f.ann.Delete(made.str("id")))
	after, _ := f.round(t, link)
	if len(rows) != 1 || subjects(after) != "-" {
		t.Errorf("delta %v, then %v", rows, after)
	}
	f.call(t, http.StatusBadRequest, http.MethodGet, contacts+"/delta?$expand=extensions", nil)
}
