package graphserve

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// maxBatch is the number of requests in a batch.
const maxBatch = 20

// batch answers each part as if it had come alone: with its own throttling, its own headers, its own status.
func batch(c *call) (response, error) {
	body, err := c.decode()
	if err != nil {
		return response{}, err
	}
	parts, isList := body["requests"].([]any)
	if !isList || len(parts) == 0 || len(parts) > maxBatch {
		return response{}, badRequest("BadRequest", "A batch takes from 1 to 20 requests.")
	}
	// The parts take the lock themselves.
	c.s.mu.Unlock()
	defer c.s.mu.Lock()
	answers := []object{}
	for _, p := range parts {
		part, isObject := p.(object)
		if !isObject || text(part["id"]) == "" {
			return response{}, badRequest("BadRequest", "A part of a batch needs an id.")
		}
		answer, err := c.part(part)
		if err != nil {
			return response{}, err
		}
		answers = append(answers, answer)
	}
	return ok(object{"responses": answers})
}

// part runs one request of a batch. It carries the token of the whole, and no other header of it.
func (c *call) part(part object) (object, error) {
	r, err := partRequest(c.r.Context(), part)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", c.r.Header.Get("Authorization"))
	route := c.s.route(r)
	entry := c.s.begin(r, route)
	fault := c.s.fault(route)
	res := c.s.answer(r, route, fault)
	c.s.finish(entry, res.status)
	answer := object{"id": part["id"], "status": res.status}
	headers := object{}
	for name := range res.header {
		headers[name] = res.header.Get(name)
	}
	body, err := res.bytes()
	if err != nil {
		return nil, err
	}
	switch {
	case res.value != nil:
		headers["Content-Type"] = "application/json"
		answer["body"] = res.value
	case len(body) > 0:
		answer["body"] = base64.StdEncoding.EncodeToString(body)
	}
	answer["headers"] = headers
	return answer, nil
}

// partRequest is a part as a request of its own, its path canonical.
func partRequest(ctx context.Context, part object) (*http.Request, error) {
	address, err := url.Parse("/v1.0/" + strings.TrimPrefix(text(part["url"]), "/"))
	if err != nil {
		return nil, badRequest("BadRequest", "The url of a part is malformed.")
	}
	headers, _ := part["headers"].(object) // a part may have none
	body, err := partBody(part["body"], headers)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, text(part["method"]), address.String(), bytes.NewReader(body))
	if err != nil {
		return nil, badRequest("BadRequest", "The method of a part is malformed.")
	}
	for name, value := range headers {
		r.Header.Set(name, text(value))
	}
	if len(body) > 0 && r.Header.Get("Content-Type") == "" {
		return nil, badRequest("BadRequest", "A part with a body needs a Content-Type.")
	}
	return canonical(r), nil
}

// partBody is the body of a part: JSON as it is, anything else as base64 in a string.
func partBody(body any, headers object) ([]byte, error) {
	if body == nil {
		return nil, nil
	}
	for name, value := range headers {
		if !strings.EqualFold(name, "Content-Type") || strings.HasPrefix(text(value), "application/json") {
			continue
		}
		raw, err := base64.StdEncoding.DecodeString(text(body))
		if err != nil {
			return nil, badRequest("BadRequest", "The body of a part that is not JSON must be base64.")
		}
		return raw, nil
	}
	return json.Marshal(body)
}
