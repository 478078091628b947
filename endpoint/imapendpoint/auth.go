package imapendpoint

import (
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/dandyroll/dandyroll/endpoint"
)

// mechanism is one SASL exchange (RFC 4422) from the client's side. Answers are made in turn; the
// first may go with the command itself where the server has SASL-IR (RFC 4959).
type mechanism struct {
	name    string
	initial string   // the response that may come first; ignored if later is set
	later   []string // the responses to challenges of a mechanism in which the server speaks first
}

// authenticate logs in with the best mechanism that server and configuration share.
func (h *handshake) authenticate(ctx context.Context) error {
	if h.cfg.Token != nil {
		return h.authenticateToken(ctx)
	}
	switch {
	case h.caps["AUTH=PLAIN"]:
		return h.sasl(mechanism{name: "PLAIN", initial: "\x00" + h.cfg.Username + "\x00" + h.cfg.Password}) // RFC 4616
	case h.caps["AUTH=LOGIN"]:
		return h.sasl(mechanism{name: "LOGIN", later: []string{h.cfg.Username, h.cfg.Password}})
	case !h.caps["LOGINDISABLED"]: // RFC 9051 section 6.2.3
		return h.login()
	}
	return endpoint.Errorf(endpoint.Untrusted, "the server takes no password on this connection: use TLS or a token")
}

func (h *handshake) authenticateToken(ctx context.Context) error {
	bearer, xoauth2 := h.caps["AUTH=OAUTHBEARER"], h.caps["AUTH=XOAUTH2"]
	if !bearer && !xoauth2 {
		return endpoint.Errorf(endpoint.Unsupported, "the server takes no OAuth 2.0 tokens: use a password")
	}
	token, err := h.cfg.Token(ctx)
	if err != nil {
		return &endpoint.Error{Code: endpoint.Unauthenticated, Err: &quietError{"Config.Token returned an error", err}}
	}
	if bearer {
		return h.sasl(mechanism{name: "OAUTHBEARER", initial: bearerResponse(h.cfg.Username, token, h.cfg.Addr)})
	}
	return h.sasl(mechanism{name: "XOAUTH2", initial: "user=" + h.cfg.Username + "\x01auth=Bearer " + token + "\x01\x01"})
}

// bearerResponse is the client's first message of RFC 7628 section 3.1.
func bearerResponse(user, token, addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		host, port = addr, "993"
	}
	return fmt.Sprintf("n,a=%s,\x01host=%s\x01port=%s\x01auth=Bearer %s\x01\x01", saslName(user), host, port, token)
}

// saslName escapes an authorization identity (RFC 5801 section 4).
func saslName(s string) string {
	return strings.NewReplacer("=", "=3D", ",", "=2C").Replace(s)
}

// sasl runs AUTHENTICATE (RFC 9051 section 6.2.2).
func (h *handshake) sasl(m mechanism) error {
	args, answers := m.name, m.later
	if answers == nil {
		answers = []string{m.initial}
		if h.caps["SASL-IR"] {
			args += " " + base64.StdEncoding.EncodeToString([]byte(m.initial))
			answers = nil
		}
	}
	st, err := h.exchange("AUTHENTICATE", args, func(string) (string, error) {
		if len(answers) == 0 {
			return m.lastWord(), nil
		}
		answer := base64.StdEncoding.EncodeToString([]byte(answers[0]))
		answers = answers[1:]
		return answer, nil
	})
	return h.loggedIn(st, err)
}

// lastWord answers a challenge that comes when everything was said: the token mechanisms explain
// a refusal in one, and wait for a word before they say NO.
func (m mechanism) lastWord() string {
	if m.name == "OAUTHBEARER" {
		return base64.StdEncoding.EncodeToString([]byte{1}) // RFC 7628 section 3.2.3
	}
	if m.name == "XOAUTH2" {
		return ""
	}
	return "*" // cancels (RFC 9051 section 6.2.2)
}

// login runs LOGIN, for servers without SASL.
func (h *handshake) login() error {
	user, err := quoteString(h.cfg.Username)
	if err == nil {
		var password string
		if password, err = quoteString(h.cfg.Password); err == nil {
			st, err := h.exchange("LOGIN", user+" "+password, nil)
			return h.loggedIn(st, err)
		}
	}
	return endpoint.Errorf(endpoint.Unsupported, "user name or password is not ASCII, and the server has only LOGIN: use an ASCII password")
}

// loggedIn judges the end of an exchange of credentials.
func (h *handshake) loggedIn(st status, err error) error {
	if err != nil || st.kind == "OK" {
		return err
	}
	code := st.errorCode()
	if st.code == "LIMIT" {
		code = endpoint.Throttled // of connections, at this point
	}
	if code == endpoint.Throttled || code == endpoint.Unavailable || code == endpoint.Untrusted {
		return st.failure(code)
	}
	return endpoint.Errorf(endpoint.Unauthenticated,
		"the server answered %s to the login: check user name and password or token, and that IMAP is allowed for the account", st.kind)
}

// identify sends ID (RFC 2971), without which some servers refuse SELECT. What they answer does
// not matter, so it goes with the command after it.
func (h *handshake) identify() { h.wire.mention("ID", `("name" `+strconv.Quote("dandyroll")+")") }
