package graphendpoint

import (
	"html"
	"strings"

	"github.com/emersion/go-ical"
)

// noteHead begins the note.
const noteHead = "Of the original event, this could not become part of the event itself:"

// note is what a person would miss in an event of Graph. It stands at the end of the body.
type note []string

// noteOf collects what Graph cannot express, or must not be told.
func (s eventSource) noteOf(c *ical.Component) note {
	var n note
	n.addPeople(c)
	n.addRules(s, c)
	n.addLong("Subject", textOf(c, ical.PropSummary))
	n.addLong("Location", textOf(c, ical.PropLocation))
	if strings.EqualFold(textOf(c, ical.PropStatus), "CANCELLED") {
		n.add("Status", "cancelled")
	}
	n.add("Link", raw(c, ical.PropURL))
	n.add("Meeting", raw(c, ical.PropConference))
	n.add("Meeting", raw(c, "X-GOOGLE-CONFERENCE"))
	for _, p := range c.Props.Values(ical.PropAttach) {
		if !isInlined(p) {
			n.add("Attachment", p.Value)
		}
	}
	return n
}

func (n *note) add(label, text string) {
	if text = strings.Join(strings.Fields(text), " "); text != "" {
		*n = append(*n, label+": "+text)
	}
}

// addLong adds a text that had to be cut.
func (n *note) addLong(label, text string) {
	if strings.HasSuffix(short(text), "…") && !strings.HasSuffix(text, "…") {
		n.add(label, text)
	}
}

// addPeople names organizer and attendees.
func (n *note) addPeople(c *ical.Component) {
	for _, p := range c.Props.Values(ical.PropOrganizer) {
		n.add("Organizer", person(p))
	}
	for _, p := range c.Props.Values(ical.PropAttendee) {
		text := person(p)
		if status := p.Params.Get(ical.ParamParticipationStatus); status != "" {
			text += " (" + strings.ToLower(status) + ")"
		}
		n.add("Attendee", text)
	}
}

func person(p ical.Prop) string {
	address := p.Value
	if len(address) > 7 && strings.EqualFold(address[:7], "mailto:") {
		address = address[7:]
	}
	if name := p.Params.Get(ical.ParamCommonName); name != "" && name != address {
		return name + " <" + address + ">"
	}
	return address
}

// addRules tells how an event repeats where Graph cannot.
func (n *note) addRules(s eventSource, c *ical.Component) {
	start, _, err := s.clocks.span(c)
	if err != nil {
		return
	}
	rules := c.Props.Values(ical.PropRecurrenceRule)
	for _, p := range rules {
		_, fits := recurrenceOf(p.Value, start)
		switch {
		case fits == noFit || len(rules) > 1:
			n.add("Repeats, but stands here once", p.Value)
		case fits == nearFit:
			n.add("Repeats, but not quite as here", p.Value)
		}
	}
	for _, p := range c.Props.Values(ical.PropRecurrenceDates) {
		n.add("Also on", p.Value)
	}
	for _, p := range c.Props.Values("EXRULE") {
		n.add("Does not repeat on", p.Value)
	}
	if c == s.main {
		for _, o := range s.unplaced {
			n.add("Changed", raw(o, ical.PropRecurrenceID)+" "+textOf(o, ical.PropSummary)+" "+raw(o, ical.PropDateTimeStart))
		}
	}
}

func raw(c *ical.Component, name string) string {
	if p := c.Props.Get(name); p != nil {
		return p.Value
	}
	return ""
}

func (n note) text() string {
	return noteHead + "\n" + strings.Join(n, "\n")
}

func (n note) html() string {
	return "<div><hr>" + strings.ReplaceAll(html.EscapeString(n.text()), "\n", "<br>") + "</div>"
}

// appendText adds the note to a text.
func (n note) appendText(body string) string {
	switch {
	case len(n) == 0:
		return body
	case body == "":
		return n.text()
	}
	return body + "\n\n" + n.text()
}

// appendHTML adds the note at the end of the body of an HTML text.
func (n note) appendHTML(body string) string {
	if len(n) == 0 {
		return body
	}
	end := strings.LastIndex(strings.ToLower(body), "</body>")
	if end < 0 || len(strings.ToLower(body)) != len(body) {
		end = len(body)
	}
	return body[:end] + n.html() + body[end:]
}

// cutText takes the note away again, if it stands there as it was written.
func (n note) cutText(body string) string {
	if len(n) == 0 {
		return body
	}
	rest, found := strings.CutSuffix(strings.TrimRight(body, "\n"), n.text())
	if !found {
		return body
	}
	return strings.TrimRight(rest, "\n")
}

func (n note) cutHTML(body string) string {
	if len(n) == 0 {
		return body
	}
	return strings.Replace(body, n.html(), "", 1)
}
