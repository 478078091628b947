package memendpoint

import (
	"slices"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
)

func TestNewServerHasInboxOnly(t *testing.T) {
	t.Parallel()
	mb := NewServer().Open(nil)
	folders := all(t, mb.Folders(t.Context()))
	if len(folders) != 1 {
		t.Fatalf("folders: %v", folders)
	}
	f := folders[0]
	if !slices.Equal(f.Path, []string{"INBOX"}) || f.Role != endpoint.Inbox || !f.Subscribed || f.Items != 0 {
		t.Errorf("inbox: %+v", f)
	}
	if !slices.Equal(f.Kinds, endpoint.AllKinds()) {
		t.Errorf("kinds: %v", f.Kinds)
	}
}

func TestFolderTree(t *testing.T) {
	t.Parallel()
	s := NewServer()
	wantPaths := func(want ...[]string) {
		t.Helper()
		if got := s.FolderPaths(); !slices.EqualFunc(got, want, slices.Equal[[]string]) {
			t.Errorf("paths are %q, want %q", got, want)
		}
	}
	mustDo(t, s.CreateFolder("Work", "2024", "a/b"))
	mustDo(t, s.CreateFolder("Workshop"))
	wantPaths([]string{"INBOX"}, []string{"Work"}, []string{"Work", "2024"}, []string{"Work", "2024", "a/b"}, []string{"Workshop"})

	mustDo(t, s.RenameFolder([]string{"Work", "2024"}, []string{"Old", "2024"}))
	wantPaths([]string{"INBOX"}, []string{"Old"}, []string{"Old", "2024"}, []string{"Old", "2024", "a/b"}, []string{"Work"}, []string{"Workshop"})

	mustDo(t, s.DeleteFolder("Old"))
	wantPaths([]string{"INBOX"}, []string{"Work"}, []string{"Workshop"})
}

func TestFolderErrors(t *testing.T) {
	t.Parallel()
	s := NewServer()
	mustDo(t, s.CreateFolder("A"))
	mustDo(t, s.CreateFolder("B"))
	cases := []struct {
		name string
		err  error
		code endpoint.Code
	}{
		{"create again", s.CreateFolder("A"), endpoint.Exists},
		{"create nothing", s.CreateFolder(), endpoint.Invalid},
		{"create without a name", s.CreateFolder("A", ""), endpoint.Invalid},
		{"rename what is not there", s.RenameFolder([]string{"C"}, []string{"D"}), endpoint.NotFound},
		{"rename to what is there", s.RenameFolder([]string{"A"}, []string{"B"}), endpoint.Exists},
		{"rename to itself", s.RenameFolder([]string{"A"}, []string{"A"}), endpoint.Exists},
		{"rename below itself", s.RenameFolder([]string{"A"}, []string{"A", "x"}), endpoint.Invalid},
		{"rename to nothing", s.RenameFolder([]string{"A"}, nil), endpoint.Invalid},
		{"rename the inbox", s.RenameFolder([]string{"INBOX"}, []string{"In"}), endpoint.Denied},
		{"delete the inbox", s.DeleteFolder("INBOX"), endpoint.Denied},
		{"delete what is not there", s.DeleteFolder("C"), endpoint.NotFound},
		{"role of what is not there", s.SetRole(endpoint.Sent, "C"), endpoint.NotFound},
		{"subscribe what is not there", s.SetSubscribed(true, "C"), endpoint.NotFound},
		{"write-protect what is not there", s.SetReadOnly(true, "C"), endpoint.NotFound},
		{"change the validity of what is not there", s.ChangeValidity("C"), endpoint.NotFound},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			wantCode(t, c.err, c.code)
		})
	}
}

func TestFolderAttributesAreListed(t *testing.T) {
	t.Parallel()
	s := NewServer()
	mustDo(t, s.CreateFolder("Sent"))
	mustDo(t, s.SetRole(endpoint.Sent, "Sent"))
	mustDo(t, s.SetSubscribed(true, "Sent"))
	deliver(t, s, Message{Body: []byte(plainMail)}, "Sent")
	f := folderAt(t, s.Open(nil), "Sent")
	if f.Role != endpoint.Sent || !f.Subscribed || f.Items != 1 {
		t.Errorf("folder: %+v", f)
	}
	mustDo(t, s.SetSubscribed(false, "Sent"))
	if s.Subscribed("Sent") || s.Subscribed("Nowhere") {
		t.Error("still subscribed")
	}
}

func TestRenameKeepsReferences(t *testing.T) {
	t.Parallel()
	s := NewServer()
	mustDo(t, s.CreateFolder("A"))
	ref := deliver(t, s, Message{Body: []byte(plainMail)}, "A")
	mb := s.Open(nil)
	before := folderAt(t, mb, "A")
	mustDo(t, s.RenameFolder([]string{"A"}, []string{"B"}))
	after := folderAt(t, mb, "B")
	if before.ID != after.ID || before.Validity != after.Validity || before.State != after.State {
		t.Errorf("before %+v, after %+v", before, after)
	}
	if got := all(t, mb.Refs(t.Context(), before)); !slices.Equal(got, []string{ref}) {
		t.Errorf("refs: %v", got)
	}
}

func TestFolderMadeAgainIsAnother(t *testing.T) {
	t.Parallel()
	s := NewServer()
	mustDo(t, s.CreateFolder("A"))
	mb := s.Open(nil)
	before := folderAt(t, mb, "A")
	mustDo(t, s.DeleteFolder("A"))
	mustDo(t, s.CreateFolder("A"))
	after := folderAt(t, mb, "A")
	if before.Validity == after.Validity {
		t.Errorf("both have validity %s", after.Validity)
	}
	_, err := collect(mb.List(t.Context(), before, ""))
	wantCode(t, err, endpoint.NotFound)
}

func TestDeliverStoresWhatItGets(t *testing.T) {
	t.Parallel()
	s := NewServer()
	body := []byte(plainMail)
	at := time.Date(2020, 2, 3, 4, 5, 6, 789, time.FixedZone("", 3600))
	deliver(t, s, Message{Body: body, Received: at, Flags: []endpoint.Flag{`\seen`, `\Recent`, "work", "work"}}, "INBOX")
	deliver(t, s, Message{Body: body}, "INBOX")
	deliver(t, s, Message{Body: body, Kind: endpoint.Note, Identity: "mine"}, "INBOX")
	body[0] = 'X' // the server has its own copy

	got := s.Messages("INBOX")
	if string(got[0].Body) != plainMail || got[0].Kind != endpoint.Mail || got[2].Kind != endpoint.Note {
		t.Errorf("messages: %+v", got)
	}
	if !got[0].Received.Equal(at.Truncate(time.Second)) {
		t.Errorf("received %v", got[0].Received)
	}
	if !slices.Equal(got[0].Flags, []endpoint.Flag{endpoint.Seen, "work"}) {
		t.Errorf("flags %v", got[0].Flags)
	}
	if d := got[2].Received.Sub(got[1].Received); d != time.Minute {
		t.Errorf("times given are %v apart", d)
	}
	mb := s.Open(nil)
	items := all(t, mb.List(t.Context(), folderAt(t, mb, "INBOX"), ""))
	if items[0].Identity != items[1].Identity || items[2].Identity != "mine" {
		t.Errorf("identities %q, %q, %q", items[0].Identity, items[1].Identity, items[2].Identity)
	}
}

func TestItemErrors(t *testing.T) {
	t.Parallel()
	s := NewServer()
	inbox, nowhere := []string{"INBOX"}, []string{"Nowhere"}
	ref := deliver(t, s, Message{Body: []byte(plainMail)}, "INBOX")
	errs := map[string]error{
		"delete":         s.Delete(inbox, "7"),
		"delete, odd":    s.Delete(inbox, "0"+ref),
		"delete, no ref": s.Delete(inbox, ""),
		"flags":          s.SetFlags(inbox, "7", endpoint.Seen),
		"folder":         s.Delete(nowhere, ref),
	}
	_, errs["deliver"] = s.Deliver(nowhere, Message{})
	_, errs["move"] = s.Move(inbox, "7", inbox)
	_, errs["move to"] = s.Move(inbox, ref, nowhere)
	_, errs["copy from"] = s.Copy(nowhere, ref, inbox)
	for name, err := range errs {
		if endpoint.CodeOf(err) != endpoint.NotFound || err == nil {
			t.Errorf("%s: error is %v, want code not-found", name, err)
		}
	}
	_, err := s.Deliver(inbox, Message{Kind: 99})
	wantCode(t, err, endpoint.Invalid)
	if n := len(s.Messages("INBOX")); n != 1 {
		t.Errorf("%d messages after errors, want 1", n)
	}
}

func TestReferencesAreNeverUsedAgain(t *testing.T) {
	t.Parallel()
	s := NewServer()
	inbox := []string{"INBOX"}
	mustDo(t, s.CreateFolder("A"))
	first := deliver(t, s, Message{Body: []byte(plainMail)}, "INBOX")
	mustDo(t, s.Delete(inbox, first))
	second := deliver(t, s, Message{Body: []byte(plainMail), Flags: []endpoint.Flag{endpoint.Seen}}, "INBOX")
	moved, err := s.Move(inbox, second, []string{"A"})
	mustDo(t, err)
	back, err := s.Copy([]string{"A"}, moved, inbox)
	mustDo(t, err)
	same, err := s.Move(inbox, back, inbox)
	mustDo(t, err)
	if got := []string{first, second, moved, back, same}; !slices.Equal(got, []string{"1", "2", "1", "3", "4"}) {
		t.Errorf("references: %v", got)
	}
	if got := refsOf(t, s.Open(nil), "INBOX"); !slices.Equal(got, []string{"4"}) {
		t.Errorf("inbox has %v", got)
	}
	if got := s.Messages("INBOX")[0]; string(got.Body) != plainMail || !slices.Equal(got.Flags, []endpoint.Flag{endpoint.Seen}) {
		t.Errorf("message: %+v", got)
	}
	if got := s.Messages("A"); len(got) != 1 {
		t.Errorf("A has %d messages, want the original of the copy", len(got))
	}
}

func TestSetFlagsReplaces(t *testing.T) {
	t.Parallel()
	s := NewServer()
	ref := deliver(t, s, Message{Body: []byte(plainMail), Flags: []endpoint.Flag{endpoint.Draft}}, "INBOX")
	mustDo(t, s.SetFlags([]string{"INBOX"}, ref, endpoint.Answered, "later"))
	if got := s.Messages("INBOX")[0].Flags; !slices.Equal(got, []endpoint.Flag{endpoint.Answered, "later"}) {
		t.Errorf("flags: %v", got)
	}
}

func TestChangeValidityChangesEveryRef(t *testing.T) {
	t.Parallel()
	for _, deleted := range [][]string{nil, {"1"}, {"1", "2"}, {"2"}, {"1", "2", "3", "4"}} {
		s := NewServer()
		for range 4 {
			deliver(t, s, Message{Body: []byte(plainMail)}, "INBOX")
		}
		for _, ref := range deleted {
			mustDo(t, s.Delete([]string{"INBOX"}, ref))
		}
		mb := s.Open(nil)
		before, old := s.Messages("INBOX"), folderAt(t, mb, "INBOX")
		mustDo(t, s.ChangeValidity("INBOX"))
		after, renewed := s.Messages("INBOX"), folderAt(t, mb, "INBOX")
		if old.Validity == renewed.Validity || old.State == renewed.State || old.ID != renewed.ID {
			t.Errorf("folder was %+v, is %+v", old, renewed)
		}
		for i := range before {
			if before[i].Ref == after[i].Ref || !before[i].Received.Equal(after[i].Received) {
				t.Errorf("without %v, message %d was %q and is %q", deleted, i, before[i].Ref, after[i].Ref)
			}
		}
		last := deliver(t, s, Message{Body: []byte(plainMail)}, "INBOX")
		if got := refsOf(t, mb, "INBOX"); got[len(got)-1] != last || len(got) != len(before)+1 {
			t.Errorf("refs: %v", got)
		}
	}
}

func mustDo(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
