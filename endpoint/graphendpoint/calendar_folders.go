package graphendpoint

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"github.com/dandyroll/dandyroll/endpoint"
)

const (
	// calendarsRoot is the folder below which calendars are. It does not exist in Graph.
	calendarsRoot = "[Calendars]"
	// calendarPathProperty is the named property with the path that a calendar was made for, where its name cannot say it.
	calendarPathProperty = "String " + publicStrings + " Name DandyrollPath"
	// pathSeparator stands between the components of a path in the name of a calendar: calendars have no tree.
	pathSeparator = " / "
	// maxSameName bounds the search for a name that is free.
	maxSameName = 20
)

// calendarShelf holds the calendars of a mailbox, of all groups. Those that others share or that cannot be changed are among them.
//
// Events have no delta in Graph v1.0 but that of a calendarView, which is bound to a range of dates; so a state is a digest of all
// events, and changes are found by listing them.
type calendarShelf struct {
	*client
}

var _ shelf = calendarShelf{}

// storedPath is what is written of a path into a calendar. It holds as long as nobody renames the calendar.
type storedPath struct {
	Name string   `json:"name"`
	Path []string `json:"path"`
}

func (s calendarShelf) probe(ctx context.Context) error {
	info, err := s.me().Calendar().ToGetRequestInformation(ctx, &users.ItemCalendarRequestBuilderGetRequestConfiguration{
		QueryParameters: &users.ItemCalendarRequestBuilderGetQueryParameters{Select: []string{"id"}},
	})
	if err != nil {
		return failed(err)
	}
	_, err = send[models.Calendarable](ctx, s.client, info, models.CreateCalendarFromDiscriminatorValue)
	return err
}

// folders lists calendars, of which none has another below it. Those of one name are told apart by numbers, in the order of their IDs.
func (s calendarShelf) folders(ctx context.Context) ([]endpoint.Folder, error) {
	all, err := s.calendars(ctx)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b models.Calendarable) int { return strings.Compare(idOf(a), idOf(b)) })
	var folders []endpoint.Folder
	taken := map[string]bool{}
	for _, c := range all {
		f := endpoint.Folder{ID: idOf(c), Path: calendarPath(c), Items: -1, Subscribed: true}
		if isTrue(c.GetIsDefaultCalendar()) {
			f.Role = endpoint.DefaultCalendar
		}
		last := len(f.Path) - 1
		for n, name := 2, f.Path[last]; taken[strings.Join(f.Path, "\x00")]; n++ {
			f.Path[last] = fmt.Sprintf("%s (%d)", name, n)
		}
		taken[strings.Join(f.Path, "\x00")] = true
		folders = append(folders, f)
	}
	return folders, nil
}

func (s calendarShelf) calendars(ctx context.Context) ([]models.Calendarable, error) {
	info, err := s.me().Calendars().ToGetRequestInformation(ctx, &users.ItemCalendarsRequestBuilderGetRequestConfiguration{
		QueryParameters: &users.ItemCalendarsRequestBuilderGetQueryParameters{
			Select: []string{"id", "name", "isDefaultCalendar"}, Expand: expandProperties(calendarPathProperty), Top: new(int32(100)),
		},
	})
	if err != nil {
		return nil, failed(err)
	}
	var all []models.Calendarable
	for c, err := range entries[models.Calendarable](ctx, s.client, info, models.CreateCalendarCollectionResponseFromDiscriminatorValue) {
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

// calendarPath is where a calendar stands.
func calendarPath(c models.Calendarable) []string {
	name := text(c.GetName())
	var stored storedPath
	err := json.Unmarshal([]byte(propertyOf(c, calendarPathProperty)), &stored)
	if err == nil && stored.Name == name && len(stored.Path) > 0 && !slices.Contains(stored.Path, "") {
		return stored.Path
	}
	if name == "" {
		name = "Calendar"
	}
	return []string{calendarsRoot, name}
}

// create makes a calendar. Its name is the last component of the path, or more of them, and the rest is kept beside it.
func (s calendarShelf) create(ctx context.Context, path []string) (endpoint.Folder, error) {
	all, err := s.folders(ctx)
	if err != nil {
		return endpoint.Folder{}, err
	}
	for _, f := range all {
		if slices.Equal(f.Path, path) {
			return f, nil
		}
	}
	for n := range maxSameName {
		c, err := newCalendar(path, n)
		if err != nil {
			return endpoint.Folder{}, err
		}
		info, err := s.me().Calendars().ToPostRequestInformation(ctx, c, nil)
		if err != nil {
			return endpoint.Folder{}, failed(err)
		}
		made, err := send[models.Calendarable](ctx, s.client, info, models.CreateCalendarFromDiscriminatorValue)
		if hasCode(err, endpoint.Exists) {
			continue // names are unique without regard to case, other than paths
		}
		if err != nil {
			return endpoint.Folder{}, err
		}
		return endpoint.Folder{ID: idOf(made), Path: path, Items: -1, Subscribed: true}, nil
	}
	return endpoint.Folder{}, endpoint.Errorf(endpoint.Exists, "there are %d calendars of that name", maxSameName)
}

// newCalendar is the nth try at a calendar for a path.
func newCalendar(path []string, n int) (models.Calendarable, error) {
	below := path
	if len(path) > 1 && path[0] == calendarsRoot {
		below = path[1:]
	}
	name := short(strings.ToValidUTF8(strings.Map(visible, strings.Join(below, pathSeparator)), "_"))
	if name == "" {
		name = "Calendar"
	}
	if n > 0 {
		name = fmt.Sprintf("%s (%d)", name, n+1)
	}
	c := models.NewCalendar()
	c.SetName(&name)
	if slices.Equal(path, []string{calendarsRoot, name}) {
		return c, nil
	}
	for _, component := range path {
		if strings.ToValidUTF8(component, "_") != component {
			return nil, endpoint.Errorf(endpoint.Rejected, "the name of a calendar has to be UTF-8")
		}
	}
	stored, err := json.Marshal(storedPath{name, path})
	if err != nil {
		return nil, err
	}
	c.SetSingleValueExtendedProperties(extendedWith(extended{calendarPathProperty, string(stored)}))
	return c, nil
}

// drop deletes a calendar with all it holds. The service refuses that for the default one.
func (s calendarShelf) drop(ctx context.Context, folder string) error {
	return failed(s.me().Calendars().ByCalendarId(folder).Delete(ctx, nil))
}
