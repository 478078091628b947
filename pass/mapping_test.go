package pass

import (
	"slices"
	"testing"

	"github.com/dandyroll/dandyroll/endpoint"
)

// Folders of kinds that have a place of their own at one side go there and come from there.
func TestRoutesBetweenRoots(t *testing.T) {
	t.Parallel()
	calendars := map[endpoint.Kind][]string{endpoint.Event: {"[Calendars]"}}
	others := map[endpoint.Kind][]string{endpoint.Event: {"Groupware", "Events"}}
	source := func(root ...string) []endpoint.Folder {
		work := endpoint.Folder{Path: append(slices.Clone(root), "Work"), Kinds: []endpoint.Kind{endpoint.Event}}
		own := endpoint.Folder{Path: append(slices.Clone(root), "Kalender"), Role: endpoint.DefaultCalendar, Kinds: work.Kinds}
		return []endpoint.Folder{{Path: []string{"Work"}, Kinds: []endpoint.Kind{endpoint.Mail}}, own, work}
	}
	there := []endpoint.Folder{{ID: "c", Path: []string{"[Calendars]", "Calendar"}, Role: endpoint.DefaultCalendar}}
	cases := []struct {
		name   string
		source []endpoint.Folder
		roots  roots
		want   string
	}{
		{"like to like", source("[Calendars]"), roots{calendars, calendars}, "[Calendars]/Work"},
		{"another root", source("Groupware", "Events"), roots{others, calendars}, "[Calendars]/Work"},
		{"into a root", source("Shared"), roots{nil, calendars}, "[Calendars]/Shared/Work"},
		{"out of a root", source("[Calendars]"), roots{calendars, nil}, "Work"},
	}
	for _, c := range cases {
		destination := there
		if c.roots.to == nil {
			c.source, destination = c.source[1:], nil
		}
		ways, err := routes(c.source, destination, c.roots, Options{})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := display(ways[len(ways)-1].path); got != c.want {
			t.Errorf("%s: the calendar goes to %s, want %s", c.name, got, c.want)
		}
		if own := ways[len(ways)-2]; destination != nil && (own.found == nil || own.found.ID != "c") {
			t.Errorf("%s: the default calendar goes to %s", c.name, display(own.path))
		}
	}
}
