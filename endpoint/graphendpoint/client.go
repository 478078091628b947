package graphendpoint

import (
	"bytes"
	"context"
	"errors"
	"io"
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

// getting makes a request of an address beneath the root.
func (c *client) getting(path string) (*abstractions.RequestInformation, error) {
	u, err := url.Parse(c.root.String() + path)
	if err != nil || !strings.HasPrefix(path, "/") || !c.wire.ours(u) || strings.Contains(u.EscapedPath()+"/", "/../") {
		return nil, endpoint.Errorf(endpoint.Damaged, "an address of the service cannot be used")
	}
	info := abstractions.NewRequestInformation()
	info.Method = abstractions.GET
	info.SetUri(*u)
	info.Headers.TryAdd("Accept", "application/json")
	return info, nil
}

// posting makes a request of a path beneath the root and what is sent there.
func (c *client) posting(ctx context.Context, path string, body serialization.Parsable) (*abstractions.RequestInformation, error) {
	address, err := url.Parse(c.root.String() + path)
	if err != nil {
		return nil, endpoint.Errorf(endpoint.Invalid, "an ID of the service cannot be part of an address")
	}
	info := abstractions.NewRequestInformation()
	info.Method = abstractions.POST
	info.SetUri(*address)
	info.Headers.TryAdd("Accept", "application/json")
	if err := info.SetContentFromParsable(ctx, c.adapter, "application/json", body); err != nil {
		return nil, endpoint.Errorf(endpoint.Invalid, "what is to be sent is no JSON: %w", err)
	}
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
