// Package imapscript is an IMAP server for tests that says exactly what a test tells it to: line
// by line with a [Conn], or from a small [Model] of a mailbox whose answers a hook replaces.
package imapscript

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"slices"
	"sync"
	"testing"
	"time"
)

// Server is a server on a loopback port.
type Server struct {
	// Addr is host:port.
	Addr string

	tb       testing.TB
	listener net.Listener

	mu       sync.Mutex
	conns    []net.Conn
	accepted int
	commands []string
}

// Start serves each connection with script, in a goroutine of its own, and closes it when script
// returns. It ends with the test.
func Start(tb testing.TB, script func(c *Conn)) *Server {
	tb.Helper()
	return StartTLS(tb, nil, script)
}

// StartTLS is Start over TLS.
func StartTLS(tb testing.TB, config *tls.Config, script func(c *Conn)) *Server {
	tb.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	s := &Server{Addr: l.Addr().String(), tb: tb, listener: l}
	var wg sync.WaitGroup
	wg.Go(func() { s.accept(&wg, config, script) })
	tb.Cleanup(func() {
		s.Close()
		wg.Wait()
	})
	return s
}

// Close stops listening and closes every connection.
func (s *Server) Close() {
	_ = s.listener.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		_ = c.Close()
	}
}

func (s *Server) accept(wg *sync.WaitGroup, config *tls.Config, script func(c *Conn)) {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns = append(s.conns, conn)
		s.accepted++
		s.mu.Unlock()
		if config != nil {
			conn = tls.Server(conn, config)
		}
		wg.Go(func() {
			c := &Conn{server: s, tb: s.tb, net: conn, r: bufio.NewReader(conn)}
			script(c)
			_ = c.net.Close()
		})
	}
}

func (s *Server) note(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commands = append(s.commands, name)
}

// Commands returns the names of the commands that were read, over all connections.
func (s *Server) Commands() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.commands)
}

// Accepted returns how many connections there have been.
func (s *Server) Accepted() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accepted
}

// TLSConfigs returns the two ends of a TLS connection to 127.0.0.1 under a certificate made for
// the occasion.
func TLSConfigs(tb testing.TB) (server, client *tls.Config) {
	tb.Helper()
	return TLSConfigsWith(tb, func(*x509.Certificate) {})
}

// TLSConfigsWith is TLSConfigs with a certificate that was changed before it was signed.
func TLSConfigsWith(tb testing.TB, change func(*x509.Certificate)) (server, client *tls.Config) {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	change(template)
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		tb.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	server = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
	return server, &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
}
