package memendpoint

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
)

// results returns the codes of results, "ok" among them, in their order.
func results(t testing.TB, list []endpoint.Result) []string {
	t.Helper()
	var codes []string
	for _, r := range list {
		code := "ok"
		if r.Err != nil {
			code = endpoint.CodeOf(r.Err).String()
		}
		codes = append(codes, r.Ref+" "+code)
	}
	return codes
}

func TestDeleteToTrash(t *testing.T) {
	t.Parallel()
	s := NewServer()
	mustDo(t, s.CreateFolder("Bin"))
	mustDo(t, s.SetRole(endpoint.Trash, "Bin"))
	mb := s.Open(nil)
	inbox := folderAt(t, mb, "INBOX")
	all(t, mb.Put(t.Context(), inbox, testPuts(t, 3)))
	mustDo(t, s.SetFlags([]string{"INBOX"}, "2", endpoint.Seen, "work"))
	mustDo(t, s.SetFlags([]string{"INBOX"}, "3", endpoint.Deleted))
	before := s.Messages("INBOX")

	got := results(t, all(t, mb.Delete(t.Context(), inbox, []string{"2", "9", "1", "x"})))
	if want := []string{"2 ok", "9 not-found", "1 ok", "x not-found"}; !slices.Equal(got, want) {
		t.Errorf("results %q, want %q", got, want)
	}
	if left := s.Messages("INBOX"); len(left) != 1 || left[0].Ref != "3" {
		t.Errorf("INBOX has %+v", left)
	}
	bin := s.Messages("Bin")
	if len(bin) != 2 || string(bin[0].Body) != string(before[1].Body) || !slices.Equal(bin[0].Flags, before[1].Flags) ||
		!bin[0].Received.Equal(before[1].Received) || len(bin[0].Mark.Marks) != 1 {
		t.Errorf("the trash has %+v", bin)
	}
	if got := results(t, all(t, mb.Delete(t.Context(), folderAt(t, mb, "Bin"), []string{"1"}))); !slices.Equal(got, []string{"1 ok"}) {
		t.Errorf("from the trash: %q", got)
	}
	if n := len(s.Messages("Bin")); n != 1 || s.Counts().Deleted != 3 {
		t.Errorf("%d items are left in the trash, counts %+v", n, s.Counts())
	}
}

func TestDeleteForGood(t *testing.T) {
	t.Parallel()
	s := NewServer()
	deliver(t, s, Message{Kind: endpoint.Contact, Body: []byte(plainCard)}, "INBOX")
	mb := s.Open(nil)
	if _, err := mb.CreateFolder(t.Context(), endpoint.Folder{Path: []string{"Bin"}, Kinds: []endpoint.Kind{endpoint.Mail}}); err != nil {
		t.Fatal(err)
	}
	mustDo(t, s.SetRole(endpoint.Trash, "Bin"))
	all(t, mb.Delete(t.Context(), folderAt(t, mb, "INBOX"), []string{"1"}))
	quota, err := mb.Quota(t.Context())
	mustDo(t, err)
	if quota.Used != 0 || len(s.Messages("INBOX"))+len(s.Messages("Bin")) != 0 {
		t.Errorf("a card is left, or in a trash that holds none; quota %+v", quota)
	}
}

func TestDeleteDenied(t *testing.T) {
	t.Parallel()
	s := NewServer()
	mustDo(t, s.CreateFolder("Bin"))
	mustDo(t, s.SetRole(endpoint.Trash, "Bin"))
	deliver(t, s, Message{Body: []byte(plainMail)}, "INBOX")
	inbox := folderAt(t, s.Open(nil), "INBOX")
	one := []string{"1"}
	change := []endpoint.FlagChange{{Ref: "1", Add: []endpoint.Flag{endpoint.Seen}}}

	_, err := collect(s.Open(&Options{ReadOnly: true}).Delete(t.Context(), inbox, one))
	wantCode(t, err, endpoint.Denied)
	_, err = collect(s.Open(&Options{ReadOnly: true}).SetFlags(t.Context(), inbox, change))
	wantCode(t, err, endpoint.Denied)
	mustDo(t, s.SetReadOnly(true, "Bin"))
	wantCode(t, all(t, s.Open(nil).Delete(t.Context(), inbox, one))[0].Err, endpoint.Denied)
	mustDo(t, s.SetReadOnly(true, "INBOX"))
	wantCode(t, all(t, s.Open(nil).Delete(t.Context(), inbox, one))[0].Err, endpoint.Denied)
	wantCode(t, all(t, s.Open(nil).SetFlags(t.Context(), inbox, change))[0].Err, endpoint.Denied)
	if left := s.Messages("INBOX"); len(left) != 1 || len(left[0].Flags) != 0 || s.Counts().Deleted+s.Counts().FlagsSet != 0 {
		t.Errorf("INBOX has %+v, counts %+v", left, s.Counts())
	}
}

// An item that listings do not have yet can be deleted all the same, and shows in the trash no
// sooner than it would have.
func TestDeleteBeforeItShows(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := NewServer()
		mustDo(t, s.CreateFolder("Bin"))
		mustDo(t, s.SetRole(endpoint.Trash, "Bin"))
		mb := s.Open(&Options{Quirks: Quirks{Visibility: time.Minute}})
		bin := folderAt(t, mb, "Bin")
		put := all(t, mb.Put(t.Context(), folderAt(t, mb, "INBOX"), testPuts(t, 1)))
		if got := results(t, all(t, mb.Delete(t.Context(), folderAt(t, mb, "INBOX"), []string{put[0].Ref}))); !slices.Equal(got, []string{"1 ok"}) {
			t.Errorf("results: %q", got)
		}
		if n := len(refsOf(t, mb, "Bin")); n != 0 || len(s.Messages("Bin")) != 1 {
			t.Errorf("the trash shows %d items at once", n)
		}
		time.Sleep(time.Minute)
		if marks := all(t, mb.Marks(t.Context(), bin, bin.State)); len(marks) != 1 || len(refsOf(t, mb, "INBOX")) != 0 {
			t.Errorf("afterwards, the trash has the marks %+v", marks)
		}
	})
}
