package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/graphendpoint"
)

// graphScheme begins the address of a mailbox of Microsoft 365.
const graphScheme = "graph"

// application is the registration in Microsoft Entra in whose name mailboxes are opened that have no token of their own. The
// names of the variables are those of package azidentity.
type application struct{ tenant, client, secret string }

var errGraphAddress = errors.New("this is no address of Microsoft 365: write graph://user@domain with the principal name, or " +
	"graph://user%40domain@tenant")

// parseGraphAddress reads graph://ann@new.example, whose user is ann@new.example, or graph://ann%40new.example@tenant, which also names
// the tenant, by a domain or ID.
func parseGraphAddress(u *url.URL) (account, error) {
	_, hasPassword := u.User.Password()
	a := account{graph: true, user: u.User.Username(), host: u.Hostname()}
	switch {
	case hasPassword:
		return account{}, errPassword
	case a.user == "" || a.host == "" || u.Port() != "" || strings.ContainsAny(a.user, "/\\?#\x00\r\n"):
		return account{}, errGraphAddress
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return account{}, errPath
	case strings.Contains(a.user, "@"):
		a.app.tenant = a.host
	default:
		a.user += "@" + a.host
	}
	return a, nil
}

// graphSecrets takes a token, or else the application, from the environment. The tenant is the one of the address, else that
// of the environment, else the domain of the user.
func (p *parser) graphSecrets(name string, a *account, variable string, getenv func(string) string) {
	a.token = getenv(variable + "_TOKEN")
	if a.app.tenant == "" {
		a.app.tenant = getenv("AZURE_TENANT_ID")
	}
	if a.app.tenant == "" {
		a.app.tenant = a.host
	}
	a.app.client, a.app.secret = getenv("AZURE_CLIENT_ID"), getenv("AZURE_CLIENT_SECRET")
	if a.token == "" && (a.app.client == "" || a.app.secret == "") {
		p.wrong("%s: no credentials: set AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or %s_TOKEN, in the environment", name, variable)
	}
}

// finishGraph sets what both sides have in common. Where the other one is IMAP there is nothing but mail, and no permission for
// more is needed.
func (p *parser) finishGraph() {
	s := &p.settings
	if s.graphURL != "" && !s.from.graph && !s.to.graph {
		p.wrong("-graph-url: neither address begins with graph://")
	}
	kinds := s.options.Select.Kinds
	if kinds == nil && s.from.graph != s.to.graph {
		kinds = []endpoint.Kind{endpoint.Mail}
	}
	for _, a := range []*account{&s.from, &s.to} {
		a.root, a.kinds = s.graphURL, kinds
	}
}

// openGraph opens a mailbox of Microsoft 365.
func (a account) openGraph(ctx context.Context, roots *x509.CertPool) (*endpoint.Mailbox, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // what package http documents
	transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	credential, err := a.credential(transport)
	if err != nil {
		return nil, err
	}
	return graphendpoint.Open(ctx, graphendpoint.Config{
		User: a.user, Credential: credential, Root: a.root, Kinds: a.kinds, Transport: transport,
	})
}

func (a account) credential(transport http.RoundTripper) (azcore.TokenCredential, error) {
	if a.token != "" {
		return graphendpoint.Token(a.token), nil
	}
	options := azidentity.ClientSecretCredentialOptions{ClientOptions: azcore.ClientOptions{
		Transport: &http.Client{Transport: transport},
		Retry:     policy.RetryOptions{MaxRetries: -1}, // the mailbox asks again
	}}
	return azidentity.NewClientSecretCredential(a.app.tenant, a.app.client, a.app.secret, &options)
}
