package graphendpoint

import (
	"iter"
	"net/url"
	"strings"
	"testing"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/internal/graphserve"
	"github.com/dandyroll/dandyroll/watermark"
)

// peopleBox is a mailbox of the fake service, and shelves of it as one session has them.
type peopleBox struct {
	server   *graphserve.Server
	owner    *graphserve.Mailbox
	contacts contactShelf
	tasks    taskShelf
}

func openPeople(t *testing.T) peopleBox {
	t.Helper()
	server := graphserve.New(graphserve.Config{})
	t.Cleanup(server.Close)
	box := peopleBox{server: server, owner: server.AddMailbox(mailUser, "Ann")}
	return box.again(t)
}

// again is another session, which remembers nothing.
func (b peopleBox) again(t *testing.T) peopleBox {
	t.Helper()
	root, err := url.Parse(b.server.URL())
	if err != nil {
		t.Fatal(err)
	}
	c, err := newClient(root, mailUser, Token(graphserve.DefaultToken), carrier(t))
	if err != nil {
		t.Fatal(err)
	}
	b.contacts, b.tasks = newContactShelf(c), newTaskShelf(c)
	return b
}

func gathered[T any](t *testing.T, seq iter.Seq2[T, error]) []T {
	t.Helper()
	var all []T
	for v, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	return all
}

// readText is what read delivers of an item.
func readText(t *testing.T, s shelf, folder, ref string) string {
	t.Helper()
	body := s.read(t.Context(), folder, ref, reading{room: newRoom(1 << 20), tempDir: t.TempDir()})
	if body.Err != nil {
		t.Fatal(body.Err)
	}
	defer func() { _ = body.Content.Close() }()
	text, err := contentBytes(body.Content)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func cardPut(mark watermark.Mark, card string) endpoint.Put {
	return endpoint.Put{Mark: mark, Kind: endpoint.Contact, Content: endpoint.Bytes(endpoint.VCard, []byte(card))}
}

func taskPut(mark watermark.Mark, calendar string) endpoint.Put {
	return endpoint.Put{Mark: mark, Kind: endpoint.Task, Content: endpoint.Bytes(endpoint.ICalendar, []byte(calendar))}
}

// wantOneMarked fails unless exactly one item of a folder is there, whole and with the mark.
func wantOneMarked(t *testing.T, b peopleBox, s shelf, folder string, mark watermark.Mark) string {
	t.Helper()
	seen := gathered(t, s.marks(t.Context(), folder, ""))
	items, err := b.owner.Items(folder)
	if err != nil {
		t.Fatal(err)
	}
	if len(seen) != 1 || len(items) != 1 || len(seen[0].Marks.Marks) != 1 || seen[0].Marks.Marks[0] != mark || seen[0].Ref != items[0].ID {
		t.Fatalf("%d items, marks %+v, want one with %v", len(items), seen, mark)
	}
	return seen[0].Ref
}

// everyFault runs a put once for each fault at each of its requests, and then again as a caller would, who looks for the mark first.
// There is one whole item in the end, whatever happened.
func everyFault(t *testing.T, folder func(peopleBox) (shelf, string), item endpoint.Put, routes []string) {
	t.Helper()
	kinds := []graphserve.FaultKind{
		graphserve.Throttled, graphserve.UnavailableBefore, graphserve.UnavailableAfter, graphserve.Forbidden, graphserve.ResetBefore,
		graphserve.ResetAfter, graphserve.Truncated,
	}
	for _, route := range routes {
		for _, kind := range kinds {
			t.Run(strings.ReplaceAll(route, "/", "_")+"_"+string(rune('a'+kind)), func(t *testing.T) {
				t.Parallel()
				box := openPeople(t)
				s, id := folder(box)
				box.server.Inject(graphserve.Fault{Route: route, Kind: kind, Times: 1})
				result := s.put(t.Context(), id, item)
				if box.server.Count(route) == 0 {
					t.Fatal("no such request")
				}
				seen := gathered(t, s.marks(t.Context(), id, ""))
				switch {
				case result.Err == nil && len(seen) != 1:
					t.Fatalf("written, but %d marks", len(seen))
				case result.Err != nil && len(seen) > 0 && !hasCode(result.Err, endpoint.InDoubt):
					t.Fatalf("there, in spite of %v", result.Err)
				}
				if len(seen) == 0 {
					if result := s.put(t.Context(), id, item); result.Err != nil {
						t.Fatal(result.Err)
					}
				}
				wantOneMarked(t, box, s, id, item.Mark)
			})
		}
	}
}
