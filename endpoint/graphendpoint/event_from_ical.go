package graphendpoint

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/emersion/go-ical"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
)

const (
	// maxChanges bounds the changed and cancelled occurrences of a series: each costs two requests.
	maxChanges = 500
	// maxShort is the length of subjects, locations and categories in Exchange, in characters. Longer ones stand in the body.
	maxShort = 255
)

var (
	errNoEvent     = errors.New("the calendar holds no event")
	errManyEvents  = errors.New("the calendar holds several items")
	errManyChanges = errors.New("more than 500 occurrences of the series are changed or cancelled")
)

// eventDraft is what has to be written to make an event.
type eventDraft struct {
	event     models.Eventable // a series, or a single event
	changed   []changedOccurrence
	cancelled []moment
	files     []attachment
	uid       string
	kept      string // what Graph has no place for
}

// changedOccurrence is an occurrence of a series that is not as the series says.
type changedOccurrence struct {
	at    moment // when the series says
	event models.Eventable
	files []attachment
}

// eventFromICalendar makes an event of a calendar that holds one VEVENT and the overrides of its occurrences.
//
// Attendees stay out of the attendees of Graph, which would invite them. They are named in the body, and kept.
func eventFromICalendar(text []byte) (eventDraft, error) {
	calendar, err := readICalendar(text)
	if err != nil {
		return eventDraft{}, err
	}
	source, err := vevents(calendar)
	if err != nil {
		return eventDraft{}, err
	}
	if err := source.place(); err != nil {
		return eventDraft{}, err
	}
	d := eventDraft{uid: strings.TrimSpace(textOf(source.main, ical.PropUID))}
	if d.event, err = source.event(source.main); err != nil {
		return eventDraft{}, err
	}
	if d.event.GetRecurrence() != nil {
		if err := d.addChanges(source); err != nil {
			return eventDraft{}, err
		}
	}
	d.files = inlinedFiles(source.main)
	d.kept = source.keep(d)
	return d, nil
}

// eventSource is one event as iCalendar has it.
type eventSource struct {
	calendar  *ical.Component
	clocks    clocks
	main      *ical.Component
	overrides []*ical.Component // of occurrences that the series has in Graph
	unplaced  []*ical.Component // overrides of others
}

// vevents finds the event of a calendar and its overrides. An invitation to one occurrence of a series has but an override.
func vevents(calendar *ical.Component) (eventSource, error) {
	s := eventSource{calendar: calendar, clocks: clocksOf(calendar)}
	for _, c := range calendar.Children {
		switch {
		case c.Name == ical.CompToDo || c.Name == ical.CompJournal || c.Name == ical.CompFreeBusy:
			return s, errManyEvents
		case c.Name != ical.CompEvent:
		case c.Props.Get(ical.PropRecurrenceID) != nil:
			s.overrides = append(s.overrides, c)
		case s.main != nil:
			return s, errManyEvents
		default:
			s.main = c
		}
	}
	if s.main == nil && len(s.overrides) == 1 {
		s.main, s.overrides = s.overrides[0], nil
	}
	switch {
	case s.main == nil && len(s.overrides) > 0:
		return s, errManyEvents
	case s.main == nil:
		return s, errNoEvent
	}
	for _, o := range s.overrides {
		if textOf(o, ical.PropUID) != textOf(s.main, ical.PropUID) {
			return s, errManyEvents
		}
	}
	return s, nil
}

// place finds out which overrides have a place in Graph.
func (s *eventSource) place() error {
	start, _, err := s.clocks.span(s.main)
	if err != nil {
		return err
	}
	r, _ := recurrenceOf(onlyRule(s.main), start)
	var placed []*ical.Component
	for _, o := range s.overrides {
		id := o.Props.Get(ical.PropRecurrenceID)
		at, err := s.clocks.moment(id)
		// Of one occurrence and all after it (RFC 5545 section 3.2.13), Graph knows nothing.
		if err == nil && r != nil && id.Params.Get(ical.ParamRange) == "" && occursAt(r.GetPattern(), start, at) {
			placed = append(placed, o)
		} else {
			s.unplaced = append(s.unplaced, o)
		}
	}
	s.overrides = placed
	return nil
}

func occursAt(p models.RecurrencePatternable, start, at moment) bool {
	return occursOn(p, start.time, start.occurrence(at).time.In(start.time.Location()))
}

// addChanges finds what is not as the series says.
func (d *eventDraft) addChanges(s eventSource) error {
	start, _, err := s.clocks.span(s.main)
	if err != nil {
		return err
	}
	pattern := d.event.GetRecurrence().GetPattern()
	for _, at := range s.clocks.all(s.main.Props.Values(ical.PropExceptionDates)) {
		if occursAt(pattern, start, at) {
			d.cancelled = append(d.cancelled, start.occurrence(at))
		}
	}
	if len(d.cancelled)+len(s.overrides)+len(s.unplaced) > maxChanges {
		return errManyChanges
	}
	for _, o := range s.overrides {
		at, err := s.clocks.moment(o.Props.Get(ical.PropRecurrenceID))
		if err != nil {
			return err
		}
		at = start.occurrence(at)
		if strings.EqualFold(textOf(o, ical.PropStatus), "CANCELLED") {
			d.cancelled = append(d.cancelled, at)
			continue
		}
		event, err := s.event(o)
		if err != nil {
			return err
		}
		d.changed = append(d.changed, changedOccurrence{at, event, inlinedFiles(o)})
	}
	return nil
}

// event makes an event of one component.
func (s eventSource) event(c *ical.Component) (models.Eventable, error) {
	e := models.NewEvent()
	start, end, err := s.clocks.span(c)
	if err != nil {
		return nil, err
	}
	e.SetStart(start.graph())
	e.SetEnd(end.graph())
	e.SetIsAllDay(&start.date)
	e.SetSubject(new(short(textOf(c, ical.PropSummary))))
	if rule := onlyRule(c); rule != "" {
		if r, _ := recurrenceOf(rule, start); r != nil {
			e.SetRecurrence(r)
		}
	}
	setBody(e, c, s.noteOf(c))
	setPlace(e, c)
	setClasses(e, c)
	setReminder(e, c, start, end, s.clocks)
	// Nobody is asked to answer, should somebody be invited later.
	e.SetResponseRequested(new(false))
	return e, nil
}

// span returns start and end of an event. An end before the start is the start.
func (k clocks) span(c *ical.Component) (start, end moment, err error) {
	p := c.Props.Get(ical.PropDateTimeStart)
	if p == nil {
		p = c.Props.Get(ical.PropRecurrenceID) // an override that does not move its occurrence
	}
	if p == nil {
		return start, end, errTime
	}
	if start, err = k.moment(p); err != nil {
		return start, end, err
	}
	// RFC 5545 section 3.6.1: without an end, a date is that day, and a time lasts no time.
	end = start
	if p := c.Props.Get(ical.PropDateTimeEnd); p != nil {
		end, err = k.moment(p)
	} else if p := c.Props.Get(ical.PropDuration); p != nil {
		if days, d, ok := readDuration(p.Value); ok && (d == 0 || !start.date) {
			end = start.plus(days, d)
		}
	}
	if err != nil {
		return start, end, err
	}
	if end.date != start.date || end.time.Before(start.time) {
		end = start
	}
	if start.date && !end.time.After(start.time) {
		end = start.plus(1, 0)
	}
	return start, end, nil
}

// onlyRule returns the RRULE of an event if it has one, and not several.
func onlyRule(c *ical.Component) string {
	if rules := c.Props.Values(ical.PropRecurrenceRule); len(rules) == 1 {
		return rules[0].Value
	}
	return ""
}

// short cuts a text to what Exchange takes in one line.
func short(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if utf8.RuneCountInString(s) > maxShort {
		return string([]rune(s)[:maxShort-1]) + "…"
	}
	return s
}

// setBody takes the HTML that Outlook and others write, or else the description, and adds a note.
func setBody(e models.Eventable, c *ical.Component, n note) {
	body := models.NewItemBody()
	kind, content := models.TEXT_BODYTYPE, n.appendText(textOf(c, ical.PropDescription))
	if p := c.Props.Get("X-ALT-DESC"); p != nil && strings.EqualFold(p.Params.Get(ical.ParamFormatType), "text/html") {
		kind, content = models.HTML_BODYTYPE, n.appendHTML(textOf(c, "X-ALT-DESC"))
	}
	body.SetContentType(&kind)
	body.SetContent(&content)
	e.SetBody(body)
}

func setPlace(e models.Eventable, c *ical.Component) {
	name := short(textOf(c, ical.PropLocation))
	l := models.NewLocation()
	l.SetDisplayName(&name)
	geo := c.Props.Get(ical.PropGeo)
	if geo != nil {
		north, east, _ := strings.Cut(geo.Value, ";")
		latitude, errNorth := strconv.ParseFloat(strings.TrimSpace(north), 64)
		longitude, errEast := strconv.ParseFloat(strings.TrimSpace(east), 64)
		if errNorth == nil && errEast == nil && math.Abs(latitude) <= 90 && math.Abs(longitude) <= 180 {
			at := models.NewOutlookGeoCoordinates()
			at.SetLatitude(&latitude)
			at.SetLongitude(&longitude)
			l.SetCoordinates(at)
		}
	}
	if name != "" || l.GetCoordinates() != nil {
		e.SetLocation(l)
	}
}

// setClasses sets what is one of a few values.
func setClasses(e models.Eventable, c *ical.Component) {
	e.SetSensitivity(new(sensitivityOf(textOf(c, ical.PropClass))))
	e.SetImportance(new(eventImportance(c)))
	e.SetShowAs(new(showAsOf(c)))
	categories := []string{}
	for _, p := range c.Props.Values(ical.PropCategories) {
		for _, name := range textList(p.Value) {
			if name = short(name); name != "" {
				categories = append(categories, name)
			}
		}
	}
	e.SetCategories(categories)
}

// sensitivityOf reads CLASS; a value that is not known is private (RFC 5545 section 3.8.1.3).
func sensitivityOf(class string) models.Sensitivity {
	switch strings.ToUpper(class) {
	case "", "PUBLIC":
		return models.NORMAL_SENSITIVITY
	case "CONFIDENTIAL":
		return models.CONFIDENTIAL_SENSITIVITY
	}
	return models.PRIVATE_SENSITIVITY
}

// eventImportance reads what Exchange writes (MS-OXCICAL section 2.1.3.1.1.20.37), or else PRIORITY, in three groups as RFC 5545
// section 3.8.1.9 has them.
func eventImportance(c *ical.Component) models.Importance {
	switch textOf(c, "X-MICROSOFT-CDO-IMPORTANCE") {
	case "0":
		return models.LOW_IMPORTANCE
	case "1":
		return models.NORMAL_IMPORTANCE
	case "2":
		return models.HIGH_IMPORTANCE
	}
	switch priority := textOf(c, ical.PropPriority); {
	case len(priority) == 1 && "1" <= priority && priority <= "4":
		return models.HIGH_IMPORTANCE
	case len(priority) == 1 && "6" <= priority && priority <= "9":
		return models.LOW_IMPORTANCE
	}
	return models.NORMAL_IMPORTANCE
}

// showAsOf reads what Exchange writes, or else TRANSP and STATUS.
func showAsOf(c *ical.Component) models.FreeBusyStatus {
	switch strings.ToUpper(textOf(c, "X-MICROSOFT-CDO-BUSYSTATUS")) {
	case "FREE":
		return models.FREE_FREEBUSYSTATUS
	case "TENTATIVE":
		return models.TENTATIVE_FREEBUSYSTATUS
	case "BUSY":
		return models.BUSY_FREEBUSYSTATUS
	case "OOF":
		return models.OOF_FREEBUSYSTATUS
	case "WORKINGELSEWHERE":
		return models.WORKINGELSEWHERE_FREEBUSYSTATUS
	}
	switch {
	case strings.EqualFold(textOf(c, ical.PropTransparency), "TRANSPARENT"):
		return models.FREE_FREEBUSYSTATUS
	case strings.EqualFold(textOf(c, ical.PropStatus), "TENTATIVE"):
		return models.TENTATIVE_FREEBUSYSTATUS
	}
	return models.BUSY_FREEBUSYSTATUS
}

// setReminder takes the first alarm that is before the start: Graph has one. It would set one by itself.
func setReminder(e models.Eventable, c *ical.Component, start, end moment, k clocks) {
	e.SetIsReminderOn(new(false))
	for _, alarm := range c.Children {
		trigger := alarm.Props.Get(ical.PropTrigger)
		if alarm.Name != ical.CompAlarm || trigger == nil {
			continue
		}
		if before, ok := k.before(trigger, start, end); ok {
			e.SetIsReminderOn(new(true))
			e.SetReminderMinutesBeforeStart(new(int32(before / time.Minute)))
			return
		}
	}
}

// before returns how long before the start of an event an alarm is (RFC 5545 section 3.8.6.3).
func (k clocks) before(trigger *ical.Prop, start, end moment) (time.Duration, bool) {
	var at moment
	if days, d, ok := readDuration(trigger.Value); ok {
		at = start
		if strings.EqualFold(trigger.Params.Get(ical.ParamRelated), "END") {
			at = end
		}
		at = at.plus(days, d)
	} else if m, err := k.moment(trigger); err == nil && !m.date {
		at = m
	} else {
		return 0, false
	}
	before := start.time.Sub(at.time)
	return before, before >= 0 && before/time.Minute <= math.MaxInt32
}

func inlinedFiles(c *ical.Component) (files []attachment) {
	for _, p := range c.Props.Values(ical.PropAttach) {
		if isInlined(p) {
			files = append(files, inlinedFile(p))
		}
	}
	return files
}

// inlinedFile makes an attachment of an ATTACH that holds its bytes. What is no base64 stays as it is.
func inlinedFile(p ical.Prop) attachment {
	content, err := base64.StdEncoding.DecodeString(strings.NewReplacer(" ", "", "\t", "").Replace(p.Value))
	if err != nil {
		content = []byte(p.Value)
	}
	a := attachment{name: fileName(p), contentType: p.Params.Get(ical.ParamFormatType), size: int64(len(content))}
	if a.contentType == "" {
		a.contentType = "application/octet-stream"
	}
	a.open = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }
	return a
}

// isInlined reports whether an ATTACH holds the bytes of a file.
func isInlined(p ical.Prop) bool {
	return strings.EqualFold(p.Params.Get(ical.ParamValue), "BINARY") || strings.EqualFold(p.Params.Get(ical.ParamEncoding), "BASE64")
}

// fileName is the name of a file as RFC 8607 section 4.2, Outlook, Apple or others write it.
func fileName(p ical.Prop) string {
	for _, param := range []string{"FILENAME", "X-FILENAME", "X-APPLE-FILENAME", "X-LABEL"} {
		if name := short(p.Params.Get(param)); name != "" {
			return name
		}
	}
	return "attachment"
}
