package graphendpoint

import (
	"context"
	"crypto/rand"
	"iter"
	"time"

	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/watermark"
)

const (
	// wholeValue stands in partialProperty once the event is whole: Graph deletes no property.
	wholeValue = "-"
	// instanceSpan is how far from its time an occurrence is looked for: beyond any shift of a zone.
	instanceSpan = 36 * time.Hour
)

// put writes an event. One that takes several requests has its mark in another property until the last is done: it does not count
// before, and what is left of it by a crash is replaced by the next put under its mark.
func (s calendarShelf) put(ctx context.Context, folder string, item endpoint.Put) endpoint.PutResult {
	result := endpoint.PutResult{Dropped: item.Flags}
	draft, err := readDraft(item.Content)
	if err != nil {
		result.Err = err
		return result
	}
	properties := []extended{{eventKeptProperty, draft.kept}}
	if draft.uid != "" {
		properties = append(properties, extended{eventUIDProperty, draft.uid})
	}
	if len(draft.changed)+len(draft.cancelled)+len(draft.files) == 0 {
		draft.event.SetSingleValueExtendedProperties(extendedWith(append(properties, extended{markProperty, item.Mark.String()})...))
		result.Ref, result.Err = s.createEvent(ctx, folder, item.Mark, markProperty, draft.event)
		return result
	}
	if result.Err = s.removePartial(ctx, folder, item.Mark); result.Err != nil {
		return result
	}
	draft.event.SetSingleValueExtendedProperties(extendedWith(append(properties, extended{partialProperty, item.Mark.String()})...))
	ref, err := s.createEvent(ctx, folder, item.Mark, partialProperty, draft.event)
	if err != nil {
		result.Err = err
		return result
	}
	result.Ref, result.Err = ref, s.complete(ctx, folder, ref, draft, item.Mark)
	return result
}

// readDraft converts a content, and refuses what Graph would not take.
func readDraft(c endpoint.Content) (eventDraft, error) {
	text, err := contentBytes(c)
	if err != nil {
		return eventDraft{}, err
	}
	draft, err := eventFromICalendar(text)
	if err != nil {
		return eventDraft{}, endpoint.Errorf(endpoint.Rejected, "%w", err)
	}
	return draft, nil
}

// createEvent creates an event, and returns its ID. The request is repeated when its answer is lost: the service makes one event for a
// transactionId. That is made of the ID of the item, and is another one for each put, since a mark may be put more than once, as
// when an item is replaced.
func (s calendarShelf) createEvent(ctx context.Context, folder string, mark watermark.Mark, property string, e models.Eventable) (string, error) {
	e.SetTransactionId(new(mark.Item.String() + "-" + rand.Text()))
	info, err := s.me().Calendars().ByCalendarId(folder).Events().ToPostRequestInformation(ctx, e, nil)
	if err != nil {
		return "", failed(err)
	}
	id, err := madeID(send[models.Eventable](repeatable(ctx), s.client, info, models.CreateEventFromDiscriminatorValue))
	switch {
	case hasCode(err, endpoint.Exists):
		// Some answer a repeated transactionId so: it was made by a request whose answer was lost.
		return s.newest(ctx, folder, mark, property)
	case hasCode(err, endpoint.Unavailable, endpoint.Damaged):
		return "", endpoint.Errorf(endpoint.InDoubt, "%w", err)
	}
	return id, err
}

// newest returns the last event that was made with a mark in a property.
func (s calendarShelf) newest(ctx context.Context, folder string, mark watermark.Mark, property string) (string, error) {
	ref, last := "", time.Time{}
	for e, err := range s.marked(ctx, folder, mark, property) {
		if err != nil {
			return "", endpoint.Errorf(endpoint.InDoubt, "%w", err)
		}
		if at := timeOf(e.GetCreatedDateTime()); ref == "" || at.After(last) {
			ref, last = idOf(e), at
		}
	}
	if ref == "" {
		return "", endpoint.Errorf(endpoint.InDoubt, "the service says that the event is there, but does not show it")
	}
	return ref, nil
}

// marked yields the events with a mark in a property.
func (s calendarShelf) marked(ctx context.Context, folder string, mark watermark.Mark, property string) iter.Seq2[models.Eventable, error] {
	return flat(s.pages(ctx, folder, withProperty(property, mark.String()), view{fields: []string{"createdDateTime"}}))
}

// removePartial deletes what an earlier put under the mark left undone.
func (s calendarShelf) removePartial(ctx context.Context, folder string, mark watermark.Mark) error {
	for e, err := range s.marked(ctx, folder, mark, partialProperty) {
		if err != nil {
			return err
		}
		if err := s.remove(ctx, folder, idOf(e)); err != nil && !hasCode(err, endpoint.NotFound) {
			return err
		}
	}
	return nil
}

// complete does what a new event still lacks, and marks it last. What cannot be completed is taken away again.
func (s calendarShelf) complete(ctx context.Context, folder, ref string, draft eventDraft, mark watermark.Mark) error {
	err := s.addParts(ctx, folder, ref, draft)
	if err != nil {
		if ctx.Err() == nil {
			_ = s.remove(ctx, folder, ref) // otherwise the next put under the mark does it
		}
		if hasCode(err, endpoint.InDoubt) {
			// The event itself does not count, whatever came of its part.
			return endpoint.Errorf(endpoint.Unavailable, "%w", err)
		}
		return err
	}
	whole := models.NewEvent()
	whole.SetSingleValueExtendedProperties(extendedWith(extended{markProperty, mark.String()}, extended{partialProperty, wholeValue}))
	if err := s.change(ctx, folder, ref, whole); err != nil {
		if hasCode(err, endpoint.Unavailable, endpoint.Damaged) {
			return endpoint.Errorf(endpoint.InDoubt, "%w", err)
		}
		return err
	}
	return nil
}

func (s calendarShelf) addParts(ctx context.Context, folder, ref string, draft eventDraft) error {
	if err := s.addFiles(ctx, ref, draft.files); err != nil {
		return err
	}
	// First, so that an occurrence can be moved to where another one was.
	for _, at := range draft.cancelled {
		if err := s.cancel(ctx, folder, ref, at); err != nil {
			return err
		}
	}
	for _, o := range draft.changed {
		id, err := s.instance(ctx, folder, ref, o.at)
		if err != nil {
			return err
		}
		if id == "" {
			return endpoint.Errorf(endpoint.Rejected, "an occurrence is changed that the series does not have in Graph")
		}
		if err := s.change(ctx, folder, id, o.event); err != nil {
			return err
		}
		if err := s.addFiles(ctx, id, o.files); err != nil {
			return err
		}
	}
	return nil
}

// addFiles adds attachments to a new event, or to an occurrence of one.
func (s calendarShelf) addFiles(ctx context.Context, ref string, files []attachment) error {
	return s.attachAll(ctx, &attachable{path: path("users", s.user, "events", ref)}, files)
}

// cancel deletes the occurrence of a series that begins at a time, if there is one.
func (s calendarShelf) cancel(ctx context.Context, folder, ref string, at moment) error {
	id, err := s.instance(ctx, folder, ref, at)
	if err != nil || id == "" {
		return err
	}
	if err := s.remove(ctx, folder, id); err != nil && !hasCode(err, endpoint.NotFound) {
		return err
	}
	return nil
}

func (s calendarShelf) change(ctx context.Context, folder, ref string, e models.Eventable) error {
	info, err := s.me().Calendars().ByCalendarId(folder).Events().ByEventId(ref).ToPatchRequestInformation(ctx, e, nil)
	if err != nil {
		return failed(err)
	}
	_, err = send[models.Eventable](ctx, s.client, info, models.CreateEventFromDiscriminatorValue)
	return err
}

// instance returns the ID of the occurrence of a series that begins at a time, or "".
func (s calendarShelf) instance(ctx context.Context, folder, ref string, at moment) (string, error) {
	from, to := at.time.Add(-instanceSpan).UTC().Format(time.RFC3339), at.time.Add(instanceSpan).UTC().Format(time.RFC3339)
	info, err := s.me().Calendars().ByCalendarId(folder).Events().ByEventId(ref).Instances().ToGetRequestInformation(ctx,
		&users.ItemCalendarsItemEventsItemInstancesRequestBuilderGetRequestConfiguration{
			QueryParameters: &users.ItemCalendarsItemEventsItemInstancesRequestBuilderGetQueryParameters{
				StartDateTime: &from, EndDateTime: &to, Top: new(int32(100)),
				Select: []string{"id", "start", "isAllDay", "originalStart", "type"},
			},
		})
	if err != nil {
		return "", failed(err)
	}
	for e, err := range entries[models.Eventable](ctx, s.client, info, models.CreateEventCollectionResponseFromDiscriminatorValue) {
		if err != nil {
			return "", err
		}
		if start, err := scheduled(e, at.date); err == nil && start.same(at) {
			return idOf(e), nil
		}
	}
	return "", nil
}

// scheduled is when an occurrence or exception begins by the rule of its series.
func scheduled(e models.Eventable, date bool) (moment, error) {
	t := e.GetTypeEscaped()
	if t != nil && *t == models.EXCEPTION_EVENTTYPE && e.GetOriginalStart() != nil {
		return moment{e.GetOriginalStart().UTC(), date, utc()}, nil
	}
	return momentOf(e.GetStart(), nil, date)
}
