package memendpoint

import (
	"crypto/rand"
	"strconv"
	"sync"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
)

// inbox is the one folder that always exists (RFC 9051 section 5.1).
const inbox = "INBOX"

// Server is one mailbox. Make it with [NewServer]. It is safe for concurrent use.
//
// Its methods are the actions of the mailbox's user and fail with errors of package endpoint, such
// as endpoint.ErrNotFound for a folder or item that does not exist.
type Server struct {
	account string // the default of Options.Account; never changes

	mu      sync.Mutex
	folders []*folder
	made    uint64    // folders made and validities given so far
	items   uint64    // items added so far
	clock   time.Time // the time of receipt last given
	used    int64     // bytes of all items
	limit   int64     // of used; negative means none
	told    uint64    // states told by State so far
	expired uint64    // of these, how many are not known any more
	counts  Counts
}

// NewServer returns a mailbox that has one folder, INBOX, and no quota.
func NewServer() *Server {
	s := &Server{account: rand.Text(), limit: -1, clock: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	f := s.create([]string{inbox})
	f.role, f.subscribed = endpoint.Inbox, true
	return s
}

// SetLimit sets the quota of the mailbox, in bytes as stored. A Put that would exceed it fails with
// OverQuota; what the user does is not held to it. A negative limit, the default, means none.
func (s *Server) SetLimit(bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limit = bytes
}

// ExpireStates makes the mailbox forget every state that sessions with Quirks.StateSince were told.
func (s *Server) ExpireStates() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expired = s.told
}

// number gives a number that no folder or validity of the mailbox had before.
func (s *Server) number() uint64 {
	s.made++
	return s.made
}

// tick gives the time of receipt for an item that brings none: a minute after the one before.
func (s *Server) tick() time.Time {
	s.clock = s.clock.Add(time.Minute)
	return s.clock
}

// in does something to a folder of the mailbox.
func (s *Server) in(path []string, do func(*folder) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.find(path)
	if err != nil {
		return err
	}
	return do(f)
}

func decimal(n uint64) string { return strconv.FormatUint(n, 10) }
