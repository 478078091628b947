package graphendpoint

import (
	"context"
	"iter"
	"slices"
	"strings"

	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"github.com/dandyroll/dandyroll/endpoint"
)

// eventPage is how many events are asked for at a time, without their bodies.
const eventPage = 500

// events yields the series and single events that are in a calendar all the time.
func (s calendarShelf) events(ctx context.Context, folder string, v view) iter.Seq2[models.Eventable, error] {
	return whole(func(onlyIDs bool) iter.Seq2[[]models.Eventable, error] {
		if onlyIDs {
			return s.pages(ctx, folder, "", view{})
		}
		return s.pages(ctx, folder, "", v)
	}, func(id string) (models.Eventable, error) {
		return s.event(ctx, folder, id, users.ItemCalendarsItemEventsEventItemRequestBuilderGetQueryParameters{
			Select: v.selected(), Expand: v.expanded(),
		})
	})
}

// pages yields the pages of the list of a calendar: of all its events, or of those that meet a filter.
func (s calendarShelf) pages(ctx context.Context, folder, filter string, v view) iter.Seq2[[]models.Eventable, error] {
	query := users.ItemCalendarsItemEventsRequestBuilderGetQueryParameters{
		Select: append(v.selected(), "type"), Expand: v.expanded(), Top: new(int32(eventPage)),
	}
	if filter != "" {
		query.Filter = &filter
	}
	info, err := s.me().Calendars().ByCalendarId(folder).Events().ToGetRequestInformation(ctx,
		&users.ItemCalendarsItemEventsRequestBuilderGetRequestConfiguration{QueryParameters: &query})
	if err != nil {
		return fault[[]models.Eventable](failed(err))
	}
	all := pages[models.Eventable](ctx, s.client, info, models.CreateEventCollectionResponseFromDiscriminatorValue)
	return mapped(all, func(page []models.Eventable) ([]models.Eventable, bool) {
		return slices.DeleteFunc(page, isPartOfSeries), true
	})
}

// isPartOfSeries reports whether an event belongs to another one. Such are not documented to be listed.
func isPartOfSeries(e models.Eventable) bool {
	t := e.GetTypeEscaped()
	return t != nil && (*t == models.OCCURRENCE_EVENTTYPE || *t == models.EXCEPTION_EVENTTYPE)
}

func (s calendarShelf) list(ctx context.Context, folder, _ string) iter.Seq2[endpoint.Item, error] {
	v := view{fields: []string{"createdDateTime", "changeKey"}, properties: []string{markProperty}}
	return mapped(s.events(ctx, folder, v), func(e models.Eventable) (endpoint.Item, bool) {
		return endpoint.Item{
			Ref: idOf(e), Kind: endpoint.Event, Identity: idOf(e), Marks: markOf(e),
			Received: timeOf(e.GetCreatedDateTime()), Size: -1, Version: text(e.GetChangeKey()),
		}, true
	})
}

func (s calendarShelf) refs(ctx context.Context, folder string) iter.Seq2[string, error] {
	return refsOf(s.events(ctx, folder, view{}))
}

// marks yields the events that are marked. One that is not yet whole has its mark elsewhere.
func (s calendarShelf) marks(ctx context.Context, folder, _ string) iter.Seq2[endpoint.Sighting, error] {
	return sightings(s.events(ctx, folder, view{properties: []string{markProperty}}), markOf[models.Eventable])
}

// state tells an event that changed by its changeKey.
func (s calendarShelf) state(ctx context.Context, folder, since string) (string, error) {
	return stateByDigest(since, flat(s.pages(ctx, folder, "", view{fields: []string{"changeKey"}})), func(e models.Eventable) string {
		return idOf(e) + " " + text(e.GetChangeKey())
	})
}

// find yields the events with a UID: that which was kept, or else the one that Graph gave. The service compares without regard to case.
func (s calendarShelf) find(ctx context.Context, folder, id string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		id = strings.TrimSuffix(strings.TrimPrefix(id, "<"), ">")
		found := map[string]bool{}
		for _, filter := range uidFilters(id) {
			wanted := view{fields: []string{"iCalUId"}, properties: []string{eventUIDProperty}}
			for e, err := range flat(s.pages(ctx, folder, filter, wanted)) {
				if err != nil {
					yield("", err)
					return
				}
				ref := idOf(e)
				if eventUID(e) != id || found[ref] {
					continue
				}
				if found[ref] = true; !yield(ref, nil) {
					return
				}
			}
		}
	}
}

// uidFilters are the conditions under which an event may have a UID.
func uidFilters(id string) []string {
	switch {
	case id == "" || strings.Map(visible, strings.ToValidUTF8(id, "")) != id:
		return nil
	case len(id) > maxShort:
		return []string{""} // RFC 7986 section 5.3 wants less, and addresses have no room for more: all are looked at
	}
	return []string{withProperty(eventUIDProperty, id), "iCalUId eq " + quoted(id)}
}

// eventUID is the UID with which an event is read.
func eventUID(e models.Eventable) string {
	if kept := propertyOf(e, eventUIDProperty); kept != "" {
		return kept
	}
	return text(e.GetICalUId())
}

func (s calendarShelf) flags(context.Context, string, []string) iter.Seq2[endpoint.Flagging, error] {
	return none[endpoint.Flagging]()
}

func (s calendarShelf) setFlags(context.Context, string, endpoint.FlagChange) error { return nil }

// remove takes an event to Deleted Items. That of a meeting tells its attendees; events that we made have none.
func (s calendarShelf) remove(ctx context.Context, folder, ref string) error {
	return failed(s.me().Calendars().ByCalendarId(folder).Events().ByEventId(ref).Delete(ctx, nil))
}
