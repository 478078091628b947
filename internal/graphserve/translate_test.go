package graphserve_test

import (
	"net/http"
	"testing"

	"github.com/dandyroll/dandyroll/internal/graphserve"
)

func TestIDsAreTranslated(t *testing.T) {
	f := start(t, graphserve.Quirks{})
	stable := f.deliver(t, "one")
	formats := []string{"restId", "restImmutableEntryId", "entryId", "immutableEntryId", "ewsId"}
	in := map[string]string{"restImmutableEntryId": stable}
	translate := func(id, from, to string) object {
		body := object{"inputIds": []string{id}, "sourceIdType": from, "targetIdType": to}
		return f.call(t, http.StatusOK, http.MethodPost, user+"/translateExchangeIds", body).rows(t)[0]
	}
	for _, to := range formats {
		in[to], _ = translate(stable, "restImmutableEntryId", to)["targetId"].(string)
	}
	if in["restImmutableEntryId"] != stable || in["restId"] != f.get(t, user+"/messages/"+esc(stable)).str("id") {
		t.Errorf("forms %v", in)
	}
	for _, from := range formats {
		for _, to := range formats {
			if got := translate(in[from], from, to)["targetId"]; got != in[to] || got == "" {
				t.Errorf("from %s to %s: %v", from, to, got)
			}
		}
	}
	if row := translate(in["restId"], "ewsId", "restId"); row["errorDetails"] == nil || row["targetId"] != nil {
		t.Errorf("an ID of another form: %v", row)
	}
	if folder := f.ann.Folder("Inbox"); translate(folder, "restId", "restImmutableEntryId")["targetId"] != folder {
		t.Error("the ID of a folder has two forms")
	}
	wrong := object{"inputIds": []string{stable}, "sourceIdType": "restId", "targetIdType": "uid"}
	f.call(t, http.StatusBadRequest, http.MethodPost, user+"/translateExchangeIds", wrong)
	f.call(t, http.StatusBadRequest, http.MethodPost, user+"/translateExchangeIds", object{"inputIds": make([]string, 1001), "sourceIdType": "restId", "targetIdType": "restId"})
}
