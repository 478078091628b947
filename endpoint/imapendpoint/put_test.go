package imapendpoint

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/internal/dovecot"
	"github.com/dandyroll/dandyroll/internal/imapraw"
	"github.com/dandyroll/dandyroll/internal/imapscript"
	"github.com/dandyroll/dandyroll/watermark"
)

// put writes items and returns the results by their marks.
func put(t *testing.T, m *endpoint.Mailbox, f endpoint.Folder, items ...endpoint.Put) map[watermark.Mark]endpoint.PutResult {
	t.Helper()
	out := make(map[watermark.Mark]endpoint.PutResult)
	for _, r := range all(t, m.Put(t.Context(), f, items)) {
		out[r.Mark] = r
	}
	if len(out) != len(items) {
		t.Errorf("%d results for %d items", len(out), len(items))
	}
	return out
}

func TestPutOnDovecot(t *testing.T) {
	for _, hide := range [][]string{nil, {"UIDPLUS"}, {"MULTIAPPEND"}, {"LITERAL+", "LITERAL-", "MULTIAPPEND"}, {"UIDPLUS", "LITERAL+", "LITERAL-", "MULTIAPPEND", "ESEARCH"}} {
		t.Run(fmt.Sprint("without ", hide), func(t *testing.T) {
			m, raw := openDovecot(t, dovecot.Config{Format: "sdbox"}, hide...)
			raw.Create("Work")
			f := folder(t, m, "Work")
			var items []endpoint.Put
			for i := range 30 {
				items = append(items, testPut(i, message(i), endpoint.Seen, "$Label1"))
			}
			results := put(t, m, f, items...)
			stored := raw.Messages("Work")
			if len(stored) != len(items) {
				t.Fatalf("%d messages, want %d", len(stored), len(items))
			}
			for i, it := range items {
				r := results[it.Mark]
				at := slices.IndexFunc(stored, func(m imapraw.Message) bool { return refOf(m.UID) == r.Ref })
				if r.Err != nil || len(r.Dropped) > 0 || at < 0 {
					t.Fatalf("result %d is %+v", i, r)
				}
				got := stored[at]
				if string(got.Body) != stamped(i, message(i)) || got.InternalDate != "04-Mar-2003 05:06:07 +0000" || !slices.Equal(got.Flags, []string{"$Label1", `\Seen`}) {
					t.Errorf("item %d is stored as %+v", i, got)
				}
			}
			sightings := all(t, m.Marks(t.Context(), f, f.State))
			for i, s := range sightings {
				if len(s.Marks.Marks) != 1 || results[s.Marks.Marks[0]].Ref != s.Ref {
					t.Errorf("sighting %d is %+v", i, s)
				}
			}
			if len(sightings) != len(items) {
				t.Errorf("%d sightings, want %d", len(sightings), len(items))
			}
		})
	}
}

// TestPutWithoutUIDs finds the UIDs by the marks, also of a server without UIDNEXT, or not at all.
func TestPutWithoutUIDs(t *testing.T) {
	for _, uidNext := range []string{"* OK [UIDNEXT 3] ok", "* OK ok"} {
		model := &imapscript.Model{Capabilities: "IMAP4rev1"}
		model.Add("INBOX", message(8), stamped(1, message(9)))
		model.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
			switch cmd.Name {
			case "SELECT":
				c.Send("* 2 EXISTS", "* OK [UIDVALIDITY "+refOf(model.Folder("INBOX").Validity)+"] ok", uidNext)
			case "APPEND":
				model.Add("INBOX", string(cmd.Literals[0]))
			default:
				return false
			}
			c.Reply(cmd, "OK done")
			return true
		}
		m := openAlone(t, model)
		r := put(t, m, folder(t, m, "INBOX"), testPut(1, message(1)), testPut(2, message(2)))
		want := "3 4"
		if !strings.Contains(uidNext, "UIDNEXT") {
			want = " "
		}
		if got := r[testMark(1)].Ref + " " + r[testMark(2)].Ref; got != want || r[testMark(1)].Err != nil || r[testMark(2)].Err != nil {
			t.Errorf("references %q, want %q; %+v", got, want, r)
		}
	}
}

// TestPutHostileItems puts what a sender could make to break out of an APPEND, and what makes
// servers refuse one. Each case must reach the server as a message and nothing else.
func TestPutHostileItems(t *testing.T) {
	m, raw := openDovecot(t, dovecot.Config{Format: "sdbox"})
	raw.Create("Work")
	flags := []endpoint.Flag{
		`\Recent`, `\recent`, `\Unknown`, `\*`, `\`, "", "bad flag", "a)", "(", "{3}", `"q"`, "%", "*", "x]", "é", "line\r\nx1 CREATE Pwned",
		"\x00", `\seen`, `\SEEN`, "$ok", endpoint.Flag(strings.Repeat("k", 2000)),
	}
	body := "Subject: x\r\n\r\n\r\nx1 CREATE Pwned\r\nx2 DELETE Work\r\n"
	dates := []time.Time{
		{},
		time.Date(1960, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2003, 3, 4, 23, 59, 59, 999, time.FixedZone("", 12*3600+45*60+13)), time.Unix(0, 0),
	}
	var items []endpoint.Put
	for i, date := range dates {
		it := testPut(i, body, flags...)
		it.Received = date
		items = append(items, it)
	}
	for i, flag := range flags {
		items = append(items, testPut(len(dates)+i, body, flag))
	}
	for mark, r := range put(t, m, folder(t, m, "Work"), items...) {
		if r.Err != nil {
			t.Errorf("%v: %v", mark, r.Err)
		}
	}
	first := put(t, m, folder(t, m, "Work"), testPut(999, body, flags...))[testMark(999)]
	if len(first.Dropped) != len(flags)-3 {
		t.Errorf("dropped %q of %q", first.Dropped, flags)
	}
	for _, f := range raw.Folders() {
		if f.Name != "INBOX" && f.Name != "Work" {
			t.Errorf("folder %q came to be", f.Name)
		}
	}
	for i, got := range raw.Messages("Work")[:len(items)] {
		if want := stamped(i, body); string(got.Body) != want {
			t.Errorf("item %d is stored as %q", i, got.Body)
		}
		for _, flag := range got.Flags {
			if flag != "$ok" && flag != `\Seen` {
				t.Errorf("item %d has flag %q", i, flag)
			}
		}
	}
	want := []string{"", "01-Jan-1970 00:00:00 +0000", "31-Dec-2105 23:59:59 +0000", "01-Jan-1970 00:00:00 +0000", "04-Mar-2003 11:14:46 +0000", "01-Jan-1970 00:00:00 +0000"}
	for i, date := range want {
		if got := raw.Messages("Work")[i].InternalDate; date != "" && i != 2 && got != date {
			t.Errorf("date %v is stored as %s, want %s", dates[i], got, date)
		}
	}
}

// TestPutFlagsThatStay drops what PERMANENTFLAGS does not name, and reports it.
func TestPutFlagsThatStay(t *testing.T) {
	for permanent, want := range map[string]string{
		`[PERMANENTFLAGS (\Seen \Deleted \*)]`: `[\Seen \Draft $a $B] []`,
		`[PERMANENTFLAGS (\seen $A)]`:          `[\Seen $a] [\Draft $B]`,
		`[PERMANENTFLAGS ()]`:                  `[] [\seen \Draft $a $B]`,
		`[UIDNEXT 1]`:                          `[\Seen \Draft $a $B] []`,
	} {
		var appended atomic.Value
		model := &imapscript.Model{Hook: func(c *imapscript.Conn, cmd imapscript.Command) bool {
			switch cmd.Name {
			case "SELECT":
				c.Send("* 0 EXISTS", "* OK [UIDVALIDITY 1] ok", "* OK "+permanent+" ok")
				c.Reply(cmd, "OK done")
			case "APPEND":
				_, flags, _ := strings.Cut(cmd.Args, "(")
				flags, _, found := strings.Cut(flags, ")")
				if !found {
					flags = ""
				}
				appended.Store(flags)
				c.Reply(cmd, "OK [APPENDUID 1 7] done")
			default:
				return false
			}
			return true
		}}
		model.Add("INBOX")
		m := openScript(t, model)
		r := put(t, m, folder(t, m, "INBOX"), testPut(1, message(1), `\seen`, endpoint.Draft, "$a", "$B"))[testMark(1)]
		if got := fmt.Sprint("[", appended.Load(), "] ", r.Dropped); got != want || r.Err != nil || r.Ref != "7" {
			t.Errorf("%s: %s, want %s; %+v", permanent, got, want, r)
		}
	}
}

// TestPutIntoMissingFolder creates the folder and tries once more.
func TestPutIntoMissingFolder(t *testing.T) {
	m, raw := openDovecot(t, dovecot.Config{})
	r := put(t, m, endpoint.Folder{ID: "Later", Path: []string{"Later"}}, testPut(1, message(1)), testPut(2, message(2)))
	if r[testMark(1)].Err != nil || r[testMark(2)].Err != nil || len(raw.Messages("Later")) != 2 {
		t.Errorf("results are %+v", r)
	}
	r = put(t, m, endpoint.Folder{ID: "bad\r\nname", Path: []string{"bad"}}, testPut(1, message(1)))
	if endpoint.CodeOf(r[testMark(1)].Err) != endpoint.Invalid {
		t.Errorf("results are %+v", r)
	}
}

// TestPutTryCreate has a server say [TRYCREATE] only to the APPEND, once and for ever.
func TestPutTryCreate(t *testing.T) {
	for _, times := range []int32{1, 100} {
		var refusals atomic.Int32
		model := modelOf(0)
		model.Add("INBOX")
		model.Add("Work")
		model.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
			switch {
			case cmd.Name == "APPEND" && refusals.Load() < times:
				refusals.Add(1)
				c.Reply(cmd, "NO [TRYCREATE] no folder")
			case cmd.Name == "CREATE":
				c.Reply(cmd, "NO [ALREADYEXISTS] it is there")
			default:
				return false
			}
			return true
		}
		m := openScript(t, model)
		r := put(t, m, folder(t, m, "Work"), testPut(1, message(1)))[testMark(1)]
		if times == 1 && (r.Err != nil || r.Ref == "") {
			t.Errorf("after one refusal: %+v", r)
		}
		if times == 100 && (endpoint.CodeOf(r.Err) != endpoint.NotFound || refusals.Load() > 3) {
			t.Errorf("%d refusals: %+v", refusals.Load(), r)
		}
	}
}

// TestPutRefused reports what the server refuses, item by item, and writes the rest.
func TestPutRefused(t *testing.T) {
	tests := map[string]endpoint.Code{
		"NO [OVERQUOTA] full": endpoint.OverQuota,
		"NO [TOOBIG] no":      endpoint.TooLarge,
		"NO virus":            endpoint.Rejected,
		"BAD no":              endpoint.Rejected,
		"NO [THROTTLED] Suggested Backoff Time: 5 seconds": endpoint.Throttled,
	}
	for answer, want := range tests {
		model := &imapscript.Model{Hook: func(c *imapscript.Conn, cmd imapscript.Command) bool {
			bad := cmd.Name == "APPEND" && strings.Contains(string(cmd.Literals[0]), "no 2")
			if bad {
				c.Reply(cmd, answer)
			}
			return bad
		}, Capabilities: "IMAP4rev1 UIDPLUS"}
		model.Add("INBOX")
		m := openScript(t, model)
		r := put(t, m, folder(t, m, "INBOX"), testPut(1, message(1)), testPut(2, message(2)), testPut(3, message(3)))
		if got := endpoint.CodeOf(r[testMark(2)].Err); got != want {
			t.Errorf("%s: %v, want %v", answer, r[testMark(2)].Err, want)
		}
		if r[testMark(1)].Err != nil || r[testMark(3)].Err != nil {
			t.Errorf("%s: the others are %+v", answer, r)
		}
		if got := len(model.Folder("INBOX").Messages); got != 2 {
			t.Errorf("%s: %d messages, want 2", answer, got)
		}
	}
}

// TestPutInDoubt loses the answer to one item. The others get theirs, on another connection.
func TestPutInDoubt(t *testing.T) {
	model := &imapscript.Model{Capabilities: "IMAP4rev1 UIDPLUS"}
	model.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
		doubtful := cmd.Name == "APPEND" && strings.Contains(string(cmd.Literals[0]), "no 2")
		if doubtful {
			c.Drop()
		}
		return doubtful
	}
	model.Add("INBOX")
	m := openScript(t, model)
	r := put(t, m, folder(t, m, "INBOX"), testPut(1, message(1)), testPut(2, message(2)), testPut(3, message(3)))
	if r[testMark(1)].Err != nil || endpoint.CodeOf(r[testMark(2)].Err) != endpoint.InDoubt || r[testMark(3)].Err != nil {
		t.Errorf("results are %+v", r)
	}
}

// TestPutUnfit refuses what cannot be written before anything is sent.
func TestPutUnfit(t *testing.T) {
	model := &imapscript.Model{Capabilities: "IMAP4rev1 UIDPLUS APPENDLIMIT=200"}
	model.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
		if cmd.Name == "SELECT" && strings.Contains(cmd.Args, "closed") {
			c.Send("* 0 EXISTS")
			c.Reply(cmd, "OK [READ-ONLY] done")
			return true
		}
		return false
	}
	model.Add("INBOX")
	model.Add("closed")
	m := openScript(t, model)
	caps, err := m.Capabilities(t.Context())
	if err != nil || caps.MaxItem != 200 {
		t.Errorf("capabilities %+v, %v", caps, err)
	}
	event := testPut(1, "BEGIN:VEVENT")
	event.Kind = endpoint.Event
	calendar := testPut(2, "x")
	calendar.Content = endpoint.Bytes(endpoint.ICalendar, []byte("x"))
	short := testPut(4, "x")
	short.Content = shortContent{short.Content}
	r := put(t, m, folder(t, m, "INBOX"), event, calendar, testPut(3, strings.Repeat("x", 200)), short, testPut(5, message(5)))
	for n, want := range map[int]endpoint.Code{1: endpoint.Unsupported, 2: endpoint.Unsupported, 3: endpoint.TooLarge} {
		if got := endpoint.CodeOf(r[testMark(n)].Err); got != want {
			t.Errorf("item %d: %v, want %v", n, r[testMark(n)].Err, want)
		}
	}
	if r[testMark(4)].Err == nil || r[testMark(5)].Err != nil {
		t.Errorf("results are %+v", r)
	}
	r = put(t, m, folder(t, m, "closed"), testPut(1, message(1)))
	if endpoint.CodeOf(r[testMark(1)].Err) != endpoint.Denied {
		t.Errorf("read-only folder: %+v", r)
	}
}

type shortContent struct{ endpoint.Content }

func (c shortContent) Size() int64 { return c.Content.Size() + 1 }

// TestPutCancelled ends the context before and while items are sent.
func TestPutCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	model := &imapscript.Model{Capabilities: "IMAP4rev1 UIDPLUS"}
	model.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
		if cmd.Name == "APPEND" && strings.Contains(string(cmd.Literals[0]), "no 2") {
			cancel()
			c.Drop() // else it would give leave for the next one in the moment until this side hangs up
			return true
		}
		return false
	}
	model.Add("INBOX")
	m := openAlone(t, model)
	results := make(map[watermark.Mark]endpoint.PutResult)
	var last error
	for r, err := range m.Put(ctx, folder(t, m, "INBOX"), []endpoint.Put{testPut(1, message(1)), testPut(2, message(2)), testPut(3, message(3))}) {
		if last = err; err == nil {
			results[r.Mark] = r
		}
	}
	if last == nil || results[testMark(1)].Err != nil || endpoint.CodeOf(results[testMark(2)].Err) != endpoint.InDoubt {
		t.Errorf("%v, results %+v", last, results)
	}
	if err := results[testMark(3)].Err; err == nil || endpoint.CodeOf(err) == endpoint.InDoubt {
		t.Errorf("the item that was not sent: %v", err)
	}
}

// TestPutClosesReaders counts the readers of a content that are left open.
func TestPutClosesReaders(t *testing.T) {
	m, _ := openDovecot(t, dovecot.Config{})
	var open atomic.Int32
	var items []endpoint.Put
	for i := range 3 {
		it := testPut(i, message(i))
		it.Content = countedContent{it.Content, &open}
		items = append(items, it)
	}
	put(t, m, folder(t, m, "INBOX"), items...)
	if n := open.Load(); n != 0 {
		t.Errorf("%d readers are open", n)
	}
}

type countedContent struct {
	endpoint.Content
	open *atomic.Int32
}

func (c countedContent) Open() (io.ReadCloser, error) {
	r, err := c.Content.Open()
	c.open.Add(1)
	return countedReader{r, c.open}, err
}

type countedReader struct {
	io.ReadCloser
	open *atomic.Int32
}

func (r countedReader) Close() error {
	r.open.Add(-1)
	return r.ReadCloser.Close()
}

func TestQuota(t *testing.T) {
	m, raw := openDovecot(t, dovecot.Config{Format: "sdbox", Quota: 1 << 20})
	raw.Append("INBOX", nil, "", []byte(strings.Repeat("x: y\r\n", 2000)))
	q, err := m.Quota(t.Context())
	if err != nil || q.Limit != 1<<20 || q.Used < 11<<10 || q.Used > 13<<10 {
		t.Errorf("quota %+v, %v", q, err)
	}
	big := testPut(1, "Subject: x\r\n\r\n"+strings.Repeat("x", 2<<20))
	if r := put(t, m, folder(t, m, "INBOX"), big)[big.Mark]; endpoint.CodeOf(r.Err) != endpoint.OverQuota {
		t.Errorf("%v, want OverQuota", r.Err)
	}
	m, _ = openDovecot(t, dovecot.Config{})
	if _, err := m.Quota(t.Context()); endpoint.CodeOf(err) != endpoint.Unsupported {
		t.Errorf("%v, want Unsupported", err)
	}
	for answer, want := range map[string]endpoint.Quota{
		`QUOTA "" (STORAGE 10 512)`: {Used: 10 << 10, Limit: 512 << 10},
		`QUOTA "" (MESSAGE 1 2)`:    {Used: -1, Limit: -1},
		`QUOTA "" ()`:               {Used: -1, Limit: -1},
	} {
		model := &imapscript.Model{Capabilities: "IMAP4rev1 QUOTA", Hook: script(map[string][]string{
			"GETQUOTAROOT": {`QUOTAROOT INBOX "" x`, answer, `QUOTA x (STORAGE 1 100000 MESSAGE 5 6)`, "OK done"},
		})}
		got, err := openScript(t, model).Quota(t.Context())
		if want.Limit < 0 {
			want = endpoint.Quota{Used: 1 << 10, Limit: 100000 << 10}
		}
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", answer, got, err, want)
		}
	}
}
