package endtoend_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dandyroll/dandyroll/internal/imapscript"
)

// TestMailmoveTrustsNobody has a destination that must not be trusted. The program ends with status
// 3, says why, and the server has heard no password.
func TestMailmoveTrustsNobody(t *testing.T) {
	server, _ := imapscript.TLSConfigs(t)
	expired, _ := imapscript.TLSConfigsWith(t, func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour)
	})
	other, _ := imapscript.TLSConfigsWith(t, func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 9)} })
	old := server.Clone()
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	upgrade := func(to *tls.Config) func(c *imapscript.Conn) {
		m := &imapscript.Model{Capabilities: "IMAP4rev1 STARTTLS"}
		m.Hook = func(c *imapscript.Conn, cmd imapscript.Command) bool {
			if cmd.Name == "STARTTLS" {
				c.Reply(cmd, "OK go")
				c.UpgradeTLS(to)
			}
			return cmd.Name == "STARTTLS"
		}
		return m.Serve
	}
	inject := func(c *imapscript.Conn) {
		c.Send("* OK [CAPABILITY IMAP4rev1 STARTTLS] hi")
		c.SendRaw(c.Expect("STARTTLS").Tag + " OK go\r\n* PREAUTH [CAPABILITY IMAP4rev1] come in\r\n")
		c.Wait()
	}
	plain := func(c *imapscript.Conn) { new(imapscript.Model).Serve(c) }
	for _, tt := range []struct {
		name, scheme string
		tls          *tls.Config // of the server, from the first byte
		serve        func(c *imapscript.Conn)
		trusts       *tls.Config // whose certificate is named with -ca
		says         string
	}{
		{"self-signed", "imaps", server, plain, nil, "issuer is not known"},
		{"self-signed after STARTTLS", "imap", nil, upgrade(server), nil, "issuer is not known"},
		{"expired", "imaps", expired, plain, expired, "not valid at this time"},
		{"expired after STARTTLS", "imap", nil, upgrade(expired), expired, "not valid at this time"},
		{"another name", "imaps", other, plain, other, "another host name"},
		{"no TLS at all", "imaps", nil, plain, server, "does not speak TLS"},
		{"STARTTLS stripped", "imap", nil, plain, server, "does not offer STARTTLS"},
		{"plain text after STARTTLS", "imap", nil, inject, server, "plain text was sent behind STARTTLS"},
		{"old versions only", "imaps", old, plain, server, "older version"},
		{"old versions only after STARTTLS", "imap", nil, upgrade(old), server, "older version"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			good := imapscript.Start(t, plain)
			bad := imapscript.StartTLS(t, tt.tls, tt.serve)
			p := &program{
				t: t, path: mailmovePath(t), dir: t.TempDir(), from: "imap+plain://ann@" + good.Addr, to: tt.scheme + "://ann@" + bad.Addr,
				env: append(os.Environ(), "MAILMOVE_FROM_PASSWORD=secret", "MAILMOVE_TO_PASSWORD=secret"),
			}
			status, report, stderr := p.run("-ca", certificateFile(t, tt.trusts))
			if status != 3 || report.Complete || !strings.Contains(stderr, "connection not trusted") || !strings.Contains(stderr, tt.says) {
				t.Errorf("status %d: %s", status, stderr)
			}
			bad.Close()
			if heard := bad.Commands(); slices.ContainsFunc(heard, func(c string) bool { return c == "LOGIN" || c == "AUTHENTICATE" }) {
				t.Errorf("the server heard %q", heard)
			}
		})
	}
}

// certificateFile writes the certificate of a server, or where none is to be trusted, that of another.
func certificateFile(t *testing.T, trusted *tls.Config) string {
	t.Helper()
	if trusted == nil {
		trusted, _ = imapscript.TLSConfigs(t)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: trusted.Certificates[0].Certificate[0]})
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
