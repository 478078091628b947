package main

import (
	"errors"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/imapendpoint"
)

// account is a mailbox on a server, and how to log in.
type account struct {
	given    bool
	user     string
	host     string
	port     string
	security imapendpoint.Security
	password string
	token    string // instead of password

	graph bool // Microsoft 365, with what follows
	app   application
	root  string
	kinds []endpoint.Kind
}

var (
	errAddress = errors.New("this is no address: write imaps://user@host or imaps://user@host:port, " +
		"with special characters of the user as %40 for @")
	errScheme = errors.New("begin the address with imaps:// (TLS), imap:// (STARTTLS), imap+plain:// " +
		"(not protected) or graph:// (Microsoft 365)")
	errUser     = errors.New("the address has no user: write imaps://user@host")
	errPassword = errors.New("take the password out of the address, where everyone on this machine " +
		"sees it, and change it; it belongs into the environment (see -help)")
	errPath = errors.New("nothing may follow the host in the address; folders are chosen by -include")
	errPort = errors.New("the port in the address is not a number from 1 to 65535")
)

// parseAddress reads an address such as imaps://ann%40old.example@mail.old.example:993. Its errors
// hold nothing of the text, which may have a password in it.
func parseAddress(text string) (account, error) {
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" {
		return account{}, errAddress
	}
	if u.Scheme == graphScheme {
		return parseGraphAddress(u)
	}
	a := account{host: u.Hostname(), port: u.Port()}
	defaultPort, known := "", false
	if a.security, defaultPort, known = security(u.Scheme); !known {
		return account{}, errScheme
	}
	a.user = u.User.Username()
	_, hasPassword := u.User.Password()
	switch {
	case hasPassword:
		return account{}, errPassword
	case a.user == "":
		return account{}, errUser
	case a.host == "":
		return account{}, errAddress
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return account{}, errPath
	case a.port == "":
		a.port = defaultPort
	}
	if n, err := strconv.ParseUint(a.port, 10, 16); err != nil || n == 0 {
		return account{}, errPort
	}
	if host, port, err := net.SplitHostPort(a.addr()); err != nil || host != a.host || port != a.port { // a bracket, to which url.Parse does not object
		return account{}, errAddress
	}
	return a, nil
}

// security returns what a scheme means, and the port that goes with it (RFC 8314 section 3).
func security(scheme string) (imapendpoint.Security, string, bool) {
	switch scheme {
	case "imaps":
		return imapendpoint.TLS, "993", true
	case "imap":
		return imapendpoint.StartTLS, "143", true
	case "imap+plain":
		return imapendpoint.Plaintext, "143", true
	}
	return 0, "", false
}

func (a account) addr() string { return net.JoinHostPort(a.host, a.port) }

// identity is what stays the same of an account when its connection is protected in another way.
func (a account) identity() string {
	if a.graph {
		return graphScheme + "://" + strings.ToLower(a.user)
	}
	port := a.port
	if port == "993" || port == "143" {
		port = ""
	}
	return a.user + "@" + strings.ToLower(a.host) + ":" + port
}
