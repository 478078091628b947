package graphserve_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/dandyroll/dandyroll/internal/graphserve"
)

func at(when, zone string) object {
	return object{"dateTime": when, "timeZone": zone}
}

func series() object {
	return object{
		"subject": "weekly", "start": at("2026-03-23T09:00:00", "W. Europe Standard Time"), "end": at("2026-03-23T10:00:00", "W. Europe Standard Time"),
		"recurrence": object{
			"pattern": object{"type": "weekly", "interval": 1, "daysOfWeek": []string{"monday"}, "firstDayOfWeek": "monday"},
			"range":   object{"type": "numbered", "startDate": "2026-03-23", "numberOfOccurrences": 3},
		},
	}
}

func TestEventIsMadeOnceForATransaction(t *testing.T) {
	f := start(t, graphserve.Quirks{})
	event := object{
		"subject": "one", "transactionId": "t1", "start": at("2026-03-23T09:00:00", "Europe/Berlin"), "end": at("2026-03-23T10:00:00", "Europe/Berlin"),
		"singleValueExtendedProperties": []object{{"id": mark, "value": "w"}},
	}
	first, second := f.post(t, user+"/events", event), f.post(t, user+"/calendar/events", event)
	if first.str("id") != second.str("id") || f.Invitations() != 0 {
		t.Errorf("made twice, or %d people told", f.Invitations())
	}
	start, _ := first.json["start"].(object)
	if start["dateTime"] != "2026-03-23T08:00:00.0000000" || start["timeZone"] != "UTC" || first.str("originalStartTimeZone") != "Europe/Berlin" {
		t.Errorf("start %v", first.json)
	}
	berlin := f.get(t, user+"/events/"+esc(first.str("id")), "Prefer", `outlook.timezone="W. Europe Standard Time"`)
	if start, _ := berlin.json["start"].(object); start["dateTime"] != "2026-03-23T09:00:00.0000000" {
		t.Errorf("in Berlin %v", start)
	}
	expand := "?$select=id&$expand=" + url.QueryEscape("singleValueExtendedProperties($filter=id eq '"+mark+"')")
	if rows := f.get(t, user+"/calendars/"+esc(f.ann.Calendar())+"/events"+expand).rows(t); len(rows) != 1 || rows[0]["singleValueExtendedProperties"] == nil {
		t.Errorf("rows %v", rows)
	}
	f.SetQuirks(func(q *graphserve.Quirks) { q.TransactionConflict = true })
	f.call(t, http.StatusConflict, http.MethodPost, user+"/events", event)
}

func TestAttendeesAreTold(t *testing.T) {
	f := start(t, graphserve.Quirks{})
	event := series()
	event["attendees"] = []object{{"emailAddress": object{"address": "bob@example.com"}, "type": "required"}}
	made := f.post(t, user+"/events", event)
	f.call(t, http.StatusNoContent, http.MethodDelete, user+"/events/"+esc(made.str("id")), nil)
	if f.Invitations() != 2 {
		t.Errorf("%d people told", f.Invitations())
	}
}

func TestInstancesAndExceptions(t *testing.T) {
	f := start(t, graphserve.Quirks{})
	master := f.post(t, user+"/events", series())
	path := user + "/events/" + esc(master.str("id"))
	instances := path + "/instances?startDateTime=2026-01-01T00:00:00Z&endDateTime=2027-01-01T00:00:00Z"
	f.call(t, http.StatusBadRequest, http.MethodGet, path+"/instances", nil)
	rows := f.get(t, instances).rows(t)
	if len(rows) != 3 || master.str("type") != "seriesMaster" {
		t.Fatalf("%d instances of a %s", len(rows), master.str("type"))
	}
	// 09:00 in Berlin is 08:00 UTC in winter and 07:00 UTC from 29 March on.
	if start, _ := rows[1]["start"].(object); start["dateTime"] != "2026-03-30T07:00:00.0000000" {
		t.Errorf("second start %v", start)
	}
	second, third := rows[1]["id"].(string), rows[2]["id"].(string)
	f.call(t, http.StatusOK, http.MethodPatch, user+"/events/"+esc(second), object{"subject": "moved"})
	f.call(t, http.StatusNoContent, http.MethodDelete, user+"/events/"+esc(third), nil)
	rows = f.get(t, instances).rows(t)
	if subjects(rows) != "weekly,moved" || rows[1]["type"] != "exception" || rows[1]["id"] != second {
		t.Errorf("instances %v", rows)
	}
	full := f.get(t, path+"?$select=cancelledOccurrences&$expand=exceptionOccurrences")
	if !strings.Contains(string(full.raw), ".2026-04-06") || len(full.json["exceptionOccurrences"].([]any)) != 1 {
		t.Errorf("master %s", full.raw)
	}
	view := f.get(t, user+"/calendarView?startDateTime=2026-03-28T00:00:00Z&endDateTime=2026-04-30T00:00:00Z").rows(t)
	if subjects(view) != "moved" {
		t.Errorf("view %s", subjects(view))
	}
}

// TestCancelledEveningInTheWest cancels an occurrence whose day is another one in UTC.
func TestCancelledEveningInTheWest(t *testing.T) {
	f := start(t, graphserve.Quirks{})
	evening := series()
	evening["start"], evening["end"] = at("2026-03-23T20:00:00", "Pacific Standard Time"), at("2026-03-23T21:00:00", "Pacific Standard Time")
	path := user + "/events/" + esc(f.post(t, user+"/events", evening).str("id"))
	instances := path + "/instances?startDateTime=2026-01-01T00:00:00Z&endDateTime=2027-01-01T00:00:00Z"
	second := f.get(t, instances).rows(t)[1]["id"].(string)
	f.call(t, http.StatusNoContent, http.MethodDelete, user+"/events/"+esc(second), nil)
	if rows := f.get(t, instances).rows(t); len(rows) != 2 {
		t.Errorf("%d instances are left", len(rows))
	}
	if full := f.get(t, path+"?$select=cancelledOccurrences"); !strings.Contains(string(full.raw), ".2026-03-30") {
		t.Errorf("master %s", full.raw)
	}
}

func TestCalendarDelta(t *testing.T) {
	f := start(t, graphserve.Quirks{})
	f.post(t, user+"/events", series())
	delta := user + "/calendar/calendarView/delta"
	f.call(t, http.StatusBadRequest, http.MethodGet, delta, nil)
	span := "?startDateTime=2026-01-01T00:00:00Z&endDateTime=2027-01-01T00:00:00Z"
	f.call(t, http.StatusBadRequest, http.MethodGet, delta+span+"&$select=subject", nil)
	rows, link := f.round(t, delta+span)
	if subjects(rows) != "weekly,weekly,weekly,weekly" || rows[0]["type"] != "seriesMaster" {
		t.Errorf("first round %v", rows)
	}
	if rows, link = f.round(t, link); len(rows) != 0 {
		t.Errorf("an idle round %v", rows)
	}
	last := third(t, f, span)
	f.call(t, http.StatusNoContent, http.MethodDelete, user+"/events/"+esc(last), nil)
	if rows, _ = f.round(t, link); rows[0]["@removed"] == nil || rows[0]["id"] != last {
		t.Errorf("second round %v", rows)
	}
}

// third is the ID of the third event of a view.
func third(t *testing.T, f fixture, span string) string {
	t.Helper()
	id, _ := f.get(t, user+"/calendarView"+span).rows(t)[2]["id"].(string)
	return id
}

func TestBadTimesAreRefused(t *testing.T) {
	f := start(t, graphserve.Quirks{})
	for _, event := range []object{
		{"start": at("2026-03-23T09:00:00", "Mars/Base"), "end": at("2026-03-23T10:00:00", "UTC")},
		{"start": at("2026-03-23T09:00:00", "UTC"), "end": at("2026-03-22T10:00:00", "UTC")},
		{"isAllDay": true, "start": at("2026-03-23T09:00:00", "UTC"), "end": at("2026-03-24T09:00:00", "UTC")},
		{"subject": "no times"},
	} {
		f.call(t, http.StatusBadRequest, http.MethodPost, user+"/events", event)
	}
}

func TestCalendars(t *testing.T) {
	f := start(t, graphserve.Quirks{})
	made := f.post(t, user+"/calendars", object{"name": "Work"})
	f.call(t, http.StatusConflict, http.MethodPost, user+"/calendars", object{"name": "Work"})
	if rows := f.get(t, user+"/calendars").rows(t); len(rows) != 2 || f.get(t, user+"/calendar").json["isDefaultCalendar"] != true {
		t.Errorf("calendars %v", rows)
	}
	f.call(t, http.StatusNoContent, http.MethodDelete, user+"/calendars/"+esc(made.str("id")), nil)
	f.call(t, http.StatusBadRequest, http.MethodDelete, user+"/calendars/"+esc(f.ann.Calendar()), nil)
}
