package graphendpoint

import (
	"bytes"
	"errors"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/internal/graphserve"
	"github.com/dandyroll/dandyroll/watermark"
)

const valueRoute = "GET /users/{user}/messages/{message}/$value"

// readMail reads a message whole.
func (b mailBox) readMail(t *testing.T, ref string, room int64) (endpoint.Body, []byte) {
	t.Helper()
	body := b.read(t.Context(), b.inbox(), ref, reading{room: newRoom(room), tempDir: t.TempDir()})
	noError(t, body.Err)
	t.Cleanup(func() { _ = body.Content.Close() })
	r, err := body.Content.Open()
	noError(t, err)
	content, err := io.ReadAll(r)
	noError(t, err)
	if int64(len(content)) != body.Content.Size() || body.Content.Format() != endpoint.RFC822 {
		t.Errorf("%d bytes of %s, announced %d", len(content), body.Content.Format(), body.Content.Size())
	}
	return body, content
}

func TestMailIsReadAsMIME(t *testing.T) {
	t.Parallel()
	b := openMail(t, graphserve.Quirks{})
	ref := b.deliver(t, "inbox", 3)[0]
	mark := testMark(t)
	noError(t, b.owner.SetProperty(ref, markProperty, mark.String()))
	for _, room := range []int64{0, 1 << 20} {
		body, content := b.readMail(t, ref, room)
		want, err := b.owner.MIME(ref)
		noError(t, err)
		if !bytes.Contains(content, []byte("Message-ID: <3@example.com>\r\n")) || len(content) != len(want) {
			t.Errorf("read %q", content)
		}
		if r := watermark.Read(content); len(r.Marks) != 1 || r.Marks[0] != mark {
			t.Errorf("the mark of an earlier migration is %+v", r)
		}
		if !body.Received.Equal(mailTime(3)) || len(body.Flags) != 0 {
			t.Errorf("body %+v", body)
		}
	}
}

func TestMailThatCannotBeRead(t *testing.T) {
	t.Parallel()
	b := openMail(t, graphserve.Quirks{})
	refs := b.deliver(t, "inbox", 0, 1)
	long, err := b.owner.Deliver("inbox", append(smallMail(2), strings.Repeat("Hello.\r\n", 50_000)...), graphserve.Delivery{})
	noError(t, err)
	refs = append(refs, long)
	noError(t, b.owner.Delete(refs[0]))
	noError(t, b.owner.Move(refs[1], "archive"))
	in := reading{room: newRoom(1 << 20)}
	for _, ref := range []string{refs[0], refs[1], "4294967295", "x\r\ny", "", "../../messages"} {
		wantMailCode(t, ref, b.read(t.Context(), b.inbox(), ref, in).Err, endpoint.NotFound)
	}
	in.formats = []endpoint.Format{endpoint.ICalendar}
	wantMailCode(t, "another format", b.read(t.Context(), b.inbox(), refs[2], in).Err, endpoint.Unsupported)
	in.formats = []endpoint.Format{endpoint.RFC822}
	for kind, code := range map[graphserve.FaultKind]endpoint.Code{
		graphserve.CorruptData: endpoint.Damaged, graphserve.Truncated: endpoint.Unavailable, graphserve.Forbidden: endpoint.Denied,
	} {
		b.server.Inject(graphserve.Fault{Route: valueRoute, Kind: kind})
		wantMailCode(t, "fault", b.read(t.Context(), b.inbox(), refs[2], in).Err, code)
	}
	if in.room.left != 1<<20 {
		t.Errorf("%d bytes of memory are left", in.room.left)
	}
	b.readMail(t, refs[2], 1<<20)
}

// A mailbox that is taken away while it is read has lost no message.
func TestMailOfAMailboxThatIsGone(t *testing.T) {
	t.Parallel()
	b := openMail(t, graphserve.Quirks{})
	refs := b.deliver(t, "inbox", 0, 1)
	state, err := b.state(t.Context(), b.inbox(), "")
	noError(t, err)
	noError(t, b.owner.MarkRead(refs[1], true))
	const messageRoute = "GET /users/{user}/messages/{message}"
	for what, try := range map[string]func() error{
		"read": func() error {
			return b.read(t.Context(), b.inbox(), refs[0], reading{room: newRoom(0), tempDir: t.TempDir()}).Err
		},
		"list":  func() error { _, err := mailUntil(b.list(t.Context(), b.inbox(), state)); return err },
		"flags": func() error { _, err := mailUntil(b.flags(t.Context(), b.inbox(), refs)); return err },
	} {
		b.server.Inject(graphserve.Fault{Route: messageRoute, Kind: graphserve.MailboxNotEnabled})
		err := try()
		wantMailCode(t, what, err, endpoint.Unavailable)
		if !errors.Is(err, ErrNoMailbox) {
			t.Errorf("%s: %v", what, err)
		}
	}
	b.server.Inject(graphserve.Fault{Route: "GET /users/{user}/mailFolders/{folder}/childFolders", Skip: 2, Kind: graphserve.MailboxNotEnabled})
	if _, err := b.folders(t.Context()); !errors.Is(err, ErrNoMailbox) {
		t.Errorf("folders: %v", err)
	}
	b.server.Inject(graphserve.Fault{Route: "GET /users/{user}/mailFolders/{folder}", Kind: graphserve.MailboxNotEnabled})
	err = b.probe(t.Context())
	wantMailCode(t, "probe", err, endpoint.Denied)
}

// A meeting request is mail.
func TestMeetingRequestIsRead(t *testing.T) {
	t.Parallel()
	b := openMail(t, graphserve.Quirks{})
	ref := b.deliver(t, "inbox", 1)[0]
	noError(t, b.owner.Update(ref, map[string]any{"@odata.type": "#microsoft.graph.eventMessageRequest"}))
	items := mailOf(t, b.list(t.Context(), b.inbox(), ""))
	if len(items) != 1 || items[0].Kind != endpoint.Mail || items[0].Ref != ref {
		t.Errorf("items %+v", items)
	}
	b.readMail(t, ref, 1<<20)
}

func TestGreatMailNeedsLittleMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("the message has 100 MB")
	}
	b := openMail(t, graphserve.Quirks{})
	line := strings.Repeat("0123456789abcdef", 4) + "\r\n"
	const lines = 100 << 20 / 66
	raw := append(smallMail(1), strings.Repeat(line, lines)...)
	ref, err := b.owner.Deliver("inbox", raw, graphserve.Delivery{})
	noError(t, err)
	dir := t.TempDir()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	body := b.read(t.Context(), b.inbox(), ref, reading{room: newRoom(1 << 20), tempDir: dir})
	runtime.ReadMemStats(&after)
	noError(t, body.Err)
	defer func() { _ = body.Content.Close() }()
	// The fake service is in this process, and counts too.
	if used := after.TotalAlloc - before.TotalAlloc; used > 16<<20 {
		t.Errorf("%d MB were allocated", used>>20)
	}
	if body.Content.Size() < int64(len(raw)) {
		t.Errorf("%d bytes, delivered %d", body.Content.Size(), len(raw))
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("temporary files %v, %v", left, err)
	}
}
