package graphserve

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Error is an error of the service: an HTTP status and the code and message of its body.
type Error struct {
	Status     int
	Code       string
	Message    string
	RetryAfter time.Duration // sent as Retry-After in whole seconds when positive
	Location   string        // sent as Location when not empty
}

// Error implements error.
func (e *Error) Error() string {
	return fmt.Sprintf("graphserve: %d %s: %s", e.Status, e.Code, e.Message)
}

// failure is the response that reports an error.
func failure(err error) response {
	e, isGraph := err.(*Error) //nolint:errorlint // handlers return their errors unwrapped
	if !isGraph {
		e = &Error{Status: http.StatusInternalServerError, Code: "InternalServerError", Message: err.Error()}
	}
	res := response{
		status: e.Status,
		header: http.Header{},
		value: object{"error": object{
			"code": e.Code, "message": e.Message,
			"innerError": object{"request-id": "00000000-0000-0000-0000-000000000000", "date": "2026-01-01T00:00:00"},
		}},
	}
	if e.RetryAfter > 0 {
		res.header.Set("Retry-After", strconv.Itoa(int(e.RetryAfter.Round(time.Second)/time.Second)))
	}
	if e.Location != "" {
		res.header.Set("Location", e.Location)
	}
	return res
}

func badRequest(code, message string) *Error {
	return &Error{Status: http.StatusBadRequest, Code: code, Message: message}
}

func errItemNotFound() *Error {
	return &Error{Status: http.StatusNotFound, Code: "ErrorItemNotFound", Message: "The specified object was not found in the store."}
}

func errTokenExpired() *Error {
	return &Error{Status: http.StatusUnauthorized, Code: "InvalidAuthenticationToken", Message: "Lifetime validation failed, the token is expired."}
}

func errNoMailbox() *Error {
	return &Error{
		Status: http.StatusNotFound, Code: "MailboxNotEnabledForRESTAPI",
		Message: "The mailbox is either inactive, soft-deleted, or is hosted on-premise.",
	}
}

func errUnknownUser() *Error {
	return &Error{Status: http.StatusNotFound, Code: "Request_ResourceNotFound", Message: "Resource does not exist or one of its queried reference-property objects are not present."}
}
