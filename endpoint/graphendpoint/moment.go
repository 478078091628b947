package graphendpoint

import (
	"errors"
	"strings"
	"time"

	"github.com/emersion/go-ical"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
)

// The forms of dates and times: RFC 5545 sections 3.3.4 and 3.3.5, and dateTimeTimeZone of Graph.
const (
	dateOnly  = "20060102"
	localTime = "20060102T150405"
	utcTime   = "20060102T150405Z"
	graphTime = "2006-01-02T15:04:05.0000000"
)

var errTime = errors.New("a date or time is malformed, or out of the years 1601 to 4500")

// moment is a date, or a time in a zone.
type moment struct {
	time time.Time // in the place of the zone; midnight for a date
	date bool      // a whole day, which begins when the clocks of whoever looks say so
	zone zone
}

// parseMoment reads a DATE or DATE-TIME. What has no zone of its own is in the given one.
func parseMoment(value string, z zone) (moment, error) {
	value = strings.TrimSpace(value)
	m := moment{zone: z}
	layout := localTime
	switch {
	case len(value) == len(dateOnly):
		layout, m.date, m.zone = dateOnly, true, utc()
	case strings.HasSuffix(value, "Z"):
		layout, m.zone = utcTime, utc()
	}
	t, err := time.ParseInLocation(layout, value, m.zone.place)
	// Exchange counts from 1601 (MS-DTYP section 2.3.3), and Outlook ends in 4500.
	if err != nil || t.Year() < 1601 || t.Year() > 4500 {
		return moment{}, errTime
	}
	m.time = t
	return m, nil
}

// clocks knows the zones of one calendar of iCalendar.
type clocks struct {
	definitions map[string]*ical.Component // VTIMEZONE by TZID
	floating    zone                       // where times without a zone are
}

func clocksOf(calendar *ical.Component) clocks {
	c := clocks{definitions: map[string]*ical.Component{}, floating: utc()}
	for _, child := range calendar.Children {
		if id := child.Props.Get(ical.PropTimezoneID); child.Name == ical.CompTimezone && id != nil {
			c.definitions[id.Value] = child
		}
	}
	// Apple and Google name the zone of the calendar, which is that of its floating times, too.
	if p := calendar.Props.Get("X-WR-TIMEZONE"); p != nil {
		if z, ok := zoneOf(p.Value, c.definitions[p.Value], time.Now().Year()); ok {
			c.floating = z
		}
	}
	return c
}

// moment reads a property that is a date or time.
func (k clocks) moment(p *ical.Prop) (moment, error) {
	return k.of(p.Value, p.Params.Get(ical.ParamTimezoneID))
}

// of reads one value, with the TZID of its property.
func (k clocks) of(value, id string) (moment, error) {
	z := k.floating
	if id != "" {
		first, err := parseMoment(value, utc())
		if err != nil {
			return moment{}, err
		}
		// A zone that nobody knows is taken for that of the calendar.
		if known, ok := zoneOf(id, k.definitions[id], first.time.Year()); ok {
			z = known
		}
	}
	return parseMoment(value, z)
}

// all reads a property that is a list of dates or times, such as EXDATE. What is no time is passed over: it excludes nothing.
func (k clocks) all(props []ical.Prop) []moment {
	var list []moment
	for _, p := range props {
		for value := range strings.SplitSeq(p.Value, ",") {
			if m, err := k.of(value, p.Params.Get(ical.ParamTimezoneID)); err == nil {
				list = append(list, m)
			}
		}
	}
	return list
}

// same reports whether two moments are one: a date is its day, whatever the zone.
func (m moment) same(other moment) bool {
	if m.date || other.date {
		return m.time.Format(dateOnly) == other.time.Format(dateOnly)
	}
	return m.time.Equal(other.time)
}

// occurrence is a moment that names an occurrence of what begins at m, in the form of that: some write a date where RFC 5545 section
// 3.8.5.1 wants a time, and the other way round.
func (m moment) occurrence(at moment) moment {
	year, month, day := at.time.Date()
	switch {
	case at.date && !m.date:
		hour, minute, second := m.time.Clock()
		return moment{time.Date(year, month, day, hour, minute, second, 0, m.time.Location()), false, m.zone}
	case !at.date && m.date:
		return moment{time.Date(year, month, day, 0, 0, 0, 0, time.UTC), true, utc()}
	}
	return at
}

// plus adds a duration: days by the calendar, the rest by the clock (RFC 5545 section 3.3.6).
func (m moment) plus(days int, d time.Duration) moment {
	m.time = m.time.AddDate(0, 0, days).Add(d)
	return m
}

// graph is the moment as Graph wants it. Whole days are given in UTC: Graph wants midnight, and keeps the date.
func (m moment) graph() models.DateTimeTimeZoneable {
	at, name := m.time, m.zone.windows
	if name == "UTC" && !m.date {
		at = at.UTC() // a fixed offset that has no name
	}
	v := models.NewDateTimeTimeZone()
	v.SetDateTime(new(at.Format(graphTime)))
	v.SetTimeZone(&name)
	return v
}

// momentOf reads a time of Graph. original is the name of the zone that it was given in, which Graph tells beside it.
func momentOf(v models.DateTimeTimeZoneable, original *string, date bool) (moment, error) {
	if v == nil || v.GetDateTime() == nil {
		return moment{}, errTime
	}
	shown := utc()
	if name := v.GetTimeZone(); name != nil {
		if z, ok := zoneNamed(*name); ok {
			shown = z
		}
	}
	at, err := time.ParseInLocation("2006-01-02T15:04:05.9999999", strings.TrimSuffix(*v.GetDateTime(), "Z"), shown.place)
	if err != nil {
		return moment{}, errTime
	}
	if date {
		y, month, d := at.Date()
		return moment{time.Date(y, month, d, 0, 0, 0, 0, time.UTC), true, utc()}, nil
	}
	if original != nil {
		if z, ok := zoneNamed(*original); ok {
			shown = z
		}
	}
	return moment{at.In(shown.place), false, shown}, nil
}

// property is the moment as a property of iCalendar.
func (m moment) property(name string) *ical.Prop {
	p := ical.NewProp(name)
	switch {
	case m.date:
		p.SetDate(m.time)
	case m.zone.name == "UTC" || m.zone.name == "":
		p.Value = m.time.UTC().Format(utcTime)
	default:
		p.Params.Set(ical.ParamTimezoneID, m.zone.name)
		p.Value = m.time.Format(localTime)
	}
	return p
}

// like is the moment as a property in the form of another one, as RECURRENCE-ID and EXDATE have to be in that of DTSTART
// (RFC 5545 section 3.8.4.4).
func (m moment) like(name string, form *ical.Prop, k clocks) *ical.Prop {
	p := ical.NewProp(name)
	id := form.Params.Get(ical.ParamTimezoneID)
	at, err := k.moment(form)
	switch {
	case err != nil:
		return m.property(name)
	case at.date:
		p.SetDate(m.time)
	case strings.HasSuffix(form.Value, "Z"):
		p.Value = m.time.UTC().Format(utcTime)
	default:
		if id != "" {
			p.Params.Set(ical.ParamTimezoneID, id)
		}
		p.Value = m.time.In(at.zone.place).Format(localTime)
	}
	return p
}

// readDuration reads a DURATION (RFC 5545 section 3.3.6): days, and what is no whole days.
func readDuration(value string) (days int, d time.Duration, ok bool) {
	rest := strings.ToUpper(strings.TrimSpace(value))
	sign := 1
	if strings.HasPrefix(rest, "-") {
		sign = -1
	}
	rest, found := strings.CutPrefix(strings.TrimLeft(rest, "+-"), "P")
	units := map[byte]time.Duration{'H': time.Hour, 'M': time.Minute, 'S': time.Second}
	timed := false
	for ok = false; found && rest != ""; {
		if rest[0] == 'T' && !timed {
			timed, rest = true, rest[1:]
			continue
		}
		n, length := 0, 0
		for length < len(rest) && length < 9 && rest[length] >= '0' && rest[length] <= '9' {
			n = n*10 + int(rest[length]-'0')
			length++
		}
		if length == 0 || length == len(rest) {
			return 0, 0, false
		}
		unit := rest[length]
		switch {
		case !timed && unit == 'W':
			days += 7 * n * sign
		case !timed && unit == 'D':
			days += n * sign
		case timed && units[unit] != 0:
			d += time.Duration(n*sign) * units[unit]
		default:
			return 0, 0, false
		}
		rest, ok = rest[length+1:], true
	}
	// More than a century is no length of an event, and would leave the years that a time may have.
	const most = 36525
	return days, d, ok && days <= most && days >= -most && d.Abs() <= most*24*time.Hour
}
