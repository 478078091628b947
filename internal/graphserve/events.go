package graphserve

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// forEachEventPath registers routes below the events of a mailbox, of the default calendar, and of any calendar.
func forEachEventPath(register func(events string)) {
	register("/users/{user}/events")
	register("/users/{user}/calendar/events")
	register("/users/{user}/calendars/{calendar}/events")
}

func calendarRoutes(handle func(string, handler)) {
	const calendars, calendar = "/users/{user}/calendars", "/users/{user}/calendars/{calendar}"
	handle("GET /users/{user}/calendar", func(c *call) (response, error) {
		_, n, err := c.calendar()
		if err != nil {
			return response{}, err
		}
		return c.get(n)
	})
	handle("GET /users/{user}/calendarGroups", func(c *call) (response, error) {
		u, err := c.box()
		if err != nil {
			return response{}, err
		}
		return c.list(u.root.of(kindCalendarGroup))
	})
	handle("GET "+calendars, func(c *call) (response, error) {
		u, err := c.box()
		if err != nil {
			return response{}, err
		}
		return c.list(u.calendars.of(kindCalendar))
	})
	handle("POST "+calendars, createCalendar)
	handle("GET "+calendar, getter("calendar", kindCalendar))
	handle("PATCH "+calendar, patcher("calendar", kindCalendar))
	handle("DELETE "+calendar, deleteCalendar)
	for _, path := range []string{"/users/{user}", "/users/{user}/calendar", calendar} {
		handle("GET "+path+"/calendarView", calendarView)
		handle("GET "+path+"/calendarView/delta", calendarDelta)
	}
	forEachEventPath(func(events string) {
		handle("GET "+events, listEvents)
		handle("GET "+events+"/delta", calendarDelta)
		handle("POST "+events, createEvent)
		handle("GET "+events+"/{event}", getEvent)
		handle("PATCH "+events+"/{event}", updateEvent)
		handle("DELETE "+events+"/{event}", deleteEvent)
		handle("GET "+events+"/{event}/instances", listInstances)
		extensionRoutes(handle, events+"/{event}", "event", kindEvent)
	})
}

// calendar is the one in the path, or the default one.
func (c *call) calendar() (*user, *node, error) {
	if c.r.PathValue("calendar") != "" {
		return c.node("calendar", kindCalendar)
	}
	u, err := c.box()
	if err != nil {
		return nil, nil, err
	}
	return u, u.calendar, nil
}

func createCalendar(c *call) (response, error) {
	u, err := c.box()
	if err != nil {
		return response{}, err
	}
	fields, err := c.decode()
	if err != nil {
		return response{}, err
	}
	if _, err := freeName(u.calendars, kindCalendar, fields["name"]); err != nil {
		return response{}, err
	}
	named, err := takeProperties(fields)
	if err != nil {
		return response{}, err
	}
	dropReadOnly(fields)
	n := u.add(kindCalendar, u.calendars, fields)
	n.named = named
	n.fields["canEdit"], n.fields["isDefaultCalendar"], n.fields["isRemovable"] = true, false, true
	return c.made(n)
}

func deleteCalendar(c *call) (response, error) {
	u, n, err := c.node("calendar", kindCalendar)
	if err != nil {
		return response{}, err
	}
	if n == u.calendar {
		return response{}, badRequest("ErrorCannotDeleteObject", "The default calendar cannot be deleted.")
	}
	u.remove(n)
	return noContent()
}

func listEvents(c *call) (response, error) {
	_, calendar, err := c.calendar()
	if err != nil {
		return response{}, err
	}
	return c.list(calendar.of(kindEvent))
}

// createEvent makes an event. The service tells the attendees; there is no way to keep it from doing so.
func createEvent(c *call) (response, error) {
	u, calendar, err := c.calendar()
	if err != nil {
		return response{}, err
	}
	fields, err := c.decode()
	if err != nil {
		return response{}, err
	}
	if id := text(fields["transactionId"]); id != "" {
		if existing := u.transaction(id); existing != nil {
			if c.s.quirks.TransactionConflict {
				return response{}, &Error{Status: http.StatusConflict, Code: "ErrorDuplicateTransactionId", Message: "An event with the same transactionId exists."}
			}
			return c.made(existing)
		}
	}
	n, err := u.newEvent(calendar, fields)
	if err != nil {
		return response{}, err
	}
	c.s.invites += len(attendees(n.fields))
	u.hide(n)
	return c.made(n)
}

// transaction finds the event that a transactionId made.
func (u *user) transaction(id string) *node {
	for _, n := range u.root.below(kindEvent) {
		if n.fields["transactionId"] == id {
			return n
		}
	}
	return nil
}

// newEvent makes an event as POST does, without telling anybody.
func (u *user) newEvent(calendar *node, fields object) (*node, error) {
	named, err := takeProperties(fields)
	if err != nil {
		return nil, err
	}
	attachments, err := takeAttachments(fields)
	if err != nil {
		return nil, err
	}
	if err := checkTimes(fields); err != nil {
		return nil, err
	}
	dropReadOnly(fields)
	start, _ := fields["start"].(object) // checked above
	end, _ := fields["end"].(object)     // checked above
	owner := object{"emailAddress": object{"name": u.node.fields["displayName"], "address": u.node.fields["mail"]}}
	u.ids++
	for name, value := range (object{
		"subject": "", "body": object{"contentType": "text", "content": ""}, "importance": "normal", "sensitivity": "normal", "showAs": "busy",
		"categories": []any{}, "attendees": []any{}, "isAllDay": false, "isCancelled": false, "isOrganizer": true, "organizer": owner,
		"isReminderOn": true, "reminderMinutesBeforeStart": 15, "responseRequested": true, "recurrence": nil,
	}) {
		if fields[name] == nil {
			fields[name] = value
		}
	}
	fields["originalStartTimeZone"], fields["originalEndTimeZone"] = start["timeZone"], end["timeZone"]
	fields["iCalUId"] = fmt.Sprintf("040000008200E00074C5B7101A82E008%032X", u.ids)
	fields["type"] = "singleInstance"
	if fields["recurrence"] != nil {
		fields["type"] = "seriesMaster"
	}
	n := u.add(kindEvent, calendar, fields)
	n.named = named
	for _, a := range attachments {
		if _, err := u.newAttachment(n, a); err != nil {
			u.remove(n)
			return nil, err
		}
	}
	return n, nil
}

func attendees(fields object) []any {
	list, _ := fields["attendees"].([]any) // absent is nobody
	return list
}

// checkTimes refuses times and zones that the service does not know.
func checkTimes(fields object) error {
	var times [2]time.Time
	for i, name := range []string{"start", "end"} {
		value, isObject := fields[name].(object)
		if !isObject {
			return badRequest("ErrorPropertyRequired", "An event needs start and end.")
		}
		at, err := wallTime(value)
		if err != nil {
			return err
		}
		if fields["isAllDay"] == true && (at.Hour() != 0 || at.Minute() != 0) {
			return badRequest("ErrorInvalidRequest", "The start and end of an all-day event need to be set to midnight.")
		}
		times[i] = at
	}
	if times[1].Before(times[0]) || fields["isAllDay"] == true && !times[1].After(times[0]) {
		return badRequest("ErrorPropertyValidationFailure", "At least one property failed validation: end.")
	}
	return nil
}

// renderTimes shows times in the zone asked for, UTC by default. All-day events float: their dates are the same in every zone.
func renderTimes(o object, zone string) {
	if zone == "" {
		zone = "UTC"
	}
	to, err := location(zone)
	if err != nil {
		zone, to = "UTC", time.UTC
	}
	for _, name := range []string{"start", "end"} {
		value, isObject := o[name].(object)
		if !isObject {
			continue
		}
		at, err := wallTime(value)
		if err != nil {
			continue
		}
		if o["isAllDay"] != true {
			at = at.In(to)
		}
		o[name] = object{"dateTime": at.Format("2006-01-02T15:04:05.0000000"), "timeZone": zone}
	}
}

// wallTime reads a dateTimeTimeZone.
func wallTime(value object) (time.Time, error) {
	zone, err := location(text(value["timeZone"]))
	if err != nil {
		return time.Time{}, err
	}
	at, err := time.ParseInLocation("2006-01-02T15:04:05.9999999", strings.TrimSuffix(text(value["dateTime"]), "Z"), zone)
	if err != nil {
		return time.Time{}, badRequest("ErrorInvalidParameter", "The dateTime is malformed.")
	}
	return at, nil
}

// location finds a zone by its IANA name or by one of the Windows names that tests use.
func location(name string) (*time.Location, error) {
	windows := map[string]string{
		"UTC": "UTC", "W. Europe Standard Time": "Europe/Berlin", "Romance Standard Time": "Europe/Paris", "GMT Standard Time": "Europe/London",
		"Eastern Standard Time": "America/New_York", "Central Standard Time": "America/Chicago", "Mountain Standard Time": "America/Denver",
		"Pacific Standard Time": "America/Los_Angeles", "Tokyo Standard Time": "Asia/Tokyo", "India Standard Time": "Asia/Kolkata",
		"AUS Eastern Standard Time": "Australia/Sydney", "Central Europe Standard Time": "Europe/Budapest", "China Standard Time": "Asia/Shanghai",
		"E. South America Standard Time": "America/Sao_Paulo", "FLE Standard Time": "Europe/Kiev", "New Zealand Standard Time": "Pacific/Auckland",
	}
	if iana, found := windows[name]; found {
		name = iana
	}
	if name != "UTC" && !strings.Contains(name, "/") {
		return nil, badRequest("TimeZoneNotSupportedException", "A valid TimeZone value must be specified.")
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, badRequest("TimeZoneNotSupportedException", "A valid TimeZone value must be specified.")
	}
	return zone, nil
}

// event is the event of the path: one that is kept, or an occurrence that the series implies.
func (c *call) event() (*user, *node, error) {
	u, n, err := c.node("event", kindEvent)
	if err == nil || c.user == nil {
		return u, n, err
	}
	o, found := c.user.occurrences[c.r.PathValue("event")]
	if !found || o.master.parent == nil || cancelled(o.master, o.date) {
		return nil, nil, err
	}
	return c.user, o.node(c.r.PathValue("event")), nil
}

func getEvent(c *call) (response, error) {
	_, n, err := c.event()
	if err != nil {
		return response{}, err
	}
	return c.get(n)
}

// updateEvent changes an event. An occurrence that changes becomes an exception of its series.
func updateEvent(c *call) (response, error) {
	u, n, err := c.event()
	if err != nil {
		return response{}, err
	}
	if err := c.unchanged(n); err != nil {
		return response{}, err
	}
	changes, err := c.decode()
	if err != nil {
		return response{}, err
	}
	proposed := maps.Clone(n.fields)
	maps.Copy(proposed, changes)
	if err := checkTimes(proposed); err != nil {
		return response{}, err
	}
	delete(changes, "transactionId")
	if n.parent.kind == kindEvent && u.byID[n.id] == nil {
		n.fields["type"] = "exception"
		u.byID[n.id] = n
		u.attach(n, n.parent)
	}
	_, changesTime := changes["start"]
	if len(attendees(changes)) > 0 || changesTime {
		c.s.invites += len(attendees(proposed))
	}
	if err := u.change(n, changes); err != nil {
		return response{}, err
	}
	return c.get(n)
}

// deleteEvent deletes an event, or one occurrence of a series. Attendees are told.
func deleteEvent(c *call) (response, error) {
	u, n, err := c.event()
	if err != nil {
		return response{}, err
	}
	c.s.invites += len(attendees(n.fields))
	master := n.parent
	if master.kind != kindEvent {
		u.remove(n)
		return noContent()
	}
	list, _ := master.fields["cancelledOccurrences"].([]any) // absent is none
	master.fields["cancelledOccurrences"] = append(list, "OID."+master.id+"."+seriesDate(master, text(n.fields["originalStart"])))
	u.tombs = append(u.tombs, tombstone{parent: master.parent, kind: kindEvent, id: n.id, immutable: n.immutable, version: c.s.next()})
	if u.byID[n.id] != nil {
		u.remove(n)
	}
	u.touch(master)
	return noContent()
}

// seriesDate is the day of a time, as the clocks go where the series is.
func seriesDate(master *node, at string) string {
	start, _ := master.fields["start"].(object) // events have times
	zone, errZone := location(text(start["timeZone"]))
	t, err := time.Parse(time.RFC3339, at)
	if err != nil || errZone != nil {
		return at[:len(time.DateOnly)]
	}
	return t.In(zone).Format(time.DateOnly)
}

func listInstances(c *call) (response, error) {
	u, n, err := c.node("event", kindEvent)
	if err != nil {
		return response{}, err
	}
	from, to, err := viewRange(c.r.URL.Query())
	if err != nil {
		return response{}, err
	}
	return c.list(u.instances(n, from, to))
}

// calendarView lists what happens in a span of time, series unfolded.
func calendarView(c *call) (response, error) {
	u, calendar, err := c.calendar()
	if err != nil {
		return response{}, err
	}
	from, to, err := viewRange(c.r.URL.Query())
	if err != nil && !c.r.URL.Query().Has("$skiptoken") {
		return response{}, err
	}
	return c.list(u.between(calendar, from, to, false))
}

// between are the events of a calendar in a span of time, series unfolded, with or without their masters.
func (u *user) between(calendar *node, from, to time.Time, masters bool) []*node {
	var nodes []*node
	for _, n := range calendar.of(kindEvent) {
		if n.fields["recurrence"] == nil {
			if overlaps(n, from, to) {
				nodes = append(nodes, n)
			}
			continue
		}
		if masters {
			nodes = append(nodes, n)
		}
		nodes = append(nodes, u.instances(n, from, to)...)
	}
	return nodes
}

// calendarDelta tracks the events of a span of time that the first request fixes. Deletions show wherever they were.
func calendarDelta(c *call) (response, error) {
	u, calendar, err := c.calendar()
	if err != nil {
		return response{}, err
	}
	return c.delta(u, scope{
		nodes: func(q url.Values) []*node {
			from, to, err := viewRange(q)
			if err != nil {
				return nil // refused in the first request
			}
			return u.between(calendar, from, to, true)
		},
		holds: func(t tombstone) bool { return t.parent == calendar && t.kind == kindEvent },
	}, checkCalendarDelta)
}

func checkCalendarDelta(q url.Values) error {
	for _, option := range []string{"$expand", "$filter", "$orderby", "$search", "$select"} {
		if q.Has(option) {
			return badRequest("ErrorInvalidUrlQuery", "Change tracking of a calendar view does not support '"+option+"'.")
		}
	}
	_, _, err := viewRange(q)
	return err
}

// viewRange is the span of a view, which both parameters must give.
func viewRange(q url.Values) (from, to time.Time, err error) {
	for _, p := range []struct {
		name string
		into *time.Time
	}{{"startDateTime", &from}, {"endDateTime", &to}} {
		value := q.Get(p.name)
		for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.9999999", time.DateOnly} {
			if *p.into, err = time.Parse(layout, value); err == nil {
				break
			}
		}
		if err != nil {
			return from, to, badRequest("ErrorInvalidParameter", "This request requires the parameter '"+p.name+"'.")
		}
	}
	return from, to, nil
}

func overlaps(n *node, from, to time.Time) bool {
	start, _ := n.fields["start"].(object) // events have times
	end, _ := n.fields["end"].(object)     // events have times
	a, errA := wallTime(start)
	b, errB := wallTime(end)
	return errA == nil && errB == nil && a.Before(to) && !b.Before(from)
}
