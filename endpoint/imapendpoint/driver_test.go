package imapendpoint

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/internal/dovecot"
	"github.com/dandyroll/dandyroll/internal/imapserve"
)

func TestInfo(t *testing.T) {
	d := newDriver(Config{Addr: "MAIL.Example.ORG:143", Username: "Ann"}, nil)
	want := endpoint.Info{Type: "imap", Driver: "imapendpoint/1", Account: "Ann@mail.example.org:143"}
	if got := d.Info(); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// TestSessionsThatRestedTooLong goes on after a restart of the server has closed all sessions.
func TestSessionsThatRestedTooLong(t *testing.T) {
	srv := dovecot.Start(t, dovecot.Config{NoFsync: true})
	m := openAt(t, srv.Addr())
	f := folder(t, m, "INBOX")
	fill(t, m)
	srv.Restart()
	if got := len(all(t, m.Folders(t.Context()))); got != 1 {
		t.Errorf("%d folders, want 1", got)
	}
	fill(t, m)
	srv.Restart()
	if r := put(t, m, f, testPut(1, message(1)))[testMark(1)]; r.Err != nil {
		t.Error(r.Err)
	}
	fill(t, m)
	srv.Restart()
	if items := all(t, m.List(t.Context(), f, "")); len(items) != 1 || items[0].Size < 0 {
		t.Errorf("items are %+v", items)
	}
}

// fill makes as many sessions as there may be.
func fill(t *testing.T, m *endpoint.Mailbox) {
	t.Helper()
	d, ok := m.Driver().(*driver)
	if !ok {
		t.Fatal("not our driver")
	}
	var sessions []*session
	for range d.cfg.Connections {
		s, err := d.pool.acquire(t.Context(), anyFolder)
		if err != nil {
			t.Fatal(err)
		}
		sessions = append(sessions, s)
	}
	for _, s := range sessions {
		d.pool.release(s)
	}
}

// TestDeleteOpenFolder deletes a folder that sessions at rest have open, and goes on with them.
func TestDeleteOpenFolder(t *testing.T) {
	m, raw := openDovecot(t, dovecot.Config{})
	f, err := m.CreateFolder(t.Context(), endpoint.Folder{Path: []string{"scratch"}})
	if err != nil {
		t.Fatal(err)
	}
	put(t, m, f, testPut(1, message(1)))
	all(t, m.List(t.Context(), f, ""))
	if err := m.DeleteFolder(t.Context(), f); err != nil {
		t.Error(err)
	}
	if got := raw.Folders(); len(got) != 1 {
		t.Errorf("folders are %v", got)
	}
	if err := m.DeleteFolder(t.Context(), f); endpoint.CodeOf(err) != endpoint.NotFound {
		t.Errorf("second time: %v, want NotFound", err)
	}
	if err := m.DeleteFolder(t.Context(), folder(t, m, "INBOX")); endpoint.CodeOf(err) != endpoint.Invalid {
		t.Errorf("INBOX: %v, want Invalid", err)
	}
}

// TestConcurrentCalls uses a mailbox from more goroutines than it has connections.
func TestConcurrentCalls(t *testing.T) {
	m, raw := openDovecot(t, dovecot.Config{Format: "sdbox"})
	raw.Create("Work")
	f := folder(t, m, "Work")
	var calls sync.WaitGroup
	for g := range 8 {
		calls.Go(func() {
			for i := range 5 {
				n := 10*g + i
				for r, err := range m.Put(t.Context(), f, []endpoint.Put{testPut(n, message(n))}) {
					if err != nil || r.Err != nil {
						t.Error(err, r.Err)
					}
				}
				if err := failure(m.List(t.Context(), f, "")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	calls.Wait()
	if got := len(all(t, m.Marks(t.Context(), f, ""))); got != 40 {
		t.Errorf("%d marks, want 40", got)
	}
}

// TestCancelledCalls ends the context in the body of the loop.
func TestCancelledCalls(t *testing.T) {
	m, raw := openDovecot(t, dovecot.Config{})
	for i := range pageBodies + 1 {
		raw.Append("INBOX", nil, "", []byte(message(i)))
	}
	f := folder(t, m, "INBOX")
	refs := all(t, m.Refs(t.Context(), f))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	for b, err := range m.Read(ctx, f, refs, endpoint.ReadOptions{Memory: 1 << 20}) {
		cancel()
		if last = err; err == nil {
			_ = b.Content.Close()
		}
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("%v, want the error of the context", last)
	}
	if got := len(all(t, m.List(t.Context(), f, ""))); got != pageBodies+1 {
		t.Errorf("%d items afterwards", got)
	}
}

// TestInMemoryServer moves mail between two mailboxes of another server implementation.
func TestInMemoryServer(t *testing.T) {
	open := func() (*imapserve.Server, *endpoint.Mailbox) {
		srv, err := imapserve.Start(imapserve.Config{Username: "ann", Password: "secret"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = srv.Close() })
		return srv, openAt(t, srv.Addr())
	}
	from, source := open()
	to, destination := open()
	if err := from.CreateFolder(t.Context(), "Work/Entwürfe & Co"); err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		err := from.Deliver(t.Context(), "Work/Entwürfe & Co", imapserve.Message{Bytes: []byte(message(i)), Flags: []string{`\Seen`}})
		if err != nil {
			t.Fatal(err)
		}
	}
	f := folder(t, source, "Work", "Entwürfe & Co")
	made, err := destination.CreateFolder(t.Context(), endpoint.Folder{Path: f.Path})
	if err != nil {
		t.Fatal(err)
	}
	var puts []endpoint.Put
	for i, it := range all(t, source.List(t.Context(), f, "")) {
		b := read(t, source, f, it.Ref)[it.Ref]
		puts = append(puts, testPut(i, b.text, b.Flags...))
	}
	results := put(t, destination, made, puts...)
	messages, err := to.Messages(t.Context(), "Work/Entwürfe & Co")
	if err != nil || len(messages) != 10 || len(results) != 10 {
		t.Fatalf("%d messages, %v, results %+v", len(messages), err, results)
	}
	for i, got := range messages {
		if string(got.Bytes) != stamped(i, message(i)) || fmt.Sprint(got.Flags) != `[\Seen]` {
			t.Errorf("message %d is %q with flags %q", i, got.Bytes, got.Flags)
		}
	}
	if got := len(all(t, destination.Marks(t.Context(), made, ""))); got != 10 {
		t.Errorf("%d marks, want 10", got)
	}
}

// TestChangesOnInMemoryServer deletes, flags and finds on another server implementation.
func TestChangesOnInMemoryServer(t *testing.T) {
	for _, hide := range [][]string{nil, {"MOVE"}} {
		srv, err := imapserve.Start(imapserve.Config{Username: "ann", Password: "secret"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = srv.Close() })
		m := openAt(t, srv.Addr(), hide...)
		for i := range 4 {
			err := srv.Deliver(t.Context(), "INBOX", imapserve.Message{Bytes: []byte(message(i)), Flags: []string{`\Deleted`}})
			if err != nil {
				t.Fatal(err)
			}
		}
		f := folder(t, m, "INBOX")
		wantOutcomes(t, m.Delete(t.Context(), f, []string{"1"}), "1:ok")
		if err := srv.CreateFolder(t.Context(), "Trash"); err != nil {
			t.Fatal(err)
		}
		wantOutcomes(t, m.Delete(t.Context(), f, []string{"1", "2"}), "1:not-found 2:ok")
		wantOutcomes(t, m.SetFlags(t.Context(), f, []endpoint.FlagChange{
			{Ref: "3", Add: flagList(`\Seen`, "k"), Remove: flagList(`\Deleted`)}, {Ref: "2", Add: flagList(`\Seen`)},
		}), "2:not-found 3:ok")
		if got := flagsSeen(t, m, f, nil); !strings.EqualFold(got, `3[\Seen k] 4[\Deleted]`) {
			t.Errorf("without %q: flags are %s", hide, got)
		}
		trash, err := srv.Messages(t.Context(), "Trash")
		if err != nil || len(trash) != 1 || string(trash[0].Bytes) != message(1) {
			t.Errorf("without %q: the trash holds %+v, %v", hide, trash, err)
		}
		if got := fmt.Sprint(all(t, m.Find(t.Context(), f, "<3@example.org>"))); got != "[4]" {
			t.Errorf("without %q: found %s", hide, got)
		}
	}
}
