package memendpoint

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/dandyroll/dandyroll/endpoint"
)

// TestSessionsAtOnce runs writers, readers and a user over one mailbox; the race detector and the
// sums at the end judge.
func TestSessionsAtOnce(t *testing.T) {
	t.Parallel()
	const sessions, items = 4, 50
	s := NewServer()
	mustDo(t, s.CreateFolder("Bin"))
	inbox, puts := folderAt(t, s.Open(nil), "INBOX"), testPuts(t, sessions*items)
	var wg sync.WaitGroup
	for share := range slices.Chunk(puts, items) {
		mb := s.Open(nil)
		wg.Go(func() { write(t, mb, inbox, share) })
		wg.Go(func() { look(t, mb, inbox, items) })
		wg.Go(func() { live(t, s, items) })
	}
	wg.Wait()

	c := s.Counts()
	if n := len(s.Messages("INBOX")); c.Puts != sessions*items || n != sessions*items {
		t.Errorf("%d puts, %d items in the inbox, want %d", c.Puts, n, sessions*items)
	}
	seen := make(map[string]bool)
	for _, m := range s.Messages("INBOX") {
		seen[m.Mark.Marks[0].String()] = true
	}
	if len(seen) != sessions*items {
		t.Errorf("%d different marks, want %d", len(seen), sessions*items)
	}
	if bin := s.Messages("Bin"); len(bin) != sessions*items {
		t.Errorf("%d items in the bin, want %d", len(bin), sessions*items)
	}
}

// write puts items.
func write(t *testing.T, mb *endpoint.Mailbox, inbox endpoint.Folder, puts []endpoint.Put) {
	t.Helper()
	for r, err := range mb.Put(t.Context(), inbox, puts) {
		if err = errors.Join(err, r.Err); err != nil {
			t.Error(err)
		}
	}
}

// look reads whatever there is.
func look(t *testing.T, mb *endpoint.Mailbox, inbox endpoint.Folder, times int) {
	t.Helper()
	for range times {
		_, folders := collect(mb.Folders(t.Context()))
		refs, listed := collect(mb.Refs(t.Context(), inbox))
		_, read := collect(mb.Read(t.Context(), inbox, refs, endpoint.ReadOptions{Memory: 1 << 10}))
		_, scanned := collect(mb.Marks(t.Context(), inbox, inbox.State))
		_, flags := collect(mb.Flags(t.Context(), inbox, nil))
		_, found := collect(mb.Find(t.Context(), inbox, "1@old.example"))
		_, newer := collect(mb.List(t.Context(), inbox, inbox.State))
		if err := errors.Join(folders, listed, read, scanned, flags, found, newer); err != nil {
			t.Error(err)
		}
	}
}

// live is the user: mail comes in and is filed.
func live(t *testing.T, s *Server, times int) {
	t.Helper()
	for i := range times {
		ref, err := s.Deliver([]string{"INBOX"}, Message{Body: fmt.Appendf(nil, "Subject: %d\r\n\r\n", i)})
		if err == nil {
			err = s.SetFlags([]string{"INBOX"}, ref, endpoint.Seen)
		}
		if err == nil {
			err = s.Update([]string{"INBOX"}, ref, fmt.Appendf(nil, "Subject: %d, changed\r\n\r\n", i))
		}
		if err == nil {
			_, err = s.Move([]string{"INBOX"}, ref, []string{"Bin"})
		}
		if err != nil {
			t.Error(err)
		}
		s.FolderPaths()
	}
}
