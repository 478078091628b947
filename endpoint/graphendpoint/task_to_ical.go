package graphendpoint

import (
	"fmt"
	"strings"
	"time"

	"github.com/emersion/go-ical"
	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"github.com/dandyroll/dandyroll/watermark"
)

// The parts of a task, each of which is one or more lines of a VTODO.
const (
	titlePart      = "title"
	bodyPart       = "body"
	statusPart     = "status"
	importancePart = "importance"
	startPart      = "start"
	duePart        = "due"
	completedPart  = "completed"
	recurrencePart = "recurrence"
	reminderPart   = "reminder"
	categoriesPart = "categories"
)

func stepPart(n int) string { return fmt.Sprintf("step %d", n) }
func linkPart(n int) string { return fmt.Sprintf("link %d", n) }

// The parameters of steps and links.
const (
	checkedParam     = "X-CHECKED"
	fileNameParam    = "FILENAME" // RFC 8607 section 4.2
	applicationParam = "X-APPLICATION"
	externalIDParam  = "X-EXTERNAL-ID"
)

// taskPart is what one part of a task says in iCalendar.
type taskPart struct{ name, lines string }

// taskRecord is a task as it is in Graph, with what was noted when we wrote it.
type taskRecord struct {
	task models.TodoTaskable // with its links and steps
	mark string
	uid  string
	kept string
}

// iCalendar makes a calendar of a task.
func (r taskRecord) iCalendar() []byte {
	todo := ical.NewComponent(ical.CompToDo)
	uid := r.uid
	if uid == "" {
		uid = ownUID(idOf(r.task))
	}
	setText(todo, ical.PropUID, uid)
	if r.mark != "" {
		setText(todo, watermark.Property, r.mark)
	}
	setRaw(todo, ical.PropDateTimeStamp, latest(r.task.GetLastModifiedDateTime(), r.task.GetCreatedDateTime()).UTC().Format(utcTime))
	var shown []string
	for _, part := range taskParts(r.task, r.task.GetChecklistItems()) {
		shown = append(shown, part.lines)
	}
	k := parseKept(r.kept)
	addLines(todo, k.restore(shown))
	if at := r.task.GetCreatedDateTime(); at != nil && todo.Props.Get(ical.PropCreated) == nil {
		setRaw(todo, ical.PropCreated, at.UTC().Format(utcTime))
	}
	calendar := ical.NewComponent(ical.CompCalendar)
	setRaw(calendar, ical.PropVersion, "2.0")
	setRaw(calendar, ical.PropProductID, productID)
	calendar.Children = []*ical.Component{todo}
	calendar.Children = append(timeZones(calendar, clocksOf(calendar)), todo)
	return writeICalendar(calendar)
}

// latest is the first time that is known. Without one, it is the beginning of time, so that the same task gives the same text.
func latest(times ...*time.Time) time.Time {
	for _, t := range times {
		if t != nil {
			return *t
		}
	}
	return time.Unix(0, 0)
}

// addLines adds properties, and alarms, to a component. Lines that are neither have been dropped before.
func addLines(todo *ical.Component, lines []string) {
	into := todo
	for _, line := range lines {
		p, ok := readProperty(line)
		switch {
		case !ok:
		case p.Name == "BEGIN":
			into = ical.NewComponent(ical.CompAlarm)
			todo.Children = append(todo.Children, into)
		case p.Name == "END":
			into = todo
		default:
			into.Props.Add(p)
		}
	}
}

// taskParts are the parts of a task that have something in them, in a fixed order.
func taskParts(t models.TodoTaskable, steps []models.ChecklistItemable) []taskPart {
	var parts []taskPart
	add := func(name string, lines ...string) {
		if text := strings.Join(lines, "\n"); text != "" {
			parts = append(parts, taskPart{name, text})
		}
	}
	if title := text(t.GetTitle()); title != "" {
		add(titlePart, textLine(ical.PropSummary, title))
	}
	add(bodyPart, bodyLines(t.GetBody())...)
	add(statusPart, statusLines(t.GetStatus())...)
	add(importancePart, importanceLine(t.GetImportance()))
	add(startPart, dayLine(ical.PropDateTimeStart, t.GetStartDateTime()))
	add(duePart, dayLine(ical.PropDue, t.GetDueDateTime()))
	add(completedPart, completedLine(t))
	add(recurrencePart, recurrenceLine(t))
	add(reminderPart, reminderLines(t)...)
	if list := t.GetCategories(); len(list) > 0 {
		add(categoriesPart, ical.PropCategories+":"+cardList(list, ","))
	}
	for i, step := range steps {
		add(stepPart(i), stepLine(step))
	}
	for i, link := range foreignLinks(t) {
		add(linkPart(i), linkLine(link))
	}
	return parts
}

func bodyLines(body models.ItemBodyable) []string {
	if body == nil || text(body.GetContent()) == "" {
		return nil
	}
	content := text(body.GetContent())
	if kind := body.GetContentType(); kind == nil || *kind != models.HTML_BODYTYPE {
		return []string{textLine(ical.PropDescription, content)}
	}
	return []string{
		textLine(ical.PropDescription, textOfHTML(content)),
		textLine("X-ALT-DESC;FMTTYPE=text/html", content),
	}
}

func statusLines(status *models.TaskStatus) []string {
	if status == nil {
		return nil
	}
	switch *status {
	case models.COMPLETED_TASKSTATUS:
		return []string{"STATUS:COMPLETED"}
	case models.INPROGRESS_TASKSTATUS:
		return []string{"STATUS:IN-PROCESS"}
	case models.WAITINGONOTHERS_TASKSTATUS, models.DEFERRED_TASKSTATUS:
		return []string{"STATUS:NEEDS-ACTION", statusProperty + ":" + status.String()}
	case models.NOTSTARTED_TASKSTATUS:
	}
	return []string{"STATUS:NEEDS-ACTION"}
}

// importanceLine is PRIORITY as Outlook writes it (MS-OXCICAL section 2.1.3.1.1.20.17).
func importanceLine(importance *models.Importance) string {
	if importance == nil {
		return ""
	}
	switch *importance {
	case models.HIGH_IMPORTANCE:
		return "PRIORITY:1"
	case models.LOW_IMPORTANCE:
		return "PRIORITY:9"
	case models.NORMAL_IMPORTANCE:
	}
	return "PRIORITY:5"
}

// taskDay reads a day of a task. The service tells some in UTC where they mean midnight elsewhere; the nearest midnight is right west
// of UTC+12.
func taskDay(v models.DateTimeTimeZoneable) (moment, bool) {
	m, err := momentOf(v, nil, false)
	if err != nil {
		return moment{}, false
	}
	if m.zone.name == "UTC" {
		m = m.plus(0, 12*time.Hour)
	}
	return m.day(), true
}

func dayLine(name string, v models.DateTimeTimeZoneable) string {
	m, ok := taskDay(v)
	if !ok {
		return ""
	}
	return lineOf(*m.property(name))
}

// completedLine is COMPLETED, which is a time in UTC (RFC 5545 section 3.8.2.1).
func completedLine(t models.TodoTaskable) string {
	m, ok := taskDay(t.GetCompletedDateTime())
	if !ok {
		return ""
	}
	return ical.PropCompleted + ":" + m.time.Format(utcTime)
}

func recurrenceLine(t models.TodoTaskable) string {
	first, ok := taskDay(t.GetDueDateTime())
	if t.GetRecurrence() == nil || !ok {
		return ""
	}
	rule, ok := ruleOf(t.GetRecurrence(), first)
	if !ok {
		return ""
	}
	return ical.PropRecurrenceRule + ":" + rule
}

func reminderLines(t models.TodoTaskable) []string {
	m, err := momentOf(t.GetReminderDateTime(), nil, false)
	if err != nil || !isTrue(t.GetIsReminderOn()) {
		return nil
	}
	// RFC 5545 section 3.6.6: what an alarm of action DISPLAY must have.
	return []string{
		"BEGIN:VALARM", "ACTION:DISPLAY", "DESCRIPTION:Reminder",
		"TRIGGER;VALUE=DATE-TIME:" + m.time.UTC().Format(utcTime), "END:VALARM",
	}
}

func stepLine(step models.ChecklistItemable) string {
	name := stepProperty
	if isTrue(step.GetIsChecked()) {
		name += ";" + checkedParam + "=TRUE"
	}
	return textLine(name, text(step.GetDisplayName()))
}

// foreignLinks are the links of a task but for the one that carries a mark while the task is being written.
func foreignLinks(t models.TodoTaskable) []models.LinkedResourceable {
	var links []models.LinkedResourceable
	for _, link := range t.GetLinkedResources() {
		if markOfLink(link) == "" && text(link.GetWebUrl()) != "" {
			links = append(links, link)
		}
	}
	return links
}

// linkLine is the property that a link was made of, or one of our own.
func linkLine(link models.LinkedResourceable) string {
	address, title, application := text(link.GetWebUrl()), text(link.GetDisplayName()), text(link.GetApplicationName())
	p := ical.NewProp(linkProperty)
	if application == ical.PropURL || application == ical.PropAttach || application == linkProperty {
		p.Name = application
	} else if application != "" {
		p.Params.Set(applicationParam, application)
	}
	if id := text(link.GetExternalId()); id != "" {
		p.Name = linkProperty
		p.Params.Set(externalIDParam, id)
	}
	if title != "" && title != address {
		p.Params.Set(fileNameParam, title)
	}
	p.Value = address
	return lineOf(*p)
}

// markApplication names us in the link that carries a mark.
const markApplication = "Dandyroll"

// markOfLink is the mark that a link carries, or "".
func markOfLink(link models.LinkedResourceable) string {
	if text(link.GetApplicationName()) != markApplication {
		return ""
	}
	return text(link.GetExternalId())
}
