package graphserve_test

import (
	"encoding/base64"
	"net/http"
	"testing"

	"github.com/dandyroll/dandyroll/internal/graphserve"
)

func TestBatchAnswersEachPartAlone(t *testing.T) {
	f := start(t, graphserve.Quirks{})
	id := f.deliver(t, "one")
	f.Inject(graphserve.Fault{Route: "GET /users/{user}/mailFolders/{folder}", Kind: graphserve.Throttled})
	// The body of a part that is not JSON is base64: here of a body that is base64 itself.
	mime := base64.StdEncoding.EncodeToString([]byte(base64.StdEncoding.EncodeToString([]byte("Subject: a\r\n\r\na\r\n"))))
	requests := []object{
		{"id": "1", "method": "PATCH", "url": user + "/messages/" + esc(id), "body": object{"isRead": true}, "headers": object{"Content-Type": "application/json"}},
		{"id": "2", "method": "GET", "url": user + "/mailFolders/inbox"},
		{"id": "3", "method": "GET", "url": user + "/messages/nonsense"},
		{"id": "4", "method": "POST", "url": user + "/messages", "body": mime, "headers": object{"Content-Type": "text/plain"}},
		{"id": "5", "method": "GET", "url": user + "/messages/" + esc(id), "headers": object{"Prefer": `IdType="ImmutableId"`}},
	}
	a := f.call(t, http.StatusOK, http.MethodPost, "/$batch", object{"requests": requests})
	responses := a.json["responses"].([]any)
	for i, want := range []float64{200, 429, 404, 201, 200} {
		part := responses[i].(object)
		if part["status"] != want {
			t.Errorf("part %d: %v, want %v", i+1, part, want)
		}
	}
	if headers := responses[1].(object)["headers"].(object); headers["Retry-After"] != "1" {
		t.Errorf("headers %v", headers)
	}
	if body := responses[4].(object)["body"].(object); body["id"] != id || body["isRead"] != true {
		t.Errorf("body %v", body)
	}
	f.call(t, http.StatusBadRequest, http.MethodPost, "/$batch", object{"requests": make([]object, 21)})
}
