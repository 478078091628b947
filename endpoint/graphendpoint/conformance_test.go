package graphendpoint

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/endpointtest"
	"github.com/dandyroll/dandyroll/internal/graphserve"
)

// TestConformance runs the suite of all endpoints against the fake of the service, with the habits that it may have.
func TestConformance(t *testing.T) {
	t.Parallel()
	for name, variant := range map[string]struct {
		quirks graphserve.Quirks
		beta   bool
		breaks string
	}{
		"plain":      {},
		"importMime": {quirks: graphserve.Quirks{ImportMIME: true}, beta: true},
		"habits": {quirks: graphserve.Quirks{
			ReplayDelta: true, DropDeltaExpand: true, RestrictUpdates: true, DeleteToTrash: true, TransactionConflict: true,
		}, breaks: "E40/StatesSince"}, // what is repeated cannot be told from what changed
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			endpointtest.Run(t, endpointtest.Config{
				New: func(t testing.TB) endpointtest.Fixture {
					t.Helper()
					s := startServer(t, variant.quirks)
					return &graphFixture{t: t, server: s, box: s.AddMailbox(address, "Ann"), beta: variant.beta}
				},
				Around: func(t *testing.T, test func(*testing.T)) {
					t.Helper()
					t.Parallel()
					test(t)
				},
				// Exchange says that a message without a date was sent when it came.
				Breaks: []string{"E39/Sent", variant.breaks},
			})
		})
	}
}

// graphFixture is a mailbox of the fake, and its owner.
type graphFixture struct {
	t      testing.TB
	server *graphserve.Server
	box    *graphserve.Mailbox
	beta   bool // messages are written with importMime
}

func (f *graphFixture) Open() *endpoint.Mailbox {
	return endpoint.New(testDriver(f.t, f.server, func(c *Config) { c.BetaImportMIME = f.beta }))
}

// id returns the folder with a path, whose INBOX is the service's Inbox.
func (f *graphFixture) id(path []string) string {
	f.t.Helper()
	names := append([]string{}, path...)
	if names[0] == "INBOX" {
		names[0] = "Inbox"
	}
	id := f.box.Folder(names...)
	if id == "" {
		f.t.Fatalf("no folder %q", path)
	}
	return id
}

func (f *graphFixture) CreateFolder(path ...string) {
	f.t.Helper()
	parent := f.box.Folder()
	if len(path) > 1 {
		parent = f.id(path[:len(path)-1])
	}
	f.must(f.box.CreateFolder(parent, path[len(path)-1]))
}

func (f *graphFixture) must(_ string, err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *graphFixture) Deliver(path []string, m endpointtest.Message) string {
	f.t.Helper()
	has := func(flag endpoint.Flag) bool {
		return strings.Contains(strings.ToLower(flagText(m.Flags)), strings.ToLower(string(flag))+" ")
	}
	id, err := f.box.Deliver(f.id(path), bytes.Clone(m.Body), graphserve.Delivery{
		Received: m.Received, Read: has(endpoint.Seen), Draft: has(endpoint.Draft), Flagged: has(endpoint.IsFlagged),
	})
	if err != nil {
		return ""
	}
	if has(endpoint.Answered) {
		if err := f.box.SetProperty(id, "Integer 0x1081", "102"); err != nil {
			f.t.Fatal(err)
		}
	}
	return id
}

func flagText(flags []endpoint.Flag) string {
	var b strings.Builder
	for _, flag := range flags {
		b.WriteString(string(flag) + " ")
	}
	return b.String()
}

func (f *graphFixture) Messages(path []string) []endpointtest.Message {
	f.t.Helper()
	items, err := f.box.Items(f.id(path))
	if err != nil {
		f.t.Fatal(err)
	}
	var all []endpointtest.Message
	for _, it := range items {
		raw, err := f.box.MIME(it.ID)
		if err != nil {
			f.t.Fatal(err)
		}
		all = append(all, endpointtest.Message{Ref: it.ID, Body: raw, Flags: flagsOf(it), Received: received(f.t, it)})
	}
	return all
}

// flagsOf are the flags of an item as the owner sees them.
func flagsOf(it graphserve.Item) []endpoint.Flag {
	var flags []endpoint.Flag
	if it.Fields["isRead"] == true {
		flags = append(flags, endpoint.Seen)
	}
	if it.Fields["isDraft"] == true {
		flags = append(flags, endpoint.Draft)
	}
	for id, value := range it.Properties { // in the case of the service
		if strings.EqualFold(id, deletedProperty) && value == "1" {
			flags = append(flags, endpoint.Deleted)
		}
	}
	if flag, ok := it.Fields["flag"].(map[string]any); ok && flag["flagStatus"] == "flagged" {
		flags = append(flags, endpoint.IsFlagged)
	}
	switch it.Properties["Integer 0x1081"] {
	case "102", "103":
		flags = append(flags, endpoint.Answered)
	case "104":
		flags = append(flags, "$Forwarded")
	}
	if categories, ok := it.Fields["categories"].([]any); ok {
		for _, c := range categories {
			if name, ok := c.(string); ok {
				flags = append(flags, endpoint.Flag(name))
			}
		}
	}
	return flags
}

func received(t testing.TB, it graphserve.Item) time.Time {
	t.Helper()
	text, _ := it.Fields["receivedDateTime"].(string)
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatalf("an item was received at %q", text)
	}
	return at
}

func (f *graphFixture) Delete(_ []string, ref string) { f.must("", f.box.Delete(ref)) }

func (f *graphFixture) Move(_ []string, ref string, to []string) {
	f.must("", f.box.Move(ref, f.id(to)))
}

func (f *graphFixture) Rename(from, to []string) bool {
	f.t.Helper()
	f.must("", f.box.RenameFolder(f.id(from), to[len(to)-1]))
	return true
}

// ExpireStates makes the service forget the positions in its changes.
func (f *graphFixture) ExpireStates() bool { f.box.ExpireDeltas(); return true }

// ChangeValidity returns false: immutable IDs are valid for ever.
func (f *graphFixture) ChangeValidity([]string) bool { return false }

func (f *graphFixture) Secrets() []string {
	return []string{graphserve.DefaultToken, address, "new.example"}
}
