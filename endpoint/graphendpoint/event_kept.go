package graphendpoint

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/emersion/go-ical"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
)

const (
	// eventUIDProperty is the named property with the UID that an event had: iCalUId cannot be written.
	eventUIDProperty = "String " + publicStrings + " Name DandyrollUID"
	// eventKeptProperty is the named property with what of an event Graph has no place for.
	eventKeptProperty = "String " + publicStrings + " Name DandyrollEvent"
	// maxDroppedNames is how many of those that were left out are named.
	maxDroppedNames = 20
	// droppedProperty names, in what is kept, the properties that were too long for it.
	droppedProperty = "X-DANDYROLL-DROPPED"
	// unplacedProperty stands, in what is kept, in an override that is there whole.
	unplacedProperty = "X-DANDYROLL-UNPLACED"
)

// Properties are kept by groups: those of one group mean something only together. A group is kept as it was where Graph would not
// give it back as it was. It is put back when the event is read, as long as it still means what the event in Graph says: what
// somebody changed in Outlook wins.
//
// The UID is kept by itself. Exceptions are made anew from those in Graph, in the form that DTSTART has.

// groupOf returns the name of the group of a property, or "" for those that are not kept.
func groupOf(p ical.Prop, repeats bool) string {
	switch p.Name {
	case ical.PropUID, ical.PropRecurrenceID, droppedProperty, unplacedProperty:
		return ""
	case ical.PropExceptionDates:
		if repeats {
			return ""
		}
	case ical.PropAttach:
		if isInlined(p) {
			return "" // it is an attachment
		}
	case ical.PropDateTimeEnd, ical.PropDuration, ical.PropRecurrenceRule, "EXRULE", ical.PropRecurrenceDates:
		return ical.PropDateTimeStart
	case "X-ALT-DESC":
		return ical.PropDescription
	case ical.PropStatus, "X-MICROSOFT-CDO-BUSYSTATUS", "X-MICROSOFT-CDO-INTENDEDSTATUS":
		return ical.PropTransparency
	case "X-MICROSOFT-CDO-IMPORTANCE":
		return ical.PropPriority
	}
	return p.Name
}

// groups returns the lines of a component by group. Alarms are a group, each of them one line.
func groups(c *ical.Component, repeats bool) map[string][]string {
	all := map[string][]string{}
	for _, name := range sortedNames(c.Props) {
		for _, p := range c.Props[name] {
			if g := groupOf(p, repeats); g != "" {
				all[g] = append(all[g], lineOf(p))
			}
		}
	}
	for _, child := range c.Children {
		if child.Name == ical.CompAlarm {
			all[ical.CompAlarm] = append(all[ical.CompAlarm], string(writeICalendar(child)))
		}
	}
	return all
}

// moveGroups replaces groups of one component by those of another. All at once, as an item may have any number of them.
func moveGroups(to, from *ical.Component, wanted map[string]bool, repeats bool) {
	removeGroups(to, wanted, repeats)
	for name, list := range from.Props {
		for _, p := range list {
			if wanted[groupOf(p, repeats)] {
				to.Props[name] = append(to.Props[name], p)
			}
		}
	}
	for _, child := range from.Children {
		if child.Name == ical.CompAlarm && wanted[ical.CompAlarm] {
			to.Children = append(to.Children, child)
		}
	}
}

func removeGroups(c *ical.Component, unwanted map[string]bool, repeats bool) {
	for name, list := range c.Props {
		rest := slices.DeleteFunc(slices.Clone(list), func(p ical.Prop) bool { return unwanted[groupOf(p, repeats)] })
		if c.Props[name] = rest; len(rest) == 0 {
			delete(c.Props, name)
		}
	}
	if unwanted[ical.CompAlarm] {
		c.Children = slices.DeleteFunc(slices.Clone(c.Children), func(a *ical.Component) bool { return a.Name == ical.CompAlarm })
	}
}

// keep returns what of an event would not come back from Graph.
func (s eventSource) keep(d eventDraft) string {
	kept := ical.NewComponent(ical.CompCalendar)
	for _, name := range sortedNames(s.calendar.Props) {
		if !slices.Contains([]string{ical.PropVersion, ical.PropProductID, ical.PropMethod, ical.PropCalendarScale}, name) {
			kept.Props[name] = s.calendar.Props[name]
		}
	}
	for _, id := range sortedNames(s.clocks.definitions) {
		if _, ok := zoneOf(id, nil, 0); !ok {
			kept.Children = append(kept.Children, s.clocks.definitions[id])
		}
	}
	repeats := d.event.GetRecurrence() != nil
	kept.Children = append(kept.Children, s.difference(s.main, d.event, repeats))
	if id := s.main.Props[ical.PropRecurrenceID]; id != nil {
		kept.Children[len(kept.Children)-1].Props[ical.PropRecurrenceID] = id
	}
	kept.Children = append(kept.Children, flagged(s.unplaced)...)
	changed := d.changed
	for _, o := range s.overrides {
		at, err := s.clocks.moment(o.Props.Get(ical.PropRecurrenceID))
		if err == nil && len(changed) > 0 && changed[0].at.same(at) {
			rest := s.difference(o, changed[0].event, repeats)
			id := changed[0].at.property(ical.PropRecurrenceID)
			changed = changed[1:]
			if len(rest.Props)+len(rest.Children) > 0 {
				rest.Props.Set(id)
				kept.Children = append(kept.Children, rest)
			}
		}
	}
	shrink(kept)
	return string(writeICalendar(kept))
}

// flagged returns overrides as they are kept whole.
func flagged(overrides []*ical.Component) []*ical.Component {
	list := make([]*ical.Component, len(overrides))
	for i, o := range overrides {
		list[i] = &ical.Component{Name: o.Name, Props: maps.Clone(o.Props), Children: o.Children}
		delete(list[i].Props, ical.PropUID)
		setRaw(list[i], unplacedProperty, "TRUE")
	}
	return list
}

// difference returns the groups of a component that Graph would give back otherwise.
func (s eventSource) difference(c *ical.Component, e models.Eventable, repeats bool) *ical.Component {
	rest := ical.NewComponent(ical.CompEvent)
	back, err := eventComponent(e, s.noteOf(c))
	if err != nil {
		back = rest // it was made by us, but then everything is kept
	}
	shown, other := groups(back, repeats), map[string]bool{}
	for group, lines := range groups(c, repeats) {
		other[group] = !slices.Equal(lines, shown[group])
	}
	moveGroups(rest, c, other, repeats)
	return rest
}

// keptPart is a group of a component, with its size in what is kept.
type keptPart struct {
	of    *ical.Component
	group string
	size  int
}

// keptParts returns all groups, the longest first.
func keptParts(kept *ical.Component) []keptPart {
	var parts []keptPart
	for _, c := range append([]*ical.Component{kept}, kept.Children...) {
		for group, lines := range groups(c, false) {
			parts = append(parts, keptPart{c, group, utf16Length(strings.Join(lines, "\r\n"))})
		}
	}
	slices.SortFunc(parts, func(a, b keptPart) int {
		return cmp.Or(cmp.Compare(b.size, a.size), strings.Compare(a.group, b.group))
	})
	return parts
}

// shrink takes away the longest groups until the rest has room, and names them.
func shrink(kept *ical.Component) {
	total := utf16Length(string(writeICalendar(kept)))
	dropped := map[*ical.Component]map[string]bool{}
	for i, p := range keptParts(kept) {
		if total <= maxKept {
			break
		}
		if dropped[p.of] == nil {
			dropped[p.of] = map[string]bool{}
		}
		dropped[p.of][p.group] = true
		if total -= p.size; i < maxDroppedNames {
			name := ical.NewProp(droppedProperty)
			name.Value = p.group[:min(len(p.group), maxCalendarLine)]
			kept.Props.Add(name)
			total += len(droppedProperty) + 2*maxCalendarLine // at most, with its breaks
		}
	}
	for c, groups := range dropped {
		removeGroups(c, groups, false)
	}
	if total > maxKept { // nothing but the times of occurrences
		kept.Children = nil
	}
}

func utf16Length(s string) int {
	n := 0
	for _, r := range s {
		n += utf16.RuneLen(r)
	}
	return n
}

// keptEvent is what was kept of an event.
type keptEvent struct {
	eventSource
}

// readKept inverts keep. What is no longer what was written is worth nothing.
func readKept(text string) keptEvent {
	none := keptEvent{eventSource{calendar: ical.NewComponent(ical.CompCalendar), main: ical.NewComponent(ical.CompEvent)}}
	none.clocks = clocksOf(none.calendar)
	calendar, err := readICalendar([]byte(text))
	if err != nil {
		return none
	}
	s, err := vevents(calendar)
	if err != nil {
		return none
	}
	var placed []*ical.Component
	for _, o := range s.overrides {
		if o.Props.Get(unplacedProperty) == nil {
			placed = append(placed, o)
		} else {
			s.unplaced = append(s.unplaced, o)
		}
	}
	s.overrides = placed
	return keptEvent{s}
}

// restoreCalendar puts back what the calendar around the event said.
func (k keptEvent) restoreCalendar(calendar *ical.Component) {
	for name, list := range k.calendar.Props {
		if calendar.Props.Get(name) == nil && name != droppedProperty {
			calendar.Props[name] = list
		}
	}
}

// of returns what was kept of the series or event, or of the occurrence at a time.
func (k keptEvent) of(at *moment) *ical.Component {
	if at == nil {
		return k.main
	}
	for _, o := range k.overrides {
		if m, err := k.clocks.moment(o.Props.Get(ical.PropRecurrenceID)); err == nil && m.same(*at) {
			return o
		}
	}
	return ical.NewComponent(ical.CompEvent)
}

// component makes a VEVENT of an event, or of the exception at a time, and puts back what was kept of it.
func (k keptEvent) component(e models.Eventable, at *moment) (*ical.Component, error) {
	kept, repeats := k.of(at), e.GetRecurrence() != nil || at != nil
	n := note(nil)
	shown, err := eventComponent(e, n)
	if err != nil {
		return nil, err
	}
	keptGroups := groups(kept, repeats)
	if len(keptGroups) == 0 {
		return shown, nil
	}
	// What the body says of what Graph has no place for is known from what was kept.
	whole := eventSource{calendar: k.calendar, clocks: k.clocks, main: overlay(shown, kept, keptGroups, repeats)}
	if at == nil {
		whole.unplaced = k.unplaced
	}
	n = whole.noteOf(whole.main)
	if shown, err = eventComponent(e, n); err != nil {
		return nil, err
	}
	whole.main = overlay(shown, kept, keptGroups, repeats)
	again, err := whole.event(whole.main)
	if err != nil {
		return shown, nil //nolint:nilerr // what was kept is no event any more
	}
	meant, err := eventComponent(again, n)
	if err != nil {
		return shown, nil //nolint:nilerr // as above
	}
	settle(shown, kept, meant, repeats)
	if id := kept.Props[ical.PropRecurrenceID]; at == nil && id != nil {
		shown.Props[ical.PropRecurrenceID] = id // one occurrence of a series that is elsewhere
	}
	return shown, nil
}

// overlay returns a component with groups of another.
func overlay(c, kept *ical.Component, keptGroups map[string][]string, repeats bool) *ical.Component {
	out := &ical.Component{Name: c.Name, Props: maps.Clone(c.Props), Children: c.Children}
	wanted := map[string]bool{}
	for group := range keptGroups {
		wanted[group] = true
	}
	moveGroups(out, kept, wanted, repeats)
	return out
}

// settle puts back the groups that still mean what is shown.
func settle(shown, kept, meant *ical.Component, repeats bool) {
	now, then := groups(shown, repeats), groups(meant, repeats)
	unchanged, changed := map[string]bool{}, false
	for group := range groups(kept, repeats) {
		unchanged[group] = slices.Equal(now[group], then[group])
		changed = changed || !unchanged[group]
	}
	moveGroups(shown, kept, unchanged, repeats)
	if changed {
		delete(shown.Props, ical.PropLastModified)
	}
}

// apart returns the overrides that have no place in Graph, for as long as the event repeats.
func (k keptEvent) apart(main *ical.Component) []*ical.Component {
	if main.Props.Get(ical.PropRecurrenceRule) == nil && main.Props.Get(ical.PropRecurrenceDates) == nil {
		return nil
	}
	for _, o := range k.unplaced {
		delete(o.Props, unplacedProperty)
	}
	return k.unplaced
}
