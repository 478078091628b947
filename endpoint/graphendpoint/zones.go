package graphendpoint

import (
	"strings"
	"time"
	_ "time/tzdata" // what a time means must not depend on the machine

	"github.com/emersion/go-ical"
)

// zone is a time zone as both sides know it.
type zone struct {
	windows string         // what Graph is told
	name    string         // what iCalendar is told: an IANA name
	place   *time.Location // what it means
}

func utc() zone { return zone{"UTC", "UTC", time.UTC} }

// zoneNamed returns the zone with a name of Windows or an IANA name. Graph itself uses both.
func zoneNamed(name string) (zone, bool) {
	if strings.EqualFold(name, "UTC") || strings.EqualFold(name, "Etc/UTC") || strings.EqualFold(name, "tzone://Microsoft/Utc") {
		return utc(), true
	}
	for _, z := range windowsZones() {
		if strings.EqualFold(name, z.windows) {
			return loadZone(z.windows, z.iana)
		}
	}
	for _, z := range windowsZones() {
		if name == z.iana {
			return loadZone(z.windows, z.iana)
		}
	}
	z, ok := loadZone("", name)
	if ok {
		z.windows = sameTime(z.place, time.Now().UTC())
	}
	return z, ok && z.windows != ""
}

// loadZone finds out what an IANA name means. Names without an area, such as EST5EDT, may be abbreviations of anything.
func loadZone(windows, iana string) (zone, bool) {
	if !strings.Contains(iana, "/") && iana != "UTC" {
		return zone{}, false
	}
	place, err := time.LoadLocation(iana)
	return zone{windows, iana, place}, err == nil
}

// sameTime returns the name of the zone of Windows that has the time of a place in the three years from a time on, or "".
func sameTime(place *time.Location, from time.Time) string {
	var samples []time.Time
	for month := range 36 {
		// The days about which clocks change in one place and not in another are at the beginnings and ends of months.
		samples = append(samples, from.AddDate(0, month, 0), from.AddDate(0, month, 10), from.AddDate(0, month, 20))
	}
	return matchingZone(samples, func(t time.Time) int {
		_, offset := t.In(place).Zone()
		return offset
	})
}

// matchingZone returns the name of the first zone of Windows whose offsets from UTC at some times are the wanted ones, or "".
func matchingZone(samples []time.Time, want func(time.Time) int) string {
	for _, z := range windowsZones() {
		candidate, ok := loadZone(z.windows, z.iana)
		for _, t := range samples {
			_, offset := t.In(candidate.place).Zone()
			if ok = ok && offset == want(t); !ok {
				break
			}
		}
		if ok {
			return z.windows
		}
	}
	return ""
}

// zoneOf resolves the TZID of a foreign calendar (RFC 5545 section 3.8.3.1): a name of Windows or of IANA, such a name behind a
// prefix that ends with a slash, or else what its definition, a VTIMEZONE or nil, says about the year of a time.
func zoneOf(id string, definition *ical.Component, year int) (zone, bool) {
	id = strings.Trim(id, "\" ")
	if z, ok := zoneNamed(id); ok {
		return z, true
	}
	// "/freeassociation.sourceforge.net/Europe/Berlin", "/mozilla.org/20050126_1/America/Argentina/Buenos_Aires"
	parts := strings.Split(id, "/")
	for n := min(3, len(parts)-1); n > 0; n-- {
		if z, ok := zoneNamed(strings.Join(parts[len(parts)-n:], "/")); ok {
			return z, true
		}
	}
	if definition == nil {
		return zone{}, false
	}
	for _, name := range []string{"X-LIC-LOCATION", "TZID-ALIAS-OF"} {
		if p := definition.Props.Get(name); p != nil && p.Value != id {
			if z, ok := zoneNamed(p.Value); ok {
				return z, true
			}
		}
	}
	return zoneOfDefinition(definition, year)
}
