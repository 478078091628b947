package imapendpoint

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/internal/imapscript"
)

// tlsCase is a server that must not be trusted, and what the error must say of it.
type tlsCase struct {
	name   string
	server *tls.Config
	client *tls.Config
	says   string
}

func tlsCases(t *testing.T) []tlsCase {
	t.Helper()
	server, client := imapscript.TLSConfigs(t)
	expired, trustsExpired := imapscript.TLSConfigsWith(t, func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour)
	})
	early, trustsEarly := imapscript.TLSConfigsWith(t, func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().Add(24*time.Hour), time.Now().Add(48*time.Hour)
	})
	other, trustsOther := imapscript.TLSConfigsWith(t, func(c *x509.Certificate) {
		c.IPAddresses, c.DNSNames = []net.IP{net.IPv4(127, 0, 0, 9)}, []string{"other.example"}
	})
	old := func(version uint16) *tls.Config {
		c := server.Clone()
		c.MinVersion, c.MaxVersion = tls.VersionTLS10, version
		return c
	}
	return []tlsCase{
		{"self-signed", server, nil, "issuer is not known"},
		{"expired", expired, trustsExpired, "not valid at this time"},
		{"not valid yet", early, trustsEarly, "not valid at this time"},
		{"another name", other, trustsOther, "another host name"},
		{"TLS 1.0 only", old(tls.VersionTLS10), withoutVersion(client), "older version"},
		{"TLS 1.1 only", old(tls.VersionTLS11), withoutVersion(client), "older version"},
	}
}

// withoutVersion is a configuration of a caller who says nothing about versions.
func withoutVersion(c *tls.Config) *tls.Config {
	c = c.Clone()
	c.MinVersion = 0
	return c
}

// TestTLSMatrix has servers that must not be trusted, reached in both ways. None gets a password.
func TestTLSMatrix(t *testing.T) {
	for _, tt := range tlsCases(t) {
		for _, security := range []Security{TLS, StartTLS} {
			t.Run(tt.name+[]string{", TLS", ", STARTTLS"}[security], func(t *testing.T) {
				noLeaks(t)
				m := imapscript.Model{Capabilities: "IMAP4rev1 STARTTLS", Hook: func(c *imapscript.Conn, cmd imapscript.Command) bool {
					if cmd.Name == "STARTTLS" {
						c.Reply(cmd, "OK go")
						c.UpgradeTLS(tt.server)
					}
					return cmd.Name == "STARTTLS"
				}}
				start := tt.server
				if security == StartTLS {
					start = nil
				}
				srv := imapscript.StartTLS(t, start, m.Serve)
				refusesToTrust(t, srv, tt.says, func(c *Config) { c.Security, c.TLS = security, tt.client })
			})
		}
	}
}

// refusesToTrust expects that a server is not trusted, and is told nothing secret.
func refusesToTrust(t *testing.T, srv *imapscript.Server, says string, change func(*Config)) {
	t.Helper()
	_, err := Open(t.Context(), *wireConfig(t, srv.Addr, change))
	wantCode(t, err, endpoint.Untrusted)
	if err == nil || !strings.Contains(err.Error(), says) {
		t.Errorf("the error does not say %q: %v", says, err)
	}
	srv.Close()
	for _, name := range srv.Commands() {
		if name != "STARTTLS" && name != "CAPABILITY" {
			t.Errorf("the server was sent %q", name)
		}
	}
}

// TestServerChoosesOldTLS has a server that selects TLS 1.0 although it was not offered.
func TestServerChoosesOldTLS(t *testing.T) {
	noLeaks(t)
	hello, err := hex.DecodeString("160301002a" + "02000026" + "0301" + strings.Repeat("07", 32) + "00" + "002f" + "00")
	if err != nil {
		t.Fatal(err)
	}
	srv := imapscript.Start(t, func(c *imapscript.Conn) { c.Bytes(5); c.SendRaw(string(hello)); c.Wait() })
	refusesToTrust(t, srv, "TLS", func(c *Config) { c.Security = TLS })
}
