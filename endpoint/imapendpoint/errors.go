package imapendpoint

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"

	"github.com/dandyroll/dandyroll/endpoint"
)

// classify turns an error of the wire, TLS or the network into an *endpoint.Error.
// Errors of a context, those that are classified already, and those of others are returned as
// they are.
//
// The texts of the network are left out, since they hold addresses, and so are those of the server,
// since they may name the account.
func classify(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if _, ok := errors.AsType[*endpoint.Error](err); ok {
		return err
	}
	if why := distrust(err); why != "" {
		return endpoint.Errorf(endpoint.Untrusted, "%s", why)
	}
	if errors.Is(err, errProtocol) {
		return endpoint.Errorf(endpoint.Damaged, "%w", err)
	}
	if errors.Is(err, errRefused) {
		return endpoint.Errorf(endpoint.Unavailable, "%w", err)
	}
	if why := lost(err); why != "" {
		return endpoint.Errorf(endpoint.Unavailable, "%s", why)
	}
	return err
}

// distrust explains an error of TLS; the text is empty for any other.
func distrust(err error) string {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "the server's certificate was refused: " + certificateFault(err)
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return "the server does not speak TLS on this port: use the port for TLS (993), or StartTLS"
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "remote error" { // an alert (RFC 8446 section 6)
		return "the server refused TLS: it may need an older version, which Config.TLS can allow"
	}
	return ""
}

func certificateFault(err error) string {
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok && e.Reason == x509.Expired {
		return "it is not valid at this time: the server needs a new one, or this clock is wrong"
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return "it is for another host name: use the name in the certificate as Config.Addr"
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "its issuer is not known: add it to Config.TLS.RootCAs if you trust it"
	}
	return "it is not valid"
}

// lost explains an error of the network; the text is empty for any other.
func lost(err error) string {
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return "the host name of the server was not found: check Config.Addr and the network"
	}
	if errors.Is(err, errSilent) {
		return errSilent.Error()
	}
	op, isOp := errors.AsType[*net.OpError](err)
	if isOp && op.Op == "dial" {
		return "no connection to the server: check Config.Addr, the port and the network"
	}
	for _, e := range []error{io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe, net.ErrClosed, errKilled} {
		if errors.Is(err, e) {
			return "the connection was lost"
		}
	}
	if _, ok := errors.AsType[net.Error](err); ok || isOp {
		return "the connection was lost"
	}
	return ""
}

// quietError is an error whose cause can be found but is not printed: it came from the caller's code
// and may hold what errors must not.
type quietError struct {
	text  string
	cause error
}

// Error returns the text alone.
func (q *quietError) Error() string { return q.text }

// Unwrap returns the cause.
func (q *quietError) Unwrap() error { return q.cause }
