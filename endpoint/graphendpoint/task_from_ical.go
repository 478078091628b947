package graphendpoint

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/emersion/go-ical"
	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"github.com/dandyroll/dandyroll/endpoint"
)

const (
	maxSteps = 100 // steps of a task; each costs a request
	maxLinks = 25  // links of a task

	// The properties for what iCalendar has none.
	stepProperty   = "X-CHECKLIST-ITEM"
	linkProperty   = "X-LINKED-RESOURCE"
	statusProperty = "X-GRAPH-STATUS"
)

// taskDraft is what has to be written to make a task.
type taskDraft struct {
	task  models.TodoTaskable // with its links
	steps []models.ChecklistItemable
	uid   string
	kept  string // what Graph has no place for
}

// taskFromICalendar makes a task of a calendar that holds one VTODO.
func taskFromICalendar(text []byte) (taskDraft, error) {
	calendar, err := readICalendar(text)
	if err != nil {
		return taskDraft{}, endpoint.Errorf(endpoint.Rejected, "%w", err)
	}
	todo, err := onlyTask(calendar)
	if err != nil {
		return taskDraft{}, err
	}
	p := taskPlaces{
		draft: taskDraft{task: models.NewTodoTask(), uid: strings.TrimSpace(textOf(todo, ical.PropUID))},
		todo:  todo, clocks: clocksOf(calendar), said: map[string]string{},
	}
	p.placeText()
	p.placeProgress()
	p.placeDays()
	p.placeRecurrence()
	p.placeReminder()
	p.placeLists()
	p.keepRest()
	return p.draft, nil
}

// onlyTask is the VTODO of a calendar. Overrides of single occurrences are passed over: tasks of Graph have none.
func onlyTask(calendar *ical.Component) (*ical.Component, error) {
	var todo *ical.Component
	for _, c := range calendar.Children {
		switch {
		case c.Name == ical.CompTimezone:
		case c.Name == ical.CompToDo && c.Props.Get(ical.PropRecurrenceID) != nil:
		case c.Name == ical.CompToDo && todo == nil:
			todo = c
		default:
			return nil, endpoint.Errorf(endpoint.Rejected, "the calendar holds more than one task (VTODO of RFC 5545)")
		}
	}
	if todo == nil {
		return nil, endpoint.Errorf(endpoint.Rejected, "the calendar holds no task (VTODO of RFC 5545)")
	}
	return todo, nil
}

// taskPlaces puts the properties of a VTODO into the fields of a task.
type taskPlaces struct {
	draft  taskDraft
	todo   *ical.Component
	clocks clocks
	said   map[string]string // the lines that found a place, by the name of the part of a task (see taskPart)
	kept   kept
}

// take takes the first property of a name, which a part of the task will stand for. The others of its name are kept.
func (p *taskPlaces) take(name, part string) *ical.Prop {
	all := p.todo.Props.Values(name)
	p.todo.Props.Del(name)
	if len(all) == 0 {
		return nil
	}
	for _, more := range all[1:] {
		p.kept.add(lineOf(more))
	}
	p.say(part, lineOf(all[0]))
	return &all[0]
}

// say notes lines that a part of the task stands for.
func (p *taskPlaces) say(part, lines string) {
	if before := p.said[part]; before != "" {
		lines = before + "\n" + lines
	}
	p.said[part] = lines
}

// unsay keeps lines for which there was no place after all.
func (p *taskPlaces) unsay(part string) {
	if lines := p.said[part]; lines != "" {
		p.kept.add(lines)
	}
	delete(p.said, part)
}

// placeText takes the title and the body: the HTML that Outlook and others write, or else the description.
func (p *taskPlaces) placeText() {
	if summary := p.take(ical.PropSummary, titlePart); summary != nil {
		p.draft.task.SetTitle(new(short(unescaped(summary.Value))))
	}
	kind, content := models.TEXT_BODYTYPE, ""
	if description := p.take(ical.PropDescription, bodyPart); description != nil {
		content = unescaped(description.Value)
	}
	alternative := p.todo.Props.Get("X-ALT-DESC")
	if alternative != nil && strings.EqualFold(alternative.Params.Get(ical.ParamFormatType), "text/html") {
		p.take("X-ALT-DESC", bodyPart)
		kind, content = models.HTML_BODYTYPE, unescaped(alternative.Value)
	}
	if content != "" {
		body := models.NewItemBody()
		body.SetContentType(&kind)
		body.SetContent(&content)
		p.draft.task.SetBody(body)
	}
}

// placeProgress takes status, percentage and priority (RFC 5545 sections 3.8.1.11, 3.8.1.8, 3.8.1.9).
func (p *taskPlaces) placeProgress() {
	status, percent := p.take(ical.PropStatus, statusPart), p.take(ical.PropPercentComplete, statusPart)
	own := p.take(statusProperty, statusPart)
	p.draft.task.SetStatus(new(taskStatus(trimmed(status), trimmed(percent), trimmed(own))))
	importance := models.NORMAL_IMPORTANCE
	if priority := p.take(ical.PropPriority, importancePart); priority != nil {
		switch n, err := strconv.Atoi(strings.TrimSpace(priority.Value)); {
		case err != nil:
		case n >= 1 && n <= 4:
			importance = models.HIGH_IMPORTANCE
		case n >= 6 && n <= 9:
			importance = models.LOW_IMPORTANCE
		}
	}
	p.draft.task.SetImportance(&importance)
}

// trimmed is the value of a property as it stands there, or "".
func trimmed(p *ical.Prop) string {
	if p == nil {
		return ""
	}
	return strings.TrimSpace(p.Value)
}

// taskStatus is the status that three properties mean. A task that was cancelled is one that is no longer to be done.
func taskStatus(status, percent, own string) models.TaskStatus {
	n, _ := strconv.Atoi(percent) // without a number, 0
	switch {
	case strings.EqualFold(own, models.WAITINGONOTHERS_TASKSTATUS.String()):
		return models.WAITINGONOTHERS_TASKSTATUS
	case strings.EqualFold(own, models.DEFERRED_TASKSTATUS.String()):
		return models.DEFERRED_TASKSTATUS
	case strings.EqualFold(status, "COMPLETED"), strings.EqualFold(status, "CANCELLED"), status == "" && n >= 100:
		return models.COMPLETED_TASKSTATUS
	case strings.EqualFold(status, "IN-PROCESS"), status == "" && n > 0:
		return models.INPROGRESS_TASKSTATUS
	}
	return models.NOTSTARTED_TASKSTATUS
}

// placeLists takes what a task has several of.
func (p *taskPlaces) placeLists() {
	p.placeCategories()
	for _, prop := range p.each(stepProperty) {
		if len(p.draft.steps) >= maxSteps {
			p.kept.add(lineOf(prop))
			continue
		}
		step := models.NewChecklistItem()
		step.SetDisplayName(new(short(unescaped(prop.Value))))
		step.SetIsChecked(new(strings.EqualFold(prop.Params.Get(checkedParam), "TRUE")))
		p.say(stepPart(len(p.draft.steps)), lineOf(prop))
		p.draft.steps = append(p.draft.steps, step)
	}
	for _, name := range []string{ical.PropURL, ical.PropAttach, linkProperty} {
		for _, prop := range p.each(name) {
			p.placeLink(prop)
		}
	}
}

func (p *taskPlaces) placeCategories() {
	for i, prop := range p.each(ical.PropCategories) {
		var names []string
		for _, name := range textList(prop.Value) {
			if name = strings.TrimSpace(name); name != "" {
				names = append(names, name)
			}
		}
		all, ok := joined(p.draft.task.GetCategories(), names)
		if !ok || i >= maxKeywords {
			p.kept.add(lineOf(prop))
			continue
		}
		p.draft.task.SetCategories(all)
		p.say(categoriesPart, lineOf(prop))
	}
}

// each takes all properties of a name.
func (p *taskPlaces) each(name string) []ical.Prop {
	all := p.todo.Props.Values(name)
	p.todo.Props.Del(name)
	return all
}

// placeLink makes a link of a web address. Files within the calendar have no place, other addresses none that To Do would open.
func (p *taskPlaces) placeLink(prop ical.Prop) {
	links := p.draft.task.GetLinkedResources()
	address := strings.TrimSpace(prop.Value)
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || len(links) >= maxLinks {
		p.kept.add(lineOf(prop))
		return
	}
	link := models.NewLinkedResource()
	link.SetWebUrl(&address)
	link.SetDisplayName(&address)
	link.SetApplicationName(new(prop.Name))
	setParam := func(name string, set func(*string)) {
		if v := prop.Params.Get(name); v != "" {
			set(&v)
		}
	}
	setParam(fileNameParam, link.SetDisplayName)
	if prop.Name == linkProperty {
		setParam(applicationParam, link.SetApplicationName)
		setParam(externalIDParam, link.SetExternalId)
	}
	p.say(linkPart(len(links)), lineOf(prop))
	p.draft.task.SetLinkedResources(append(links, link))
}

// keepRest keeps what found no place, and what said more than its place holds. UID stands beside; the rest is about the text.
func (p *taskPlaces) keepRest() {
	for _, name := range []string{ical.PropUID, ical.PropDateTimeStamp, ical.PropLastModified} {
		p.todo.Props.Del(name)
	}
	for _, name := range sortedNames(p.todo.Props) {
		for _, prop := range p.todo.Props.Values(name) {
			p.kept.add(lineOf(prop))
		}
	}
	for _, part := range taskParts(p.draft.task, p.draft.steps) {
		if said := p.said[part.name]; said != "" {
			p.kept.addInstead(part.lines, said)
			delete(p.said, part.name)
		}
	}
	for _, name := range sortedNames(p.said) {
		p.unsay(name)
	}
	p.draft.kept = p.kept.String()
}
