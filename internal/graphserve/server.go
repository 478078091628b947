package graphserve

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// maxBody is the limit of a request body of the service: 4 MB.
const maxBody = 4 << 20

// DefaultToken is the bearer token that a server accepts when its Config names none.
const DefaultToken = "graphserve-token"

// Config describes a server. The zero value is a working one.
type Config struct {
	// Tokens are the bearer tokens accepted. Default: DefaultToken.
	Tokens []string
	// Clock tells the time. Default: time.Now.
	Clock func() time.Time
	// Quirks are the variable habits of the service.
	Quirks Quirks
}

// Server is the fake service. All methods may be called at any time, also while requests run.
type Server struct {
	http  *httptest.Server
	mux   *http.ServeMux
	clock func() time.Time

	mu      sync.Mutex // guards all below
	quirks  Quirks
	tokens  map[string]bool
	users   []*user
	skus    []*sku
	cursors map[string]*cursor
	uploads map[string]*upload
	imports map[string]*importSession
	faults  []*Fault
	gate    chan struct{}
	log     []Request
	leaks   int
	invites int
	seq     uint64
}

// New starts a server on a loopback address. The caller closes it.
func New(config Config) *Server {
	s := &Server{
		clock:   config.Clock,
		quirks:  config.Quirks,
		tokens:  map[string]bool{},
		cursors: map[string]*cursor{},
		uploads: map[string]*upload{},
		imports: map[string]*importSession{},
	}
	if s.clock == nil {
		s.clock = time.Now
	}
	if len(config.Tokens) == 0 {
		config.Tokens = []string{DefaultToken}
	}
	for _, token := range config.Tokens {
		s.tokens[token] = true
	}
	s.mux = s.routes()
	s.http = httptest.NewServer(s)
	return s
}

// Close ends the server and waits for the requests that run.
func (s *Server) Close() {
	s.http.Close()
}

// URL is the root of the service, with its version: http://127.0.0.1:port/v1.0.
func (s *Server) URL() string {
	return s.http.URL + "/v1.0"
}

// SetQuirks changes the habits of the service from now on.
func (s *Server) SetQuirks(change func(*Quirks)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.quirks)
}

// SetTokens replaces the bearer tokens that the server accepts; all others have expired.
func (s *Server) SetTokens(tokens ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens = map[string]bool{}
	for _, token := range tokens {
		s.tokens[token] = true
	}
}

// A call is one request, or one part of a batch, with what the routes need of it.
type call struct {
	s         *Server
	r         *http.Request
	user      *user // nil where the route names none
	body      []byte
	immutable bool // ids in the immutable form
}

// A response is an answer before it is written. At most one of value, raw and stream is set.
type response struct {
	status int
	header http.Header
	value  object
	raw    []byte
	stream func(io.Writer) error
}

// handler answers a call. It runs under the server's lock.
type handler func(*call) (response, error)

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r = canonical(r)
	route := s.route(r)
	entry := s.begin(r, route)
	fault := s.fault(route)
	if fault != nil && fault.Kind == ResetBefore {
		panic(http.ErrAbortHandler)
	}
	res := s.answer(r, route, fault)
	s.finish(entry, res.status)
	if fault != nil && fault.Kind == ResetAfter {
		panic(http.ErrAbortHandler)
	}
	truncate := fault != nil && fault.Kind == Truncated
	if err := res.write(w, truncate); err != nil || truncate {
		panic(http.ErrAbortHandler) // the only way to break off an answer that has begun
	}
}

// answer passes one request through the gates of the service, in its order: token, mailbox, throttling, the route itself.
func (s *Server) answer(r *http.Request, route string, fault *Fault) response {
	c := &call{s: s, r: r, immutable: strings.Contains(strings.ToLower(strings.Join(r.Header.Values("Prefer"), ",")), `idtype="immutableid"`)}
	var err error
	if c.body, err = readBody(r); err != nil {
		return failure(err)
	}
	if err := s.authorize(r, route); err != nil {
		return failure(err)
	}
	leave, err := s.admit(c)
	if err != nil {
		return failure(err)
	}
	defer leave()
	if fault != nil {
		if err := fault.before(); err != nil {
			return failure(err)
		}
	}
	res, err := s.locked(c)
	if err != nil {
		res = failure(err)
	}
	if fault != nil {
		if err := fault.after(); err != nil {
			res = failure(err)
		}
	}
	return res
}

// locked dispatches a call under the lock, which is free again even if that panics.
func (s *Server) locked(c *call) (response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dispatch(c)
}

// dispatch finds the handler of the call and runs it. The mux carries handlers in a writer of ours, so that it need not know calls.
func (s *Server) dispatch(c *call) (response, error) {
	carrier := &carrier{call: c, header: http.Header{}}
	s.mux.ServeHTTP(carrier, c.r)
	if carrier.ran {
		return carrier.res, carrier.err
	}
	if carrier.status == http.StatusMethodNotAllowed {
		return response{}, &Error{Status: http.StatusMethodNotAllowed, Code: "Request_BadRequest", Message: "Specified HTTP method is not allowed for the request target."}
	}
	return response{}, badRequest("BadRequest", "Resource not found for the segment.")
}

// carrier takes a call through http.ServeMux to its handler and the response back.
type carrier struct {
	call   *call
	header http.Header
	res    response
	err    error
	ran    bool
	status int
}

// Header implements http.ResponseWriter.
func (w *carrier) Header() http.Header { return w.header }

// Write implements http.ResponseWriter.
func (w *carrier) Write(b []byte) (int, error) { return len(b), nil }

// WriteHeader implements http.ResponseWriter.
func (w *carrier) WriteHeader(status int) { w.status = status }

// ServeHTTP makes a handler an http.Handler for the mux.
func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c, ok := w.(*carrier)
	if !ok {
		http.Error(w, "not a call", http.StatusInternalServerError)
		return
	}
	c.call.r = r // carries the path values
	c.res, c.err = h(c.call)
	c.ran = true
}

func (s *Server) routes() *http.ServeMux {
	mux := http.NewServeMux()
	handle := func(pattern string, h handler) {
		method, path, _ := strings.Cut(pattern, " ")
		mux.Handle(method+" /v1.0"+path, h)
	}
	handle("POST /$batch", batch)
	mailFolderRoutes(handle)
	messageRoutes(handle)
	attachmentRoutes(handle)
	calendarRoutes(handle)
	contactRoutes(handle)
	todoRoutes(handle)
	transferRoutes(handle)
	userRoutes(handle)
	mux.Handle("POST /beta/users/{user}/mailFolders/{folder}/importMime", handler(importMIME))
	mux.Handle("PUT /outlook/upload/{secret}", handler(putRange))
	mux.Handle("DELETE /outlook/upload/{secret}", handler(cancelUpload))
	mux.Handle("POST /outlook/import/{secret}", handler(postImport))
	return mux
}

// route is the pattern that a request matches, "METHOD /path/{variable}" without the version, or "" for none.
func (s *Server) route(r *http.Request) string {
	_, pattern := s.mux.Handler(r)
	return strings.Replace(pattern, " /v1.0/", " /", 1)
}

// authorize checks the bearer token, which upload and import addresses must not get: they belong to another service.
func (s *Server) authorize(r *http.Request, route string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	header := r.Header.Get("Authorization")
	if strings.Contains(route, " /outlook/") {
		if header != "" {
			s.leaks++
			return &Error{Status: http.StatusUnauthorized, Code: "InvalidAudience", Message: "This address takes no Authorization."}
		}
		return nil
	}
	if token, found := strings.CutPrefix(header, "Bearer "); found && s.tokens[token] {
		return nil
	}
	return errTokenExpired()
}

// admit lets a request into its mailbox: not more than four at a time, not above the budget. leave lets it out.
func (s *Server) admit(c *call) (leave func(), err error) {
	s.mu.Lock()
	u := s.findUser(userOf(c.r))
	c.user = u
	if u != nil {
		if err := u.enter(s, len(c.body)); err != nil {
			s.mu.Unlock()
			return nil, err
		}
	}
	gate := s.gate
	s.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-c.r.Context().Done():
		}
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if u != nil {
			u.inFlight--
		}
	}, nil
}

// readBody reads and, as the service does, decompresses a request body of at most 4 MB.
func readBody(r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	var body io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(body)
		if err != nil {
			return nil, badRequest("BadRequest", "The body is not gzip.")
		}
		body = unzipped
	}
	read, err := io.ReadAll(io.LimitReader(body, maxBody+1))
	if err != nil {
		return nil, badRequest("BadRequest", "The body is not complete.")
	}
	if len(read) > maxBody {
		return nil, &Error{Status: http.StatusRequestEntityTooLarge, Code: "RequestEntityTooLarge", Message: "The request body is larger than 4 MB."}
	}
	return read, nil
}

// write sends the response, or the first half of it.
func (res response) write(w http.ResponseWriter, half bool) error {
	maps.Copy(w.Header(), res.header)
	if res.stream != nil && !half {
		w.WriteHeader(res.status)
		return res.stream(w)
	}
	body, err := res.bytes()
	if err != nil {
		return err
	}
	if res.value != nil {
		w.Header().Set("Content-Type", "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8")
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	if half {
		body = body[:len(body)/2]
	}
	w.WriteHeader(res.status)
	_, err = w.Write(body)
	return err
}

// bytes is the whole body.
func (res response) bytes() ([]byte, error) {
	switch {
	case res.value != nil:
		return json.Marshal(res.value)
	case res.stream != nil:
		var b bytes.Buffer
		err := res.stream(&b)
		return b.Bytes(), err
	default:
		return res.raw, nil
	}
}

func ok(value object) (response, error) {
	return response{status: http.StatusOK, value: value}, nil
}

func created(value object) (response, error) {
	return response{status: http.StatusCreated, value: value}, nil
}

func noContent() (response, error) {
	return response{status: http.StatusNoContent}, nil
}

// decode reads the body of a call as a JSON object.
func (c *call) decode() (object, error) {
	if !strings.HasPrefix(c.r.Header.Get("Content-Type"), "application/json") {
		return nil, badRequest("RequestBodyRead", "Write requests that contain a JSON body must declare Content-Type application/json.")
	}
	var o object
	if err := json.Unmarshal(c.body, &o); err != nil || o == nil {
		return nil, badRequest("BadRequest", "Unable to read JSON request payload.")
	}
	return o, nil
}

// canonical rewrites the other spellings of a path, x('id') for x/id, delta() for delta, and a nested or default folder, to the one
// that is registered.
func canonical(r *http.Request) *http.Request {
	segments := canonicalPath(r.URL.EscapedPath())
	u := *r.URL
	u.RawPath = strings.Join(segments, "/")
	if path, err := url.PathUnescape(u.RawPath); err == nil {
		u.Path = path
	}
	clone := r.Clone(r.Context())
	clone.URL = &u
	return clone
}

func canonicalPath(escaped string) []string {
	segments := expandKeys(strings.Split(escaped, "/"))
	for i := 0; i < len(segments); i++ {
		switch segments[i] {
		case "delta()":
			segments[i] = "delta"
		case "childFolders":
			// A folder is found by its own ID: its parent says nothing new.
			if i >= 1 && i+1 < len(segments) && segments[i+1] != "delta" {
				segments = append(segments[:i-1:i-1], segments[i+1:]...)
				i--
			}
		}
	}
	return segments
}

// expandKeys splits x('id') into x and id; 'id' doubles its quotes.
func expandKeys(segments []string) []string {
	var list []string
	for _, segment := range segments {
		plain := strings.ReplaceAll(segment, "%27", "'")
		name, key, found := strings.Cut(plain, "('")
		if key, isKey := strings.CutSuffix(key, "')"); found && isKey {
			list = append(list, name, strings.ReplaceAll(key, "''", "'"))
			continue
		}
		list = append(list, segment)
	}
	return list
}

// userOf is the user that a canonical path names, or the owner of the mailbox in an administrator's path.
func userOf(r *http.Request) string {
	segments := strings.Split(r.URL.EscapedPath(), "/")
	for i, segment := range segments[:len(segments)-1] {
		if segment == "users" || segment == "mailboxes" {
			name, err := url.PathUnescape(segments[i+1])
			if err != nil {
				return ""
			}
			return name
		}
	}
	return ""
}
