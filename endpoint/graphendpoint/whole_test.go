package graphendpoint

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/internal/graphserve"
)

// smallPages asks for pages of three, so that a few items have several.
type smallPages struct{ next http.RoundTripper }

func (s smallPages) RoundTrip(r *http.Request) (*http.Response, error) {
	small := r.Clone(r.Context())
	for _, size := range []int{eventPage, taskPage} { // that of contacts is that of events
		small.URL.RawQuery = strings.ReplaceAll(small.URL.RawQuery, fmt.Sprintf("$top=%d", size), "$top=3")
	}
	return s.next.RoundTrip(small)
}

// An item that goes while its folder is listed moves the others forward, one of them past the page that is to come.
func TestItemsThatSlipThroughBetweenPagesAreListed(t *testing.T) {
	t.Parallel()
	s := startServer(t, graphserve.Quirks{})
	owner := s.AddMailbox(address, "Ann")
	c := testDriver(t, s, func(cfg *Config) { cfg.Transport = smallPages{cfg.Transport} }).client
	at := map[string]any{"dateTime": "2026-03-23T11:00:00", "timeZone": "UTC"}
	for name, sort := range map[string]struct {
		shelf
		folder string
		fields map[string]any
	}{
		"events":   {calendarShelf{c}, owner.Calendar(), map[string]any{"subject": "x", "start": at, "end": at}},
		"contacts": {newContactShelf(c), owner.Contacts(), map[string]any{"displayName": "x"}},
		"tasks":    {newTaskShelf(c), owner.TaskList(), map[string]any{"title": "x"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range 8 {
				_, err := owner.Create(sort.folder, sort.fields)
				noError(t, err)
			}
			all := mailOf(t, sort.refs(t.Context(), sort.folder))
			items := mapped(sort.list(t.Context(), sort.folder, ""), func(it endpoint.Item) (string, bool) { return it.Ref, !it.Received.IsZero() })
			wantAllButDeleted(t, owner, items, all)
			wantAllButDeleted(t, owner, sort.refs(t.Context(), sort.folder), all[1:])
		})
	}
}

// wantAllButDeleted deletes the first item when a page was listed, and wants to see all others.
func wantAllButDeleted(t *testing.T, owner *graphserve.Mailbox, listing iter.Seq2[string, error], all []string) {
	t.Helper()
	var got []string
	for ref, err := range listing {
		noError(t, err)
		if got = append(got, ref); len(got) == 3 {
			noError(t, owner.Delete(all[0]))
		}
	}
	slices.Sort(got)
	wantRefs(t, "list", got, slices.Sorted(slices.Values(all)))
}

// A folder that never stands still is an error, and not half a list.
func TestFolderThatChangesForEver(t *testing.T) {
	t.Parallel()
	n := 0
	listing := func(bool) iter.Seq2[[]models.Entityable, error] {
		return func(yield func([]models.Entityable, error) bool) {
			for range 2 {
				n++
				e := models.NewEntity()
				e.SetId(new(fmt.Sprint(n)))
				if !yield([]models.Entityable{e}, nil) {
					return
				}
			}
		}
	}
	single := func(string) (models.Entityable, error) { return nil, endpoint.Errorf(endpoint.NotFound, "gone") }
	got, err := mailUntil(whole(listing, single))
	wantMailCode(t, "list", err, endpoint.Unavailable)
	if len(got) != 2 || n != 2*maxLooks {
		t.Errorf("%d items of %d pages", len(got), n)
	}
}

// circle answers with pages whose links lead round.
type circle struct{ root string }

func (c circle) RoundTrip(r *http.Request) (*http.Response, error) {
	next := map[string]string{"": "a", "a": "b", "b": "a"}[r.URL.Query().Get("$skiptoken")]
	body := fmt.Sprintf(`{"value":[{"id":"x"}],"@odata.nextLink":"%s/users?$skiptoken=%s"}`, c.root, next)
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Request: r, ContentLength: int64(len(body)),
		Body: readCloser{strings.NewReader(body), http.NoBody},
	}, nil
}

// Pages that go round in a circle have an end.
func TestPagesInACircle(t *testing.T) {
	t.Parallel()
	cfg := Config{User: address, Root: "https://graph.example/v1.0", Credential: Token("x"), Transport: circle{"https://graph.example/v1.0"}}
	d, err := newDriver(cfg)
	noError(t, err)
	first, err := d.client.getting("/users")
	noError(t, err)
	var end string
	listings := map[string]func(ctx context.Context) error{
		"entries": func(ctx context.Context) error {
			return exhaust(entries[models.Userable](ctx, d.client, first, models.CreateUserCollectionResponseFromDiscriminatorValue))
		},
		"changes": func(ctx context.Context) error {
			return exhaust(changes[models.Messageable](ctx, d.client, first, users.CreateItemMailFoldersItemMessagesDeltaGetResponseFromDiscriminatorValue, &end))
		},
		"rows": func(ctx context.Context) error { return exhaust(rows[mailboxItem](ctx, d.client, "/users")) },
	}
	for name, run := range listings {
		wantMailCode(t, name, run(t.Context()), endpoint.Damaged)
	}
}
