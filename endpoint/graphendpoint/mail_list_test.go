package graphendpoint

import (
	"slices"
	"strings"
	"testing"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/internal/graphserve"
	"github.com/dandyroll/dandyroll/watermark"
)

const listRoute = "GET /users/{user}/mailFolders/{folder}/messages"

func TestMailListTellsOfEachMessage(t *testing.T) {
	t.Parallel()
	b := openMail(t, graphserve.Quirks{})
	ref := b.deliver(t, "inbox", 7)[0]
	mark := testMark(t)
	noError(t, b.owner.SetProperty(ref, markProperty, mark.String()))
	items := mailOf(t, b.list(t.Context(), b.inbox(), ""))
	if len(items) != 1 {
		t.Fatalf("%d items", len(items))
	}
	got := items[0]
	marks := got.Marks
	got.Marks = watermark.Reading{}
	want := endpoint.Item{
		Ref: ref, Kind: endpoint.Mail, Identity: ref, Received: mailTime(7), Sent: mailTime(7).Add(-60e9), Size: int64(len(smallMail(7))),
	}
	if !got.Sent.Equal(want.Sent) || !got.Received.Equal(want.Received) {
		t.Errorf("times of %+v, want %+v", got, want)
	}
	got.Sent, got.Received = want.Sent, want.Received
	if got.Ref != want.Ref || got.Size != want.Size || got.Kind != want.Kind || got.Identity != want.Identity {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if len(marks.Marks) != 1 || marks.Marks[0] != mark || marks.Fields() != 1 {
		t.Errorf("marks %+v", marks)
	}
}

func testMark(t *testing.T) watermark.Mark {
	t.Helper()
	mark, err := watermark.Parse("1.imap.graph.aaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaa")
	noError(t, err)
	return mark
}

func TestMailListsPagesInOrderOfReceipt(t *testing.T) {
	t.Parallel()
	b := openMail(t, graphserve.Quirks{})
	numbers := upTo(1100)
	slices.Reverse(numbers) // the service has them in another order
	want := b.deliver(t, "inbox", numbers...)
	slices.Reverse(want)
	wantRefs(t, "list", mailRefs(mailOf(t, b.list(t.Context(), b.inbox(), ""))), want)
	wantRefs(t, "refs", mailOf(t, b.refs(t.Context(), b.inbox())), want)
	if n := b.server.Count(listRoute); n != 6 {
		t.Errorf("%d requests for two lists of three pages", n)
	}
	for _, r := range b.server.Requests() {
		if !r.ImmutableIDs || strings.Contains(r.Query, "body") {
			t.Errorf("request %+v", r)
		}
	}
}

// A message that goes while the folder is listed moves the others forward, one of them past the page that is to come.
func TestMailThatSlipsThroughBetweenPagesIsListed(t *testing.T) {
	t.Parallel()
	b := openMail(t, graphserve.Quirks{ReplayDelta: true})
	want := b.deliver(t, "inbox", upTo(mailPage+5)...)
	var got []string
	for it, err := range b.list(t.Context(), b.inbox(), "") {
		noError(t, err)
		if got = append(got, it.Ref); len(got) == mailPage {
			noError(t, b.owner.Delete(want[3]))
		}
	}
	if last := len(got) - 1; last != mailPage+4 || got[last] != want[mailPage] {
		t.Errorf("%d items, want %d, the last of them that which slipped through", len(got), len(want))
	}
}

func TestMailOfFoldersThatAreGone(t *testing.T) {
	t.Parallel()
	b := openMail(t, graphserve.Quirks{})
	folder, err := b.owner.CreateFolder("inbox", "Gone")
	noError(t, err)
	state, err := b.state(t.Context(), folder, "")
	noError(t, err)
	noError(t, b.owner.Delete(folder))
	for _, since := range []string{"", state} {
		_, err = mailUntil(b.list(t.Context(), folder, since))
		wantMailCode(t, "list", err, endpoint.NotFound)
		_, err = mailUntil(b.marks(t.Context(), folder, since))
		wantMailCode(t, "marks", err, endpoint.NotFound)
		_, err = b.state(t.Context(), folder, since)
		wantMailCode(t, "state", err, endpoint.NotFound)
	}
	_, err = mailUntil(b.refs(t.Context(), folder))
	wantMailCode(t, "refs", err, endpoint.NotFound)
}

func TestMailStates(t *testing.T) {
	t.Parallel()
	for name, quirks := range map[string]graphserve.Quirks{"usual": {}, "replayed": {ReplayDelta: true}, "without expand": {DropDeltaExpand: true}} {
		t.Run(name, func(t *testing.T) {
			b := openMail(t, quirks)
			refs := b.deliver(t, "inbox", 0, 1, 2)
			state, err := b.state(t.Context(), b.inbox(), "")
			noError(t, err)
			if again, err := b.state(t.Context(), b.inbox(), state); err != nil || again != state {
				t.Errorf("state %q, then %q: %v", state, again, err)
			}
			for what, change := range map[string]func() error{
				"read":     func() error { return b.owner.MarkRead(refs[0], true) },
				"moved":    func() error { return b.owner.Move(refs[1], "archive") },
				"moved in": func() error { return b.owner.Move(refs[1], "inbox") },
				"came":     func() error { b.deliver(t, "inbox", 9); return nil },
			} {
				noError(t, change())
				next, err := b.state(t.Context(), b.inbox(), state)
				if err != nil || next == state {
					t.Errorf("after a message was %s, the state is %q: %v", what, next, err)
				}
				state = next
			}
		})
	}
}

func TestMailSinceAState(t *testing.T) {
	t.Parallel()
	for name, quirks := range map[string]graphserve.Quirks{"usual": {}, "replayed": {ReplayDelta: true}, "without expand": {DropDeltaExpand: true}} {
		t.Run(name, func(t *testing.T) {
			b := openMail(t, quirks)
			refs := b.deliver(t, "inbox", upTo(mailPage+100)...)
			state, err := b.state(t.Context(), b.inbox(), "")
			noError(t, err)
			added := b.deliver(t, "inbox", 702, 701)
			mark := testMark(t)
			noError(t, b.owner.SetProperty(added[0], markProperty, mark.String()))
			noError(t, b.owner.Move(refs[3], "archive"))
			got := mailRefs(mailOf(t, b.list(t.Context(), b.inbox(), state)))
			if len(got) > 3 { // the service may replay one
				t.Errorf("%d items since the state", len(got))
			}
			wantRefs(t, "list", got[len(got)-2:], []string{added[1], added[0]})
			if b.server.Count(listRoute) != 0 {
				t.Error("the whole folder was listed for two items")
			}
			sightings := mailOf(t, b.marks(t.Context(), b.inbox(), state))
			if len(sightings) != 1 || sightings[0].Ref != added[0] || sightings[0].Marks.Marks[0] != mark {
				t.Errorf("sightings %+v", sightings)
			}
			more := b.deliver(t, "inbox", 803, 802, 801)
			many := b.deliver(t, "inbox", upTo(20)...)
			got = mailRefs(mailOf(t, b.list(t.Context(), b.inbox(), state)))
			all := mailOf(t, b.refs(t.Context(), b.inbox()))
			for _, ref := range slices.Concat(added, more, many) {
				if !slices.Contains(got, ref) {
					t.Errorf("item %s is missing", ref)
				}
			}
			if inOrder := slices.DeleteFunc(all, func(r string) bool { return !slices.Contains(got, r) }); !slices.Equal(got, inOrder) {
				t.Error("items since a state are in another order than in the folder")
			}
		})
	}
}

func TestMailSinceWhatIsNoState(t *testing.T) {
	t.Parallel()
	b := openMail(t, graphserve.Quirks{})
	want := b.deliver(t, "inbox", 0, 1)
	b.deliver(t, "archive", 5, 6)
	expired, err := b.state(t.Context(), b.inbox(), "")
	noError(t, err)
	other, err := b.state(t.Context(), b.owner.Folder("Archive"), "")
	noError(t, err)
	b.owner.ExpireDeltas()
	invented := b.inbox() + " /users/x/mailFolders/inbox/messages/delta?$deltatoken=x"
	for _, since := range []string{expired, other, "rubbish", b.inbox() + " https://elsewhere.example/", invented} {
		items, err := mailUntil(b.list(t.Context(), b.inbox(), since))
		if since == invented && endpoint.CodeOf(err) == endpoint.Denied {
			continue // a mailbox that does not exist
		}
		noError(t, err)
		wantRefs(t, "list", mailRefs(items), want)
		if state, err := b.state(t.Context(), b.inbox(), since); err != nil || state == since {
			t.Errorf("state since %q is %q: %v", since, state, err)
		}
	}
}

func TestMailMarks(t *testing.T) {
	t.Parallel()
	b := openMail(t, graphserve.Quirks{})
	refs := b.deliver(t, "inbox", upTo(mailPage+20)...)
	mark := testMark(t)
	values := map[string]string{
		refs[1]: mark.String(), refs[mailPage+1]: strings.ToUpper(mark.String()), refs[2]: "nonsense",
		refs[3]: "9.imap.graph.aaaaaaaa.x", refs[4]: "x\r\nX-Dandyroll: " + mark.String(),
	}
	for ref, value := range values {
		noError(t, b.owner.SetProperty(ref, markProperty, value))
	}
	noError(t, b.owner.SetProperty(refs[6], partialProperty, mark.String()))
	got := map[string]watermark.Reading{}
	for s, err := range b.marks(t.Context(), b.inbox(), "") {
		noError(t, err)
		got[s.Ref] = s.Marks
	}
	if len(got) != len(values) {
		t.Errorf("%d sightings, want %d", len(got), len(values))
	}
	for _, ref := range []string{refs[1], refs[mailPage+1]} {
		if r := got[ref]; len(r.Marks) != 1 || r.Marks[0] != mark {
			t.Errorf("marks %+v", r)
		}
	}
	if r := got[refs[3]]; r.Newer != 1 {
		t.Errorf("a newer mark is read as %+v", r)
	}
	for _, ref := range []string{refs[2], refs[4]} {
		if r := got[ref]; r.Garbled != 1 || r.Fields() != 1 {
			t.Errorf("a garbled mark is read as %+v", r)
		}
	}
}

func TestMailLeavesLoopsEarly(t *testing.T) {
	t.Parallel()
	b := openMail(t, graphserve.Quirks{})
	b.deliver(t, "inbox", upTo(mailPage+1)...)
	for range 2 * maxConcurrent {
		for _, err := range b.list(t.Context(), b.inbox(), "") {
			noError(t, err)
			mailOf(t, b.find(t.Context(), b.inbox(), "1@example.com")) // any call from the body of a loop
			break
		}
		for _, err := range b.refs(t.Context(), b.inbox()) {
			noError(t, err)
			break
		}
	}
}
