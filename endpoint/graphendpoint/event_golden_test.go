package graphendpoint

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	jsonserialization "github.com/microsoft/kiota-serialization-json-go"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
)

// TestGoldenEventsFromICalendar holds every calendar in testdata/events against what is written of it (.out.json), and against what
// comes back of that (.out.ics).
func TestGoldenEventsFromICalendar(t *testing.T) {
	t.Parallel()
	for file, text := range inputs(t, "events/*.ics") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			d, err := eventFromICalendar(text)
			if err != nil {
				t.Fatal(err)
			}
			base := strings.TrimSuffix(file, ".ics")
			golden(t, base+".out.json", draftJSON(t, d))
			golden(t, base+".out.ics", back(t, d))
		})
	}
}

// TestGoldenEventsToICalendar holds events of Graph in testdata/events (.json) against the calendars that are made of them (.out.ics).
func TestGoldenEventsToICalendar(t *testing.T) {
	t.Parallel()
	for file, text := range inputs(t, "events/*.json") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			e := fromJSON[models.Eventable](t, text, models.CreateEventFromDiscriminatorValue)
			calendar, err := eventRecord{event: e}.iCalendar()
			if err != nil {
				t.Fatal(err)
			}
			golden(t, strings.TrimSuffix(file, ".json")+".out.ics", writeICalendar(calendar))
		})
	}
}

// back makes iCalendar of a draft as if Graph had kept it.
func back(t *testing.T, d eventDraft) []byte {
	t.Helper()
	calendar, err := stored(d).iCalendar()
	if err != nil {
		t.Fatal(err)
	}
	return writeICalendar(calendar)
}

// stored is a draft as Graph would show it after it was written.
func stored(d eventDraft) eventRecord {
	var exceptions []models.Eventable
	for _, c := range d.changed {
		at := c.at.time.UTC()
		c.event.SetOriginalStart(&at)
		exceptions = append(exceptions, c.event)
	}
	var cancelled []string
	for _, at := range d.cancelled {
		cancelled = append(cancelled, "OID.AAMk."+at.time.Format(time.DateOnly))
	}
	d.event.SetExceptionOccurrences(exceptions)
	d.event.SetCancelledOccurrences(cancelled)
	return eventRecord{event: d.event, uid: d.uid, kept: d.kept}
}

// draftJSON shows all of a draft.
func draftJSON(t *testing.T, d eventDraft) []byte {
	t.Helper()
	type change struct {
		At    string          `json:"at"`
		Event json.RawMessage `json:"event"`
	}
	var shown struct {
		UID         string          `json:"uid"`
		Event       json.RawMessage `json:"event"`
		Changed     []change        `json:"changed,omitempty"`
		Cancelled   []string        `json:"cancelled,omitempty"`
		Attachments []string        `json:"attachments,omitempty"`
		Kept        []string        `json:"kept"`
	}
	shown.UID, shown.Event = d.uid, graphJSON(t, d.event)
	for _, c := range d.changed {
		shown.Changed = append(shown.Changed, change{c.at.time.String(), graphJSON(t, c.event)})
	}
	for _, at := range d.cancelled {
		shown.Cancelled = append(shown.Cancelled, at.time.String())
	}
	for _, f := range d.files {
		content, err := f.read()
		if err != nil {
			t.Fatal(err)
		}
		shown.Attachments = append(shown.Attachments, f.name+" "+f.contentType+" "+string(content))
	}
	shown.Kept = strings.Split(strings.TrimSuffix(d.kept, "\r\n"), "\r\n")
	out, err := json.MarshalIndent(shown, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(out, '\n')
}

// eventJSON is what the SDK sends of an event.
func eventJSON(t failer, e models.Eventable) []byte {
	t.Helper()
	w := jsonserialization.NewJsonSerializationWriter()
	if err := w.WriteObjectValue("", e); err != nil {
		t.Fatalf("%v", err)
	}
	content, err := w.GetSerializedContent()
	if err != nil {
		t.Fatalf("%v", err)
	}
	var fields map[string]any
	if err := json.Unmarshal(content, &fields); err != nil {
		t.Fatalf("%v", err)
	}
	sorted, err := json.Marshal(fields)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return sorted
}
