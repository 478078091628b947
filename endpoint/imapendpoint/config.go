package imapendpoint

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Security is how a connection is protected on its way.
type Security int

// The kinds of protection.
const (
	// TLS speaks TLS from the first byte (RFC 8314 section 3). It is the zero value.
	TLS Security = iota
	// StartTLS begins in the clear and insists on STARTTLS before anything secret is said.
	StartTLS
	// Plaintext protects nothing. It is for servers on the same machine, and for tests.
	Plaintext
)

// Config says which mailbox to open and how. Addr, Username and one of Password and Token are
// required.
type Config struct {
	// Addr is host or host:port. The port defaults to 993 with TLS and to 143 otherwise.
	Addr string
	// Security defaults to implicit TLS.
	Security Security
	// Username is the name to log in with. It is printed nowhere.
	Username string
	// Password is offered by AUTHENTICATE PLAIN, else LOGIN.
	Password string
	// Token, instead of Password, returns an OAuth 2.0 access token, for OAUTHBEARER, else
	// XOAUTH2. It is called for each connection, and once more when the server refuses a token.
	Token func(ctx context.Context) (string, error)
	// TLS is cloned and used for TLS and StartTLS. Nil means the system's roots. Certificates are
	// verified against the host name unless this says otherwise.
	TLS *tls.Config
	// Connections is how many connections may be open at once; 0 means 4. Fewer are used when the
	// server refuses more.
	Connections int
	// Timeout is the longest silence of the server that is borne; 0 means 2 minutes.
	Timeout time.Duration
	// Dial opens the network connection. Nil means a net.Dialer.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Logger receives the wire log at level debug: names and sizes of commands and responses, no
	// arguments, secrets, mailbox names or message data. Nil means none.
	Logger *slog.Logger
	// HideCapabilities makes the driver act as if the server did not offer these, such as
	// "UIDPLUS". It is for servers whose implementation is broken, and for tests.
	HideCapabilities []string
}

// The values that zero stands for.
const (
	defaultConnections = 4
	defaultTimeout     = 2 * time.Minute
	portTLS            = "993"
	portPlain          = "143"
)

// complete returns the configuration with defaults in place of zero values, or every fault of it.
func (c Config) complete() (*Config, error) {
	var faults []error
	fault := func(text string) { faults = append(faults, errors.New(text)) }
	if c.Security < TLS || c.Security > Plaintext {
		fault("Config.Security is none of TLS, StartTLS and Plaintext")
	}
	addr, ok := c.hostPort()
	if !ok {
		fault("Config.Addr is not host or host:port: set it to the name of the IMAP server")
	}
	c.Addr = addr
	if c.Username == "" || hasControl(c.Username) {
		fault("Config.Username is empty or holds control characters: set it to the login name")
	}
	if (c.Password == "") == (c.Token == nil) {
		fault("Config needs either Password or Token, not both: set one")
	}
	if strings.ContainsRune(c.Password, 0) {
		fault("Config.Password holds a NUL: no IMAP server takes that")
	}
	if c.Connections < 0 {
		fault("Config.Connections is negative: set it to 0 or more")
	}
	if c.Timeout < 0 {
		fault("Config.Timeout is negative: set it to 0 or more")
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	c.Connections = cmp.Or(c.Connections, defaultConnections)
	c.Timeout = cmp.Or(c.Timeout, defaultTimeout)
	if c.Dial == nil {
		c.Dial = new(net.Dialer).DialContext
	}
	c.HideCapabilities = slices.Clone(c.HideCapabilities)
	return &c, nil
}

// hostPort returns Addr with a port.
func (c Config) hostPort() (string, bool) {
	port := portTLS
	if c.Security != TLS {
		port = portPlain
	}
	host, given, err := net.SplitHostPort(c.Addr)
	if err != nil { // no port
		host, given = strings.Trim(c.Addr, "[]"), port
	}
	n, err := strconv.ParseUint(given, 10, 16)
	if err != nil || n == 0 || host == "" || hasControl(host) || strings.ContainsAny(host, " /@") {
		return "", false
	}
	return net.JoinHostPort(host, given), true
}

func hasControl(s string) bool { return strings.ContainsFunc(s, unicode.IsControl) }
