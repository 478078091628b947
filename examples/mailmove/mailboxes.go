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

// openMailboxes logs in at both servers, at once. The caller closes what is not nil, also after an error.
func openMailboxes(ctx context.Context, s settings, roots *x509.CertPool) (source, destination *endpoint.Mailbox, err error) {
	type opened struct {
		mailbox *endpoint.Mailbox
		err     error
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	to := make(chan opened, 1)
	go func() {
		mailbox, err := s.to.open(ctx, roots, s.connections)
		to <- opened{mailbox, err}
	}()
	if source, err = s.from.open(ctx, roots, s.connections); err != nil {
		cancel() // nobody needs the other one
	}
	other := <-to
	switch {
	case err != nil:
		return source, other.mailbox, fmt.Errorf("source: %w", err)
	case other.err != nil:
		return source, other.mailbox, fmt.Errorf("destination: %w", other.err)
	}
	return source, other.mailbox, nil
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
