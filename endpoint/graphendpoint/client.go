package graphendpoint

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoft/kiota-abstractions-go/authentication"
	"github.com/microsoft/kiota-abstractions-go/serialization"
	kiota "github.com/microsoft/kiota-http-go"
	jsonserialization "github.com/microsoft/kiota-serialization-json-go"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"github.com/dandyroll/dandyroll/endpoint"
)

const (
	// internetHeaders is the namespace PS_INTERNET_HEADERS (MS-OXPROPS section 1.3.2): Exchange shows its String properties as
	// fields of the message's header (MS-OXCMAIL section 2.1.3.2.4).
	internetHeaders = "{00020386-0000-0000-C000-000000000046}"
	// markProperty is the named property that holds the mark of an item.
	markProperty = "String " + internetHeaders + " Name X-Dandyroll"
	// partialProperty holds the mark of an item that is not yet whole. Such an item does not count.
	partialProperty = "String " + internetHeaders + " Name X-Dandyroll-Partial"
)

// client talks to the service as one program, in the name of one mailbox. It is safe for concurrent use.
type client struct {
	root    *url.URL
	user    string
	wire    *transport
	http    *http.Client
	adapter abstractions.RequestAdapter
}

func newClient(root *url.URL, user string, credential azcore.TokenCredential, base http.RoundTripper) (*client, error) {
	wire := newTransport(base, root, credential)
	c := &client{root: root, user: user, wire: wire, http: &http.Client{Transport: wire, CheckRedirect: noRedirect}}
	// Tokens are added by our transport, and the factories are given, not registered for the whole process.
	adapter, err := kiota.NewNetHttpRequestAdapterWithParseNodeFactoryAndSerializationWriterFactoryAndHttpClient(
		&authentication.AnonymousAuthenticationProvider{}, jsonserialization.NewJsonParseNodeFactory(),
		jsonserialization.NewJsonSerializationWriterFactory(), c.http)
	if err != nil {
		return nil, err
	}
	adapter.SetBaseUrl(root.String())
	c.adapter = adapter
	return c, nil
}

// noRedirect keeps tokens where they are to go.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// me builds requests about the mailbox's user.
func (c *client) me() *users.UserItemRequestBuilder { return c.people().ByUserId(c.user) }

func (c *client) people() *users.UsersRequestBuilder {
	return users.NewUsersRequestBuilderInternal(map[string]string{"baseurl": c.root.String()}, c.adapter)
}

// list is a page of a collection, as the SDK models it.
type list[T any] interface {
	GetValue() []T
	GetOdataNextLink() *string
}

// pages yields a collection, page by page. The first request says what of it; the links to the next pages are followed as they are,
// with the header of the first.
func pages[T any](ctx context.Context, c *client, first *abstractions.RequestInformation, page serialization.ParsableFactory) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		for info := first; info != nil; {
			got, err := send[list[T]](ctx, c, info, page)
			if err != nil {
				yield(zero, err)
				return
			}
			for _, v := range got.GetValue() {
				if !yield(v, nil) {
					return
				}
			}
			if info, err = c.follow(first, got.GetOdataNextLink()); err != nil {
				yield(zero, err)
				return
			}
		}
	}
}

// deltaPage is a page of a round of changes. The last one has a delta link instead of a next link.
type deltaPage[T any] interface {
	list[T]
	GetOdataDeltaLink() *string
}

// changes yields a round of changes, and sets end to the position after it, once all of it was yielded. The position is an address
// beneath the root of the service; changesSince makes a request of it.
func changes[T any](ctx context.Context, c *client, first *abstractions.RequestInformation, page serialization.ParsableFactory, end *string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		for info := first; info != nil; {
			got, err := send[deltaPage[T]](ctx, c, info, page)
			if err != nil {
				yield(zero, err)
				return
			}
			for _, v := range got.GetValue() {
				if !yield(v, nil) {
					return
				}
			}
			if link := got.GetOdataDeltaLink(); link != nil {
				if *end, err = c.relative(*link); err != nil {
					yield(zero, err)
				}
				return
			}
			if info, err = c.follow(first, got.GetOdataNextLink()); err == nil && info == nil {
				err = endpoint.Errorf(endpoint.Damaged, "a round of changes has no end")
			}
			if err != nil {
				yield(zero, err)
				return
			}
		}
	}
}

// send sends a request of the SDK and returns its answer.
func send[T any](ctx context.Context, c *client, info *abstractions.RequestInformation, factory serialization.ParsableFactory) (T, error) {
	var none T
	got, err := c.adapter.Send(ctx, info, factory, nil)
	if err != nil {
		return none, unreadable(ctx, info.Method.String(), err)
	}
	answer, ok := got.(T)
	if !ok {
		return none, unreadable(ctx, info.Method.String(), errors.New("no such answer"))
	}
	return answer, nil
}

// follow makes a request of a link to the next page; nil for no link.
func (c *client) follow(first *abstractions.RequestInformation, link *string) (*abstractions.RequestInformation, error) {
	if link == nil || *link == "" {
		return nil, nil //nolint:nilnil // no next page is no error
	}
	path, err := c.relative(*link)
	if err != nil {
		return nil, err
	}
	info, err := c.changesSince(path)
	if err == nil {
		info.Headers = first.Headers
	}
	return info, err
}

// changesSince makes a request of a position that changes returned.
func (c *client) changesSince(position string) (*abstractions.RequestInformation, error) {
	u, err := url.Parse(c.root.String() + position)
	if err != nil || !strings.HasPrefix(position, "/") || !c.wire.ours(u) {
		return nil, endpoint.Errorf(endpoint.Stale, "the position in the changes of a folder is none")
	}
	info := abstractions.NewRequestInformation()
	info.Method = abstractions.GET
	info.SetUri(*u)
	info.Headers.TryAdd("Accept", "application/json")
	return info, nil
}

// relative returns a link of the service without its root. One that leads elsewhere is not followed: the token would go there.
func (c *client) relative(link string) (string, error) {
	u, err := url.Parse(link)
	if err != nil || !c.wire.ours(u) {
		return "", endpoint.Errorf(endpoint.Damaged, "the service gave a link that leads elsewhere")
	}
	return strings.TrimPrefix(link, c.root.String()), nil
}

// request is one that the SDK does not model, or whose answer it would hold in memory.
type request struct {
	method string
	// path is beneath the root of the service, or a whole address: that of an upload or import session.
	path   string
	header http.Header
	body   []byte
	// stream stands for body where that is too great for memory.
	stream payload
}

// path joins segments to a path beneath the root, each of them escaped.
func path(segments ...string) string {
	var b strings.Builder
	for _, s := range segments {
		b.WriteString("/" + url.PathEscape(s))
	}
	return b.String()
}

// raw sends a request. A status of 400 or above is an error; otherwise the caller closes the body.
func (c *client) raw(ctx context.Context, r request) (*http.Response, error) {
	address := r.path
	if strings.HasPrefix(address, "/") {
		address = c.root.String() + address
	}
	req, err := http.NewRequestWithContext(ctx, r.method, address, bytes.NewReader(r.body))
	if err != nil || !c.allowed(req.URL) {
		return nil, endpoint.Errorf(endpoint.Damaged, "the service gave an address that cannot be used")
	}
	if r.stream.open != nil {
		req.Body, req.GetBody, req.ContentLength = unread{}, r.stream.open, r.stream.size
	}
	maps.Copy(req.Header, r.header)
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, failed(err)
	}
	return resp, nil
}

// unread stands for a body that the transport opens.
type unread struct{}

func (unread) Read([]byte) (int, error) { return 0, io.EOF }
func (unread) Close() error             { return nil }

// allowed reports whether an address that the service named may be sent to: it carries a secret, too.
func (c *client) allowed(u *url.URL) bool {
	return u.Scheme == "https" || u.Scheme == c.root.Scheme && isLoopback(u.Hostname()) && isLoopback(c.root.Hostname())
}

// hasCode reports whether an error has one of some codes.
func hasCode(err error, codes ...endpoint.Code) bool {
	e, ok := errors.AsType[*endpoint.Error](err)
	for _, code := range codes {
		if ok && e.Code == code {
			return true
		}
	}
	return false
}
