package graphendpoint

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-ical"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
)

const productID = "-//Dandyroll//graphendpoint//EN"

// eventRecord is an event as it is in Graph, with what was kept when we wrote it.
type eventRecord struct {
	event models.Eventable // with cancelledOccurrences and exceptionOccurrences
	uid   string           // the one that was kept, or ""
	kept  string
}

// iCalendar makes a calendar of an event and its exceptions. Attachments are not among it; see withFiles.
func (r eventRecord) iCalendar() (*ical.Component, error) {
	k := readKept(r.kept)
	main, err := k.component(r.event, nil)
	if err != nil {
		return nil, err
	}
	calendar := ical.NewComponent(ical.CompCalendar)
	setRaw(calendar, ical.PropVersion, "2.0")
	setRaw(calendar, ical.PropProductID, productID)
	k.restoreCalendar(calendar)
	addExceptionDates(main, r.event, k.clocks)
	calendar.Children = append(calendar.Children, main)
	for _, e := range r.event.GetExceptionOccurrences() {
		override, err := r.override(e, main, k)
		if err != nil {
			return nil, err
		}
		calendar.Children = append(calendar.Children, override)
	}
	calendar.Children = append(calendar.Children, k.apart(main)...)
	for _, c := range calendar.Children {
		r.identify(c)
	}
	calendar.Children = append(timeZones(calendar, k.clocks), calendar.Children...)
	return calendar, nil
}

// override makes the override of one occurrence.
func (r eventRecord) override(e models.Eventable, main *ical.Component, k keptEvent) (*ical.Component, error) {
	at := originalStart(e, main, k.clocks)
	c, err := k.component(e, &at)
	if err != nil {
		return nil, err
	}
	c.Props.Set(at.like(ical.PropRecurrenceID, main.Props.Get(ical.PropDateTimeStart), k.clocks))
	return c, nil
}

// originalStart is when an exception would have been.
func originalStart(e models.Eventable, main *ical.Component, k clocks) moment {
	form, err := k.moment(main.Props.Get(ical.PropDateTimeStart))
	date := err == nil && form.date
	if at := e.GetOriginalStart(); at != nil {
		m := moment{at.UTC(), date, utc()}
		// Midnight in the zone of an event on whole days may be told in UTC.
		if z, ok := zoneNamed(text(e.GetOriginalStartTimeZone())); ok && date && !m.time.Equal(m.time.Truncate(24*time.Hour)) {
			m.time = m.time.In(z.place)
		}
		return m
	}
	at, _ := momentOf(e.GetStart(), nil, date) // the time was read before
	return at
}

// identify gives a component what every one must have (RFC 5545 section 3.6.1).
func (r eventRecord) identify(c *ical.Component) {
	uid := r.uid
	if uid == "" {
		uid = text(r.event.GetICalUId())
	}
	if uid == "" {
		uid = idOf(r.event)
	}
	setText(c, ical.PropUID, uid)
	created, changed := r.event.GetCreatedDateTime(), r.event.GetLastModifiedDateTime()
	setTimeOnce(c, ical.PropCreated, created)
	setTimeOnce(c, ical.PropLastModified, changed)
	if changed == nil {
		changed = &time.Time{}
	}
	setTimeOnce(c, ical.PropDateTimeStamp, changed)
}

func setTimeOnce(c *ical.Component, name string, at *time.Time) {
	if at != nil && c.Props.Get(name) == nil {
		setRaw(c, name, at.UTC().Format(utcTime))
	}
}

// eventComponent makes a VEVENT of an event without regard to what was kept, and takes a note of ours out of its body.
func eventComponent(e models.Eventable, n note) (*ical.Component, error) {
	c := ical.NewComponent(ical.CompEvent)
	allDay := isTrue(e.GetIsAllDay())
	start, err := momentOf(e.GetStart(), e.GetOriginalStartTimeZone(), allDay)
	if err != nil {
		return nil, err
	}
	end, err := momentOf(e.GetEnd(), e.GetOriginalEndTimeZone(), allDay)
	if err != nil {
		return nil, err
	}
	c.Props.Set(start.property(ical.PropDateTimeStart))
	c.Props.Set(end.property(ical.PropDateTimeEnd))
	if r := e.GetRecurrence(); r != nil {
		if rule, ok := ruleOf(r, start); ok {
			setRaw(c, ical.PropRecurrenceRule, rule)
		}
	}
	setText(c, ical.PropSummary, text(e.GetSubject()))
	addBody(c, e.GetBody(), n)
	addPlace(c, e)
	addClasses(c, e)
	addReminder(c, e)
	addPeople(c, e)
	if m := e.GetOnlineMeeting(); m != nil && text(m.GetJoinUrl()) != "" {
		addMeeting(c, text(m.GetJoinUrl()))
	} else if link := text(e.GetOnlineMeetingUrl()); link != "" {
		addMeeting(c, link)
	}
	return c, nil
}

// addMeeting names where a meeting is held online (RFC 7986 section 5.11).
func addMeeting(c *ical.Component, link string) {
	p := ical.NewProp(ical.PropConference)
	p.Params.Set(ical.ParamValue, "URI")
	p.Value = link
	c.Props.Set(p)
}

// addBody writes HTML as Outlook does, beside a description without it. Exchange turns texts into HTML and says so.
func addBody(c *ical.Component, body models.ItemBodyable, n note) {
	if body == nil || text(body.GetContent()) == "" {
		return
	}
	content := strings.ReplaceAll(text(body.GetContent()), "\r\n", "\n")
	if body.GetContentType() == nil || *body.GetContentType() == models.TEXT_BODYTYPE {
		setText(c, ical.PropDescription, n.cutText(content))
		return
	}
	content = n.cutHTML(content)
	plain := n.cutText(textOfHTML(content))
	setText(c, ical.PropDescription, plain)
	if plain == "" && !strings.Contains(content, "<img") || strings.Contains(content, "<!-- converted from text -->") {
		return
	}
	p := ical.NewProp("X-ALT-DESC")
	p.Params.Set(ical.ParamFormatType, "text/html")
	p.Value = escapeCalendarText(content)
	c.Props.Set(p)
}

// addPlace writes all locations into the one that iCalendar has.
func addPlace(c *ical.Component, e models.Eventable) {
	var names []string
	for _, l := range append([]models.Locationable{e.GetLocation()}, e.GetLocations()...) {
		if l == nil {
			continue
		}
		if name := text(l.GetDisplayName()); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	setText(c, ical.PropLocation, strings.Join(names, "; "))
	if l := e.GetLocation(); l != nil && l.GetCoordinates() != nil {
		latitude, longitude := l.GetCoordinates().GetLatitude(), l.GetCoordinates().GetLongitude()
		if latitude != nil && longitude != nil {
			setRaw(c, ical.PropGeo, strconv.FormatFloat(*latitude, 'f', -1, 64)+";"+strconv.FormatFloat(*longitude, 'f', -1, 64))
		}
	}
}

// addClasses writes what is one of a few values.
func addClasses(c *ical.Component, e models.Eventable) {
	if s := e.GetSensitivity(); s != nil && *s != models.NORMAL_SENSITIVITY {
		class := "PRIVATE"
		if *s == models.CONFIDENTIAL_SENSITIVITY {
			class = "CONFIDENTIAL"
		}
		setRaw(c, ical.PropClass, class)
	}
	if i := e.GetImportance(); i != nil && *i != models.NORMAL_IMPORTANCE {
		priority := "1"
		if *i == models.LOW_IMPORTANCE {
			priority = "9"
		}
		setRaw(c, ical.PropPriority, priority)
	}
	addShowAs(c, e.GetShowAs())
	if isTrue(e.GetIsCancelled()) {
		setRaw(c, ical.PropStatus, "CANCELLED")
	}
	var names []string
	for _, name := range e.GetCategories() {
		names = append(names, escapeCalendarText(name))
	}
	if len(names) > 0 {
		setRaw(c, ical.PropCategories, strings.Join(names, ","))
	}
}

func addShowAs(c *ical.Component, s *models.FreeBusyStatus) {
	if s == nil {
		return
	}
	transparency, exact := "OPAQUE", ""
	switch *s {
	case models.FREE_FREEBUSYSTATUS:
		transparency = "TRANSPARENT"
	case models.TENTATIVE_FREEBUSYSTATUS:
		setRaw(c, ical.PropStatus, "TENTATIVE")
		exact = "TENTATIVE"
	case models.OOF_FREEBUSYSTATUS:
		exact = "OOF"
	case models.WORKINGELSEWHERE_FREEBUSYSTATUS:
		exact = "WORKINGELSEWHERE"
	case models.BUSY_FREEBUSYSTATUS, models.UNKNOWN_FREEBUSYSTATUS:
	}
	setRaw(c, ical.PropTransparency, transparency)
	if exact != "" {
		setRaw(c, "X-MICROSOFT-CDO-BUSYSTATUS", exact)
	}
}

func addReminder(c *ical.Component, e models.Eventable) {
	minutes := e.GetReminderMinutesBeforeStart()
	if !isTrue(e.GetIsReminderOn()) || minutes == nil {
		return
	}
	alarm := ical.NewComponent(ical.CompAlarm)
	setRaw(alarm, ical.PropAction, "DISPLAY")
	setRaw(alarm, ical.PropDescription, "Reminder")
	sign := "-"
	if *minutes <= 0 {
		sign = ""
	}
	setRaw(alarm, ical.PropTrigger, fmt.Sprintf("%sPT%dM", sign, max(*minutes, -*minutes)))
	c.Children = append(c.Children, alarm)
}

// addPeople writes who takes part. An event without attendees has no organizer in iCalendar (RFC 5545 section 3.8.4.3).
func addPeople(c *ical.Component, e models.Eventable) {
	if len(e.GetAttendees()) == 0 {
		return
	}
	if o := e.GetOrganizer(); o != nil && o.GetEmailAddress() != nil {
		c.Props.Set(addressed(ical.PropOrganizer, o.GetEmailAddress()))
	}
	for _, a := range e.GetAttendees() {
		if a.GetEmailAddress() == nil {
			continue
		}
		p := addressed(ical.PropAttendee, a.GetEmailAddress())
		if t := a.GetTypeEscaped(); t != nil {
			setAttendeeType(p, *t)
		}
		if s := a.GetStatus(); s != nil && s.GetResponse() != nil {
			p.Params.Set(ical.ParamParticipationStatus, participation(*s.GetResponse()))
		}
		if isTrue(e.GetResponseRequested()) {
			p.Params.Set(ical.ParamRSVP, "TRUE")
		}
		c.Props.Add(p)
	}
}

func addressed(name string, a models.EmailAddressable) *ical.Prop {
	p := ical.NewProp(name)
	if cn := text(a.GetName()); cn != "" {
		p.Params.Set(ical.ParamCommonName, cn)
	}
	p.Value = "mailto:" + text(a.GetAddress())
	return p
}

func setAttendeeType(p *ical.Prop, t models.AttendeeType) {
	switch t {
	case models.REQUIRED_ATTENDEETYPE:
		p.Params.Set(ical.ParamRole, "REQ-PARTICIPANT")
	case models.OPTIONAL_ATTENDEETYPE:
		p.Params.Set(ical.ParamRole, "OPT-PARTICIPANT")
	case models.RESOURCE_ATTENDEETYPE:
		p.Params.Set(ical.ParamRole, "NON-PARTICIPANT")
		p.Params.Set(ical.ParamCalendarUserType, "RESOURCE")
	}
}

// participation is a response as PARTSTAT (RFC 5545 section 3.2.12).
func participation(r models.ResponseType) string {
	switch r {
	case models.ACCEPTED_RESPONSETYPE, models.ORGANIZER_RESPONSETYPE:
		return "ACCEPTED"
	case models.TENTATIVELYACCEPTED_RESPONSETYPE:
		return "TENTATIVE"
	case models.DECLINED_RESPONSETYPE:
		return "DECLINED"
	case models.NONE_RESPONSETYPE, models.NOTRESPONDED_RESPONSETYPE:
	}
	return "NEEDS-ACTION"
}

// addExceptionDates excludes the cancelled occurrences. Graph names them "OID.<series>.<date>"; they were at the time of day of the series.
func addExceptionDates(main *ical.Component, e models.Eventable, k clocks) {
	form := main.Props.Get(ical.PropDateTimeStart)
	start, err := k.moment(form)
	if err != nil || e.GetRecurrence() == nil {
		return
	}
	for _, id := range e.GetCancelledOccurrences() {
		if day, err := time.Parse(time.DateOnly, id[strings.LastIndexByte(id, '.')+1:]); err == nil {
			at := cancelledOn(day, start, e.GetRecurrence().GetPattern())
			main.Props.Add(at.like(ical.PropExceptionDates, form, k))
		}
	}
}

// cancelledOn is the occurrence of a day. Whether that is the day where the series is, or in UTC, is not documented: where the series has
// none on the one, it is the other.
func cancelledOn(day time.Time, start moment, p models.RecurrencePatternable) moment {
	on := func(shift int) moment {
		return start.occurrence(moment{day.AddDate(0, 0, shift), true, utc()})
	}
	for _, shift := range []int{-1, 1} {
		at := on(shift)
		if p != nil && !occursAt(p, start, on(0)) && occursAt(p, start, at) && at.time.UTC().Format(time.DateOnly) == day.Format(time.DateOnly) {
			return at
		}
	}
	return on(0)
}

// timeZones defines the zones that the times of a calendar name (RFC 5545 section 3.2.19).
func timeZones(calendar *ical.Component, k clocks) []*ical.Component {
	var zones []*ical.Component
	done := map[string]bool{}
	for _, c := range calendar.Children {
		for _, name := range sortedNames(c.Props) {
			for _, p := range c.Props[name] {
				id := p.Params.Get(ical.ParamTimezoneID)
				at, err := k.moment(&p)
				_, known := zoneOf(id, k.definitions[id], at.time.Year())
				if done[id] || err != nil || !known {
					continue
				}
				done[id] = true
				if given := k.definitions[id]; given != nil {
					zones = append(zones, given)
				} else {
					zones = append(zones, definition(id, at.zone, at.time.Year()))
				}
			}
		}
	}
	return zones
}

// attachmentLine is an ATTACH up to where the base64 of its bytes follows (RFC 5545 section 3.8.1.1, RFC 8607 section 4.2).
func attachmentLine(name, mediaType string) string {
	p := ical.NewProp(ical.PropAttach)
	p.Params.Set(ical.ParamValue, "BINARY")
	p.Params.Set(ical.ParamEncoding, "BASE64")
	if mediaType != "" {
		p.Params.Set(ical.ParamFormatType, mediaType)
	}
	if name != "" {
		p.Params.Set("FILENAME", name)
	}
	return lineOf(*p)
}
