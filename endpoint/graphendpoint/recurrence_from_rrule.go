package graphendpoint

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/microsoft/kiota-abstractions-go/serialization"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
)

const (
	// maxInterval bounds the distance of two occurrences, which Outlook does as well.
	maxInterval = 999
	// maxOccurrences bounds a range by number. Outlook takes no more; a longer series has no end.
	maxOccurrences = 999
)

// fit says how well Graph can express a rule.
type fit int

const (
	noFit    fit = iota // not at all: the event is written once, at its first occurrence
	nearFit             // with other occurrences
	exactFit            // with the same occurrences
)

// ruleParts are the parts of a RRULE by name (RFC 5545 section 3.3.10).
type ruleParts map[string]string

func readRule(value string) ruleParts {
	parts := ruleParts{}
	for part := range strings.SplitSeq(strings.ToUpper(value), ";") {
		if name, v, found := strings.Cut(strings.TrimSpace(part), "="); found {
			parts[name] = v
		}
	}
	return parts
}

// only reports whether a rule has none but the named parts, besides those that say how often and how long.
func (r ruleParts) only(names ...string) bool {
	for name := range r {
		if !slices.Contains([]string{"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST"}, name) && !slices.Contains(names, name) {
			return false
		}
	}
	return true
}

// recurrenceOf expresses a RRULE, whose first occurrence is at start, as Graph does.
func recurrenceOf(rule string, start moment) (models.PatternedRecurrenceable, fit) {
	parts := readRule(rule)
	pattern, fits := patternOf(parts, start.time)
	if fits == noFit {
		return nil, noFit
	}
	interval, ok := smallNumber(parts, "INTERVAL", maxInterval)
	if !ok {
		return nil, noFit
	}
	pattern.SetInterval(&interval)
	if !occursOn(pattern, start.time, start.time) {
		fits = nearFit // RFC 5545 section 3.8.5.3 leaves open what that means; Graph leaves out the first occurrence
	}
	span, spanFits := rangeOf(parts, start)
	if spanFits == noFit {
		return nil, noFit
	}
	r := models.NewPatternedRecurrence()
	r.SetPattern(pattern)
	r.SetRangeEscaped(span)
	return r, min(fits, spanFits)
}

// smallNumber reads a positive number; a part that is absent is 1.
func smallNumber(parts ruleParts, name string, limit int) (int32, bool) {
	if parts[name] == "" {
		return 1, true
	}
	n, err := strconv.Atoi(parts[name])
	return int32(n), err == nil && n >= 1 && n <= limit
}

// patternOf expresses what repeats. What a rule leaves open, the start of the event says.
func patternOf(parts ruleParts, start time.Time) (models.RecurrencePatternable, fit) {
	p := models.NewRecurrencePattern()
	switch parts["FREQ"] {
	case "DAILY":
		return dailyPattern(p, parts)
	case "WEEKLY":
		return weeklyPattern(p, parts, start)
	case "MONTHLY":
		return monthlyPattern(p, parts, start, false)
	case "YEARLY":
		return yearlyPattern(p, parts, start)
	}
	return nil, noFit // SECONDLY, MINUTELY, HOURLY
}

func dailyPattern(p models.RecurrencePatternable, parts ruleParts) (models.RecurrencePatternable, fit) {
	if parts.only() {
		p.SetTypeEscaped(new(models.DAILY_RECURRENCEPATTERNTYPE))
		return p, exactFit
	}
	// Every day that is one of some weekdays is every week on those.
	days, ok := weekdays(parts["BYDAY"])
	if !ok || !parts.only("BYDAY") || parts["INTERVAL"] != "" && parts["INTERVAL"] != "1" {
		return nil, noFit
	}
	p.SetTypeEscaped(new(models.WEEKLY_RECURRENCEPATTERNTYPE))
	p.SetDaysOfWeek(days)
	p.SetFirstDayOfWeek(new(models.MONDAY_DAYOFWEEK))
	return p, exactFit
}

func weeklyPattern(p models.RecurrencePatternable, parts ruleParts, start time.Time) (models.RecurrencePatternable, fit) {
	days := []models.DayOfWeek{dayOfWeek(start.Weekday())}
	if list := parts["BYDAY"]; list != "" {
		var ok bool
		if days, ok = weekdays(list); !ok {
			return nil, noFit
		}
	}
	first := []models.DayOfWeek{models.MONDAY_DAYOFWEEK} // RFC 5545 section 3.3.10, WKST
	if w := parts["WKST"]; w != "" {
		var ok bool
		if first, ok = weekdays(w); !ok {
			return nil, noFit
		}
	}
	if !parts.only("BYDAY") {
		return nil, noFit
	}
	p.SetTypeEscaped(new(models.WEEKLY_RECURRENCEPATTERNTYPE))
	p.SetDaysOfWeek(days)
	p.SetFirstDayOfWeek(&first[0])
	return p, exactFit
}

// monthlyPattern is a day of the month, or the nth of some weekdays in it.
func monthlyPattern(p models.RecurrencePatternable, parts ruleParts, start time.Time, yearly bool) (models.RecurrencePatternable, fit) {
	if parts["BYDAY"] != "" {
		return nthWeekday(p, parts, yearly)
	}
	kind := models.ABSOLUTEMONTHLY_RECURRENCEPATTERNTYPE
	if yearly {
		kind = models.ABSOLUTEYEARLY_RECURRENCEPATTERNTYPE
	}
	day, fits := dayOfMonth(parts, start)
	if fits == noFit || !parts.only("BYMONTHDAY", "BYSETPOS", "BYMONTH") || parts["BYMONTH"] != "" && !yearly {
		return nil, noFit
	}
	p.SetTypeEscaped(&kind)
	p.SetDayOfMonth(&day)
	return p, fits
}

// dayOfMonth returns the day of a monthly rule. Graph takes the last day of a month that has not that many
// (MS-OXOCAL section 2.2.1.44.1), iCalendar leaves the month out, unless the rule says the same as Graph does: -1, or
// BYMONTHDAY=28,29,30;BYSETPOS=-1.
func dayOfMonth(parts ruleParts, start time.Time) (int32, fit) {
	list := parts["BYMONTHDAY"]
	for day := int32(29); day <= 31; day++ {
		if list == clampedDays(day) && parts["BYSETPOS"] == "-1" {
			return day, exactFit
		}
	}
	day := start.Day()
	if list != "" {
		var err error
		if day, err = strconv.Atoi(list); err != nil {
			return 0, noFit
		}
	}
	switch {
	case parts["BYSETPOS"] != "" && parts["BYSETPOS"] != "1" || day == 0 || day < -1 || day > 31:
		return 0, noFit
	case day == -1:
		return 31, exactFit
	case day > 28 && parts["FREQ"] == "MONTHLY":
		return int32(day), nearFit
	}
	return int32(day), exactFit
}

// clampedDays are the last days of a month up to one, of which BYSETPOS=-1 takes the last that there is.
func clampedDays(day int32) string {
	all := []string{"28"}
	for d := 29; d <= int(day); d++ {
		all = append(all, strconv.Itoa(d))
	}
	return strings.Join(all, ",")
}

// nthWeekday is a rule such as BYDAY=2TU, or BYDAY=MO,TU;BYSETPOS=2.
func nthWeekday(p models.RecurrencePatternable, parts ruleParts, yearly bool) (models.RecurrencePatternable, fit) {
	list, position := parts["BYDAY"], parts["BYSETPOS"]
	if number := strings.TrimRight(list, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"); number != "" && position == "" {
		position, list = strings.TrimPrefix(number, "+"), list[len(number):]
	}
	days, ok := weekdays(list)
	index := slices.Index(weekPositions(), position)
	if !ok || index < 0 || !parts.only("BYDAY", "BYSETPOS", "BYMONTH") || parts["BYMONTH"] != "" && !yearly {
		return nil, noFit
	}
	kind := models.RELATIVEMONTHLY_RECURRENCEPATTERNTYPE
	if yearly {
		kind = models.RELATIVEYEARLY_RECURRENCEPATTERNTYPE
	}
	p.SetTypeEscaped(&kind)
	p.SetDaysOfWeek(days)
	p.SetIndex(new(models.WeekIndex(index)))
	return p, exactFit
}

// weekPositions are the positions of iCalendar in the order of models.WeekIndex.
func weekPositions() []string { return []string{"1", "2", "3", "4", "-1"} }

func yearlyPattern(p models.RecurrencePatternable, parts ruleParts, start time.Time) (models.RecurrencePatternable, fit) {
	month := int32(start.Month())
	if parts["BYMONTH"] != "" {
		var ok bool
		if month, ok = smallNumber(parts, "BYMONTH", 12); !ok {
			return nil, noFit
		}
	} else if parts["BYDAY"] != "" || parts["BYMONTHDAY"] != "" {
		return nil, noFit // without BYMONTH, those count in the year, or in every month
	}
	pattern, fits := monthlyPattern(p, parts, start, true)
	if fits == noFit {
		return nil, noFit
	}
	pattern.SetMonth(&month)
	if day := pattern.GetDayOfMonth(); day != nil && int(*day) > daysIn(2024, time.Month(month)) {
		if parts["BYMONTHDAY"] != "-1" {
			return nil, noFit
		}
		day = new(int32(daysIn(2024, time.Month(month))))
		pattern.SetDayOfMonth(day)
	}
	if day := pattern.GetDayOfMonth(); day != nil && month == 2 && *day == 29 && parts["BYMONTHDAY"] != "-1" {
		fits = nearFit // Graph takes February 28 in other years
	}
	return pattern, fits
}

func daysIn(year int, month time.Month) int {
	return time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// rangeOf expresses for how long an event repeats.
func rangeOf(parts ruleParts, start moment) (models.RecurrenceRangeable, fit) {
	r := models.NewRecurrenceRange()
	r.SetStartDate(serialization.NewDateOnly(start.time))
	r.SetRecurrenceTimeZone(&start.zone.windows)
	kind, fits := models.NOEND_RECURRENCERANGETYPE, exactFit
	switch {
	case parts["UNTIL"] != "":
		end, ok := lastDay(parts["UNTIL"], start)
		if !ok {
			return nil, noFit
		}
		kind = models.ENDDATE_RECURRENCERANGETYPE
		r.SetEndDate(serialization.NewDateOnly(end))
	case parts["COUNT"] != "":
		count, ok := smallNumber(parts, "COUNT", maxOccurrences)
		if !ok {
			fits = nearFit
			break
		}
		kind = models.NUMBERED_RECURRENCERANGETYPE
		r.SetNumberOfOccurrences(&count)
	}
	r.SetTypeEscaped(&kind)
	return r, fits
}

// lastDay is the last day on which an event may begin. Graph knows only days, so a time before that of the event means the day before.
func lastDay(until string, start moment) (time.Time, bool) {
	end, err := parseMoment(until, start.zone)
	if err != nil {
		return time.Time{}, false
	}
	last := end.time
	if !end.date {
		last = last.In(start.time.Location())
		h, m, s := start.time.Clock()
		if lh, lm, ls := last.Clock(); !start.date && lh*3600+lm*60+ls < h*3600+m*60+s {
			last = last.AddDate(0, 0, -1)
		}
	}
	if y, m, d := start.time.Date(); last.Before(time.Date(y, m, d, 0, 0, 0, 0, last.Location())) {
		return start.time, true // nothing but the first
	}
	return last, true
}

// dayOfWeek is a weekday in terms of Graph, which begins its list with Sunday, as Go does.
func dayOfWeek(day time.Weekday) models.DayOfWeek { return models.DayOfWeek(int(day)) }

// weekdays reads a list of weekdays without numbers.
func weekdays(list string) (days []models.DayOfWeek, ok bool) {
	for code := range strings.SplitSeq(list, ",") {
		i := slices.Index(dayCodes(), strings.TrimSpace(code))
		if i < 0 {
			return nil, false
		}
		if d := dayOfWeek(time.Weekday(i)); !slices.Contains(days, d) {
			days = append(days, d)
		}
	}
	return days, len(days) > 0
}

func dayCodes() []string { return []string{"SU", "MO", "TU", "WE", "TH", "FR", "SA"} }
