package graphendpoint

import (
	"fmt"
	"iter"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/internal/graphserve"
)

const mailUser = "ann@example.com"

// mailBox is a mailbox of the fake service, and our shelf of its mail.
type mailBox struct {
	mailShelf
	server *graphserve.Server
	owner  *graphserve.Mailbox
}

func openMail(t *testing.T, quirks graphserve.Quirks) mailBox {
	t.Helper()
	server := graphserve.New(graphserve.Config{Quirks: quirks})
	t.Cleanup(server.Close)
	box := mailBox{server: server, owner: server.AddMailbox(mailUser, "Ann")}
	root, err := url.Parse(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	box.client, err = newClient(root, mailUser, Token(graphserve.DefaultToken), carrier(t))
	if err != nil {
		t.Fatal(err)
	}
	return box
}

// deliver puts small messages into a folder, and returns their IDs.
func (b mailBox) deliver(t *testing.T, folder string, numbers ...int) []string {
	t.Helper()
	var ids []string
	for _, n := range numbers {
		id, err := b.owner.Deliver(folder, smallMail(n), graphserve.Delivery{Received: mailTime(n)})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	return ids
}

func smallMail(n int) []byte {
	return fmt.Appendf(nil, "From: bob@example.com\r\nTo: ann@example.com\r\nSubject: Mail %d\r\nDate: %s\r\nMessage-ID: <%d@example.com>\r\n\r\nHello.\r\n",
		n, mailTime(n).Add(-time.Minute).Format(time.RFC1123Z), n)
}

func mailTime(n int) time.Time {
	return time.Date(2024, time.March, 1, 12, 0, 0, 0, time.UTC).Add(time.Duration(n) * time.Hour)
}

func upTo(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

// inbox returns the ID of the inbox.
func (b mailBox) inbox() string { return b.owner.Folder("Inbox") }

// mailOf collects a sequence that must not fail.
func mailOf[T any](t *testing.T, seq iter.Seq2[T, error]) []T {
	t.Helper()
	list, err := mailUntil(seq)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// mailUntil collects a sequence up to its error.
func mailUntil[T any](seq iter.Seq2[T, error]) (list []T, err error) {
	for v, err := range seq {
		if err != nil {
			return list, err
		}
		list = append(list, v)
	}
	return list, nil
}

func mailRefs(items []endpoint.Item) []string {
	refs := make([]string, len(items))
	for i, it := range items {
		refs[i] = it.Ref
	}
	return refs
}

func wantRefs(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %d items, want %d, or another order:\n%s\n%s", what, len(got), len(want), strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func wantMailCode(t *testing.T, what string, err error, want endpoint.Code) {
	t.Helper()
	if endpoint.CodeOf(err) != want {
		t.Errorf("%s: %v, want code %v", what, err, want)
	}
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
