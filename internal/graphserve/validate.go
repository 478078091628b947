package graphserve

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// DescriptionVariable is the environment variable that names the file of the OpenAPI description of the service.
const DescriptionVariable = "DANDYROLL_GRAPH_OPENAPI"

// Validator is an http.RoundTripper that lets pass only requests, and answers, that the published description of the service knows. A request that
// it does not know fails, with an error of [ErrNotDescribed], before it is sent. Addresses outside of the service, of uploads and imports, pass.
type Validator struct {
	router routers.Router
	next   http.RoundTripper
}

// ErrNotDescribed is wrapped by the errors of a Validator.
var ErrNotDescribed = errors.New("graphserve: not as described")

// NewValidator reads the description that DANDYROLL_GRAPH_OPENAPI names. Where the variable is not set there is no validator, but a reason for the
// test to print as it skips. next carries the requests; nil means http.DefaultTransport.
func NewValidator(ctx context.Context, next http.RoundTripper) (v *Validator, skip string, err error) {
	file := os.Getenv(DescriptionVariable)
	if file == "" {
		return nil, DescriptionVariable + " is not set: requests are not validated against the description of Microsoft Graph", nil
	}
	loader := openapi3.NewLoader()
	loader.Context = ctx
	doc, err := loader.LoadFromFile(file)
	if err != nil {
		return nil, "", fmt.Errorf("graphserve: read the description: %w", err)
	}
	// The validator finds routes by path alone: tests and national clouds have other hosts.
	doc.Servers = openapi3.Servers{{URL: "/"}}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		return nil, "", fmt.Errorf("graphserve: read the description: %w", err)
	}
	if next == nil {
		next = http.DefaultTransport
	}
	return &Validator{router: router, next: next}, "", nil
}

// With is a validator of the same description, which is not read again, for requests that next carries.
func (v *Validator) With(next http.RoundTripper) *Validator {
	return &Validator{router: v.router, next: next}
}

// RoundTrip implements http.RoundTripper.
func (v *Validator) RoundTrip(r *http.Request) (*http.Response, error) {
	path, ofService := servicePath(r.URL)
	if !ofService {
		return v.next.RoundTrip(r)
	}
	body, err := readAndClose(r.Body)
	if err != nil {
		return nil, err
	}
	input, err := v.check(r, path, body)
	if err != nil {
		return nil, fmt.Errorf("%w: %s %s: %w", ErrNotDescribed, r.Method, path, err)
	}
	if path == "/$batch" {
		if err := v.checkParts(r.Context(), body); err != nil {
			return nil, fmt.Errorf("%w: part of a batch: %w", ErrNotDescribed, err)
		}
	}
	sent := r.Clone(r.Context())
	if r.Body != nil {
		sent.Body = io.NopCloser(bytes.NewReader(body))
	}
	res, err := v.next.RoundTrip(sent)
	if err != nil {
		return nil, err
	}
	if err := checkAnswer(r.Context(), input, res); err != nil {
		return nil, fmt.Errorf("%w: answer to %s %s: %w", ErrNotDescribed, r.Method, path, err)
	}
	return res, nil
}

// servicePath is the canonical path, in the spelling of the description, of an address of the service.
func servicePath(u *url.URL) (string, bool) {
	escaped := u.EscapedPath()
	for _, version := range []string{"/v1.0/", "/beta/"} {
		if path, found := strings.CutPrefix(escaped, version); found {
			segments := expandKeys(strings.Split("/"+path, "/"))
			if last := len(segments) - 1; segments[last] == "delta" {
				segments[last] = "delta()"
			}
			return strings.Join(segments, "/"), true
		}
	}
	return "", false
}

func readAndClose(body io.ReadCloser) ([]byte, error) {
	if body == nil {
		return nil, nil
	}
	read, err := io.ReadAll(body)
	return read, errors.Join(err, body.Close())
}

// check validates a request.
func (v *Validator) check(r *http.Request, path string, body []byte) (*openapi3filter.RequestValidationInput, error) {
	copied := r.Clone(r.Context())
	plain, err := url.PathUnescape(path)
	if err != nil {
		return nil, err
	}
	copied.URL = &url.URL{Path: plain, RawPath: path, RawQuery: r.URL.RawQuery}
	copied.Body = io.NopCloser(bytes.NewReader(body))
	route, params, err := v.router.FindRoute(copied)
	if err != nil {
		return nil, err
	}
	if err := knownOptions(route, r.URL.Query()); err != nil {
		return nil, err
	}
	input := &openapi3filter.RequestValidationInput{
		Request: copied, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, SkipSettingDefaults: true},
	}
	return input, openapi3filter.ValidateRequest(r.Context(), input)
}

// checkParts validates the requests in a batch like any others.
func (v *Validator) checkParts(ctx context.Context, body []byte) error {
	var batch struct {
		Requests []object `json:"requests"`
	}
	if err := json.Unmarshal(body, &batch); err != nil {
		return err
	}
	for _, part := range batch.Requests {
		request, err := partRequest(ctx, part)
		if err != nil {
			return err
		}
		path, _ := servicePath(request.URL)
		content, err := readAndClose(request.Body)
		if err != nil {
			return err
		}
		if _, err := v.check(request, path, content); err != nil {
			return fmt.Errorf("%s %s: %w", request.Method, path, err)
		}
	}
	return nil
}

// knownOptions refuses query options that the description does not name. Tokens stand in the links that the service gives.
func knownOptions(route *routers.Route, q url.Values) error {
	for name := range q {
		known := name == "$skiptoken" || name == "$deltatoken"
		for _, parameters := range []openapi3.Parameters{route.PathItem.Parameters, route.Operation.Parameters} {
			known = known || slices.ContainsFunc(parameters, func(p *openapi3.ParameterRef) bool {
				return p.Value != nil && p.Value.In == openapi3.ParameterInQuery && p.Value.Name == name
			})
		}
		if !known {
			return fmt.Errorf("no query option %q", name)
		}
	}
	return nil
}

// checkAnswer validates a JSON answer and leaves it to be read. Other bodies stream through.
func checkAnswer(ctx context.Context, input *openapi3filter.RequestValidationInput, res *http.Response) error {
	if !strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") {
		return nil
	}
	body, err := readAndClose(res.Body)
	// A body that broke off is for the client to find.
	res.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), &broken{err}))
	if err != nil {
		return nil
	}
	answer := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: res.StatusCode, Header: http.Header{"Content-Type": {"application/json"}},
		Options: &openapi3filter.Options{},
	}
	answer.SetBodyBytes(body)
	return openapi3filter.ValidateResponse(ctx, answer)
}

// broken ends a body the way it ended.
type broken struct {
	err error
}

// Read implements io.Reader.
func (b *broken) Read([]byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	return 0, io.EOF
}
