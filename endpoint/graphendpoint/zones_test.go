package graphendpoint

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-ical"
)

func TestEveryWindowsZoneIsKnown(t *testing.T) {
	t.Parallel()
	all := windowsZones()
	if len(all) < 139 {
		t.Errorf("%d zones", len(all))
	}
	for _, z := range all {
		byWindows, ok := zoneNamed(strings.ToLower(z.windows))
		if !ok || byWindows.windows != z.windows || byWindows.name != z.iana {
			t.Errorf("%q is %+v", z.windows, byWindows)
		}
		byIANA, ok := zoneNamed(z.iana)
		if !ok || byIANA.windows != z.windows {
			t.Errorf("%q is %+v", z.iana, byIANA)
		}
	}
}

func TestZonesOfForeignCalendars(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		"W. Europe Standard Time": "W. Europe Standard Time", "Europe/Berlin": "W. Europe Standard Time", "Europe/Vienna": "W. Europe Standard Time",
		"/freeassociation.sourceforge.net/Europe/Berlin":         "W. Europe Standard Time",
		"/mozilla.org/20050126_1/America/Argentina/Buenos_Aires": "SA Eastern Standard Time",
		"\"Tokyo Standard Time\"":                                "Tokyo Standard Time", "Asia/Kolkata": "India Standard Time", "America/Toronto": "Eastern Standard Time",
		"Asia/Kathmandu": "Nepal Standard Time", "Etc/UTC": "UTC", "tzone://Microsoft/Utc": "UTC", "Africa/Algiers": "W. Central Africa Standard Time",
		"Local": "", "": "", "../../etc/passwd": "", "EST5EDT": "", "Mars/Base": "", "/": "",
	} {
		z, ok := zoneOf(id, nil, 2026)
		if z.windows != want || ok != (want != "") {
			t.Errorf("%q is %+v", id, z)
		}
	}
}

// observances makes a VTIMEZONE of standard and daylight saving time: their offsets, and the months in which they begin.
func observances(standard, daylight string, months ...string) *ical.Component {
	c := ical.NewComponent(ical.CompTimezone)
	for i, name := range []string{ical.CompTimezoneStandard, ical.CompTimezoneDaylight} {
		o := ical.NewComponent(name)
		offset := []string{standard, daylight}[i]
		if offset == "" {
			continue
		}
		setRaw(o, ical.PropDateTimeStart, "19700101T000000")
		setRaw(o, ical.PropTimezoneOffsetTo, offset)
		if len(months) > i {
			setRaw(o, ical.PropRecurrenceRule, "FREQ=YEARLY;BYDAY=1SU;BYMONTH="+months[i])
		}
		c.Children = append(c.Children, o)
	}
	return c
}

func TestZonesByTheirOffsets(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]*ical.Component{
		"W. Europe Standard Time":   observances("+0100", "+0200", "10", "3"),
		"Eastern Standard Time":     observances("-0500", "-0400", "11", "3"),
		"AUS Eastern Standard Time": observances("+1000", "+1100", "4", "10"),
		"India Standard Time":       observances("+0530", ""),
		"UTC":                       observances("+0137", ""),
	} {
		if z, ok := zoneOf("Customized Time Zone", c, 2026); !ok || z.windows != want {
			t.Errorf("%s: %+v", want, z)
		}
	}
	for _, c := range []*ical.Component{observances("", ""), observances("+01", ""), observances("+9900", ""), observances("+0100", "+0730", "10", "3")} {
		if z, ok := zoneOf("Customized Time Zone", c, 2026); ok {
			t.Errorf("%+v is a zone", z)
		}
	}
}

// TestDefinitionsSayWhatTheZonesDo reads the definition of every zone as a foreign calendar's, and wants a zone with the same time.
func TestDefinitionsSayWhatTheZonesDo(t *testing.T) {
	t.Parallel()
	for _, w := range windowsZones() {
		z, _ := zoneNamed(w.windows)
		for _, year := range []int{1601, 1975, 2026, 2056, 4500} {
			c := definition("some zone", z, year)
			if n := len(clockChanges(z.place, year)); len(c.Children) != max(n, 1) {
				t.Errorf("%s in %d: %d observances", w.windows, year, len(c.Children))
			}
		}
		read, ok := zoneOfDefinition(definition("some zone", z, 2026), 2026)
		summer, winter := time.Date(2026, 7, 15, 0, 0, 0, 0, time.UTC), time.Date(2026, 1, 15, 0, 0, 0, 0, time.UTC)
		// Two zones that pause daylight saving time within Ramadan have no rule that a definition can state.
		if irregular := []string{"Morocco Standard Time"}; !slices.Contains(irregular, w.windows) &&
			(!ok || !sameOffset(z, read, summer) || !sameOffset(z, read, winter)) {
			t.Errorf("%s was read as %s", w.windows, read.windows)
		}
	}
	for _, name := range []string{"Europe/Berlin", "America/New_York", "Australia/Sydney"} {
		z, _ := zoneNamed(name)
		if n := len(clockChanges(z.place, 2060)); n != 2 {
			t.Errorf("clocks in %s change %d times in 2060", name, n)
		}
	}
}

func sameOffset(a, b zone, at time.Time) bool {
	_, x := at.In(a.place).Zone()
	_, y := at.In(b.place).Zone()
	return x == y
}
