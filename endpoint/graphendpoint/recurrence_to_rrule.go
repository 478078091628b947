package graphendpoint

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/microsoftgraph/msgraph-sdk-go/models"
)

// ruleOf expresses a recurrence of Graph as RRULE; ok is false for one that Graph does not document.
func ruleOf(r models.PatternedRecurrenceable, start moment) (rule string, ok bool) {
	p, span := r.GetPattern(), r.GetRangeEscaped()
	if p == nil || p.GetTypeEscaped() == nil {
		return "", false
	}
	rule, ok = repeatOf(p)
	if !ok {
		return "", false
	}
	if n := p.GetInterval(); n != nil && *n > 1 {
		rule += ";INTERVAL=" + strconv.Itoa(int(*n))
	}
	if span == nil || span.GetTypeEscaped() == nil {
		return rule, true
	}
	switch *span.GetTypeEscaped() {
	case models.ENDDATE_RECURRENCERANGETYPE:
		if end := span.GetEndDate(); end != nil {
			rule += ";UNTIL=" + untilOf(end.String(), start)
		}
	case models.NUMBERED_RECURRENCERANGETYPE:
		if n := span.GetNumberOfOccurrences(); n != nil && *n > 0 {
			rule += ";COUNT=" + strconv.Itoa(int(*n))
		}
	case models.NOEND_RECURRENCERANGETYPE:
	}
	return rule, true
}

// repeatOf expresses what repeats.
func repeatOf(p models.RecurrencePatternable) (string, bool) {
	days := daysOf(p.GetDaysOfWeek())
	switch *p.GetTypeEscaped() {
	case models.DAILY_RECURRENCEPATTERNTYPE:
		return "FREQ=DAILY", true
	case models.WEEKLY_RECURRENCEPATTERNTYPE:
		rule := "FREQ=WEEKLY;BYDAY=" + days
		// Without WKST, weeks begin on Monday (RFC 5545 section 3.3.10); those of Graph begin on Sunday.
		first := models.SUNDAY_DAYOFWEEK
		if f := p.GetFirstDayOfWeek(); f != nil {
			first = *f
		}
		if first != models.MONDAY_DAYOFWEEK {
			rule += ";WKST=" + daysOf([]models.DayOfWeek{first})
		}
		return rule, days != ""
	case models.ABSOLUTEMONTHLY_RECURRENCEPATTERNTYPE:
		return "FREQ=MONTHLY" + clampedDay(p.GetDayOfMonth()), true
	case models.RELATIVEMONTHLY_RECURRENCEPATTERNTYPE:
		return "FREQ=MONTHLY" + positioned(days, p.GetIndex()), days != ""
	case models.ABSOLUTEYEARLY_RECURRENCEPATTERNTYPE:
		month := monthOf(p)
		return fmt.Sprintf("FREQ=YEARLY;BYMONTH=%d", month) + dayOfYear(p.GetDayOfMonth(), month), true
	case models.RELATIVEYEARLY_RECURRENCEPATTERNTYPE:
		return fmt.Sprintf("FREQ=YEARLY;BYMONTH=%d", monthOf(p)) + positioned(days, p.GetIndex()), days != ""
	}
	return "", false
}

func monthOf(p models.RecurrencePatternable) time.Month {
	if m := p.GetMonth(); m != nil && *m >= 1 && *m <= 12 {
		return time.Month(*m)
	}
	return time.January
}

// clampedDay is a day of every month, or the last one of those that have less. See dayOfMonth.
func clampedDay(day *int32) string {
	switch {
	case day == nil:
		return ""
	case *day >= 31:
		return ";BYMONTHDAY=-1"
	case *day > 28:
		return ";BYMONTHDAY=" + clampedDays(*day) + ";BYSETPOS=-1"
	}
	return ";BYMONTHDAY=" + strconv.Itoa(int(*day))
}

// dayOfYear is a day of one month, or its last one in years in which it has less.
func dayOfYear(day *int32, month time.Month) string {
	switch {
	case day == nil:
		return ""
	case int(*day) > daysIn(2023, month):
		return ";BYMONTHDAY=-1"
	}
	return ";BYMONTHDAY=" + strconv.Itoa(int(*day))
}

// positioned is the nth of some weekdays.
func positioned(days string, index *models.WeekIndex) string {
	n := models.FIRST_WEEKINDEX // what Graph documents for none
	if index != nil {
		n = *index
	}
	position := weekPositions()[min(max(int(n), 0), 4)]
	if strings.Contains(days, ",") {
		return ";BYDAY=" + days + ";BYSETPOS=" + position
	}
	return ";BYDAY=" + position + days
}

// untilOf is the last time at which an event can begin on its last day: local where the event is on whole days, else in UTC
// (RFC 5545 section 3.3.10).
func untilOf(date string, start moment) string {
	day, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return "19700101" // not reached: the SDK reads no other dates
	}
	if start.date {
		return day.Format(dateOnly)
	}
	h, m, s := start.time.Clock()
	last := time.Date(day.Year(), day.Month(), day.Day(), h, m, s, 0, start.time.Location())
	return last.UTC().Format(utcTime)
}

// daysOf writes weekdays, from Monday on.
func daysOf(days []models.DayOfWeek) string {
	var codes []string
	for i := range 7 {
		if slices.Contains(days, dayOfWeek(time.Weekday((i+1)%7))) {
			codes = append(codes, dayCodes()[(i+1)%7])
		}
	}
	return strings.Join(codes, ",")
}
