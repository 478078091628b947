package graphserve_test

import (
	"net/http"
	"testing"

	"github.com/dandyroll/dandyroll/internal/graphserve"
)

func TestExportAndImport(t *testing.T) {
	f := start(t, graphserve.Quirks{})
	bob := f.AddMailbox("bob@example.com", "Bob")
	note, err := f.ann.Create("notes", map[string]any{"subject": "remember"})
	must(t, err)
	must(t, f.ann.SetProperty(note, mark, "w"))
	from := "/admin/exchange/mailboxes/" + esc(f.get(t, user+"/settings/exchange").str("primaryMailboxId"))
	to := "/admin/exchange/mailboxes/" + esc(f.get(t, "/users/bob@example.com/settings/exchange").str("primaryMailboxId"))
	folder := func(mailbox string) string {
		for _, row := range f.get(t, mailbox+"/folders?$top=100").rows(t) {
			if row["displayName"] == "Notes" && row["type"] == "IPF.StickyNote" {
				return row["id"].(string)
			}
		}
		t.Fatal("no folder Notes")
		return ""
	}
	items := f.get(t, from+"/folders/"+esc(folder(from))+"/items").rows(t)
	if len(items) != 1 || items[0]["type"] != "IPM.StickyNote" {
		t.Fatalf("items %v", items)
	}
	exported := f.call(t, http.StatusOK, http.MethodPost, from+"/exportItems", object{"itemIds": []any{items[0]["id"], "none"}}).rows(t)
	if exported[0]["data"] == nil || exported[1]["error"] == nil {
		t.Fatalf("exported %v", exported)
	}
	f.call(t, http.StatusBadRequest, http.MethodPost, from+"/exportItems", object{"itemIds": make([]string, 21)})
	address := f.post(t, to+"/createImportSession", nil).str("importUrl")
	body := object{"FolderId": folder(to), "Mode": "create", "Data": exported[0]["data"]}
	f.call(t, http.StatusUnauthorized, http.MethodPost, address, body)
	if made := f.post(t, address, body, "Authorization", ""); made.str("itemId") == "" || f.LeakedTokens() != 1 {
		t.Errorf("made %s", made.raw)
	}
	kept, err := bob.Items("notes")
	must(t, err)
	if len(kept) != 1 || kept[0].Fields["subject"] != "remember" || len(kept[0].Properties) != 1 {
		t.Errorf("kept %v", kept)
	}
	f.call(t, http.StatusBadRequest, http.MethodPost, address, object{"FolderId": folder(to), "Mode": "create", "Data": "AAAA"}, "Authorization", "")
}
