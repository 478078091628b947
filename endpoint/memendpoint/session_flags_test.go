package memendpoint

import (
	"slices"
	"testing"

	"github.com/dandyroll/dandyroll/endpoint"
)

func TestFlags(t *testing.T) {
	t.Parallel()
	s := NewServer()
	mb := s.Open(nil)
	deliver(t, s, Message{Flags: []endpoint.Flag{endpoint.Seen, "work"}}, "INBOX")
	deliver(t, s, Message{}, "INBOX")
	inbox := folderAt(t, mb, "INBOX")
	want := []endpoint.Flagging{{Ref: "1", Flags: []endpoint.Flag{endpoint.Seen, "work"}}, {Ref: "2"}}
	equal := func(a, b endpoint.Flagging) bool { return a.Ref == b.Ref && slices.Equal(a.Flags, b.Flags) }
	if got := all(t, mb.Flags(t.Context(), inbox, nil)); !slices.EqualFunc(got, want, equal) {
		t.Errorf("all: %+v", got)
	}
	if got := all(t, mb.Flags(t.Context(), inbox, []string{"9", "2", "x"})); !slices.EqualFunc(got, want[1:], equal) {
		t.Errorf("the second: %+v", got)
	}
	if got := all(t, mb.Flags(t.Context(), inbox, []string{})); len(got) != 0 {
		t.Errorf("none: %+v", got)
	}
}

func TestSetFlags(t *testing.T) {
	t.Parallel()
	s := NewServer()
	mb := s.Open(nil)
	deliver(t, s, Message{Flags: []endpoint.Flag{endpoint.Seen, "work"}}, "INBOX")
	inbox := folderAt(t, mb, "INBOX")
	set := func(mb *endpoint.Mailbox, c endpoint.FlagChange) []endpoint.Flag {
		c.Ref = "1"
		list := []endpoint.FlagChange{{Ref: "9"}, c}
		if got := results(t, all(t, mb.SetFlags(t.Context(), inbox, list))); !slices.Equal(got, []string{"9 not-found", "1 ok"}) {
			t.Errorf("results: %q", got)
		}
		return s.Messages("INBOX")[0].Flags
	}
	add, remove := []endpoint.Flag{`\DRAFT`, `\Recent`, "k"}, []endpoint.Flag{`\seen`, "absent"}
	if got := set(mb, endpoint.FlagChange{Add: add, Remove: remove}); !slices.Equal(got, []endpoint.Flag{"work", endpoint.Draft, "k"}) {
		t.Errorf("flags are %q", got)
	}
	if got := set(s.Open(&Options{Quirks: Quirks{NoKeywords: true}}), endpoint.FlagChange{Add: []endpoint.Flag{"other"}, Remove: []endpoint.Flag{"k"}}); !slices.Equal(got, []endpoint.Flag{"work", endpoint.Draft}) {
		t.Errorf("without keywords, flags are %q", got)
	}
	if n := s.Counts().FlagsSet; n != 2 {
		t.Errorf("%d counted", n)
	}
}

func TestFlagsChangeTheState(t *testing.T) {
	t.Parallel()
	s := NewServer()
	mb := s.Open(nil)
	deliver(t, s, Message{Flags: []endpoint.Flag{endpoint.Seen, "work"}}, "INBOX")
	inbox := folderAt(t, mb, "INBOX")
	mustDo(t, s.SetFlags([]string{"INBOX"}, "1", "work", endpoint.Seen))
	all(t, mb.SetFlags(t.Context(), inbox, []endpoint.FlagChange{{Ref: "1", Add: []endpoint.Flag{endpoint.Seen}}}))
	if now := folderAt(t, mb, "INBOX").State; now != inbox.State {
		t.Errorf("the state went from %s to %s with the same flags", inbox.State, now)
	}
	mustDo(t, s.SetFlags([]string{"INBOX"}, "1", "work", endpoint.Draft))
	second := folderAt(t, mb, "INBOX")
	all(t, mb.SetFlags(t.Context(), inbox, []endpoint.FlagChange{{Ref: "1", Remove: []endpoint.Flag{"work"}}}))
	third := folderAt(t, mb, "INBOX")
	if inbox.State == second.State || second.State == third.State {
		t.Errorf("states %s, %s, %s", inbox.State, second.State, third.State)
	}
	if items := all(t, mb.List(t.Context(), inbox, inbox.State)); len(items) != 0 {
		t.Errorf("flags make items new: %+v", items)
	}
}
