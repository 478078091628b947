package graphendpoint

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/dandyroll/dandyroll/endpoint"
)

// Errors that tell more than their code, for errors.Is. A mailbox that is not there has code Denied, so that it is not taken for a
// folder or item that is gone.
var (
	// ErrUnknownUser is that the organisation has no such user. Its code is Denied for a mailbox, NotFound in a directory.
	ErrUnknownUser = errors.New("the organisation has no such user")
	// ErrNoMailbox is that the user has no mailbox in Exchange Online: none was licensed, it is not ready yet, or it is kept
	// on premises. Its code is Denied, and NotFound when EnsureMailbox has waited for it.
	ErrNoMailbox = errors.New("the user has no mailbox in Exchange Online (not licensed, not ready yet, or kept on premises)")
	// ErrWrongTenant is that the credential is not of the organisation that has the mailbox. Its code is Unauthenticated.
	ErrWrongTenant = errors.New("no such tenant, or the program is not registered there; check tenant and client ID")
	// ErrNoUsageLocation is that a licence needs a user with a usage location. Its code is Rejected.
	ErrNoUsageLocation = errors.New("the user has no usage location, which a licence needs; set one in the admin center")
	// ErrNoSuchLicence is that the organisation has bought no licence of that name. Its code is NotFound.
	ErrNoSuchLicence = errors.New("the organisation has no such licence; name its skuPartNumber or skuId")

	errNameTaken = errors.New("a user has this principal name")
)

// maxErrorBody is how much of the body of an error is read.
const maxErrorBody = 64 << 10

// problem is the body of an error, as far as it is used. Its message is never shown: it may name people.
type problem struct {
	Error struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

// refusal makes an error of an answer with a status of 400 or above.
func refusal(resp *http.Response, now time.Time) error {
	var p problem
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	_ = json.Unmarshal(body, &p) // without a code, the status speaks
	name := p.Error.Code
	code, advice := byName(name)
	if strings.EqualFold(name, "Request_BadRequest") {
		code, advice = byMessage(p.Error.Message)
	}
	if code == endpoint.Unknown {
		code, advice = byStatus(resp.StatusCode)
	}
	err := endpoint.Errorf(code, "status %d%s%w", resp.StatusCode, shown(name), advice)
	err.RetryAfter = retryAfter(resp.Header.Get("Retry-After"), now)
	return err
}

// shown is the code of an error for people, if it looks like one.
func shown(name string) string {
	harmless := func(r rune) bool {
		return r == '_' || r == '.' || r == '-' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
	}
	if name == "" || len(name) > 80 || strings.TrimFunc(name, harmless) != "" {
		return ""
	}
	return " " + name
}

// advised is what a reader can do, as the end of a line.
type advised struct{ text string }

func (a advised) Error() string {
	if a.text == "" {
		return ""
	}
	return ": " + a.text
}

func advice(text string) error { return advised{text} }

// sentinel is advice that errors.Is finds.
type sentinel struct{ err error }

func (s sentinel) Error() string { return ": " + s.err.Error() }
func (s sentinel) Unwrap() error { return s.err }

// byName judges an error by its code, which the service spells in several cases. Codes that say no more than the status are
// not among them.
func byName(name string) (endpoint.Code, error) {
	switch strings.ToLower(name) {
	case "mailboxnotenabledforrestapi", "mailboxnotsupportedforrestapi":
		return endpoint.Denied, sentinel{ErrNoMailbox}
	case "errorinvaliduser":
		return endpoint.Denied, sentinel{ErrUnknownUser}
	case "request_resourcenotfound": // of the directory
		return endpoint.NotFound, sentinel{ErrUnknownUser}
	case "erroritemnotfound", "errorfoldernotfound", "errorsyncfoldernotfound", "errorparentfoldernotfound", "resourcenotfound",
		"errorinvalididmalformed", "errorinvalidmailboxitemid":
		return endpoint.NotFound, advice("")
	case "syncstatenotfound", "syncstateinvalid", "resyncrequired", "resyncchangesapplydifferences", "resyncchangesuploaddifferences":
		return endpoint.Stale, advice("the position in the changes of the folder is lost")
	case "errorquotaexceeded", "quotalimitreached":
		return endpoint.OverQuota, advice("the mailbox is full, or has too many names of properties")
	case "errormessagesizeexceeded", "requestentitytoolarge", "errorattachmentsizelimitexceeded":
		return endpoint.TooLarge, advice("the organisation allows no message of that size")
	case "errorcorruptdata", "errorcannotopenfileattachment":
		return endpoint.Damaged, advice("the service cannot deliver the item")
	case "errorfolderexists", "namealreadyexists":
		return endpoint.Exists, advice("")
	case "errorirresolvableconflict", "errorconcurrentitemsave", "errorsavefailed", "concurrencyviolation", "directory_concurrencyviolation":
		return endpoint.Unavailable, advice(conflictAdvice)
	case "applicationthrottled", "toomanyrequests", "errorserverbusy", "mailboxconcurrency":
		return endpoint.Throttled, advice("the service asks to be left alone")
	case "erroraccessdenied", "accessdenied", "authorization_requestdenied":
		return endpoint.Denied, advice(permissionAdvice)
	}
	return endpoint.Unknown, nil
}

// byMessage judges errors of the directory, which have one code, Request_BadRequest, for everything.
// https://learn.microsoft.com/graph/api/user-post-users and https://learn.microsoft.com/graph/api/user-assignlicense
func byMessage(message string) (endpoint.Code, error) {
	has := func(part string) bool { return strings.Contains(strings.ToLower(message), part) }
	switch {
	case has("another object with the same value for property userprincipalname"):
		return endpoint.Exists, sentinel{errNameTaken}
	case has("another object with the same value"):
		return endpoint.Exists, advice("another user or group has this address")
	case has("invalid usage location"):
		return endpoint.Rejected, sentinel{ErrNoUsageLocation}
	case has("does not have any available licenses"):
		return endpoint.OverQuota, advice("no licence of this sort is left; buy more, or take one from somebody")
	case has("does not correspond to a valid company license"):
		return endpoint.NotFound, sentinel{ErrNoSuchLicence}
	case has("concurrencyviolation"):
		return endpoint.Unavailable, advice(conflictAdvice)
	}
	return endpoint.Unknown, nil
}

const (
	conflictAdvice   = "somebody else changed it at the same moment"
	permissionAdvice = "the program lacks a permission, or may not use this mailbox; see the permissions in the documentation of the package"
)

func byStatus(status int) (endpoint.Code, error) {
	switch status {
	case http.StatusUnauthorized:
		return endpoint.Unauthenticated, advice("the token is not valid, or no longer")
	case http.StatusForbidden:
		return endpoint.Denied, advice(permissionAdvice)
	case http.StatusNotFound:
		return endpoint.NotFound, advice("")
	case http.StatusConflict:
		return endpoint.Exists, advice("")
	case http.StatusGone:
		return endpoint.Stale, advice("the position in the changes of the folder is lost")
	case http.StatusRequestEntityTooLarge:
		return endpoint.TooLarge, advice("the service takes 4 MB at a time")
	case http.StatusTooManyRequests:
		return endpoint.Throttled, advice("the service asks to be left alone")
	case http.StatusInsufficientStorage:
		return endpoint.OverQuota, advice("the mailbox is full")
	case http.StatusNotImplemented:
		return endpoint.Unsupported, advice("")
	case http.StatusRequestTimeout:
		return endpoint.Unavailable, advice("")
	}
	if status >= http.StatusInternalServerError {
		return endpoint.Unavailable, advice("")
	}
	return endpoint.Rejected, advice("")
}

// retryAfter reads the field of that name: seconds, or a date (RFC 9110 section 10.2.3).
func retryAfter(field string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(field, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(field); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}

// unanswered makes an error of a request without an answer.
func unanswered(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	if errors.Is(cause, errClosed) {
		return endpoint.Errorf(endpoint.Invalid, "mailbox is closed")
	}
	if errors.Is(cause, errSilent) {
		return endpoint.Errorf(endpoint.Unavailable, "%w", cause)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	_, name := errors.AsType[x509.HostnameError](err)
	_, certificate := errors.AsType[x509.CertificateInvalidError](err)
	_, verification := errors.AsType[*tls.CertificateVerificationError](err)
	if unknown || name || certificate || verification {
		return endpoint.Errorf(endpoint.Untrusted, "the certificate of the service was refused: %w", withoutAddress(err))
	}
	return endpoint.Errorf(endpoint.Unavailable, "no answer: %w", withoutAddress(err))
}

// noToken makes an error of a credential's. Their texts quote requests and answers, so only the number is kept:
// https://learn.microsoft.com/entra/identity-platform/reference-error-codes
func noToken(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	number := regexp.MustCompile(`AADSTS\d{1,9}`).FindString(err.Error())
	switch number {
	case "AADSTS90002", "AADSTS700016", "AADSTS900021", "AADSTS90013", "AADSTS50020":
		return endpoint.Errorf(endpoint.Unauthenticated, "%s: %w", number, ErrWrongTenant)
	case "AADSTS7000215", "AADSTS7000222", "AADSTS700027":
		return endpoint.Errorf(endpoint.Unauthenticated, "%s: client secret or certificate is wrong or expired; make a new one", number)
	}
	// Without an answer, the authority could not be reached.
	if e, ok := errors.AsType[*azidentity.AuthenticationFailedError](err); ok && e.RawResponse != nil || number != "" {
		return endpoint.Errorf(endpoint.Unauthenticated, "no token was given %s; check tenant, client ID and secret", number)
	}
	return endpoint.Errorf(endpoint.Unavailable, "the credential gave no token; is its authority reachable?")
}

// failed makes an *endpoint.Error of what the SDK returns, in which the client of package http wraps ours and the address of the
// request. Errors of a context stay what they are.
func failed(err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*endpoint.Error](err); ok {
		return e
	}
	for _, ended := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, ended) {
			return ended
		}
	}
	return endpoint.Errorf(endpoint.Damaged, "the answer of the service cannot be read")
}

// unreadable is failed for a request of the SDK: where it may have made something and the answer is not what it should be, that is in
// doubt.
func unreadable(ctx context.Context, method string, err error) error {
	err = failed(err)
	if hasCode(err, endpoint.Damaged) && !harmless(ctx, method) {
		return endpoint.Errorf(endpoint.InDoubt, "%w", err)
	}
	return err
}
