package graphendpoint

import (
	"context"
	"iter"
	"net/http"

	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoft/kiota-abstractions-go/serialization"

	"github.com/dandyroll/dandyroll/endpoint"
)

// list is a page of a collection, as the SDK models it.
type list[T any] interface {
	GetValue() []T
	GetOdataNextLink() *string
}

// pages yields what each page of a collection has. The first request says what of it; the links to the next pages are followed as they
// are, with the header of the first.
func pages[T any](ctx context.Context, c *client, first *abstractions.RequestInformation, factory serialization.ParsableFactory) iter.Seq2[[]T, error] {
	return mapped(linked[list[T]](ctx, c, first, factory), func(page list[T]) ([]T, bool) { return page.GetValue(), true })
}

// entries yields a collection.
func entries[T any](ctx context.Context, c *client, first *abstractions.RequestInformation, factory serialization.ParsableFactory) iter.Seq2[T, error] {
	return flat(pages[T](ctx, c, first, factory))
}

// changePage is a page of a round of changes. The last one has a delta link instead of a next link.
type changePage[T any] interface {
	list[T]
	GetOdataDeltaLink() *string
}

// changes yields a round of changes, and sets end to the position after it, once all of it was yielded. The position is an address
// beneath the root of the service; changesSince makes a request of it.
func changes[T any](ctx context.Context, c *client, first *abstractions.RequestInformation, factory serialization.ParsableFactory, end *string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		for page, err := range linked[changePage[T]](ctx, c, first, factory) {
			if err != nil {
				yield(none, err)
				return
			}
			for _, v := range page.GetValue() {
				if !yield(v, nil) {
					return
				}
			}
			if link := page.GetOdataDeltaLink(); link != nil {
				if *end, err = c.relative(*link); err != nil {
					yield(none, err)
				}
				return
			}
		}
		yield(none, endpoint.Errorf(endpoint.Damaged, "a round of changes has no end"))
	}
}

// changesSince makes a request of a position that changes returned.
func (c *client) changesSince(position string) (*abstractions.RequestInformation, error) {
	info, err := c.getting(position)
	if err != nil {
		return nil, endpoint.Errorf(endpoint.Stale, "the position in the changes of a folder is none")
	}
	return info, nil
}

// linked yields pages, each of which has the link to the next one.
func linked[P interface{ GetOdataNextLink() *string }](ctx context.Context, c *client, first *abstractions.RequestInformation, factory serialization.ParsableFactory) iter.Seq2[P, error] {
	return func(yield func(P, error) bool) {
		followed := trail{}
		for info := first; info != nil; {
			page, err := send[P](ctx, c, info, factory)
			if !yield(page, err) || err != nil {
				return
			}
			if info, err = c.next(first, text(page.GetOdataNextLink()), followed); err != nil {
				yield(page, err)
				return
			}
		}
	}
}

// next makes a request of a link to the next page; nil for no link.
func (c *client) next(first *abstractions.RequestInformation, link string, followed trail) (*abstractions.RequestInformation, error) {
	if link == "" {
		return nil, nil //nolint:nilnil // no next page is no error
	}
	path, err := c.relative(link)
	if err == nil {
		err = followed.add(path)
	}
	if err != nil {
		return nil, err
	}
	info, err := c.getting(path)
	if err == nil {
		info.Headers = first.Headers
	}
	return info, err
}

// trail is the links of one collection that were followed.
type trail map[string]struct{}

// add fails for a link that was followed before: its collection would have no end.
func (t trail) add(link string) error {
	if _, again := t[link]; again {
		return endpoint.Errorf(endpoint.Damaged, "the service gave the same page of a list again and again")
	}
	t[link] = struct{}{}
	return nil
}

// rows yields a collection that the SDK's users do not have.
func rows[T any](ctx context.Context, c *client, first string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		followed := trail{}
		for next := first; next != ""; {
			var page struct {
				Value []T    `json:"value"`
				Next  string `json:"@odata.nextLink"`
			}
			err := c.ask(ctx, request{method: http.MethodGet, path: next}, &page)
			if next = page.Next; err == nil && next != "" {
				if next, err = c.relative(next); err == nil {
					err = followed.add(next)
				}
			}
			if err != nil {
				yield(none, err)
				return
			}
			for _, row := range page.Value {
				if !yield(row, nil) {
					return
				}
			}
		}
	}
}
