package graphserve_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/dandyroll/dandyroll/internal/graphserve"
)

func TestUsersAreListedInPages(t *testing.T) {
	f := start(t, graphserve.Quirks{})
	for i := range 4 {
		f.AddMailbox(fmt.Sprintf("u%d@example.com", i), "U")
	}
	page := f.get(t, "/users?$select=mail,proxyAddresses&$top=3")
	rest := f.get(t, page.str("@odata.nextLink"))
	rows := append(page.rows(t), rest.rows(t)...)
	if len(page.rows(t)) != 3 || len(rows) != 5 || rest.str("@odata.nextLink") != "" || len(rows[0]["proxyAddresses"].([]any)) != 2 {
		t.Errorf("users %v", rows)
	}
	if f.get(t, "/users").rows(t)[0]["proxyAddresses"] != nil {
		t.Error("aliases show without $select")
	}
	filter := url.QueryEscape("proxyAddresses/any(p:p eq 'smtp:Annie@example.com')")
	if rows := f.get(t, "/users?$filter="+filter).rows(t); len(rows) != 1 {
		t.Errorf("by alias %v", rows)
	}
	f.call(t, http.StatusBadRequest, http.MethodGet, "/users?$top=1000", nil)
}

func TestMailboxComesAfterTheLicence(t *testing.T) {
	f := start(t, graphserve.Quirks{MailboxDelay: 2, DirectoryDelay: 1})
	f.AddSKU("sku-1", "EXCHANGESTANDARD", 1)
	account := object{
		"accountEnabled": true, "displayName": "Cyd", "mailNickname": "cyd", "userPrincipalName": "cyd@example.com",
		"passwordProfile": object{"password": "x"},
	}
	id := f.post(t, "/users", account).str("id")
	f.call(t, http.StatusBadRequest, http.MethodPost, "/users", account)
	f.call(t, http.StatusNotFound, http.MethodGet, "/users/"+id, nil)
	f.get(t, "/users/"+id)
	inbox, assign := "/users/cyd@example.com/mailFolders/inbox", "/users/"+id+"/assignLicense"
	licences := object{"addLicenses": []object{{"skuId": "sku-1", "disabledPlans": []string{}}}, "removeLicenses": []string{}}
	f.call(t, http.StatusNotFound, http.MethodGet, inbox, nil)
	f.call(t, http.StatusBadRequest, http.MethodPost, assign, licences) // no usageLocation
	f.call(t, http.StatusNoContent, http.MethodPatch, "/users/"+id, object{"usageLocation": "DE"})
	f.call(t, http.StatusBadRequest, http.MethodPost, assign, object{"addLicenses": licences["addLicenses"]})
	f.call(t, http.StatusOK, http.MethodPost, assign, licences)
	f.call(t, http.StatusOK, http.MethodPost, assign, licences)
	for range 2 {
		if a := f.call(t, http.StatusNotFound, http.MethodGet, inbox, nil); a.code() != "MailboxNotEnabledForRESTAPI" {
			t.Errorf("code %q", a.code())
		}
	}
	f.get(t, inbox)
	skus := f.get(t, "/subscribedSkus").rows(t)
	if skus[0]["consumedUnits"] != 1.0 || f.Mailbox("cyd@example.com") == nil {
		t.Errorf("licences %v", skus)
	}
}

func TestUsersWithoutMailboxAndMissingPermission(t *testing.T) {
	f := start(t, graphserve.Quirks{})
	f.AddUser("dee@example.com", object{"userType": "Guest"})
	if a := f.call(t, http.StatusNotFound, http.MethodGet, "/users/dee@example.com/mailFolders", nil); a.code() != "MailboxNotEnabledForRESTAPI" {
		t.Errorf("no mailbox: %q", a.code())
	}
	if a := f.call(t, http.StatusNotFound, http.MethodGet, "/users/eve@example.com/mailFolders", nil); a.code() != "ErrorInvalidUser" {
		t.Errorf("mailbox of nobody: %q", a.code())
	}
	if a := f.call(t, http.StatusNotFound, http.MethodGet, "/users/eve@example.com", nil); a.code() != "Request_ResourceNotFound" {
		t.Errorf("nobody: %q", a.code())
	}
	if rows := f.get(t, "/users?$orderby=userPrincipalName").rows(t); len(rows) != 2 || rows[1]["userPrincipalName"] != "dee@example.com" {
		t.Errorf("users %v", rows)
	}
	f.Inject(graphserve.Fault{Route: "GET /users/{user}/calendars", Kind: graphserve.Forbidden, Times: 1 << 30})
	for range 3 {
		if a := f.call(t, http.StatusForbidden, http.MethodGet, user+"/calendars", nil); a.code() != "ErrorAccessDenied" {
			t.Errorf("denied: %q", a.code())
		}
	}
	f.get(t, user+"/mailFolders")
}
