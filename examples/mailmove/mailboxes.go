package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/imapendpoint"
)

// mailboxes are both sides, or what could be opened of them.
type mailboxes struct {
	source, destination *endpoint.Mailbox
	err                 error
}

// openMailboxes logs in at both servers, at once. The caller closes the mailboxes, also after an error.
func openMailboxes(ctx context.Context, s settings, roots *x509.CertPool) (m mailboxes) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	refused := make(chan error, 1)
	go func() {
		var err error
		m.destination, err = s.to.open(ctx, roots, s.connections)
		refused <- err
	}()
	var err error
	if m.source, err = s.from.open(ctx, roots, s.connections); err != nil {
		cancel() // nobody needs the other one
	}
	other := <-refused
	switch {
	case err != nil:
		m.err = fmt.Errorf("source: %w", err)
	case other != nil:
		m.err = fmt.Errorf("destination: %w", other)
	}
	return m
}

// close closes both. A server that does not say goodbye changes nothing.
func (m mailboxes) close() error {
	for _, mailbox := range []*endpoint.Mailbox{m.source, m.destination} {
		if mailbox != nil {
			_ = mailbox.Close()
		}
	}
	return nil
}

func (a account) open(ctx context.Context, roots *x509.CertPool, connections int) (*endpoint.Mailbox, error) {
	if a.graph {
		return a.openGraph(ctx, roots)
	}
	c := imapendpoint.Config{
		Addr:        a.addr(),
		Security:    a.security,
		Username:    a.user,
		Password:    a.password,
		TLS:         &tls.Config{RootCAs: roots},
		Connections: connections,
	}
	if a.token != "" {
		c.Token = func(context.Context) (string, error) { return a.token, nil }
	}
	return imapendpoint.Open(ctx, c)
}

// trusted returns the certificates of the system with those of a file, or nil, which means the
// former alone.
func trusted(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("-ca: %w", err)
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, errors.New("-ca: the file has no certificate in PEM")
	}
	return roots, nil
}
