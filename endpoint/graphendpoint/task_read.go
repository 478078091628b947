package graphendpoint

import (
	"bytes"
	"context"

	"github.com/dandyroll/dandyroll/endpoint"
)

// read reads a task as VTODO.
func (s taskShelf) read(ctx context.Context, folder, ref string, opts reading) endpoint.Body {
	var body endpoint.Body
	if !opts.accepts(endpoint.ICalendar) {
		body.Err = endpoint.Errorf(endpoint.Unsupported, "tasks are read as %s only", endpoint.ICalendar)
		return body
	}
	t, err := s.task(ctx, folder, ref, "extensions", "linkedResources", "checklistItems")
	if err != nil {
		body.Err = err
		return body
	}
	record := taskRecord{task: t, mark: markedField(t, markField), uid: markedField(t, uidField), kept: markedField(t, keptField)}
	body.Received = timeOf(t.GetCreatedDateTime())
	body.Content, body.Err = opts.content(bytes.NewReader(record.iCalendar()), endpoint.ICalendar)
	return body
}
