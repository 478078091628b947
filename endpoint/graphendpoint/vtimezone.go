package graphendpoint

import (
	"fmt"
	"strconv"
	"time"

	"github.com/emersion/go-ical"
)

// observance is the part of a VTIMEZONE that holds for part of a year (RFC 5545 section 3.6.5).
type observance struct {
	offset int        // seconds east of UTC
	month  time.Month // in which it begins, or 0 where that is not known
	since  string     // DTSTART
}

// zoneOfDefinition finds a zone that has the offsets of a VTIMEZONE in a year. The weeks in which clocks change are not compared.
// Without one, a definition that knows no daylight saving time is a zone of its own, which Graph sees as UTC.
func zoneOfDefinition(definition *ical.Component, year int) (zone, bool) {
	standard, okStandard := observed(definition, ical.CompTimezoneStandard, year)
	daylight, okDaylight := observed(definition, ical.CompTimezoneDaylight, year)
	if !okStandard {
		return zone{}, false
	}
	if !okDaylight || standard.month == 0 || daylight.month == 0 {
		daylight = standard
	}
	var samples []time.Time
	for month := time.January; month <= time.December; month++ {
		if daylight == standard || month != standard.month && month != daylight.month {
			samples = append(samples, time.Date(year, month, 15, 0, 0, 0, 0, time.UTC))
		}
	}
	name := matchingZone(samples, func(t time.Time) int {
		if inDaylight(t.Month(), daylight.month, standard.month) {
			return daylight.offset
		}
		return standard.offset
	})
	if name == "" && daylight == standard {
		return zone{"UTC", "", time.FixedZone("", standard.offset)}, true
	}
	return zoneNamed(name)
}

// inDaylight reports whether a month is between two others, in the north or in the south.
func inDaylight(month, from, to time.Month) bool {
	if from <= to {
		return from <= month && month < to
	}
	return from <= month || month < to
}

// observed returns the observance of a sort that began last before the end of a year.
func observed(definition *ical.Component, sort string, year int) (observance, bool) {
	var last observance
	found := false
	for _, c := range definition.Children {
		start, offset := c.Props.Get(ical.PropDateTimeStart), c.Props.Get(ical.PropTimezoneOffsetTo)
		if c.Name != sort || start == nil || offset == nil {
			continue
		}
		seconds, ok := readOffset(offset.Value)
		o := observance{seconds, 0, start.Value}
		if rule := c.Props.Get(ical.PropRecurrenceRule); rule != nil {
			month, _ := strconv.Atoi(readRule(rule.Value)["BYMONTH"]) // none is 0
			o.month = time.Month(month)
		}
		early := start.Value < strconv.Itoa(year+1) || !found
		if ok && early && (!found || last.since > strconv.Itoa(year+1) || o.since >= last.since) {
			last, found = o, true
		}
	}
	return last, found
}

// readOffset reads an offset such as +0100 or -033015 (RFC 5545 section 3.3.14).
func readOffset(value string) (seconds int, ok bool) {
	if len(value) != 5 && len(value) != 7 || value[0] != '+' && value[0] != '-' {
		return 0, false
	}
	for i, unit := range []int{36000, 3600, 600, 60, 10, 1}[:len(value)-1] {
		if value[i+1] < '0' || value[i+1] > '9' {
			return 0, false
		}
		seconds += int(value[i+1]-'0') * unit
	}
	if value[0] == '-' {
		seconds = -seconds
	}
	return seconds, seconds > -86400 && seconds < 86400
}

// definition describes a zone to programs that do not know its name, as the clocks go in one year.
func definition(id string, z zone, year int) *ical.Component {
	c := ical.NewComponent(ical.CompTimezone)
	setRaw(c, ical.PropTimezoneID, id)
	changes := clockChanges(z.place, year)
	for _, at := range changes {
		c.Children = append(c.Children, observanceFrom(at, len(changes) == 2))
	}
	if len(changes) == 0 {
		only := observanceFrom(time.Date(year, time.January, 1, 0, 0, 0, 0, z.place), false)
		setRaw(only, ical.PropDateTimeStart, "19700101T000000")
		c.Children = append(c.Children, only)
	}
	return c
}

// maxClockChanges is more than any place had in a year.
const maxClockChanges = 16

// clockChanges returns the times in a year from which on the offset is another.
func clockChanges(place *time.Location, year int) []time.Time {
	var list []time.Time
	end := time.Date(year+1, time.January, 1, 0, 0, 0, 0, place)
	t := time.Date(year, time.January, 1, 0, 0, 0, 0, place)
	for range maxClockChanges {
		_, next := t.ZoneBounds()
		if !next.After(t) || !next.Before(end) { // in years that a rule describes, the bounds of a time may not enclose it
			break
		}
		_, before := t.Zone()
		if _, after := next.Zone(); before != after {
			list = append(list, next)
		}
		t = next
	}
	return list
}

// observanceFrom describes what begins at a time, every year or once.
func observanceFrom(at time.Time, yearly bool) *ical.Component {
	c := ical.NewComponent(ical.CompTimezoneStandard)
	if at.IsDST() {
		c.Name = ical.CompTimezoneDaylight
	}
	_, before := at.Add(-time.Second).Zone()
	_, after := at.Zone()
	wall := at.UTC().Add(time.Duration(before) * time.Second)
	setRaw(c, ical.PropTimezoneOffsetFrom, offsetText(before))
	setRaw(c, ical.PropTimezoneOffsetTo, offsetText(after))
	setRaw(c, ical.PropDateTimeStart, wall.Format(localTime))
	if yearly {
		setRaw(c, ical.PropRecurrenceRule, fmt.Sprintf("FREQ=YEARLY;BYMONTH=%d;BYDAY=%d%s", wall.Month(), weekOfMonth(wall), dayCodes()[wall.Weekday()]))
	}
	return c
}

// weekOfMonth says which of the weekdays of its name in the month a day is: 1 to 4, or -1 for the last.
func weekOfMonth(day time.Time) int {
	if day.AddDate(0, 0, 7).Month() != day.Month() {
		return -1
	}
	return (day.Day()-1)/7 + 1
}

func offsetText(seconds int) string {
	sign := '+'
	if seconds < 0 {
		sign, seconds = '-', -seconds
	}
	text := fmt.Sprintf("%c%02d%02d", sign, seconds/3600, seconds/60%60)
	if seconds%60 != 0 {
		text += fmt.Sprintf("%02d", seconds%60)
	}
	return text
}
