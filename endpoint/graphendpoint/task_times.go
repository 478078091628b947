package graphendpoint

import (
	"strings"
	"time"

	"github.com/emersion/go-ical"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
)

// placeDays takes the days of a task. To Do knows no time of day for them.
func (p *taskPlaces) placeDays() {
	task := p.draft.task
	for _, d := range []struct {
		name, part string
		set        func(models.DateTimeTimeZoneable)
	}{
		{ical.PropDateTimeStart, startPart, task.SetStartDateTime},
		{ical.PropDue, duePart, task.SetDueDateTime},
	} {
		if m, ok := p.moment(d.name); ok {
			if said := p.take(d.name, d.part); said.Params.Get(ical.ParamTimezoneID) != "" {
				// The definition of the zone is not kept, so the line is to name one that everybody knows.
				p.said[d.part] = lineOf(*m.property(d.name))
			}
			d.set(m.day().graph())
		}
	}
	if m, ok := p.moment(ical.PropCompleted); ok && *task.GetStatus() == models.COMPLETED_TASKSTATUS {
		p.take(ical.PropCompleted, completedPart)
		task.SetCompletedDateTime(m.day().graph())
	}
}

// moment reads the property of a name, if it is a date or time.
func (p *taskPlaces) moment(name string) (moment, bool) {
	prop := p.todo.Props.Get(name)
	if prop == nil {
		return moment{}, false
	}
	m, err := p.clocks.moment(prop)
	return m, err == nil
}

// day is the whole day of a moment, as the clocks go in its zone.
func (m moment) day() moment {
	year, month, day := m.time.Date()
	return moment{time.Date(year, month, day, 0, 0, 0, 0, time.UTC), true, utc()}
}

// placeRecurrence takes the rule, if Graph has a pattern like it. To Do repeats what is due: a task that only starts is due then.
func (p *taskPlaces) placeRecurrence() {
	task, rules := p.draft.task, p.todo.Props.Values(ical.PropRecurrenceRule)
	due := task.GetDueDateTime()
	if due == nil {
		due = task.GetStartDateTime()
	}
	first, err := momentOf(due, nil, true)
	if len(rules) != 1 || err != nil {
		return
	}
	recurrence, fits := recurrenceOf(rules[0].Value, first)
	if fits == noFit {
		return
	}
	p.take(ical.PropRecurrenceRule, recurrencePart)
	task.SetDueDateTime(due)
	task.SetRecurrence(recurrence)
}

// placeReminder takes the first alarm of which one can say when it rings (RFC 5545 section 3.6.6).
func (p *taskPlaces) placeReminder() {
	for _, alarm := range p.todo.Children {
		lines := strings.Join(alarmLines(alarm), "\n")
		at, ok := p.rings(alarm)
		if alarm.Name != ical.CompAlarm {
			continue
		}
		if !ok || p.draft.task.GetReminderDateTime() != nil {
			p.kept.add(lines)
			continue
		}
		p.draft.task.SetIsReminderOn(new(true))
		p.draft.task.SetReminderDateTime(moment{at.time.UTC().Truncate(time.Minute), false, utc()}.graph())
		p.say(reminderPart, lines)
	}
}

// alarmLines are the lines of an alarm.
func alarmLines(alarm *ical.Component) []string {
	lines := []string{"BEGIN:" + ical.CompAlarm}
	for _, name := range sortedNames(alarm.Props) {
		for _, prop := range alarm.Props.Values(name) {
			lines = append(lines, lineOf(prop))
		}
	}
	return append(lines, "END:"+ical.CompAlarm)
}

// rings says when an alarm rings: at a time, or some time from the start, or the end, of its task (RFC 5545 section 3.8.6.3).
func (p *taskPlaces) rings(alarm *ical.Component) (moment, bool) {
	trigger := alarm.Props.Get(ical.PropTrigger)
	if trigger == nil {
		return moment{}, false
	}
	days, rest, ok := readDuration(trigger.Value)
	if !ok {
		m, err := parseMoment(trigger.Value, utc())
		return m, err == nil && !m.date
	}
	part := startPart
	if p.said[startPart] == "" || strings.EqualFold(trigger.Params.Get("RELATED"), "END") && p.said[duePart] != "" {
		part = duePart
	}
	said, ok := readProperty(p.said[part])
	if !ok {
		return moment{}, false
	}
	m, err := p.clocks.moment(said)
	return m.plus(days, rest), err == nil
}
