package endpoint

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Code says what kind of failure an Error is. Its values are stored and never change.
type Code uint8

// The codes of errors. Temporary tells those that pass by themselves.
const (
	Unknown         Code = iota
	NotFound             // the folder or item does not exist
	Exists               // what was to be created exists
	Denied               // the account may not do this here (read-only folder, missing right)
	Unauthenticated      // credentials refused or expired
	Throttled            // too much at once: wait RetryAfter
	TooLarge             // the item is greater than the endpoint takes
	Rejected             // the endpoint refused this item, and will again
	OverQuota            // the mailbox is full
	Unsupported          // the endpoint cannot do this
	Unavailable          // connection refused, lost or silent; service down
	Damaged              // the endpoint cannot deliver this item or answer whole
	Stale                // a Validity changed: every Ref and State of the folder is void
	InDoubt              // the answer is missing: it may have happened
	Untrusted            // TLS is missing, or the certificate was refused
	Invalid              // the caller's arguments or configuration are wrong
	Unconfirmed          // accepted by the destination, but not there when looked for
	numCodes
)

// One error a code, for errors.Is.
var (
	ErrNotFound        = errors.New("not found")
	ErrExists          = errors.New("already exists")
	ErrDenied          = errors.New("denied")
	ErrUnauthenticated = errors.New("credentials refused")
	ErrThrottled       = errors.New("throttled")
	ErrTooLarge        = errors.New("too large")
	ErrRejected        = errors.New("item refused")
	ErrOverQuota       = errors.New("mailbox full")
	ErrUnsupported     = errors.New("not supported")
	ErrUnavailable     = errors.New("unavailable")
	ErrDamaged         = errors.New("damaged")
	ErrStale           = errors.New("stale reference")
	ErrInDoubt         = errors.New("outcome unknown")
	ErrUntrusted       = errors.New("connection not trusted")
	ErrInvalid         = errors.New("invalid")
	ErrUnconfirmed     = errors.New("not confirmed")

	errUnknown = errors.New("failed")
)

// sentinel returns the error that errors.Is finds for a code.
func (c Code) sentinel() error {
	list := [numCodes]error{
		errUnknown, ErrNotFound, ErrExists, ErrDenied, ErrUnauthenticated, ErrThrottled, ErrTooLarge,
		ErrRejected, ErrOverQuota, ErrUnsupported, ErrUnavailable, ErrDamaged, ErrStale, ErrInDoubt,
		ErrUntrusted, ErrInvalid, ErrUnconfirmed,
	}
	if c >= numCodes {
		return errUnknown
	}
	return list[c]
}

// String returns the name of the code as it stands in reports, such as "too-large".
func (c Code) String() string {
	list := [numCodes]string{
		"unknown", "not-found", "exists", "denied", "unauthenticated", "throttled", "too-large",
		"rejected", "over-quota", "unsupported", "unavailable", "damaged", "stale", "in-doubt",
		"untrusted", "invalid", "unconfirmed",
	}
	if c >= numCodes {
		return list[Unknown]
	}
	return list[c]
}

// Temporary reports whether the same call may succeed later without anyone doing anything.
func (c Code) Temporary() bool { return c == Throttled || c == Unavailable }

// Refuses reports whether an error with this code, which ends a Put, says that none of the items
// without a result was written.
func (c Code) Refuses() bool {
	switch c {
	case NotFound, Exists, Denied, Unauthenticated, Throttled, TooLarge, Rejected, OverQuota,
		Unsupported, Untrusted, Invalid:
		return true
	case Unknown, Unavailable, Damaged, Stale, InDoubt, Unconfirmed:
	}
	return false
}

// Error is the type of every error of a Mailbox, except those of a context.
//
// Its text holds no address, subject, password or content of an item.
type Error struct {
	Op     string // the method that failed, such as "put"
	Driver string // the type of the endpoint, such as "imap"
	Code   Code
	// RetryAfter is how long the endpoint asks to be left alone, or zero.
	RetryAfter time.Duration
	// Err is the cause. It may be nil.
	Err error
}

// Error returns operation, code and cause in one line.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Driver != "" {
		b.WriteString(e.Driver + " ")
	}
	if e.Op != "" {
		b.WriteString(e.Op + ": ")
	}
	b.WriteString(e.Code.sentinel().Error())
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

// Unwrap returns the sentinel of the code and the cause.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Code.sentinel()}
	}
	return []error{e.Code.sentinel(), e.Err}
}

// Errorf makes the error that a driver returns: a code and what the reader can do about it. The
// Mailbox adds operation and driver.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Err: fmt.Errorf(format, args...)}
}

// CodeOf returns the code of err, or Unknown.
func CodeOf(err error) Code {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return Unknown
}

// RetryAfterOf returns how long the endpoint that returned err asks to be left alone, or zero.
func RetryAfterOf(err error) time.Duration {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.RetryAfter
	}
	return 0
}

// isContext reports whether err is that of a context, which is never wrapped.
func isContext(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
