package graphserve_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/dandyroll/dandyroll/internal/graphserve"
)

// round follows a delta to its deltaLink and returns the rows of all pages.
func (f fixture) round(t *testing.T, next string, headers ...string) (rows []object, deltaLink string) {
	t.Helper()
	for {
		page := f.get(t, next, headers...)
		rows = append(rows, page.rows(t)...)
		if deltaLink = page.str("@odata.deltaLink"); deltaLink != "" {
			return rows, deltaLink
		}
		if next = page.str("@odata.nextLink"); next == "" {
			t.Fatalf("neither link: %s", page.raw)
		}
	}
}

const inboxDelta = user + "/mailFolders/inbox/messages/delta"

func TestDeltaRounds(t *testing.T) {
	f := start(t, graphserve.Quirks{})
	first, second := f.deliver(t, "1"), f.deliver(t, "2")
	f.deliver(t, "3")
	prefer := []string{"Prefer", `odata.maxpagesize=2, IdType="ImmutableId"`}
	rows, link := f.round(t, inboxDelta+"?$select=subject,isRead", prefer...)
	if subjects(rows) != "1,2,3" {
		t.Errorf("first round %s", subjects(rows))
	}
	if rows, link = f.round(t, link, prefer...); len(rows) != 0 {
		t.Errorf("an idle round has %d rows", len(rows))
	}
	must(t, f.ann.MarkRead(second, true))
	must(t, f.ann.Move(first, f.ann.Folder("Archive")))
	f.deliver(t, "4")
	rows, link = f.round(t, link, prefer...)
	if subjects(rows) != "-,2,4" || rows[0]["id"] != first {
		t.Errorf("second round %v", rows)
	}
	must(t, f.ann.Move(first, "inbox"))
	if rows, _ = f.round(t, link, prefer...); subjects(rows) != "1" {
		t.Errorf("a message that came back: %v", rows)
	}
}

func TestDeltaInParenthesesAndOfFolders(t *testing.T) {
	f := start(t, graphserve.Quirks{})
	f.deliver(t, "1")
	if rows, _ := f.round(t, inboxDelta+"()"); subjects(rows) != "1" {
		t.Errorf("rows %v", rows)
	}
	before, link := f.round(t, user+"/mailFolders/delta?$select=displayName")
	id, err := f.ann.CreateFolder(f.ann.Folder("Inbox"), "Projects")
	must(t, err)
	rows, link := f.round(t, link)
	if len(before) != 7 || len(rows) != 1 || rows[0]["id"] != id {
		t.Errorf("%d folders, then %v", len(before), rows)
	}
	must(t, f.ann.Delete(id))
	if rows, _ := f.round(t, link); len(rows) != 1 || rows[0]["@removed"] == nil {
		t.Errorf("after deletion %v", rows)
	}
}

func TestExpiredDeltaSaysWhereToBegin(t *testing.T) {
	f := start(t, graphserve.Quirks{})
	f.deliver(t, "1")
	_, link := f.round(t, inboxDelta)
	f.ann.ExpireDeltas()
	gone := f.call(t, http.StatusGone, http.MethodGet, link, nil)
	if gone.code() != "syncStateNotFound" {
		t.Errorf("code %q", gone.code())
	}
	if rows, _ := f.round(t, gone.header.Get("Location")); subjects(rows) != "1" {
		t.Errorf("anew: %v", rows)
	}
}

func TestDeltaReplaysAndForgetsExpand(t *testing.T) {
	f := start(t, graphserve.Quirks{ReplayDelta: true})
	f.post(t, user+"/mailFolders/inbox/messages", draftless("1", "w"))
	expand := "?$expand=" + url.QueryEscape("singleValueExtendedProperties($filter=id eq '"+mark+"')")
	rows, link := f.round(t, inboxDelta+expand)
	if subjects(rows) != "1,1" || rows[0]["singleValueExtendedProperties"] == nil {
		t.Errorf("rows %v", rows)
	}
	f.deliver(t, "2")
	if rows, link = f.round(t, link); subjects(rows) != "2,2" {
		t.Errorf("second round %s", subjects(rows))
	}
	if rows, _ = f.round(t, link); subjects(rows) != "2,2" {
		t.Errorf("the replayed round %s", subjects(rows))
	}
	f.SetQuirks(func(q *graphserve.Quirks) { q.ReplayDelta, q.DropDeltaExpand = false, true })
	if rows, _ = f.round(t, inboxDelta+expand); rows[0]["singleValueExtendedProperties"] != nil {
		t.Errorf("expanded %v", rows[0])
	}
}

func TestDeltaOfADeletedFolder(t *testing.T) {
	f := start(t, graphserve.Quirks{})
	id, err := f.ann.CreateFolder(f.ann.Folder("Inbox"), "Projects")
	must(t, err)
	_, link := f.round(t, user+"/mailFolders/"+esc(id)+"/messages/delta")
	must(t, f.ann.Delete(id))
	if a := f.call(t, http.StatusNotFound, http.MethodGet, link, nil); a.code() != "ErrorSyncFolderNotFound" {
		t.Errorf("code %q", a.code())
	}
}
