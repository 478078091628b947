package imapendpoint

import (
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/internal/dovecot"
	"github.com/dandyroll/dandyroll/internal/imapraw"
	"github.com/dandyroll/dandyroll/internal/imapscript"
	"github.com/dandyroll/dandyroll/watermark"
)

// openDovecot starts a Dovecot and returns its mailbox, and a view of it through other eyes.
func openDovecot(t *testing.T, c dovecot.Config, hide ...string) (*endpoint.Mailbox, *imapraw.Client) {
	t.Helper()
	c.NoFsync = true
	srv := dovecot.Start(t, c)
	raw := imapraw.Dial(t, srv.Addr())
	raw.Login("ann", "secret")
	return openAt(t, srv.Addr(), hide...), raw
}

// openScript starts a scripted server and returns its mailbox.
func openScript(t *testing.T, m *imapscript.Model) *endpoint.Mailbox {
	t.Helper()
	return openAt(t, imapscript.Start(t, m.Serve).Addr)
}

// openAlone opens a mailbox with one connection, on which one message is sent after the other.
func openAlone(t *testing.T, m *imapscript.Model) *endpoint.Mailbox {
	t.Helper()
	box, err := Open(t.Context(), *wireConfig(t, imapscript.Start(t, m.Serve).Addr, func(c *Config) { c.Connections = 1 }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = box.Close() })
	return box
}

func openAt(t *testing.T, addr string, hide ...string) *endpoint.Mailbox {
	t.Helper()
	m, err := Open(t.Context(), Config{
		Addr: addr, Security: Plaintext, Username: "ann", Password: "secret",
		Timeout: 20 * time.Second, HideCapabilities: hide,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// all returns the values of a sequence that ends without an error.
func all[T any](t *testing.T, seq iter.Seq2[T, error]) []T {
	t.Helper()
	var out []T
	for v, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	return out
}

// failure returns the error at the end of a sequence.
func failure[T any](seq iter.Seq2[T, error]) error {
	for _, err := range seq {
		if err != nil {
			return err
		}
	}
	return nil
}

// folder returns the folder at a path.
func folder(t *testing.T, m *endpoint.Mailbox, path ...string) endpoint.Folder {
	t.Helper()
	folders := all(t, m.Folders(t.Context()))
	i := slices.IndexFunc(folders, func(f endpoint.Folder) bool { return slices.Equal(f.Path, path) })
	if i < 0 {
		t.Fatalf("no folder %q among %+v", path, folders)
	}
	return folders[i]
}

// read returns the bodies of items, and closes their contents.
func read(t *testing.T, m *endpoint.Mailbox, f endpoint.Folder, refs ...string) map[string]body {
	t.Helper()
	out := make(map[string]body)
	for _, b := range all(t, m.Read(t.Context(), f, refs, endpoint.ReadOptions{Memory: 1 << 10, TempDir: t.TempDir()})) {
		out[b.Ref] = body{Body: b, text: contentText(t, b.Content)}
	}
	return out
}

type body struct {
	endpoint.Body
	text string
}

// message returns a small message; the number makes its Message-ID.
func message(n int) string {
	return fmt.Sprintf("Message-ID: <%d@example.org>\r\nDate: Mon, 7 Feb 1994 21:52:25 -0800\r\nSubject: no %d\r\n\r\nbody %d\r\n", n, n, n)
}

// testMark returns the mark of the n-th item of a test.
func testMark(n int) watermark.Mark {
	types := watermark.Types{Source: "mem", Destination: "imap"}
	return watermark.Mark{Types: types, Item: watermark.ID{byte(n), byte(n >> 8)}}
}

func testPut(n int, text string, flags ...endpoint.Flag) endpoint.Put {
	return endpoint.Put{
		Mark: testMark(n), Kind: endpoint.Mail, Content: endpoint.Bytes(endpoint.RFC822, []byte(text)),
		Flags: flags, Received: time.Date(2003, time.March, 4, 5, 6, 7, 0, time.UTC),
	}
}

// stamped returns a message behind the n-th mark.
func stamped(n int, text string) string {
	return string(watermark.Prefix(testMark(n), []byte(text))) + text
}

func refs(items []endpoint.Item) string {
	var out []string
	for _, it := range items {
		out = append(out, it.Ref)
	}
	return strings.Join(out, " ")
}

// contentText returns what a content holds, and closes it.
func contentText(t *testing.T, c endpoint.Content) string {
	t.Helper()
	if c == nil {
		return ""
	}
	r, err := c.Open()
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	return string(b)
}
