package graphserve

import (
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"slices"
	"strings"
	"time"
)

// occurrence is one date of a series that has no node of its own.
type occurrence struct {
	master *node
	date   time.Time
}

// node is the occurrence as an event. It is not kept unless it is changed.
func (o occurrence) node(id string) *node {
	fields := maps.Clone(o.master.fields)
	start, end := o.times()
	zone, _ := o.master.fields["start"].(object) // events have times
	write := func(at time.Time) object {
		return object{"dateTime": at.Format("2006-01-02T15:04:05.0000000"), "timeZone": zone["timeZone"]}
	}
	fields["start"], fields["end"] = write(start), write(end)
	fields["type"], fields["recurrence"], fields["seriesMasterId"] = "occurrence", nil, o.master.id
	fields["originalStart"] = stamp(start)
	delete(fields, "transactionId")
	delete(fields, "cancelledOccurrences")
	return &node{kind: kindEvent, id: id, immutable: id, parent: o.master, fields: fields, named: map[string]string{}, version: o.master.version}
}

// times are start and end of the occurrence: the master's time of day on the occurrence's date.
func (o occurrence) times() (start, end time.Time) {
	startField, _ := o.master.fields["start"].(object) // events have times
	endField, _ := o.master.fields["end"].(object)     // events have times
	first, errStart := wallTime(startField)
	last, errEnd := wallTime(endField)
	if errStart != nil || errEnd != nil {
		return o.date, o.date
	}
	y, m, d := o.date.Date()
	start = time.Date(y, m, d, first.Hour(), first.Minute(), first.Second(), 0, first.Location())
	return start, start.Add(last.Sub(first))
}

// id is opaque and always the same for a date of a series.
func (o occurrence) id() string {
	sum := sha256.Sum256([]byte(o.master.immutable + o.date.Format(time.DateOnly)))
	return "AAMkOcc/" + base64.StdEncoding.EncodeToString(sum[:25])
}

// instances are the occurrences and exceptions of a series in a span of time.
func (u *user) instances(master *node, from, to time.Time) []*node {
	var list []*node
	for _, date := range dates(master, to) {
		o := occurrence{master, date}
		if cancelled(master, date) {
			continue
		}
		id := o.id()
		n := u.byID[id]
		if n == nil {
			n = o.node(id)
			u.occurrences[id] = o
		}
		if overlaps(n, from, to) {
			list = append(list, n)
		}
	}
	return list
}

func cancelled(master *node, date time.Time) bool {
	list, _ := master.fields["cancelledOccurrences"].([]any) // absent is none
	return slices.ContainsFunc(list, func(id any) bool { return strings.HasSuffix(text(id), "."+date.Format(time.DateOnly)) })
}

// exceptionsOf are the changed occurrences of a series, for $expand.
func exceptionsOf(master *node, v view) []object {
	list := []object{}
	for _, n := range master.of(kindEvent) {
		o := maps.Clone(n.fields)
		renderTimes(o, v.zone)
		o["id"] = form(n.id, n.immutable, v.immutable)
		list = append(list, o)
	}
	return list
}

// pattern is a recurrence in the terms of recurrencePattern.
type pattern struct {
	kind         string
	interval     int
	days         []time.Weekday
	dayOfMonth   int
	month        time.Month
	index        string
	firstWeekday time.Weekday
	start        time.Time
}

// dates are the days of a series up to the end of its range or of the view.
func dates(master *node, until time.Time) []time.Time {
	recurrence, _ := master.fields["recurrence"].(object) // single events have none
	rule, _ := recurrence["pattern"].(object)             // no pattern matches nothing
	span, _ := recurrence["range"].(object)               // no range ends with the view
	start, err := time.Parse(time.DateOnly, text(span["startDate"]))
	if err != nil {
		return nil
	}
	if end, err := time.Parse(time.DateOnly, text(span["endDate"])); err == nil && span["type"] == "endDate" && end.Before(until) {
		until = end.Add(time.Hour)
	}
	limit := -1
	if span["type"] == "numbered" {
		limit = number(span["numberOfOccurrences"])
	}
	p := readPattern(rule, start)
	var list []time.Time
	for day := start; day.Before(until) && len(list) != limit; day = day.AddDate(0, 0, 1) {
		if p.matches(day) {
			list = append(list, day)
		}
	}
	return list
}

func readPattern(rule object, start time.Time) pattern {
	p := pattern{
		kind: text(rule["type"]), interval: max(number(rule["interval"]), 1), dayOfMonth: number(rule["dayOfMonth"]),
		month: time.Month(number(rule["month"])), index: text(rule["index"]), firstWeekday: weekday(text(rule["firstDayOfWeek"])), start: start,
	}
	names, _ := rule["daysOfWeek"].([]any) // absent is none
	for _, name := range names {
		p.days = append(p.days, weekday(text(name)))
	}
	return p
}

func weekday(name string) time.Weekday {
	for day := time.Sunday; day <= time.Saturday; day++ {
		if strings.EqualFold(day.String(), name) {
			return day
		}
	}
	return time.Sunday
}

func number(value any) int {
	n, _ := value.(float64) // absent is zero
	return int(n)
}

// matches says whether the series has an occurrence on the day.
func (p pattern) matches(day time.Time) bool {
	months := (day.Year()-p.start.Year())*12 + int(day.Month()) - int(p.start.Month())
	switch p.kind {
	case "daily":
		return int(day.Sub(p.start).Hours()/24)%p.interval == 0
	case "weekly":
		weeks := int(p.week(day).Sub(p.week(p.start)).Hours() / (24 * 7))
		return weeks%p.interval == 0 && slices.Contains(p.days, day.Weekday())
	case "absoluteMonthly":
		return months%p.interval == 0 && day.Day() == min(p.dayOfMonth, lastDay(day))
	case "relativeMonthly":
		return months%p.interval == 0 && p.inPlace(day)
	case "absoluteYearly":
		return months%(12*p.interval) == int(p.month-p.start.Month()) && day.Month() == p.month && day.Day() == min(p.dayOfMonth, lastDay(day))
	case "relativeYearly":
		return (day.Year()-p.start.Year())%p.interval == 0 && day.Month() == p.month && p.inPlace(day)
	}
	return false
}

// week is the first day of the day's week.
func (p pattern) week(day time.Time) time.Time {
	return day.AddDate(0, 0, -int((day.Weekday()-p.firstWeekday+7)%7))
}

func lastDay(day time.Time) int {
	return time.Date(day.Year(), day.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// inPlace says whether the day is the first, second, … or last of the wanted weekdays in its month.
func (p pattern) inPlace(day time.Time) bool {
	var hits []int
	for d := 1; d <= lastDay(day); d++ {
		if slices.Contains(p.days, time.Date(day.Year(), day.Month(), d, 0, 0, 0, 0, time.UTC).Weekday()) {
			hits = append(hits, d)
		}
	}
	if len(hits) == 0 {
		return false
	}
	if p.index == "last" {
		return day.Day() == hits[len(hits)-1]
	}
	place := max(slices.Index([]string{"first", "second", "third", "fourth"}, p.index), 0)
	return place < len(hits) && day.Day() == hits[place]
}
