package graphserve_test

import (
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dandyroll/dandyroll/internal/graphserve"
)

const description = `
openapi: 3.0.4
info: {title: t, version: v1.0}
servers: [{url: 'https://graph.example/v1.0'}]
paths:
  /$batch:
    post:
      requestBody: {required: true, content: {application/json: {schema: {type: object}}}}
      responses: {2XX: {description: ok}}
  /users/{user-id}/mailFolders/{folder-id}/messages:
    parameters:
    - {name: user-id, in: path, required: true, schema: {type: string}}
    - {name: folder-id, in: path, required: true, schema: {type: string}}
    get:
      parameters:
      - {name: $top, in: query, schema: {type: integer}}
      responses: {2XX: {description: ok, content: {application/json: {schema: {type: object, required: [value]}}}}}
    post:
      requestBody: {required: true, content: {application/json: {schema: {type: object, properties: {subject: {type: string}}}}}}
      responses: {2XX: {description: ok}}
  /users/{user-id}/mailFolders/{folder-id}/messages/delta():
    parameters:
    - {name: user-id, in: path, required: true, schema: {type: string}}
    - {name: folder-id, in: path, required: true, schema: {type: string}}
    get: {responses: {2XX: {description: ok}}}
`

func validator(t *testing.T) http.RoundTripper {
	t.Helper()
	v, skip, err := graphserve.NewValidator(t.Context(), nil)
	must(t, err)
	if skip != "" {
		t.Skip(skip)
	}
	return v
}

func send(t *testing.T, v http.RoundTripper, method, address, body string) error {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	must(t, err)
	r.Header.Set("Authorization", "Bearer "+graphserve.DefaultToken)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	res, err := (&http.Client{Transport: v}).Do(r)
	if err != nil {
		return err
	}
	return res.Body.Close()
}

func TestValidatorKnowsWhatIsDescribed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "graph.yaml")
	must(t, os.WriteFile(file, []byte(description), 0o600))
	t.Setenv(graphserve.DescriptionVariable, file)
	v := validator(t)
	f := start(t, graphserve.Quirks{})
	path := f.URL() + user + "/mailFolders/inbox/messages"
	for _, c := range []struct {
		method, address, body string
		known                 bool
	}{
		{http.MethodGet, path + "?$top=5", "", true},
		{http.MethodGet, f.URL() + "/users('ann@example.com')/mailFolders('inbox')/messages", "", true},
		{http.MethodGet, path + "/delta", "", true},
		{http.MethodGet, f.URL() + user + "/mailFolders/a%2Fb/messages/delta()?$skiptoken=x", "", true},
		{http.MethodPost, path, `{"subject":"x"}`, true},
		{http.MethodPost, path, `{"subject":1}`, false},
		{http.MethodPost, path, "", false},
		{http.MethodDelete, path, "", false},
		{http.MethodGet, path + "?$top=many", "", false},
		{http.MethodGet, path + "?$skip=5", "", false},
		{http.MethodGet, f.URL() + "/me/messages", "", false},
		{http.MethodPost, f.URL() + "/$batch", `{"requests":[{"id":"1","method":"GET","url":"/users/a/mailFolders/b/messages?$top=1"}]}`, true},
		{http.MethodPost, f.URL() + "/$batch", `{"requests":[{"id":"1","method":"GET","url":"/me"}]}`, false},
	} {
		before := f.Count("")
		err := send(t, v, c.method, c.address, c.body)
		sent := f.Count("") > before
		if c.known != (err == nil) || !c.known && (!errors.Is(err, graphserve.ErrNotDescribed) || sent) {
			t.Errorf("%s %s %s: sent %t, error %v", c.method, c.address, c.body, sent, err)
		}
	}
}

func TestValidatorIsOptional(t *testing.T) {
	t.Setenv(graphserve.DescriptionVariable, "")
	if _, skip, err := graphserve.NewValidator(t.Context(), nil); skip == "" || err != nil {
		t.Errorf("skip %q, error %v", skip, err)
	}
	t.Setenv(graphserve.DescriptionVariable, filepath.Join(t.TempDir(), "none.yaml"))
	if _, _, err := graphserve.NewValidator(t.Context(), nil); err == nil {
		t.Error("a file that is not there was read")
	}
}

// TestPublishedDescription sends one of everything through the description of the service: requests and answers of the fake are as described.
func TestPublishedDescription(t *testing.T) {
	v := validator(t)
	f := start(t, graphserve.Quirks{})
	f.AddSKU("11111111-2222-4333-8444-555555555555", "EXCHANGE", 5)
	message := user + "/messages/" + esc(f.deliver(t, "one"))
	event, err := f.ann.Create(f.ann.Calendar(), series())
	must(t, err)
	contact, err := f.ann.Create(f.ann.Contacts(), object{"displayName": "n"})
	must(t, err)
	tasks := user + "/todo/lists/" + esc(f.ann.TaskList()) + "/tasks"
	task, err := f.ann.Create(f.ann.TaskList(), object{"title": "n"})
	must(t, err)
	admin := "/admin/exchange/mailboxes/" + esc(f.get(t, user+"/settings/exchange").str("primaryMailboxId"))
	expand := "$expand=" + url.QueryEscape("singleValueExtendedProperties($filter=id eq '"+mark+"')")
	span := "startDateTime=2026-01-01T00:00:00Z&endDateTime=2027-01-01T00:00:00Z"
	for _, path := range []string{
		"/users?$select=id,proxyAddresses&$top=2", user, "/subscribedSkus", user + "/mailFolders?includeHiddenFolders=true&$top=100",
		user + "/mailFolders/inbox/childFolders", user + "/mailFolders/delta", user + "/mailFolders/inbox/messages?$select=id&" + expand,
		user + "/mailFolders/inbox/messages/delta?$select=subject&" + expand, message, message + "/$value", message + "/attachments",
		user + "/calendars", user + "/calendar/events?" + expand, user + "/events/" + esc(event), user + "/events/" + esc(event) + "/instances?" + span,
		user + "/calendarView?" + span, user + "/calendarView/delta?" + span, user + "/contactFolders", user + "/contacts?" + expand,
		user + "/contacts/" + esc(contact), user + "/todo/lists", tasks + "?$expand=extensions", tasks + "/" + esc(task), user + "/settings/exchange",
		admin + "/folders", admin + "/folders/" + esc(f.ann.Folder("Inbox")) + "/items",
	} {
		if err := send(t, v, http.MethodGet, f.URL()+path, ""); err != nil {
			t.Error(err)
		}
	}
	mail := `{"subject":"s","singleValueExtendedProperties":[{"id":"Integer 0x0E07","value":"1"}]}`
	extension := `{"@odata.type":"microsoft.graph.openTypeExtension","extensionName":"com.x","a":"b"}`
	for _, c := range [][3]string{
		{http.MethodPost, user + "/mailFolders/inbox/messages", mail},
		{http.MethodPost, user + "/mailFolders", `{"displayName":"n"}`},
		{http.MethodPost, user + "/mailFolders/inbox/childFolders", `{"displayName":"n"}`},
		{http.MethodPatch, message, `{"isRead":true}`},
		{http.MethodPost, message + "/attachments", `{"@odata.type":"#microsoft.graph.fileAttachment","name":"a","contentBytes":"AAAA"}`},
		{http.MethodPost, message + "/attachments/createUploadSession", `{"AttachmentItem":{"attachmentType":"file","name":"a","size":4000000}}`},
		{http.MethodPost, message + "/copy", `{"destinationId":"archive"}`},
		{http.MethodPost, message + "/move", `{"destinationId":"archive"}`},
		{http.MethodPatch, user + "/events/" + esc(event), `{"subject":"t"}`},
		{http.MethodPost, user + "/calendars", `{"name":"n"}`},
		{http.MethodPost, user + "/contactFolders", `{"displayName":"n"}`},
		{http.MethodPatch, user + "/contacts/" + esc(contact), `{"displayName":"m"}`},
		{http.MethodPost, user + "/todo/lists", `{"displayName":"n"}`},
		{http.MethodPost, tasks, `{"title":"n"}`},
		{http.MethodPost, tasks + "/" + esc(task) + "/extensions", extension},
		{http.MethodPost, admin + "/createImportSession", ""},
		{http.MethodPost, admin + "/exportItems", `{"itemIds":["x"]}`},
		{http.MethodPost, user + "/translateExchangeIds", `{"InputIds":["x"],"SourceIdType":"restId","TargetIdType":"ewsId"}`},
		{http.MethodPost, user + "/assignLicense", `{"addLicenses":[],"removeLicenses":[]}`},
		{http.MethodPost, "/$batch", `{"requests":[{"id":"1","method":"GET","url":"` + user + `/mailFolders/inbox"}]}`},
		{http.MethodDelete, user + "/contacts/" + esc(contact), ""},
	} {
		if err := send(t, v, c[0], f.URL()+c[1], c[2]); err != nil {
			t.Error(err)
		}
	}
	for _, r := range f.Requests() {
		if r.Status >= http.StatusBadRequest {
			t.Errorf("%s: %d", r.Path, r.Status)
		}
	}
}
