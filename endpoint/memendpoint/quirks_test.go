package memendpoint

import (
	"context"
	"errors"
	"iter"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
)

func TestCapabilitiesTellTheQuirks(t *testing.T) {
	t.Parallel()
	caps := func(q Quirks) endpoint.Capabilities {
		c, err := NewServer().Open(&Options{Quirks: q}).Capabilities(t.Context())
		mustDo(t, err)
		return c
	}
	good := caps(Quirks{})
	if !good.States || !good.CreateFolder || !good.DeleteFolder || !good.Subscribe || !good.Keywords || !good.Received || !good.Exact {
		t.Errorf("without quirks: %+v", good)
	}
	if !good.Delete || !good.Flags || !good.SetFlags || !good.Find || !good.FlagStates || !good.Versions || good.Identity != "memendpoint/1" {
		t.Errorf("without quirks: %+v", good)
	}
	for _, k := range endpoint.AllKinds() {
		if len(good.Offers(k, good)) != 1 {
			t.Errorf("%v cannot be carried", k)
		}
	}
	bad := caps(Quirks{
		NoStates: true, NoCreateFolder: true, NoKeywords: true, IgnoreReceived: true, Rewrite: true,
		NoDelete: true, NoFlags: true, NoVersions: true, NoFind: true,
		MaxItem: 7, Visibility: time.Second, Kinds: []endpoint.Kind{endpoint.Mail},
	})
	if bad.States || bad.CreateFolder || bad.Keywords || bad.Received || bad.Exact {
		t.Errorf("with quirks: %+v", bad)
	}
	if bad.Delete || bad.Flags || bad.SetFlags || bad.FlagStates || bad.Versions || bad.Find {
		t.Errorf("with quirks: %+v", bad)
	}
	if bad.MaxItem != 7 || bad.Visibility != time.Second || len(bad.Read) != 1 || len(bad.Write) != 1 {
		t.Errorf("with quirks: %+v", bad)
	}
}

// putOne puts one mail, with a keyword and a date, through a session with a quirk.
func putOne(t *testing.T, q Quirks) (Stored, endpoint.PutResult) {
	t.Helper()
	s := NewServer()
	mb := s.Open(&Options{Quirks: q})
	put := testPut(t, 0)
	put.Flags = []endpoint.Flag{endpoint.Seen, "work"}
	put.Received = time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	results := all(t, mb.Put(t.Context(), folderAt(t, mb, "INBOX"), []endpoint.Put{put}))
	if len(results) != 1 || results[0].Err != nil {
		t.Fatalf("results: %+v", results)
	}
	return s.Messages("INBOX")[0], results[0]
}

func TestDropMark(t *testing.T) {
	t.Parallel()
	if got, _ := putOne(t, Quirks{DropMark: true}); string(got.Body) != plainMail || got.Mark.Fields() != 0 {
		t.Errorf("stored %q", got.Body)
	}
}

func TestIgnoreReceived(t *testing.T) {
	t.Parallel()
	if got, _ := putOne(t, Quirks{IgnoreReceived: true}); got.Received.Year() == 2001 {
		t.Errorf("received %v", got.Received)
	}
}

func TestRewrite(t *testing.T) {
	t.Parallel()
	plain, _ := putOne(t, Quirks{})
	got, _ := putOne(t, Quirks{Rewrite: true})
	if string(got.Body) != string(plain.Body)+"\r\n" || len(got.Mark.Marks) != 1 {
		t.Errorf("stored %q", got.Body)
	}
}

func TestNoKeywords(t *testing.T) {
	t.Parallel()
	got, result := putOne(t, Quirks{NoKeywords: true})
	if !slices.Equal(got.Flags, []endpoint.Flag{endpoint.Seen}) || !slices.Equal(result.Dropped, []endpoint.Flag{"work"}) {
		t.Errorf("flags %v, dropped %v", got.Flags, result.Dropped)
	}
}

func TestUnknownSystemFlagsAreDropped(t *testing.T) {
	t.Parallel()
	kept, dropped := keepFlags([]endpoint.Flag{`\SEEN`, `\Recent`, `\Odd`, "", "k", endpoint.Seen}, true)
	if !slices.Equal(kept, []endpoint.Flag{endpoint.Seen, "k"}) || !slices.Equal(dropped, []endpoint.Flag{`\Recent`, `\Odd`, ""}) {
		t.Errorf("kept %q, dropped %q", kept, dropped)
	}
}

func TestNoStates(t *testing.T) {
	t.Parallel()
	s := NewServer()
	deliver(t, s, Message{}, "INBOX")
	if f := folderAt(t, s.Open(&Options{Quirks: Quirks{NoStates: true}}), "INBOX"); f.State != "" || f.Validity == "" {
		t.Errorf("folder: %+v", f)
	}
}

func TestNoCreateFolder(t *testing.T) {
	t.Parallel()
	s := NewServer()
	mb := s.Open(&Options{Quirks: Quirks{NoCreateFolder: true}})
	_, err := mb.CreateFolder(t.Context(), endpoint.Folder{Path: []string{"A"}})
	wantCode(t, err, endpoint.Unsupported)
	_, err = mb.Driver().CreateFolder(t.Context(), endpoint.Folder{Path: []string{"A"}})
	wantCode(t, err, endpoint.Unsupported)
	if got := s.FolderPaths(); len(got) != 1 {
		t.Errorf("folders: %q", got)
	}
}

func TestKinds(t *testing.T) {
	t.Parallel()
	s := NewServer()
	deliver(t, s, Message{Kind: endpoint.Contact, Body: []byte(plainCard)}, "INBOX")
	mb := s.Open(&Options{Quirks: Quirks{Kinds: []endpoint.Kind{endpoint.Mail}}})
	inbox := folderAt(t, mb, "INBOX")
	if !slices.Equal(inbox.Kinds, []endpoint.Kind{endpoint.Mail}) {
		t.Errorf("kinds: %v", inbox.Kinds)
	}
	if items := all(t, mb.List(t.Context(), inbox, "")); len(items) != 1 || items[0].Kind != endpoint.Contact {
		t.Errorf("an item that cannot be read is not listed: %+v", items)
	}
	body := all(t, mb.Read(t.Context(), inbox, []string{"1"}, endpoint.ReadOptions{}))[0]
	wantCode(t, body.Err, endpoint.Unsupported)
	card := endpoint.Put{Mark: testMark(t, 0), Kind: endpoint.Contact, Content: endpoint.Bytes(endpoint.VCard, []byte(plainCard))}
	result := all(t, mb.Put(t.Context(), inbox, []endpoint.Put{card}))[0]
	wantCode(t, result.Err, endpoint.Unsupported)
}

func TestMaxItemCountsTheMark(t *testing.T) {
	t.Parallel()
	stored, _ := putOne(t, Quirks{})
	putOne(t, Quirks{MaxItem: int64(len(stored.Body))})
	s := NewServer()
	mb := s.Open(&Options{Quirks: Quirks{MaxItem: int64(len(stored.Body)) - 1}})
	result := all(t, mb.Put(t.Context(), folderAt(t, mb, "INBOX"), testPuts(t, 1)))[0]
	wantCode(t, result.Err, endpoint.TooLarge)
	if len(s.Messages("INBOX")) != 0 {
		t.Error("it landed")
	}
}

func TestVisibility(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := NewServer()
		slow, other := s.Open(&Options{Quirks: Quirks{Visibility: time.Minute}}), s.Open(nil)
		before := folderAt(t, other, "INBOX")
		all(t, slow.Put(t.Context(), before, testPuts(t, 1)))
		deliver(t, s, Message{Body: []byte(plainMail)}, "INBOX")

		time.Sleep(time.Minute - time.Nanosecond)
		for _, mb := range []*endpoint.Mailbox{slow, other} {
			if got := refsOf(t, mb, "INBOX"); !slices.Equal(got, []string{"2"}) {
				t.Errorf("too early, refs are %v", got)
			}
		}
		between := folderAt(t, other, "INBOX")
		if marks := all(t, other.Marks(t.Context(), between, "")); len(marks) != 0 || between.Items != 1 {
			t.Errorf("too early, marks are %v of %d items", marks, between.Items)
		}
		if n := len(s.Messages("INBOX")); n != 2 {
			t.Errorf("the server has %d items, want 2", n)
		}

		time.Sleep(time.Nanosecond)
		after := folderAt(t, other, "INBOX")
		if before.State == between.State || between.State == after.State || after.Items != 2 {
			t.Errorf("states %s, %s, %s; %d items", before.State, between.State, after.State, after.Items)
		}
		for _, since := range []string{"", before.State, between.State} {
			if marks := all(t, other.Marks(t.Context(), after, since)); len(marks) != 1 {
				t.Errorf("since %q there are %d marks, want 1", since, len(marks))
			}
		}
		if marks := all(t, other.Marks(t.Context(), after, after.State)); len(marks) != 0 {
			t.Errorf("since now there are %d marks, want none", len(marks))
		}
	})
}

func TestStateWaitsForVisibility(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := NewServer()
		inbox := folderAt(t, s.Open(nil), "INBOX")
		for n, delay := range []time.Duration{time.Hour, time.Minute} {
			mb := s.Open(&Options{Quirks: Quirks{Visibility: delay}})
			all(t, mb.Put(t.Context(), inbox, []endpoint.Put{testPut(t, n)}))
		}
		if state := folderAt(t, s.Open(nil), "INBOX").State; state != inbox.State {
			t.Errorf("state went from %s to %s, but nothing shows", inbox.State, state)
		}
		time.Sleep(time.Minute)
		second := folderAt(t, s.Open(nil), "INBOX")
		if second.State == inbox.State || second.Items != 1 {
			t.Errorf("%d items show, but the state is still %s", second.Items, second.State)
		}
		time.Sleep(time.Hour)
		if got := all(t, s.Open(nil).Marks(t.Context(), second, second.State)); len(got) != 2 {
			t.Errorf("since the second item showed, there are %d marks, want the first, late, and the second again", len(got))
		}
	})
}

func TestThrottle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := NewServer()
		opened := time.Now()
		mb := s.Open(&Options{Quirks: Quirks{Throttle: func(int) time.Duration {
			return time.Minute - time.Since(opened)
		}}})
		_, err := collect(mb.Folders(t.Context()))
		if !errors.Is(err, endpoint.ErrThrottled) || endpoint.RetryAfterOf(err) != time.Minute {
			t.Fatalf("error: %v", err)
		}
		time.Sleep(endpoint.RetryAfterOf(err))
		all(t, mb.Folders(t.Context()))
		if c := s.Counts(); c.Calls != 2 || c.FoldersListed != 1 {
			t.Errorf("counts: %+v", c)
		}
	})
}

func TestThrottleNumbersTheCalls(t *testing.T) {
	t.Parallel()
	s := NewServer()
	var calls []int
	mb := s.Open(&Options{Quirks: Quirks{Throttle: func(call int) time.Duration {
		calls = append(calls, call)
		return time.Duration(call - 2)
	}}})
	inbox := folderAt(t, mb, "INBOX")
	all(t, mb.List(t.Context(), inbox, ""))
	_, err := collect(mb.Put(t.Context(), inbox, testPuts(t, 1)))
	wantCode(t, err, endpoint.Throttled)
	_, err = mb.Capabilities(t.Context())
	wantCode(t, err, endpoint.Throttled)
	if !slices.Equal(calls, []int{1, 2, 3, 4}) || s.Counts().Puts != 0 {
		t.Errorf("calls %v, counts %+v", calls, s.Counts())
	}
}

func TestLoseAnswer(t *testing.T) {
	t.Parallel()
	s := NewServer()
	mb := s.Open(&Options{Quirks: Quirks{LoseAnswer: func(item int) bool { return item == 2 }}})
	inbox := folderAt(t, mb, "INBOX")
	results, err := collect(mb.Put(t.Context(), inbox, testPuts(t, 3)))
	wantCode(t, err, endpoint.Unavailable)
	if len(results) != 2 || results[0].Err != nil || results[1].Ref != "" {
		t.Fatalf("results: %+v", results)
	}
	wantCode(t, results[1].Err, endpoint.InDoubt)
	marks := all(t, mb.Marks(t.Context(), inbox, ""))
	if len(marks) != 2 || marks[1].Marks.Marks[0] != results[1].Mark {
		t.Errorf("marks: %+v", marks)
	}
	results = all(t, mb.Put(t.Context(), inbox, testPuts(t, 3)[2:]))
	if len(results) != 1 || results[0].Err != nil {
		t.Errorf("afterwards: %+v", results)
	}
}

func TestNoDelete(t *testing.T) {
	t.Parallel()
	s := NewServer()
	deliver(t, s, Message{}, "INBOX")
	mb := s.Open(&Options{Quirks: Quirks{NoDelete: true}})
	inbox := folderAt(t, mb, "INBOX")
	_, err := collect(mb.Delete(t.Context(), inbox, []string{"1"}))
	wantCode(t, err, endpoint.Unsupported)
	_, err = collect(mb.Driver().Delete(t.Context(), inbox, []string{"1"}))
	wantCode(t, err, endpoint.Unsupported)
	if len(s.Messages("INBOX")) != 1 {
		t.Error("it is gone")
	}
}

func TestNoFlags(t *testing.T) {
	t.Parallel()
	s := NewServer()
	deliver(t, s, Message{}, "INBOX")
	mb := s.Open(&Options{Quirks: Quirks{NoFlags: true}})
	inbox := folderAt(t, mb, "INBOX")
	mustDo(t, s.SetFlags([]string{"INBOX"}, "1", endpoint.Seen))
	if now := folderAt(t, mb, "INBOX").State; now != inbox.State {
		t.Errorf("the state went from %s to %s", inbox.State, now)
	}
	for _, d := range []interface {
		Flags(context.Context, endpoint.Folder, []string) iter.Seq2[endpoint.Flagging, error]
		SetFlags(context.Context, endpoint.Folder, []endpoint.FlagChange) iter.Seq2[endpoint.Result, error]
	}{mb, mb.Driver()} {
		_, err := collect(d.Flags(t.Context(), inbox, nil))
		wantCode(t, err, endpoint.Unsupported)
		_, err = collect(d.SetFlags(t.Context(), inbox, []endpoint.FlagChange{{Ref: "1", Remove: []endpoint.Flag{endpoint.Seen}}}))
		wantCode(t, err, endpoint.Unsupported)
	}
	if got := s.Messages("INBOX")[0].Flags; len(got) != 1 {
		t.Errorf("flags are %q", got)
	}
}

func TestNoVersions(t *testing.T) {
	t.Parallel()
	s := NewServer()
	deliver(t, s, Message{Body: []byte(plainMail)}, "INBOX")
	mb := s.Open(&Options{Quirks: Quirks{NoVersions: true}})
	before := folderAt(t, mb, "INBOX")
	mustDo(t, s.Update([]string{"INBOX"}, "1", []byte(plainMail+"more\r\n")))
	after := folderAt(t, mb, "INBOX")
	if after.State != before.State {
		t.Errorf("the state went from %s to %s", before.State, after.State)
	}
	if items := all(t, mb.List(t.Context(), after, before.State)); len(items) != 0 {
		t.Errorf("since the state there is %+v", items)
	}
	if items := all(t, mb.List(t.Context(), after, "")); len(items) != 1 || items[0].Version != "" {
		t.Errorf("items: %+v", items)
	}
}

func TestNoFind(t *testing.T) {
	t.Parallel()
	s := NewServer()
	mb := s.Open(&Options{Quirks: Quirks{NoFind: true}})
	_, err := collect(mb.Find(t.Context(), folderAt(t, mb, "INBOX"), "1@old.example"))
	wantCode(t, err, endpoint.Unsupported)
	_, err = collect(mb.Driver().Find(t.Context(), folderAt(t, mb, "INBOX"), "1@old.example"))
	wantCode(t, err, endpoint.Unsupported)
}
