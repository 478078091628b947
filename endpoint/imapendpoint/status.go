package imapendpoint

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
)

// status is a status response (RFC 9051 section 7.1), tagged or not, or a continuation request.
type status struct {
	tag  string // "*", "+", or the tag of a command
	kind string // OK, NO, BAD, BYE, PREAUTH; empty for a continuation request
	code string // name of the response code in upper case, or empty
	args string // arguments of the response code
	text string // of the server's choosing: never shown to anyone
}

// statusKind returns the kind of status response that b names in any case, or "".
func statusKind(b []byte) string {
	for _, k := range []string{"OK", "NO", "BAD", "BYE", "PREAUTH"} {
		if equalFold(b, k) {
			return k
		}
	}
	return ""
}

// parseStatus reads a status response; false means that line is none.
func parseStatus(line []byte) (status, bool) {
	tag, rest := cutWord(line)
	if string(tag) == "+" {
		return status{tag: "+", text: string(rest)}, true
	}
	kind, rest := cutWord(rest)
	s := status{tag: string(tag), kind: statusKind(kind)}
	if s.kind == "" {
		return status{}, false
	}
	if len(rest) > 0 && rest[0] == '[' {
		if end := codeEnd(rest); end > 0 {
			code, args := cutWord(rest[1:end])
			s.code, s.args = strings.ToUpper(string(code)), string(args)
			rest = bytes.TrimLeft(rest[end+1:], " ")
		}
	}
	s.text = string(rest)
	return s, true
}

// codeEnd returns where the bracket of a response code closes, or -1. Some servers quote text in
// it, and flags in it may hold a bracket of their own.
func codeEnd(rest []byte) int {
	if open := bytes.IndexByte(rest, '('); open > 0 && open < bytes.IndexByte(rest, ']') {
		if at := bytes.Index(rest, []byte(")]")); at > 0 {
			return at + 1
		}
	}
	quoted := false
	for i, c := range rest {
		switch {
		case c == '"':
			quoted = !quoted
		case c == ']' && !quoted:
			return i
		}
	}
	return bytes.IndexByte(rest, ']')
}

// statusError is a NO, BAD or BYE. The server's own words are left out: they may name the account
// or quote a message.
type statusError struct{ kind, code string }

// Error returns what the server answered, and what that asks for.
func (e *statusError) Error() string {
	answer := "the server answered " + e.kind
	if e.code != "" {
		answer += " [" + e.code + "]"
	}
	return answer
}

// err makes the error that a refusing status stands for.
func (s status) err() error { return s.failure(s.errorCode()) }

func (s status) failure(code endpoint.Code) error {
	e := &statusError{kind: s.kind}
	if _, known := codeOfResponse(s.code); known {
		e.code = s.code
	}
	return &endpoint.Error{Code: code, RetryAfter: s.retryAfter(), Err: fmt.Errorf("%w%s", e, advice(code))}
}

// errorCode maps response code and text to a code. A text about the rate of use outweighs the
// response code: some servers say OVERQUOTA when too much was transferred that day.
func (s status) errorCode() endpoint.Code {
	text := strings.ToLower(s.text)
	if containsAny(text, "throttl", "backoff", "bandwidth", "command limit", "rate limit") {
		return endpoint.Throttled
	}
	code, known := codeOfResponse(s.code)
	if known && s.code != "LIMIT" {
		return code
	}
	if containsAny(text, "too many", "number of connections", "simultaneous connections", "connection limit") {
		return endpoint.Throttled
	}
	if known {
		return code
	}
	return codeOfText(s.kind, text)
}

// codeOfText guesses from the words of a response without a code that says anything.
func codeOfText(kind, text string) endpoint.Code {
	switch {
	case containsAny(text, "quota", "mailbox is full", "mailbox full"):
		return endpoint.OverQuota
	case containsAny(text, "too large", "too big", "maximum size", "size limit"):
		return endpoint.TooLarge
	case containsAny(text, "doesn't exist", "does not exist", "not found", "no such", "nonexistent", "unknown mailbox"):
		return endpoint.NotFound
	case containsAny(text, "already exists"):
		return endpoint.Exists
	case containsAny(text, "permission", "not permitted", "access denied", "read-only", "read only"):
		return endpoint.Denied
	case kind == "BYE" || containsAny(text, "try again", "temporar", "unavailable", "internal error", "server error",
		"not connected", "session expired"):
		return endpoint.Unavailable
	}
	return endpoint.Rejected
}

// codeOfResponse maps the response codes of RFC 9051 section 7.1, RFC 5530 and RFC 9208, and of
// servers that are in wide use.
func codeOfResponse(code string) (c endpoint.Code, known bool) {
	switch code {
	case "OVERQUOTA":
		return endpoint.OverQuota, true
	case "TRYCREATE", "NONEXISTENT":
		return endpoint.NotFound, true
	case "TOOBIG", "LIMIT":
		return endpoint.TooLarge, true
	case "NOPERM", "READ-ONLY", "CONTACTADMIN":
		return endpoint.Denied, true
	case "ALREADYEXISTS":
		return endpoint.Exists, true
	case "AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED", "EXPIRED":
		return endpoint.Unauthenticated, true
	case "PRIVACYREQUIRED":
		return endpoint.Untrusted, true
	case "UNAVAILABLE", "INUSE", "SERVERBUG", "EXPUNGEISSUED":
		return endpoint.Unavailable, true
	case "THROTTLED":
		return endpoint.Throttled, true
	case "CORRUPTION":
		return endpoint.Damaged, true
	case "CANNOT", "CLIENTBUG", "PARSE", "BADCHARSET", "HASCHILDREN", "UNKNOWN-CTE":
		return endpoint.Rejected, true
	}
	return endpoint.Unknown, false
}

// retryAfter reads the server's wish to be left alone, such as "Suggested Backoff Time: 299609
// milliseconds". An hour is the most that is believed.
func (s status) retryAfter() time.Duration {
	const most = time.Hour
	m := regexp.MustCompile(`(?i)backoff time:? *([0-9]{1,12}) *(milliseconds|ms|seconds|s)\b`).FindStringSubmatch(s.text)
	if m == nil {
		return 0
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return 0
	}
	if strings.HasPrefix(strings.ToLower(m[2]), "m") {
		return min(time.Duration(n)*time.Millisecond, most)
	}
	return time.Duration(min(n, int64(most/time.Second))) * time.Second
}

// advice is what the reader of an error can do about it.
func advice(c endpoint.Code) string {
	switch c {
	case endpoint.OverQuota:
		return ": make room in the mailbox or raise its quota"
	case endpoint.Denied:
		return ": give the account the right to do this"
	case endpoint.Unauthenticated:
		return ": check user name and password or token, and that IMAP is allowed for the account"
	case endpoint.Throttled:
		return ": wait, and use fewer connections"
	case endpoint.Untrusted:
		return ": use TLS"
	case endpoint.Unavailable:
		return ": try again later"
	default:
		return ""
	}
}

func containsAny(text string, words ...string) bool {
	for _, w := range words {
		if strings.Contains(text, w) {
			return true
		}
	}
	return false
}
