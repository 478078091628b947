package graphendpoint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/dandyroll/dandyroll/endpoint"
)

// silence is for how long the service may send nothing before it is taken for dead.
const silence = 2 * time.Minute

// errClosed ends what was in flight when a mailbox was closed.
var errClosed = errors.New("closed")

// transport carries requests, of the SDK and our own: it adds token and form of IDs, keeps to the limits of the mailbox,
// repeats what may be repeated, and makes an *endpoint.Error of every answer that is none. It is the one place where that
// happens, instead of the SDK's default middleware: its order is random, and it repeats creates.
type transport struct {
	base       http.RoundTripper
	root       *url.URL
	credential azcore.TokenCredential
	pace       *governor

	commands, sent, received atomic.Int64

	mu     sync.Mutex
	calls  map[*http.Request]context.CancelCauseFunc // in flight; nil once closed
	closed bool
}

func newTransport(base http.RoundTripper, root *url.URL, credential azcore.TokenCredential) *transport {
	if base == nil {
		// Bodies may take long; what bounds them is silence. Each mailbox has its own connections, so that closing one
		// ends them.
		base = http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // what package http documents
	}
	return &transport{
		base: base, root: root, credential: credential, pace: newGovernor(time.Now),
		calls: map[*http.Request]context.CancelCauseFunc{},
	}
}

// RoundTrip sends a request until it is answered, as often as its effect allows.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := payloadOf(req)
	if err != nil {
		return nil, err
	}
	for attempt := 0; ; attempt++ {
		resp, err := t.once(req, body)
		if err == nil {
			return resp, nil
		}
		wait, again := repeat(req, attempt, err)
		if !again {
			return nil, judged(req, err)
		}
		if err := sleep(req.Context(), wait); err != nil {
			return nil, err
		}
	}
}

// payload is the body of a request, which can be sent more than once.
type payload struct {
	size int64
	open func() (io.ReadCloser, error)
}

// payloadOf returns the body of a request. That of a request of the SDK is in memory already, 4 MB at most.
func payloadOf(req *http.Request) (payload, error) {
	if req.Body == nil || req.Body == http.NoBody {
		return payload{}, nil
	}
	defer func() { _ = req.Body.Close() }()
	if req.GetBody != nil && req.ContentLength >= 0 {
		return payload{req.ContentLength, req.GetBody}, nil
	}
	b, err := io.ReadAll(req.Body)
	if err != nil {
		return payload{}, fmt.Errorf("read the request: %w", err)
	}
	return payload{int64(len(b)), func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }}, nil
}

// once sends a request one time. The slot of the mailbox that it takes is free again when the body of the answer is closed.
func (t *transport) once(req *http.Request, body payload) (*http.Response, error) {
	leave, err := t.pace.enter(req.Context(), body.size)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(req.Context())
	out := req.Clone(ctx)
	end := func() {
		t.forget(out)
		cancel(nil)
		leave()
	}
	if err := t.remember(out, cancel); err != nil {
		end()
		return nil, err
	}
	resp, err := t.send(out, body, cancel)
	if err != nil {
		end()
		return nil, err
	}
	resp.Body = &answer{
		body: resp.Body, counter: &t.received, watch: watchFor(silence, cancel), end: sync.OnceFunc(end),
		cause: func() error { return context.Cause(ctx) }, broken: unclear(req.Context(), req.Method),
	}
	if resp.StatusCode < http.StatusMultipleChoices {
		return resp, nil
	}
	defer func() { _ = resp.Body.Close() }()
	err = refusal(resp, time.Now())
	if endpoint.CodeOf(err) == endpoint.Throttled {
		t.pace.pause(endpoint.RetryAfterOf(err))
	}
	return nil, err
}

// send completes a request and sends it.
func (t *transport) send(out *http.Request, body payload, cancel context.CancelCauseFunc) (*http.Response, error) {
	out.URL = plain(out.URL)
	out.Header.Add("Prefer", `IdType="ImmutableId"`)
	if t.ours(out.URL) {
		token, err := t.token(out.Context())
		if err != nil {
			return nil, err
		}
		out.Header.Set("Authorization", "Bearer "+token)
	}
	out.Body, out.ContentLength, out.GetBody = http.NoBody, body.size, nil
	if body.size > 0 {
		opened, err := body.open()
		if err != nil {
			return nil, err
		}
		out.Body = opened
	}
	t.commands.Add(1)
	t.sent.Add(body.size)
	watch := watchFor(silence, cancel)
	defer watch.Stop()
	resp, err := t.base.RoundTrip(out)
	if err != nil {
		return nil, unanswered(out.Context(), err)
	}
	return resp, nil
}

// plain undoes the SDK's escaping of the $ in names of options, which is not what the service documents.
func plain(u *url.URL) *url.URL {
	if !strings.Contains(u.RawQuery, "%24") {
		return u
	}
	undone := *u
	undone.RawQuery = strings.ReplaceAll(u.RawQuery, "%24", "$")
	return &undone
}

// ours reports whether an address is one of the service, which gets the token; addresses of upload and import
// sessions carry a secret of their own, and get none.
func (t *transport) ours(u *url.URL) bool {
	return u.Scheme == t.root.Scheme && u.Host == t.root.Host &&
		(beneath(u.Path, t.root.Path) || beneath(u.Path, betaPath(t.root.Path)))
}

func beneath(path, root string) bool { return strings.HasPrefix(path, root+"/") }

// betaPath is the path of the beta beside a version of the service.
func betaPath(root string) string { return root[:strings.LastIndexByte(root, '/')+1] + "beta" }

// token asks the credential, which keeps tokens until they expire.
func (t *transport) token(ctx context.Context) (string, error) {
	scope := t.root.Scheme + "://" + t.root.Host + "/.default"
	token, err := t.credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{scope}})
	if err != nil {
		return "", noToken(ctx, err)
	}
	return token.Token, nil
}

// remember enters a request as in flight, so that close can end it.
func (t *transport) remember(req *http.Request, cancel context.CancelCauseFunc) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return endpoint.Errorf(endpoint.Invalid, "mailbox is closed")
	}
	t.calls[req] = cancel
	return nil
}

func (t *transport) forget(req *http.Request) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.calls, req)
}

// close ends the requests in flight. Later ones fail.
func (t *transport) close() {
	t.mu.Lock()
	t.closed = true
	for _, cancel := range t.calls {
		cancel(errClosed)
	}
	t.mu.Unlock()
	if closer, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		closer.CloseIdleConnections()
	}
}

// ended reports whether close was called.
func (t *transport) ended() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.closed
}

// watchFor cancels a request when the timer is not reset for a while.
func watchFor(d time.Duration, cancel context.CancelCauseFunc) *time.Timer {
	return time.AfterFunc(d, func() { cancel(errSilent) })
}

// errSilent ends a request whose answer does not come, or stops coming.
var errSilent = fmt.Errorf("nothing came for %v", silence)

// answer is the body of a response. Closing it frees the slot that the request holds.
type answer struct {
	body    io.ReadCloser
	counter *atomic.Int64
	watch   *time.Timer
	end     func()
	cause   func() error
	broken  endpoint.Code // of an answer that breaks off
}

func (a *answer) Read(p []byte) (int, error) {
	n, err := a.body.Read(p)
	a.counter.Add(int64(n))
	a.watch.Reset(silence)
	if err == nil || errors.Is(err, io.EOF) {
		return n, err
	}
	if cause := a.cause(); cause != nil && (errors.Is(cause, errSilent) || errors.Is(cause, errClosed)) {
		err = cause
	}
	return n, endpoint.Errorf(a.broken, "the answer broke off: %w", withoutAddress(err))
}

func (a *answer) Close() error {
	a.watch.Stop()
	err := a.body.Close()
	a.end()
	return err
}

// withoutAddress takes the address of a request, which names people, out of an error.
func withoutAddress(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

// notSent reports whether a request cannot have reached the service.
func notSent(err error) bool {
	e, ok := errors.AsType[*net.OpError](err)
	return ok && e.Op == "dial"
}
