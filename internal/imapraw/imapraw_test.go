package imapraw_test

import (
	"bytes"
	"crypto/tls"
	"reflect"
	"testing"

	"github.com/dandyroll/dandyroll/internal/dovecot"
	"github.com/dandyroll/dandyroll/internal/imapraw"
)

func start(t *testing.T) *imapraw.Client {
	t.Helper()
	s := dovecot.Start(t, dovecot.Config{Format: "sdbox", NoFsync: true})
	c := imapraw.Dial(t, s.Addr())
	c.Login("ann", "secret")
	return c
}

func TestMessages(t *testing.T) {
	t.Parallel()
	c := start(t)
	bodies := [][]byte{
		[]byte("Subject: one\r\n\r\nbody (with) \"odd\" {7}\r\nr1 OK trap\r\n) and more\r\n"),
		bytes.Repeat([]byte("Subject: two\r\n\r\nlong line\r\n"), 5000),
		[]byte("no header, 8 bit: \xff\xfe, no line end"),
	}
	for i, body := range bodies {
		if uid := c.Append("INBOX", []string{`\Seen`, "Keyword"}, "03-Feb-2001 04:05:06 +0700", body); uid != uint32(i+1) {
			t.Errorf("UID %d, want %d", uid, i+1)
		}
	}
	messages := c.Messages("INBOX")
	if len(messages) != len(bodies) {
		t.Fatalf("%d messages, want %d", len(messages), len(bodies))
	}
	for i, m := range messages {
		want := imapraw.Message{
			UID: uint32(i + 1), Flags: []string{"Keyword", `\Seen`},
			InternalDate: "02-Feb-2001 21:05:06 +0000", Body: bodies[i], // Dovecot speaks UTC here
		}
		if !reflect.DeepEqual(m, want) {
			t.Errorf("message %d, %q, %q, %.100q,\nwant %d, %q, %q, %.100q", m.UID, m.Flags, m.InternalDate, m.Body,
				want.UID, want.Flags, want.InternalDate, want.Body)
		}
	}
}

func TestChangingMessages(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.Create("there")
	for range 4 {
		c.Append("INBOX", nil, "", []byte("Subject: x\r\n\r\n"))
	}
	c.StoreFlags("INBOX", 1, "+FLAGS", `\Flagged`)
	c.StoreFlags("INBOX", 2, "+FLAGS", `\Deleted`) // and yet the Expunge of others spares it
	c.Copy("INBOX", 1, "there")
	c.Move("INBOX", 3, "there")
	c.Expunge("INBOX", 1, 4)

	if got := c.Messages("INBOX"); len(got) != 1 || got[0].UID != 2 {
		t.Errorf("INBOX holds %v, want message 2 alone", got)
	}
	got := c.Messages("there")
	if len(got) != 2 || !reflect.DeepEqual(got[0].Flags, []string{`\Flagged`}) || got[1].Flags != nil {
		t.Errorf("the other folder holds %v, want a flagged and an unflagged message", got)
	}
}

func TestFolders(t *testing.T) {
	t.Parallel()
	c := start(t)
	names := []string{"INBOX", `R&D "x"`, "Entwürfe &- Co", "日本/台北", "💌~&"}
	for _, name := range names[1:] {
		c.Create(name)
	}
	c.Subscribe("日本/台北")
	c.Subscribe("INBOX")
	c.Unsubscribe("INBOX")
	c.Create("old")
	c.Rename("old", "neü")
	c.Delete("neü")

	found := map[string]imapraw.Folder{}
	for _, f := range c.Folders() {
		found[f.Name] = f
	}
	for _, name := range names {
		if found[name].Delimiter != "/" {
			t.Errorf("folder %q is missing in %v", name, found)
		}
	}
	if len(found) != len(names)+1 { // and the parent 日本
		t.Errorf("folders %v, want %d", found, len(names)+1)
	}
	if got := c.Subscribed(); !reflect.DeepEqual(got, []string{"日本/台北"}) {
		t.Errorf("subscribed to %q", got)
	}
	if c.UIDValidity("INBOX") == 0 {
		t.Error("UIDVALIDITY is 0")
	}
}

func TestRefusalIsReturned(t *testing.T) {
	t.Parallel()
	_, end := start(t).Do("SELECT nowhere")
	if end.Name() != "NO" {
		t.Errorf("answer %q", end.Text)
	}
}

func TestDialTLS(t *testing.T) {
	t.Parallel()
	s := dovecot.Start(t, dovecot.Config{})
	c := imapraw.DialTLS(t, s.TLSAddr(), &tls.Config{RootCAs: s.CertPool()})
	c.Login("ann", "secret")
	c.Close()
}
