package graphserve

import (
	"net/http"
	"time"
)

// Quirks are habits of the service that vary in time, or that nobody has confirmed yet. The zero value is the service of late 2026.
type Quirks struct {
	// ImportMIME serves the beta action importMime.
	ImportMIME bool
	// ReplayDelta repeats items: within a delta round, and from the round before.
	ReplayDelta bool
	// DropDeltaExpand forgets $expand in a delta round's links.
	DropDeltaExpand bool
	// VisibleAfter is the number of list requests of the mailbox that do not yet show a newly created item.
	VisibleAfter int
	// MailboxDelay is the number of requests answered MailboxNotEnabledForRESTAPI after a user got a licence.
	MailboxDelay int
	// DirectoryDelay is the number of requests for a new user answered 404.
	DirectoryDelay int
	// RestrictUpdates refuses changes of draft-only properties of a message that is no draft, as from 2026-12-31 without
	// Mail-Advanced.ReadWrite.
	RestrictUpdates bool
	// DeleteToTrash makes DELETE of a message move it to Deleted Items. Otherwise it goes to the hidden Recoverable Items.
	DeleteToTrash bool
	// TransactionConflict answers a repeated transactionId with 409. Otherwise with the event that exists.
	TransactionConflict bool
	// RequestBudget is the number of requests of a mailbox in ten minutes. 0 means no limit.
	RequestBudget int
	// UploadBudget is the number of bytes sent to a mailbox in five minutes. 0 means no limit.
	UploadBudget int64
}

// FaultKind says how a request fails.
type FaultKind int

// The faults. "Before" ones do nothing, "After" ones do what was asked and then fail.
const (
	Throttled            FaultKind = iota // 429 with Retry-After, before
	UnavailableBefore                     // 503, before
	UnavailableAfter                      // 503, after
	TimeoutBefore                         // 504, before
	TimeoutAfter                          // 504, after
	ServerErrorBefore                     // 500, before
	TokenExpired                          // 401, before
	Forbidden                             // 403, before
	MailboxNotEnabled                     // 404 MailboxNotEnabledForRESTAPI, before
	CorruptData                           // 500 ErrorCorruptData, before
	ResetBefore                           // the connection breaks, before
	ResetAfter                            // the connection breaks instead of the answer, after
	Truncated                             // the answer breaks off in the middle, after
	ConcurrencyViolation                  // 409 of the directory, before
)

// Fault is a failure of requests yet to come.
type Fault struct {
	// Route is the pattern of the requests that count, as in [Request]. Empty means every request.
	Route string
	// Skip is the number of matching requests that pass before the fault.
	Skip int
	// Times is the number of requests that fail. 0 means 1.
	Times int
	// Kind is the failure.
	Kind FaultKind
	// RetryAfter is the hint sent with Throttled and the Unavailable kinds. 0 means none, but 1 s with Throttled.
	RetryAfter time.Duration
}

// Inject makes requests fail. Faults are looked up in the order of their injection; one request meets at most one.
func (s *Server) Inject(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.Times = max(f.Times, 1)
	s.faults = append(s.faults, &f)
}

// ClearFaults takes away the faults that have not happened.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// fault is the failure due for a request of the route, or nil.
func (s *Server) fault(route string) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		if f.Times == 0 || f.Route != "" && f.Route != route {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		f.Times--
		due := *f
		return &due
	}
	return nil
}

// before is the error of a fault that keeps the request from being done, or nil.
func (f *Fault) before() error {
	switch f.Kind {
	case Throttled:
		return &Error{Status: http.StatusTooManyRequests, Code: "ApplicationThrottled", Message: "Application is over its limit.", RetryAfter: max(f.RetryAfter, time.Second)}
	case UnavailableBefore:
		return f.unavailable()
	case TimeoutBefore:
		return f.timeout()
	case ServerErrorBefore:
		return &Error{Status: http.StatusInternalServerError, Code: "ErrorInternalServerError", Message: "An internal server error occurred."}
	case TokenExpired:
		return errTokenExpired()
	case Forbidden:
		return &Error{Status: http.StatusForbidden, Code: "ErrorAccessDenied", Message: "Access is denied. Check credentials and try again."}
	case MailboxNotEnabled:
		return errNoMailbox()
	case CorruptData:
		return &Error{Status: http.StatusInternalServerError, Code: "ErrorCorruptData", Message: "Data is corrupt."}
	case ConcurrencyViolation:
		return &Error{Status: http.StatusConflict, Code: "Directory_ConcurrencyViolation", Message: "Unable to complete the request due to data concurrency violation."}
	default:
		return nil
	}
}

// after is the error that a fault reports although the request was done, or nil.
func (f *Fault) after() error {
	switch f.Kind {
	case UnavailableAfter:
		return f.unavailable()
	case TimeoutAfter:
		return f.timeout()
	default:
		return nil
	}
}

func (f *Fault) unavailable() error {
	return &Error{Status: http.StatusServiceUnavailable, Code: "ServiceUnavailable", Message: "The service is unavailable.", RetryAfter: f.RetryAfter}
}

func (f *Fault) timeout() error {
	return &Error{Status: http.StatusGatewayTimeout, Code: "GatewayTimeout", Message: "The gateway timed out."}
}
