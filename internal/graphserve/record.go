package graphserve

import (
	"net/http"
	"slices"
	"strings"
	"sync"
)

// Request is what the server keeps of a request.
type Request struct {
	// Route is the method and pattern: "POST /users/{user}/mailFolders/{folder}/messages". Empty when no route matched.
	Route string
	// Path is the canonical path with its version, escaped.
	Path string
	// Query is the raw query.
	Query string
	// ImmutableIDs says whether the request asked for immutable IDs.
	ImmutableIDs bool
	// Status is that of the answer. 0 while the request runs.
	Status int
}

// Requests are all requests so far, in the order of their arrival. Parts of a batch follow it.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}

// Count is the number of requests so far of a route. The empty route counts all.
func (s *Server) Count(route string) int {
	count := 0
	for _, r := range s.Requests() {
		if route == "" || r.Route == route {
			count++
		}
	}
	return count
}

// Invitations is the number of people that the server would have sent an invitation, an update or a cancellation of a meeting.
func (s *Server) Invitations() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.invites
}

// LeakedTokens is the number of requests that sent their Authorization to an upload or import address.
func (s *Server) LeakedTokens() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.leaks
}

// MaxConcurrent is the largest number of requests that ran in one mailbox at the same time, refused ones included.
func (s *Server) MaxConcurrent() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	most := 0
	for _, u := range s.users {
		most = max(most, u.maxInFlight)
	}
	return most
}

// Hold keeps every request that comes from now on waiting, inside its mailbox, until release is called.
func (s *Server) Hold() (release func()) {
	gate := make(chan struct{})
	s.mu.Lock()
	s.gate = gate
	s.mu.Unlock()
	return sync.OnceFunc(func() {
		s.mu.Lock()
		s.gate = nil
		s.mu.Unlock()
		close(gate)
	})
}

// begin notes a request and returns its number.
func (s *Server) begin(r *http.Request, route string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, Request{
		Route: route, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery,
		ImmutableIDs: strings.Contains(strings.ToLower(strings.Join(r.Header.Values("Prefer"), ",")), "immutableid"),
	})
	return len(s.log) - 1
}

// finish notes the status of a request.
func (s *Server) finish(entry, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log[entry].Status = status
}
