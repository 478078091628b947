package graphendpoint

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/watermark"
)

// eventPage is how many events are asked for at a time, without their bodies.
const eventPage = 500

// events yields the series and single events of a calendar, with some fields and extended properties.
func (s calendarShelf) events(ctx context.Context, folder, filter string, fields []string, properties ...string) iter.Seq2[models.Eventable, error] {
	query := users.ItemCalendarsItemEventsRequestBuilderGetQueryParameters{Select: append([]string{"id", "type"}, fields...), Top: new(int32(eventPage))}
	if filter != "" {
		query.Filter = &filter
	}
	if len(properties) > 0 {
		query.Expand = []string{expandProperties(properties...)}
	}
	return func(yield func(models.Eventable, error) bool) {
		info, err := s.me().Calendars().ByCalendarId(folder).Events().ToGetRequestInformation(ctx,
			&users.ItemCalendarsItemEventsRequestBuilderGetRequestConfiguration{QueryParameters: &query})
		if err != nil {
			yield(nil, failed(err))
			return
		}
		for e, err := range pages[models.Eventable](ctx, s.client, info, models.CreateEventCollectionResponseFromDiscriminatorValue) {
			if err == nil && isPartOfSeries(e) {
				continue
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// isPartOfSeries reports whether an event belongs to another one. Such are not documented to be listed.
func isPartOfSeries(e models.Eventable) bool {
	t := e.GetTypeEscaped()
	return t != nil && (*t == models.OCCURRENCE_EVENTTYPE || *t == models.EXCEPTION_EVENTTYPE)
}

// eventMark reads the property that holds the mark. Its value is one line of a header, whatever it contains.
func eventMark(e models.Eventable) watermark.Reading {
	value := propertyOf(e, markProperty)
	if value == "" {
		return watermark.Reading{}
	}
	return watermark.Read([]byte(watermark.Field + ": " + strings.NewReplacer("\r", " ", "\n", " ").Replace(value) + "\r\n"))
}

func (s calendarShelf) list(ctx context.Context, folder, _ string) iter.Seq2[endpoint.Item, error] {
	return func(yield func(endpoint.Item, error) bool) {
		for e, err := range s.events(ctx, folder, "", []string{"createdDateTime", "changeKey"}, markProperty) {
			if err != nil {
				yield(endpoint.Item{}, err)
				return
			}
			it := endpoint.Item{
				Ref: text(e.GetId()), Kind: endpoint.Event, Identity: text(e.GetId()), Marks: eventMark(e), Size: -1, Version: text(e.GetChangeKey()),
			}
			if at := e.GetCreatedDateTime(); at != nil {
				it.Received = *at
			}
			if !yield(it, nil) {
				return
			}
		}
	}
}

func (s calendarShelf) refs(ctx context.Context, folder string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for e, err := range s.events(ctx, folder, "", nil) {
			if err != nil {
				yield("", err)
				return
			}
			if !yield(text(e.GetId()), nil) {
				return
			}
		}
	}
}

// marks yields the events that are marked. One that is not yet whole has its mark elsewhere.
func (s calendarShelf) marks(ctx context.Context, folder, _ string) iter.Seq2[endpoint.Sighting, error] {
	return func(yield func(endpoint.Sighting, error) bool) {
		for e, err := range s.events(ctx, folder, "", nil, markProperty) {
			if err != nil {
				yield(endpoint.Sighting{}, err)
				return
			}
			reading := eventMark(e)
			if reading.Fields() > 0 && !yield(endpoint.Sighting{Ref: text(e.GetId()), Marks: reading}, nil) {
				return
			}
		}
	}
}

// state is a digest of all events and their versions, and the time at which it was seen first: a calendar that comes to be what it was
// once has another state than then.
func (s calendarShelf) state(ctx context.Context, folder, since string) (string, error) {
	var lines []string
	for e, err := range s.events(ctx, folder, "", []string{"changeKey"}) {
		if err != nil {
			return "", err
		}
		lines = append(lines, text(e.GetId())+" "+text(e.GetChangeKey()))
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	digest := hex.EncodeToString(sum[:16])
	if before, _, _ := strings.Cut(since, "."); before == digest {
		return since, nil
	}
	return digest + "." + strconv.FormatInt(time.Now().UnixNano(), 36), nil
}

// find yields the events with a UID: that which was kept, or else the one that Graph gave. The service compares without regard to case.
func (s calendarShelf) find(ctx context.Context, folder, id string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		id = strings.TrimSuffix(strings.TrimPrefix(id, "<"), ">")
		found := map[string]bool{}
		for _, filter := range uidFilters(id) {
			for e, err := range s.events(ctx, folder, filter, []string{"iCalUId"}, eventUIDProperty) {
				if err != nil {
					yield("", err)
					return
				}
				ref := text(e.GetId())
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
	return []string{
		"singleValueExtendedProperties/Any(ep: ep/id eq '" + eventUIDProperty + "' and ep/value eq " + quoted(id) + ")",
		"iCalUId eq " + quoted(id),
	}
}

// eventUID is the UID with which an event is read.
func eventUID(e models.Eventable) string {
	if kept := propertyOf(e, eventUIDProperty); kept != "" {
		return kept
	}
	return text(e.GetICalUId())
}

// flags yields nothing: events have none.
func (s calendarShelf) flags(context.Context, string, []string) iter.Seq2[endpoint.Flagging, error] {
	return func(func(endpoint.Flagging, error) bool) {}
}

func (s calendarShelf) setFlags(context.Context, string, endpoint.FlagChange) error { return nil }

// remove takes an event to Deleted Items. That of a meeting tells its attendees; events that we made have none.
func (s calendarShelf) remove(ctx context.Context, folder, ref string) error {
	if err := s.me().Calendars().ByCalendarId(folder).Events().ByEventId(ref).Delete(ctx, nil); err != nil {
		return failed(err)
	}
	return nil
}
