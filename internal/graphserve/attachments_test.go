package graphserve_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/dandyroll/dandyroll/internal/graphserve"
)

func TestAttachments(t *testing.T) {
	f := start(t, graphserve.Quirks{})
	body := draftless("one", "w")
	body["attachments"] = []object{{"@odata.type": "#microsoft.graph.fileAttachment", "name": "a.txt", "contentType": "text/plain", "contentBytes": "aGk="}}
	m := f.post(t, user+"/mailFolders/inbox/messages", body)
	if m.json["hasAttachments"] != true || m.json["attachments"] != nil {
		t.Errorf("created %s", m.raw)
	}
	path := user + "/messages/" + esc(m.str("id")) + "/attachments"
	second := f.post(t, path, object{"@odata.type": "#microsoft.graph.fileAttachment", "name": "b", "contentBytes": "AAE="})
	if n := len(f.get(t, path+"?$select=name").rows(t)); n != 2 {
		t.Errorf("%d attachments", n)
	}
	one := path + "/" + esc(second.str("id"))
	if got := f.get(t, one+"/$value").raw; !bytes.Equal(got, []byte{0, 1}) {
		t.Errorf("value %v", got)
	}
	f.call(t, http.StatusNoContent, http.MethodDelete, one, nil)
	large := base64.StdEncoding.EncodeToString(make([]byte, 3<<20))[:4<<20-200]
	f.call(t, http.StatusRequestEntityTooLarge, http.MethodPost, path, object{"@odata.type": "#microsoft.graph.fileAttachment", "name": "c", "contentBytes": large + "AAAA" + strings.Repeat("A", 400)})
	f.call(t, http.StatusBadRequest, http.MethodPost, path, object{"name": "no type"})
}

func TestUploadSession(t *testing.T) {
	f := start(t, graphserve.Quirks{})
	m := f.post(t, user+"/mailFolders/inbox/messages", draftless("one", "w"))
	path := user + "/messages/" + esc(m.str("id")) + "/attachments"
	content := bytes.Repeat([]byte("0123456789abcdef"), 5<<16) // 5 MB
	item := func(size int) object {
		return object{"AttachmentItem": object{"attachmentType": "file", "name": "big", "size": size}}
	}
	f.call(t, http.StatusBadRequest, http.MethodPost, path+"/createUploadSession", item(100))
	address := f.post(t, path+"/createUploadSession", item(len(content))).str("uploadUrl")
	slice := func(from, to int) []string {
		return []string{"Authorization", "", "Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to-1, len(content))}
	}
	const half = 2 << 20
	f.call(t, http.StatusUnauthorized, http.MethodPut, address, content[:half], slice(0, half)[2:]...)
	if f.LeakedTokens() != 1 {
		t.Errorf("%d leaked tokens", f.LeakedTokens())
	}
	first := f.call(t, http.StatusOK, http.MethodPut, address, content[:half], slice(0, half)...)
	if next := fmt.Sprint(first.json["nextExpectedRanges"]); next != "[2097152]" {
		t.Errorf("next %s", next)
	}
	f.call(t, http.StatusRequestedRangeNotSatisfiable, http.MethodPut, address, content[:half], slice(0, half)...)
	last := f.call(t, http.StatusCreated, http.MethodPut, address, content[half:], slice(half, len(content))...)
	if !strings.Contains(last.header.Get("Location"), "/attachments('") {
		t.Errorf("Location %q", last.header.Get("Location"))
	}
	kept, err := f.ann.Items("inbox")
	must(t, err)
	if !bytes.Equal(kept[0].Attachments["big"], content) {
		t.Error("another content is kept")
	}
	f.call(t, http.StatusNotFound, http.MethodPut, address, content[:half], slice(0, half)...)
}
