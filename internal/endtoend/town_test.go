package endtoend_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/internal/dovecot"
	"github.com/dandyroll/dandyroll/internal/imapraw"
	"github.com/dandyroll/dandyroll/pass"
	"github.com/dandyroll/dandyroll/watermark"
)

// town is two Dovecots with a user for each test, which is much faster than servers for each.
type town struct {
	t        *testing.T // of the chapter that runs
	src, dst *dovecot.Server
	free     []string // names of users who have no mail yet
}

func newTown(t *testing.T, users int) *town {
	t.Helper()
	town := &town{t: t}
	var accounts []dovecot.User
	for n := range users {
		town.free = append(town.free, fmt.Sprintf("user%d", n))
		accounts = append(accounts, dovecot.User{Name: town.free[n], Password: "secret"})
	}
	town.src = dovecot.Start(t, dovecot.Config{Format: "sdbox", Separator: "/", NoFsync: true, Users: accounts})
	town.dst = dovecot.Start(t, dovecot.Config{Format: "maildir", Separator: ".", Prefix: "INBOX.", NoFsync: true, Users: accounts})
	return town
}

// world gives a test a user of its own, with a folder Work and eight mails in the INBOX of the source.
func (town *town) world() *world {
	town.t.Helper()
	if len(town.free) == 0 {
		town.t.Fatal("the town has too few users")
	}
	w := &world{
		t: town.t, src: town.src, dst: town.dst, key: watermark.NewKey(),
		state: filepath.Join(town.t.TempDir(), "state"), name: town.free[0],
	}
	town.free = town.free[1:]
	w.a, w.b = login(w.t, w.src, w.name), login(w.t, w.dst, w.name)
	w.a.Create("Work")
	w.deliver("INBOX", 8)
	return w
}

// migrated is a world whose mails were migrated, and that has a trash on both sides.
func (town *town) migrated() *world {
	town.t.Helper()
	w := town.world()
	w.a.Create("Trash")
	w.b.Create("INBOX.Trash")
	want(w.t, w.run(pass.Options{}), pass.Counts{Listed: 8, Migrated: 8})
	return w
}

// deliver puts n mails into a folder of the source and returns their UIDs.
func (w *world) deliver(folder string, n int) []uint32 {
	w.t.Helper()
	var uids []uint32
	for range n {
		uids = append(uids, w.deliverAt(folder, " 1-Mar-2026 12:00:00 +0000"))
	}
	return uids
}

// deliverAt puts a mail that came at some time into a folder of the source.
func (w *world) deliverAt(folder, date string) uint32 {
	w.t.Helper()
	w.mails++
	body := fmt.Sprintf("From: Bob <bob@other.example>\r\nMessage-ID: <%d@old.example>\r\nSubject: mail %[1]d\r\n\r\nIt is number %[1]d.\r\n", w.mails)
	return w.a.Append(folder, nil, date, []byte(body))
}

// quiet checks that another pass finds nothing to do, and does nothing.
func (w *world) quiet(o pass.Options, c pass.Counts) {
	w.t.Helper()
	before := w.everything()
	want(w.t, w.run(o), c)
	if after := w.everything(); after != before {
		w.t.Errorf("a pass with nothing to do changed the destination to\n%s\nfrom\n%s", after, before)
	}
}

// everything tells all messages of the destination, by folder.
func (w *world) everything() string {
	w.t.Helper()
	var b strings.Builder
	for _, f := range w.b.Folders() {
		if slices.ContainsFunc(f.Attributes, func(a string) bool { return strings.EqualFold(a, `\Noselect`) }) {
			continue
		}
		for _, m := range w.b.Messages(f.Name) {
			fmt.Fprintf(&b, "%s %d %v %s %q\n", f.Name, m.UID, m.Flags, m.InternalDate, m.Body)
		}
	}
	return b.String()
}

// holds checks how many messages a folder of the destination has, by its name at the source.
func (w *world) holds(folder string, n int) {
	w.t.Helper()
	if have := len(w.b.Messages(target(folder))); have != n {
		w.t.Errorf("%s: %d messages at the destination, want %d", folder, have, n)
	}
}

// there returns the UIDs of a folder of the destination, by its name at the source.
func (w *world) there(folder string) []uint32 {
	w.t.Helper()
	return uids(w.b.Messages(target(folder)))
}

func (w *world) here(folder string) []uint32 {
	w.t.Helper()
	return uids(w.a.Messages(folder))
}

func uids(messages []imapraw.Message) []uint32 {
	var list []uint32
	for _, m := range messages {
		list = append(list, m.UID)
	}
	return list
}

// plan is what the next pass would do. It must leave the destination as it is.
func (w *world) plan(o pass.Options) *pass.Report {
	w.t.Helper()
	before := w.everything()
	var r *pass.Report
	w.with(w.t.Context(), func(e *pass.Engine, p pass.Pair) {
		var err error
		r, err = e.Plan(w.t.Context(), p, o)
		w.must(err)
	})
	if w.everything() != before {
		w.t.Error("a plan changed the destination")
	}
	return r
}

// planned runs a pass that must do exactly what its plan says.
func (w *world) planned(o pass.Options) *pass.Report {
	w.t.Helper()
	said := w.plan(o)
	r := w.run(o)
	have, plan := r.Totals, said.Totals
	have.Bytes, plan.Bytes = 0, 0
	if have != plan {
		w.t.Errorf("the pass did\n%+v\nthe plan said\n%+v", have, plan)
	}
	return r
}

// policy is options with one policy for mail.
func policy(p pass.Policy) pass.Options {
	return pass.Options{Policies: pass.Policies{endpoint.Mail: p}}
}
