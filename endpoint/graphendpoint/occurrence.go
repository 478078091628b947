package graphendpoint

import (
	"slices"
	"time"

	"github.com/microsoftgraph/msgraph-sdk-go/models"
)

// occursOn reports whether a pattern that began on one day yields another day, whatever its range says.
func occursOn(p models.RecurrencePatternable, start, day time.Time) bool {
	start, day = midnight(start), midnight(day)
	interval := 1
	if n := p.GetInterval(); n != nil && *n > 1 {
		interval = int(*n)
	}
	months := (day.Year()-start.Year())*12 + int(day.Month()) - int(start.Month())
	if day.Before(start) || p.GetTypeEscaped() == nil {
		return false
	}
	switch *p.GetTypeEscaped() {
	case models.DAILY_RECURRENCEPATTERNTYPE:
		return daysBetween(start, day)%interval == 0
	case models.WEEKLY_RECURRENCEPATTERNTYPE:
		return daysBetween(weekOf(p, start), weekOf(p, day))/7%interval == 0 && slices.Contains(p.GetDaysOfWeek(), dayOfWeek(day.Weekday()))
	case models.ABSOLUTEMONTHLY_RECURRENCEPATTERNTYPE:
		return months%interval == 0 && isDayOfMonth(p, day)
	case models.RELATIVEMONTHLY_RECURRENCEPATTERNTYPE:
		return months%interval == 0 && isNthWeekday(p, day)
	case models.ABSOLUTEYEARLY_RECURRENCEPATTERNTYPE:
		return (day.Year()-start.Year())%interval == 0 && day.Month() == monthOf(p) && isDayOfMonth(p, day)
	case models.RELATIVEYEARLY_RECURRENCEPATTERNTYPE:
		return (day.Year()-start.Year())%interval == 0 && day.Month() == monthOf(p) && isNthWeekday(p, day)
	}
	return false
}

// midnight is the day of a time, as the clocks go in its place, in UTC, where all days have the same length.
func midnight(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// daysBetween counts days; a time.Duration is too short for the years that events may have.
func daysBetween(from, to time.Time) int { return int((to.Unix() - from.Unix()) / (24 * 60 * 60)) }

func weekOf(p models.RecurrencePatternable, day time.Time) time.Time {
	first := models.SUNDAY_DAYOFWEEK
	if f := p.GetFirstDayOfWeek(); f != nil {
		first = *f
	}
	return day.AddDate(0, 0, -(int(day.Weekday())-int(first)+7)%7)
}

func isDayOfMonth(p models.RecurrencePatternable, day time.Time) bool {
	want := p.GetDayOfMonth()
	return want != nil && day.Day() == min(int(*want), daysIn(day.Year(), day.Month()))
}

func isNthWeekday(p models.RecurrencePatternable, day time.Time) bool {
	var hits []int
	for d := 1; d <= daysIn(day.Year(), day.Month()); d++ {
		if slices.Contains(p.GetDaysOfWeek(), dayOfWeek((day.Weekday()+time.Weekday(d-day.Day()+35))%7)) {
			hits = append(hits, d)
		}
	}
	n := 0
	if i := p.GetIndex(); i != nil {
		n = int(*i)
	}
	if n == int(models.LAST_WEEKINDEX) {
		n = len(hits) - 1
	}
	return n >= 0 && n < len(hits) && hits[n] == day.Day()
}
