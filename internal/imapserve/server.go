// Package imapserve runs an IMAP server inside the process, for the quickstart and for tests, and
// plays the people who use it: those who send mail to it, and the user who tidies up.
//
// The server keeps everything in memory. It serves folders and flags, and messages that are well
// formed. It is no stand-in for a real server where bytes count: it writes headers anew as it
// serves them, and what has no header at all comes back empty.
package imapserve

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
)

// Config says who may log in, and how. Username and Password are required.
type Config struct {
	Username, Password string
	// TLS makes the server speak TLS from the first byte. Nil means no protection at all, which
	// is what the loopback interface needs.
	TLS *tls.Config
}

// Server is a running IMAP server with one mailbox, whose only folder is INBOX at first.
type Server struct {
	cfg      Config
	listener net.Listener
	imap     *imapserver.Server
	served   chan error
}

// Start starts a server on a free port of the loopback interface. The caller closes it.
func Start(c Config) (*Server, error) {
	user := imapmemserver.NewUser(c.Username, c.Password)
	if err := user.Create("INBOX", nil); err != nil {
		return nil, fmt.Errorf("imapserve: %w", err)
	}
	backend := imapmemserver.New()
	backend.AddUser(user)
	listener, err := listen(c.TLS)
	if err != nil {
		return nil, fmt.Errorf("imapserve: %w", err)
	}
	s := &Server{
		cfg:      c,
		listener: listener,
		imap: imapserver.New(&imapserver.Options{
			NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
				return backend.NewSession(), nil, nil
			},
			Caps:         capabilities(),
			InsecureAuth: true,
			Logger:       silent{}, // it would tell of every connection that a client drops
		}),
		served: make(chan error, 1),
	}
	go func() { s.served <- s.imap.Serve(listener) }()
	return s, nil
}

// silent is a logger that says nothing.
type silent struct{}

func (silent) Printf(string, ...any) {}

func listen(config *tls.Config) (net.Listener, error) {
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil || config == nil {
		return l, err
	}
	return tls.NewListener(l, config), nil
}

// capabilities are those of a usual server of the day that speaks IMAP4rev1.
func capabilities() imap.CapSet {
	return imap.CapSet{
		imap.CapIMAP4rev1:    {},
		imap.CapNamespace:    {},
		imap.CapUIDPlus:      {},
		imap.CapESearch:      {},
		imap.CapListExtended: {},
		imap.CapListStatus:   {},
		imap.CapMove:         {},
		imap.CapStatusSize:   {},
		imap.CapChildren:     {},
		imap.CapLiteralPlus:  {},
	}
}

// Addr returns the address as host:port.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Close stops the server and ends its connections.
func (s *Server) Close() error {
	// The listener is closed here as well, in case Serve has not got hold of it yet.
	err := s.listener.Close()
	if errors.Is(err, net.ErrClosed) {
		err = nil
	}
	return errors.Join(err, ignoreClosed(s.imap.Close()), ignoreClosed(<-s.served))
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
