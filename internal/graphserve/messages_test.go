package graphserve_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/dandyroll/dandyroll/internal/graphserve"
)

func draftless(subject, value string) object {
	return object{
		"subject": subject, "body": object{"contentType": "html", "content": "<p>Hello</p>"}, "isRead": true,
		"toRecipients": []object{{"emailAddress": object{"address": "bob@example.com"}}},
		"singleValueExtendedProperties": []object{
			{"id": "Integer 0x0E07", "value": "1"},
			{"id": "SystemTime 0x0E06", "value": "2020-01-02T03:04:05Z"},
			{"id": "SystemTime 0x0039", "value": "2020-01-02T03:04:00Z"},
			{"id": mark, "value": value},
		},
	}
}

func TestFlagsAndDatesCountAtCreationOnly(t *testing.T) {
	f := start(t, graphserve.Quirks{})
	m := f.post(t, user+"/mailFolders/inbox/messages", draftless("one", "w1"))
	if m.json["isDraft"] != false || m.json["isRead"] != true || m.str("receivedDateTime") != "2020-01-02T03:04:05Z" {
		t.Errorf("created %s", m.raw)
	}
	path := user + "/messages/" + esc(m.str("id"))
	changed := f.call(t, http.StatusOK, http.MethodPatch, path, object{"isRead": false, "categories": []string{"Red"}, "singleValueExtendedProperties": []object{
		{"id": "Integer 0x0E07", "value": "8"}, {"id": "SystemTime 0x0E06", "value": "2001-01-01T00:00:00Z"}, {"id": mark, "value": "w2"},
	}})
	if changed.json["isDraft"] != false || changed.json["isRead"] != false || changed.str("receivedDateTime") != "2020-01-02T03:04:05Z" {
		t.Errorf("changed %s", changed.raw)
	}
	expanded := f.get(t, path+"?$expand="+url.QueryEscape("singleValueExtendedProperties($filter=id eq '"+mark+"' or id eq 'Integer 0x0E07')"))
	properties := expanded.json["singleValueExtendedProperties"].([]any)
	if len(properties) != 2 || properties[0].(object)["value"] != "w2" || properties[1].(object)["value"] != "0" {
		t.Errorf("properties %v", properties)
	}
	if f.get(t, path).json["singleValueExtendedProperties"] != nil {
		t.Error("a property showed without $expand")
	}
}

func TestMessageWithoutFlagsIsADraft(t *testing.T) {
	f := start(t, graphserve.Quirks{})
	m := f.post(t, user+"/mailFolders/inbox/messages", object{"subject": "x", "receivedDateTime": "2001-01-01T00:00:00Z", "isDraft": false})
	if m.json["isDraft"] != true || m.str("receivedDateTime") == "2001-01-01T00:00:00Z" {
		t.Errorf("created %s", m.raw)
	}
}

func TestMIMEMakesADraftAndNotInAFolder(t *testing.T) {
	f := start(t, graphserve.Quirks{})
	encode := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	good := encode("Subject: mime\r\nX-Own: 1\r\n\r\nHello\r\n")
	m := f.post(t, user+"/messages", good)
	if m.json["isDraft"] != true || m.str("parentFolderId") != f.ann.Folder("Drafts") {
		t.Errorf("created %s", m.raw)
	}
	for body, code := range map[string]string{encode("Subject: x\n\nbare\n"): "ErrorMimeContentInvalid", "%%%": "ErrorMimeContentInvalidBase64String"} {
		if a := f.call(t, http.StatusBadRequest, http.MethodPost, user+"/messages", body); a.code() != code {
			t.Errorf("code %q, want %q", a.code(), code)
		}
	}
	if a := f.call(t, http.StatusBadRequest, http.MethodPost, user+"/mailFolders/inbox/messages", good); a.code() != "UnableToDeserializePostBody" {
		t.Errorf("code %q", a.code())
	}
	beta := strings.Replace(f.URL(), "v1.0", "beta", 1) + user + "/mailFolders/inbox/importMime"
	f.call(t, http.StatusBadRequest, http.MethodPost, beta, good)
	f.SetQuirks(func(q *graphserve.Quirks) { q.ImportMIME = true })
	if m := f.post(t, beta, good); m.json["isDraft"] != false || m.str("subject") != "mime" {
		t.Errorf("imported %s", m.raw)
	}
}

func TestValueIsRenderedAnew(t *testing.T) {
	f := start(t, graphserve.Quirks{})
	raw := "Subject: s\r\nX-Dandyroll-Mark: old\r\nFrom: a@b.c\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=bnd\r\n\r\n" +
		"--bnd\r\nContent-Type: text/plain\r\n\r\nHello\r\n--bnd\r\nContent-Type: image/png; name=p.png\r\nContent-Disposition: attachment\r\nContent-Transfer-Encoding: base64\r\n\r\nAAEC\r\n--bnd--\r\n"
	id, err := f.ann.Deliver("inbox", []byte(raw), graphserve.Delivery{Read: true})
	must(t, err)
	path := user + "/messages/" + esc(id)
	f.call(t, http.StatusOK, http.MethodPatch, path, object{"singleValueExtendedProperties": []object{{"id": mark, "value": "new"}}})
	first, second := string(f.get(t, path+"/$value").raw), string(f.get(t, path+"/$value").raw)
	if first == raw || first == second || strings.Contains(first, "--bnd") {
		t.Errorf("rendered %q, then %q", first, second)
	}
	if !strings.Contains(first, "x-dandyroll-mark: new\r\n") || strings.Contains(first, "old") {
		t.Errorf("the named property is no header of %q", first)
	}
	attachments := f.get(t, path+"/attachments").rows(t)
	if len(attachments) != 1 || attachments[0]["contentBytes"] != "AAEC" || attachments[0]["name"] != "p.png" {
		t.Errorf("attachments %v", attachments)
	}
}

func TestIDsChangeOnMoveUnlessImmutable(t *testing.T) {
	f := start(t, graphserve.Quirks{})
	immutableID := f.deliver(t, "one")
	defaultID, _ := f.get(t, user+"/mailFolders/inbox/messages").rows(t)[0]["id"].(string)
	if defaultID == immutableID {
		t.Fatal("both forms are the same")
	}
	moved := f.post(t, user+"/messages/"+esc(defaultID)+"/move", object{"destinationId": "archive"})
	if moved.str("id") == defaultID || moved.str("parentFolderId") != f.ann.Folder("Archive") {
		t.Errorf("moved to %s", moved.raw)
	}
	f.call(t, http.StatusNotFound, http.MethodGet, user+"/messages/"+esc(defaultID), nil)
	if again := f.get(t, user+"/messages/"+esc(immutableID), immutable()...); again.str("id") != immutableID {
		t.Errorf("immutable ID became %q", again.str("id"))
	}
	copied := f.post(t, user+"/messages/"+esc(immutableID)+"/copy", object{"destinationId": "inbox"}, immutable()...)
	if copied.str("id") == immutableID {
		t.Error("the copy has the ID of the original")
	}
}

func TestIDsAreCaseSensitive(t *testing.T) {
	f := start(t, graphserve.Quirks{})
	seen := map[string]bool{}
	folded := map[string]bool{}
	for range 6 {
		id := f.deliver(t, "x")
		seen[id], folded[strings.ToLower(id)] = true, true
		if !strings.ContainsAny(id, "/") || !strings.HasSuffix(id, "=") {
			t.Errorf("ID %q needs no escaping", id)
		}
	}
	if len(seen) != 6 || len(folded) == 6 {
		t.Errorf("%d IDs, %d without case", len(seen), len(folded))
	}
}

func TestDeleteIsSoft(t *testing.T) {
	f := start(t, graphserve.Quirks{})
	id := f.deliver(t, "one")
	f.call(t, http.StatusNoContent, http.MethodDelete, user+"/messages/"+esc(id), nil)
	if n := len(f.get(t, user+"/messages").rows(t)); n != 0 {
		t.Errorf("%d messages left", n)
	}
	if n := len(f.get(t, user+"/mailFolders/recoverableitemsdeletions/messages").rows(t)); n != 1 {
		t.Errorf("%d recoverable messages", n)
	}
}

func TestBadMessagesAreRefused(t *testing.T) {
	f := start(t, graphserve.Quirks{RestrictUpdates: true})
	path := user + "/mailFolders/inbox/messages"
	for code, body := range map[string]object{
		"ErrorInvalidRecipients":                 {"toRecipients": []object{{"emailAddress": object{"address": "nobody"}}}},
		"InvalidInternetMessageHeaderCollection": {"internetMessageHeaders": []object{}},
		"InvalidInternetMessageHeader":           {"internetMessageHeaders": []object{{"name": "Received", "value": "x"}}},
		"ErrorInvalidProperty":                   {"singleValueExtendedProperties": []object{{"id": "nonsense", "value": "x"}}},
	} {
		if a := f.call(t, http.StatusBadRequest, http.MethodPost, path, body); a.code() != code {
			t.Errorf("code %q, want %q", a.code(), code)
		}
	}
	large := object{"body": object{"contentType": "text", "content": strings.Repeat("x", 4<<20)}}
	f.call(t, http.StatusRequestEntityTooLarge, http.MethodPost, path, large)
	sent := f.post(t, path, draftless("one", "w"))
	f.call(t, http.StatusForbidden, http.MethodPatch, user+"/messages/"+esc(sent.str("id")), object{"subject": "two"})
}

// TestParallelUse is for the race detector: answers are written while others change what they show.
func TestParallelUse(t *testing.T) {
	f := start(t, graphserve.Quirks{})
	body := draftless("one", "w")
	body["attachments"] = []object{{"@odata.type": "#microsoft.graph.fileAttachment", "name": "a", "contentBytes": "AAAA"}}
	path := user + "/messages/" + esc(f.post(t, user+"/mailFolders/inbox/messages", body).str("id"))
	var running sync.WaitGroup
	for _, work := range []func() (answer, error){
		func() (answer, error) { return f.try(t, http.MethodPatch, path, object{"categories": []string{"Red"}}) },
		func() (answer, error) { return f.try(t, http.MethodGet, path+"/$value", nil) },
		func() (answer, error) { return f.try(t, http.MethodGet, path+"?$expand=attachments", nil) },
		func() (answer, error) { return f.try(t, http.MethodGet, user+"/messages", nil) },
	} {
		running.Go(func() {
			for range 25 {
				if a, err := work(); err != nil || a.status != http.StatusOK {
					t.Errorf("%d %s, %v", a.status, a.raw, err)
				}
			}
		})
	}
	running.Wait()
}

// The lock of the server survives a header that continues what never began.
func TestHeaderThatBeginsWithAContinuation(t *testing.T) {
	f := start(t, graphserve.Quirks{})
	m := f.post(t, user+"/mailFolders/inbox/messages", object{"subject": "x", "singleValueExtendedProperties": []object{
		{"id": "String 0x007D", "value": "\todd\r\nX-One: 1\r\n\t2\r\n"},
	}})
	list, _ := f.get(t, user+"/messages/"+esc(m.str("id"))+"?$select=internetMessageHeaders").json["internetMessageHeaders"].([]any)
	if len(list) != 1 {
		t.Errorf("headers %v", list)
	}
}
