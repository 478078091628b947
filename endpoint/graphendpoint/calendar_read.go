package graphendpoint

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/watermark"
)

func (s calendarShelf) read(ctx context.Context, folder, ref string, opts reading) endpoint.Body {
	var body endpoint.Body
	if !opts.accepts(endpoint.ICalendar) {
		body.Err = endpoint.Errorf(endpoint.Unsupported, "events are read as %s", endpoint.ICalendar)
		return body
	}
	r, err := s.record(ctx, folder, ref)
	if err != nil {
		body.Err = err
		return body
	}
	body.Received = timeOf(r.event.GetCreatedDateTime())
	// In the order of the components: the series, then its exceptions.
	var files [][]eventFile
	for _, e := range append([]models.Eventable{r.event}, r.event.GetExceptionOccurrences()...) {
		own, err := s.files(ctx, e)
		if err != nil {
			body.Err = err
			return body
		}
		files = append(files, own)
	}
	text, err := r.text()
	if err != nil {
		body.Err = endpoint.Errorf(endpoint.Damaged, "the event has no start or end that can be read")
		return body
	}
	body.Content, body.Err = opts.content(withFiles(text, files), endpoint.ICalendar)
	return body
}

// record asks for an event, and for the exceptions of a series.
func (s calendarShelf) record(ctx context.Context, folder, ref string) (eventRecord, error) {
	e, err := s.event(ctx, folder, ref, users.ItemCalendarsItemEventsEventItemRequestBuilderGetQueryParameters{
		Expand: expandProperties(markProperty, eventUIDProperty, eventKeptProperty),
	})
	if err != nil {
		return eventRecord{}, err
	}
	if e.GetRecurrence() != nil {
		// Only with $select are the cancelled occurrences told.
		more, err := s.event(ctx, folder, ref, users.ItemCalendarsItemEventsEventItemRequestBuilderGetQueryParameters{
			Select: []string{"id", "cancelledOccurrences"}, Expand: []string{"exceptionOccurrences"},
		})
		if err != nil {
			return eventRecord{}, err
		}
		e.SetCancelledOccurrences(more.GetCancelledOccurrences())
		e.SetExceptionOccurrences(more.GetExceptionOccurrences())
	}
	return eventRecord{event: e, uid: propertyOf(e, eventUIDProperty), kept: propertyOf(e, eventKeptProperty)}, nil
}

func (s calendarShelf) event(ctx context.Context, folder, ref string,
	query users.ItemCalendarsItemEventsEventItemRequestBuilderGetQueryParameters,
) (models.Eventable, error) {
	info, err := s.me().Calendars().ByCalendarId(folder).Events().ByEventId(ref).ToGetRequestInformation(ctx,
		&users.ItemCalendarsItemEventsEventItemRequestBuilderGetRequestConfiguration{QueryParameters: &query})
	if err != nil {
		return nil, failed(err)
	}
	return send[models.Eventable](ctx, s.client, info, models.CreateEventFromDiscriminatorValue)
}

// text is the event as iCalendar, with its mark.
func (r eventRecord) text() ([]byte, error) {
	calendar, err := r.iCalendar()
	if err != nil {
		return nil, err
	}
	out := writeICalendar(calendar)
	m, err := watermark.Parse(propertyOf(r.event, markProperty))
	if err != nil {
		return out, nil //nolint:nilerr // an event without a mark
	}
	return watermark.StampProperty(m, out)
}

// eventFile is an attachment of an event, whose bytes are asked for when they are needed.
type eventFile struct {
	name, mediaType string
	link            string // of a file that is elsewhere
	open            func() (io.ReadCloser, error)
}

// files lists the attachments of an event, without their bytes.
func (s calendarShelf) files(ctx context.Context, e models.Eventable) ([]eventFile, error) {
	if e.GetHasAttachments() != nil && !*e.GetHasAttachments() {
		return nil, nil
	}
	ref := idOf(e)
	info, err := s.me().Events().ByEventId(ref).Attachments().ToGetRequestInformation(ctx,
		&users.ItemEventsItemAttachmentsRequestBuilderGetRequestConfiguration{
			QueryParameters: &users.ItemEventsItemAttachmentsRequestBuilderGetQueryParameters{Select: []string{"id", "name", "contentType", "size"}},
		})
	if err != nil {
		return nil, failed(err)
	}
	var files []eventFile
	for a, err := range entries[models.Attachmentable](ctx, s.client, info, models.CreateAttachmentCollectionResponseFromDiscriminatorValue) {
		if err != nil {
			return nil, err
		}
		f := eventFile{name: text(a.GetName()), mediaType: text(a.GetContentType())}
		id := idOf(a)
		f.open = func() (io.ReadCloser, error) { return s.fileContent(ctx, ref, id) }
		switch a.(type) {
		case *models.ReferenceAttachment:
			if f.link, err = s.fileLink(ctx, ref, id); err != nil {
				return nil, err
			}
		case *models.ItemAttachment:
			f.mediaType = string(endpoint.RFC822)
		}
		files = append(files, f)
	}
	return files, nil
}

// fileContent returns the bytes of an attachment; a message that is attached comes as MIME.
func (s calendarShelf) fileContent(ctx context.Context, ref, id string) (io.ReadCloser, error) {
	resp, err := s.raw(ctx, request{method: http.MethodGet, path: path("users", s.user, "events", ref, "attachments", id, "$value")})
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

// fileLink returns where a file is that is not in the mailbox. The field is none of those that v1.0 documents.
func (s calendarShelf) fileLink(ctx context.Context, ref, id string) (string, error) {
	info, err := s.me().Events().ByEventId(ref).Attachments().ByAttachmentId(id).ToGetRequestInformation(ctx, nil)
	if err != nil {
		return "", failed(err)
	}
	a, err := send[models.Attachmentable](ctx, s.client, info, models.CreateAttachmentFromDiscriminatorValue)
	if err != nil {
		return "", err
	}
	if link, ok := a.GetAdditionalData()["sourceUrl"].(*string); ok && text(link) != "" {
		return *link, nil
	}
	return "about:blank", nil // its name is all that is known
}

// withFiles inserts attachments into the text of an event: those of its nth VEVENT at the beginning of that.
func withFiles(text []byte, files [][]eventFile) io.Reader {
	const begin = "\r\nBEGIN:VEVENT\r\n" // a whole line: no other one begins so, however it is folded
	var parts []io.Reader
	for _, own := range files {
		at := bytes.Index(text, []byte(begin)) + len(begin)
		parts = append(parts, bytes.NewReader(text[:at]))
		for _, f := range own {
			parts = append(parts, f.lines())
		}
		text = text[at:]
	}
	return io.MultiReader(append(parts, bytes.NewReader(text))...)
}

// lines reads as the ATTACH of a file.
func (f eventFile) lines() io.Reader {
	if f.link != "" {
		return strings.NewReader(f.linkLine())
	}
	return &fileLines{file: f}
}

// linkLine is the ATTACH of a file that is elsewhere.
func (f eventFile) linkLine() string {
	var b bytes.Buffer
	p, _ := readProperty("ATTACH:" + f.link) // our own name
	if f.name != "" {
		p.Params.Set("FILENAME", f.name)
	}
	writeCalendarLine(&b, lineOf(*p))
	return b.String()
}

// fileLines reads as an ATTACH with the bytes of a file.
type fileLines struct {
	file eventFile
	body io.ReadCloser
	out  bytes.Buffer // what was not read yet
	done bool
}

// fileLine is how many bytes of a file fill one line, but for the blank that folds it: 4 characters for 3 bytes.
const fileLine = (maxCalendarLine - 3) / 4 * 3

func (l *fileLines) Read(p []byte) (int, error) {
	for l.out.Len() == 0 {
		if l.done {
			return 0, io.EOF
		}
		if err := l.fill(); err != nil {
			return 0, err
		}
	}
	return l.out.Read(p)
}

// fill encodes the next part of the file.
func (l *fileLines) fill() error {
	if l.body == nil {
		var err error
		if l.body, err = l.file.open(); err != nil {
			return err
		}
		writeCalendarLine(&l.out, attachmentLine(l.file.name, l.file.mediaType))
		l.out.Truncate(l.out.Len() - len("\r\n"))
		return nil
	}
	part := make([]byte, 256*fileLine)
	n, err := io.ReadFull(l.body, part)
	for rest := part[:n]; len(rest) > 0; {
		size := min(len(rest), fileLine)
		l.out.WriteString("\r\n " + base64.StdEncoding.EncodeToString(rest[:size]))
		rest = rest[size:]
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		l.done = true
		l.out.WriteString("\r\n")
		return errors.Join(l.body.Close())
	}
	if err != nil {
		return errors.Join(failed(err), l.body.Close())
	}
	return nil
}
