package endtoend_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/internal/graphserve"
	"github.com/dandyroll/dandyroll/pass"
)

// owner is the user of a mailbox of the service, also with what only requests can do.
type owner struct {
	t       *testing.T
	server  *graphserve.Server
	address string
	*graphserve.Mailbox
}

// ask sends a request below the user's root, and reads its answer into a value, if there is one to be had.
func (o owner) ask(method, path string, body, answer any) {
	o.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		o.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(o.t.Context(), method, o.server.URL()+"/users/"+o.address+path, bytes.NewReader(text))
	if err != nil {
		o.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+graphserve.DefaultToken)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Prefer", `IdType="ImmutableId"`)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		o.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err = io.ReadAll(resp.Body)
	if err == nil && answer != nil {
		err = json.Unmarshal(text, answer)
	}
	if err != nil || resp.StatusCode >= http.StatusBadRequest {
		o.t.Fatalf("%s %s: %d %s, %v", method, path, resp.StatusCode, text, err)
	}
}

// create makes an item of fields that are as JSON has them.
func (o owner) create(container string, fields map[string]any) string {
	o.t.Helper()
	text, err := json.Marshal(fields)
	if err == nil {
		clear(fields)
		err = json.Unmarshal(text, &fields)
	}
	if err != nil {
		o.t.Fatal(err)
	}
	id, err := o.Create(container, fields)
	if err != nil {
		o.t.Fatal(err)
	}
	return id
}

func zoned(at time.Time) map[string]any {
	return map[string]any{"dateTime": at.Format("2006-01-02T15:04:05"), "timeZone": "W. Europe Standard Time"}
}

func weekly(start time.Time, count int) map[string]any {
	return map[string]any{
		"pattern": map[string]any{"type": "weekly", "interval": 1, "daysOfWeek": []any{strings.ToLower(start.Weekday().String())}, "firstDayOfWeek": "monday"},
		"range": map[string]any{
			"type": "numbered", "startDate": start.Format(time.DateOnly), "numberOfOccurrences": count, "recurrenceTimeZone": "W. Europe Standard Time",
		},
	}
}

// occurrence is one of a series as a calendar shows it.
type occurrence struct {
	ID      string `json:"id"`
	Subject string `json:"subject"`
	Start   struct {
		At string `json:"dateTime"`
	} `json:"start"`
}

// occurrences are those of a series, over a daylight saving change.
func (o owner) occurrences(series string) []occurrence {
	o.t.Helper()
	var answer struct {
		Value []occurrence `json:"value"`
	}
	o.ask(http.MethodGet, "/events/"+url.PathEscape(series)+"/instances?startDateTime=2026-01-01&endDateTime=2027-01-01&$top=100", nil, &answer)
	return answer.Value
}

// addEvent adds an event: every fourth is a series, with one occurrence moved and one cancelled, and every fourth has attendees.
func (o owner) addEvent(calendar string, n int) {
	o.t.Helper()
	start := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC).Add(time.Duration(n) * 25 * time.Hour)
	fields := map[string]any{
		"subject": fmt.Sprintf("Event %d", n), "start": zoned(start), "end": zoned(start.Add(time.Hour)),
		"body": map[string]any{"contentType": "text", "content": "Bring cake"}, "location": map[string]any{"displayName": "Room 1"},
	}
	switch n % 4 {
	case 0:
		fields["recurrence"] = weekly(start, 8)
	case 1:
		fields["attendees"] = []any{
			map[string]any{"type": "required", "emailAddress": map[string]any{"name": "Carol", "address": "carol@other.example"}},
		}
	}
	id := o.create(calendar, fields)
	if n%4 == 0 {
		all := o.occurrences(id)
		o.ask(http.MethodPatch, "/events/"+url.PathEscape(all[2].ID), map[string]any{
			"subject": "Moved", "start": zoned(start.AddDate(0, 0, 15)), "end": zoned(start.AddDate(0, 0, 15).Add(time.Hour)),
		}, nil)
		o.ask(http.MethodDelete, "/events/"+url.PathEscape(all[4].ID), nil, nil)
	}
}

// addContact adds a contact, every fifth with a photo.
func (o owner) addContact(folder string, n int) {
	o.t.Helper()
	id := o.create(folder, map[string]any{
		"displayName": fmt.Sprintf("Contact %d", n), "givenName": "Jo", "surname": fmt.Sprintf("Contact %d", n), "birthday": "1980-02-29T11:59:00Z",
		"emailAddresses": []any{map[string]any{"name": "Jo", "address": fmt.Sprintf("jo%d@other.example", n)}}, "mobilePhone": "+49 30 1234",
	})
	if n%5 == 0 {
		if err := o.SetPhoto(id, photo(n)); err != nil {
			o.t.Fatal(err)
		}
	}
}

// photo begins as a JPEG does.
func photo(n int) []byte {
	return append([]byte{0xff, 0xd8, 0xff, 0xe0}, bytes.Repeat([]byte{byte(n)}, 3000)...)
}

// addTask adds a task, every second with steps, every fourth with a series.
func (o owner) addTask(list string, n int) {
	o.t.Helper()
	due := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, n)
	fields := map[string]any{
		"title": fmt.Sprintf("Task %d", n), "importance": "high", "status": "notStarted", "dueDateTime": zoned(due),
		"body": map[string]any{"contentType": "text", "content": "As soon as possible"},
	}
	if n%4 == 0 {
		fields["recurrence"] = weekly(due, 5)
	}
	id := o.create(list, fields)
	if n%2 == 0 {
		for _, step := range []string{"Plan", "Do"} {
			o.ask(http.MethodPost, "/todo/lists/"+url.PathEscape(list)+"/tasks/"+url.PathEscape(id)+"/checklistItems",
				map[string]any{"displayName": step, "isChecked": step == "Plan"}, nil)
		}
	}
}

// addMails delivers mails, every tenth with a file.
func (o owner) addMails(folder string, messages *corpus, n int) (ids []string) {
	o.t.Helper()
	ids = deliverMany(o.t, o.Mailbox, folder, messages, n-n/10)
	for i := range n / 10 {
		file := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{byte(i)}, 50_000))
		var lines strings.Builder
		for line := range slices.Chunk([]byte(file), 76) {
			lines.Write(append(line, "\r\n"...))
		}
		raw := fmt.Sprintf("From: bob@old.example\r\nTo: ann@new.example\r\nSubject: With a file %d\r\nMessage-ID: <file%d.%s>\r\n"+
			"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nSee below.\r\n"+
			"--b\r\nContent-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n"+
			"Content-Disposition: attachment; filename=a.pdf\r\n\r\n%s--b--\r\n", i, i, "old.example", lines.String())
		id, err := o.Deliver(folder, []byte(raw), graphserve.Delivery{Received: time.Date(2020, 1, 1, 0, 0, i, 0, time.UTC)})
		if err != nil {
			o.t.Fatal(err)
		}
		ids = append(ids, id)
	}
	return ids
}

// facts tell what must be the same of every item of a container on both sides, in one line each, sorted.
func (o owner) facts(container string) []string {
	o.t.Helper()
	items, err := o.Items(container)
	if err != nil {
		o.t.Fatal(err)
	}
	var all []string
	for _, it := range items {
		f := it.Fields
		emails, _ := f["emailAddresses"].([]any)
		line := fmt.Sprint(f["subject"], f["title"], f["displayName"], " ", f["receivedDateTime"], f["sentDateTime"], f["internetMessageId"], f["isDraft"],
			f["isRead"], f["flag"], f["categories"], " ", clock(f["start"]), clock(f["end"]), f["location"], " ", len(emails), f["mobilePhone"], f["birthday"],
			" ", f["importance"], f["status"], day(f["dueDateTime"]))
		for _, e := range emails {
			address, _ := e.(map[string]any)
			line += fmt.Sprint(" ", address["address"])
		}
		for name, content := range it.Attachments {
			line += fmt.Sprintf(" %s: %x", name, content[:min(len(content), 4)])
		}
		if f["recurrence"] != nil && f["start"] != nil {
			for _, occ := range o.occurrences(it.ID) {
				line += " " + occ.Subject + " " + occ.Start.At
			}
		}
		all = append(all, string([]rune(line))) // bytes that are not UTF-8 are one character each, as in JSON
	}
	slices.Sort(all)
	return all
}

// clock is a time of an event, which the service writes with seven decimals.
func clock(value any) string {
	at, _ := value.(map[string]any)
	text, _, _ := strings.Cut(fmt.Sprint(at["dateTime"]), ".")
	return fmt.Sprint(text, " ", at["timeZone"])
}

// day is what counts of the time at which a task is due.
func day(value any) string {
	text, _, _ := strings.Cut(clock(value), "T")
	return text
}

// photos are how many items of the default folder for contacts have a photo, with the bytes of all of them.
func (o owner) photos() (n int, size int64) {
	o.t.Helper()
	items, err := o.Items(o.Contacts())
	if err != nil {
		o.t.Fatal(err)
	}
	for _, it := range items {
		req, err := http.NewRequestWithContext(o.t.Context(), http.MethodGet,
			o.server.URL()+"/users/"+o.address+"/contacts/"+url.PathEscape(it.ID)+"/photo/$value", nil)
		if err != nil {
			o.t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+graphserve.DefaultToken)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			o.t.Fatal(err)
		}
		if resp.StatusCode == http.StatusOK {
			read, err := io.Copy(io.Discard, resp.Body)
			if err != nil {
				o.t.Fatal(err)
			}
			n, size = n+1, size+read
		}
		if err := resp.Body.Close(); err != nil {
			o.t.Fatal(err)
		}
	}
	return n, size
}

// steps are those of the tasks of a list, by title.
func (o owner) steps(list string) map[string]string {
	o.t.Helper()
	all := map[string]string{}
	items, err := o.Items(list)
	if err != nil {
		o.t.Fatal(err)
	}
	for _, it := range items {
		var answer struct {
			Value []struct {
				Name    string `json:"displayName"`
				Checked bool   `json:"isChecked"`
			} `json:"value"`
		}
		o.ask(http.MethodGet, "/todo/lists/"+url.PathEscape(list)+"/tasks/"+url.PathEscape(it.ID)+"/checklistItems", nil, &answer)
		all[fmt.Sprint(it.Fields["title"])] = fmt.Sprint(answer.Value, it.Fields["recurrence"] != nil)
	}
	return all
}

// tenant is a migration between two mailboxes of the service.
type tenant struct {
	*move
	server *graphserve.Server
	a, b   owner
}

func newTenant(t *testing.T) *tenant {
	t.Helper()
	s := startGraph(t)
	return &tenant{
		move: newMove(t, graphBox(t, s, bobGraph), graphBox(t, s, annGraph)), server: s,
		a: owner{t, s, bobGraph, s.AddMailbox(bobGraph, "Bob")}, b: owner{t, s, annGraph, s.AddMailbox(annGraph, "Ann")},
	}
}

// same compares the containers that every mailbox has.
func (w *tenant) same() {
	w.t.Helper()
	pairs := map[string][2]string{
		"calendar": {w.a.Calendar(), w.b.Calendar()}, "contacts": {w.a.Contacts(), w.b.Contacts()}, "tasks": {w.a.TaskList(), w.b.TaskList()},
	}
	for _, name := range []string{"Inbox", "Sent Items", "Archive"} {
		pairs[name] = [2]string{w.a.Folder(name), w.b.Folder(name)}
	}
	for name, pair := range pairs {
		have, want := w.b.facts(pair[1]), w.a.facts(pair[0])
		if len(have) != len(want) {
			w.t.Errorf("%s: %d items, want %d", name, len(have), len(want))
			continue
		}
		for i := range want {
			if have[i] != want[i] {
				w.t.Errorf("%s: item %d of %d is\n%.1500s, want\n%.1500s", name, i, len(want), have[i], want[i])
				break
			}
		}
	}
	haveN, haveSize := w.b.photos()
	if n, size := w.a.photos(); n == 0 || haveN != n || haveSize != size {
		w.t.Errorf("%d photos of %d bytes, want %d of %d", haveN, haveSize, n, size)
	}
	if have, want := fmt.Sprint(w.b.steps(w.b.TaskList())), fmt.Sprint(w.a.steps(w.a.TaskList())); have != want {
		w.t.Errorf("steps of tasks are %s, want %s", have, want)
	}
}

// TestGraphToGraph moves 2,000 items of all kinds from one mailbox of the service to another.
func TestGraphToGraph(t *testing.T) {
	t.Parallel()
	w := newTenant(t)
	messages := newCorpus()
	messages.small = true // the import of mailboxes takes 4 MB
	w.a.addMails(w.a.Folder("Inbox"), messages, 1300)
	w.a.addMails(w.a.Folder("Sent Items"), messages, 100)
	w.a.addMails(w.a.Folder("Archive"), messages, 100)
	for n := range 200 {
		w.a.addEvent(w.a.Calendar(), n)
		w.a.addContact(w.a.Contacts(), n)
	}
	for n := range 80 {
		w.a.addTask(w.a.TaskList(), n)
	}
	for n := range 10 {
		w.a.create("notes", map[string]any{"subject": fmt.Sprintf("Note %d", n)})
		w.a.create("journal", map[string]any{"subject": fmt.Sprintf("Entry %d", n)})
	}
	first := w.run(pass.Options{}, pass.Counts{Listed: 2000, Migrated: 1980, Unsupported: 20})
	for _, kind := range []string{"[Notes]", "[Journal]"} {
		i := slices.IndexFunc(first.Folders, func(f pass.FolderReport) bool { return strings.HasPrefix(f.Folder, kind) && f.Unsupported == 10 })
		if i < 0 {
			t.Errorf("the report does not say what became of %s", kind)
		}
	}
	w.run(pass.Options{}, pass.Counts{Listed: 2000, Already: 1980, Unsupported: 20})

	for container, n := range map[string]int{w.b.Folder("Inbox"): 4, w.b.Calendar(): 3, w.b.Contacts(): 2, w.b.TaskList(): 1} {
		for _, id := range itemIDs(t, w.b.Mailbox, container)[:n] {
			w.must(w.b.Delete(id))
		}
	}
	w.a.addMails(w.a.Folder("Sent Items"), messages, 10)
	for n := range 3 {
		w.a.addEvent(w.a.Calendar(), 200+n)
		w.a.addContact(w.a.Contacts(), 200+n)
		w.a.addTask(w.a.TaskList(), 200+n)
	}
	w.run(pass.Options{}, pass.Counts{Listed: 2019, Migrated: 19, Already: 1970, RemovedAtDestination: 10, Unsupported: 20})
	w.lose()
	w.run(pass.Options{}, pass.Counts{Listed: 2019, Migrated: 10, Already: 1989, Healed: 1989, Unsupported: 20})
	w.same()
	w.run(pass.Options{}, pass.Counts{Listed: 2019, Already: 1999, Unsupported: 20})
}

// TestVerifyAndPurgeOfTheService verifies events and contacts that were migrated, and takes them away, and nothing else.
func TestVerifyAndPurgeOfTheService(t *testing.T) {
	t.Parallel()
	w := newTenant(t)
	for n := range 10 {
		w.a.addEvent(w.a.Calendar(), n)
		w.a.addContact(w.a.Contacts(), n)
	}
	w.run(pass.Options{}, pass.Counts{Listed: 20, Migrated: 20})
	found(t, w.run(pass.Options{Kind: pass.Verify}, pass.Counts{Listed: 20, Already: 20}), pass.Verified{Sample: 100, Checked: 20, Present: 20})
	w.b.addContact(w.b.Contacts(), 1)
	w.with(t.Context(), func(e *pass.Engine, p pass.Pair) {
		planned, err := e.PlanPurge(t.Context(), p)
		w.must(err)
		done, err := e.Purge(t.Context(), p, planned.Confirm)
		w.must(err)
		if planned.Items != 20 || done.Removed != 20 || !done.Complete {
			t.Errorf("planned to remove %d, removed %d, conflicts %v, %v", planned.Items, done.Removed, done.Conflicts, done.Warnings)
		}
	})
	if n := len(itemIDs(t, w.b.Mailbox, w.b.Contacts())); n != 1 {
		t.Errorf("%d contacts are left, want that of the mailbox's own", n)
	}
	if n := len(itemIDs(t, w.b.Mailbox, w.b.Calendar())); n != 0 {
		t.Errorf("%d events are left", n)
	}
}
