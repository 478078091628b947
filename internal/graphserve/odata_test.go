package graphserve_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/dandyroll/dandyroll/internal/graphserve"
)

func TestPagingByOpaqueLinks(t *testing.T) {
	f := start(t, graphserve.Quirks{})
	for i := range 12 {
		f.deliver(t, fmt.Sprint(i))
	}
	var all []object
	next := user + "/mailFolders/inbox/messages?$select=subject&$top=5"
	for next != "" {
		page := f.get(t, next)
		all = append(all, page.rows(t)...)
		if next = page.str("@odata.nextLink"); next != "" && !strings.HasPrefix(next, f.URL()+"/users('ann@example.com')/mailFolders('inbox')/messages?") {
			t.Errorf("link %q", next)
		}
	}
	if subjects(all) != "0,1,2,3,4,5,6,7,8,9,10,11" {
		t.Errorf("listed %s", subjects(all))
	}
	if all[0]["body"] != nil || all[0]["id"] == nil {
		t.Errorf("$select gave %v", all[0])
	}
	if rows := f.get(t, user+"/mailFolders/inbox/messages").rows(t); len(rows) != 10 {
		t.Errorf("the default page has %d rows", len(rows))
	}
}

func TestPagesOfMessagesCountFromTheBeginning(t *testing.T) {
	f := start(t, graphserve.Quirks{})
	first := f.deliver(t, "0")
	for i := range 4 {
		f.deliver(t, fmt.Sprint(i+1))
	}
	page := f.get(t, user+"/mailFolders/inbox/messages?$select=subject&$top=2&$count=true")
	must(t, f.ann.Delete(first))
	page = f.get(t, page.str("@odata.nextLink"))
	if subjects(page.rows(t)) != "3,4" || page.json["@odata.count"] != 4.0 {
		t.Errorf("the second page is %s", page.raw)
	}
}

func TestFilters(t *testing.T) {
	f := start(t, graphserve.Quirks{})
	f.deliver(t, "mail")
	for i := range 3 {
		f.post(t, user+"/mailFolders/inbox/messages", draftless(fmt.Sprint("m", i), fmt.Sprint("W", i)))
	}
	anyOf := func(id, test string) string {
		return "singleValueExtendedProperties/Any(ep: ep/id eq '" + id + "' and " + test + ")"
	}
	for filter, want := range map[string]string{
		anyOf(mark, "ep/value eq 'w1'"):                               "m1",
		anyOf(mark, "startswith(ep/value,'w')"):                       "m0,m1,m2",
		anyOf(mark, "ep/value ne null"):                               "m0,m1,m2",
		anyOf(strings.ToLower(mark[:6])+mark[6:], "ep/value eq 'W2'"): "m2",
		anyOf(mark[:len(mark)-4]+"MARK", "ep/value eq 'w1'"):          "", // names are case-sensitive
		"internetMessageId eq '<mail@example.com>'":                   "mail",
		"receivedDateTime ge 2020-06-01T00:00:00Z":                    "mail",
	} {
		rows := f.get(t, user+"/mailFolders/inbox/messages?$filter="+url.QueryEscape(filter)).rows(t)
		if subjects(rows) != want {
			t.Errorf("%s: %q, want %q", filter, subjects(rows), want)
		}
	}
	for query, code := range map[string]string{
		"$filter=" + url.QueryEscape("internetMessageHeaders/any(h:h/name eq 'x')"):             "ErrorInvalidUrlQueryFilter",
		"$orderby=receivedDateTime&$filter=" + url.QueryEscape(anyOf(mark, "ep/value eq 'w1'")): "InefficientFilter",
		"$expand=singleValueExtendedProperties":                                                 "ErrorInvalidProperty",
	} {
		if a := f.call(t, http.StatusBadRequest, http.MethodGet, user+"/messages?"+query, nil); a.code() != code {
			t.Errorf("%s: %q, want %q", query, a.code(), code)
		}
	}
}

func TestCreatedItemsBecomeVisibleLate(t *testing.T) {
	f := start(t, graphserve.Quirks{VisibleAfter: 1})
	path := user + "/mailFolders/inbox/messages"
	m := f.post(t, path, draftless("one", "w"))
	f.get(t, user+"/messages/"+esc(m.str("id")))
	if rows := f.get(t, path).rows(t); len(rows) != 0 {
		t.Errorf("listed at once: %s", subjects(rows))
	}
	if rows := f.get(t, path).rows(t); len(rows) != 1 {
		t.Errorf("not listed the second time: %d", len(rows))
	}
}
