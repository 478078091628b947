package graphendpoint

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/dandyroll/dandyroll/endpoint"
)

// defaultRoot is the service of the global cloud.
const defaultRoot = "https://graph.microsoft.com/v1.0"

// Config says which mailbox to open, and as whom. User and Credential are required.
type Config struct {
	// User is the mailbox: a principal name such as "ann@new.example", or the object ID of the user.
	User string
	// Credential gives the tokens, for example one of package azidentity, or a [Token].
	Credential azcore.TokenCredential
	// Root is the service with its version. Default: https://graph.microsoft.com/v1.0. National clouds have others, such as
	// https://graph.microsoft.us/v1.0 and https://microsoftgraph.chinacloudapi.cn/v1.0. It is https, but for loopback addresses.
	Root string
	// BetaImportMIME lets mail be written by importMime, which keeps every byte of its header and structure, but takes the time of
	// receipt from there. It is a beta of the service, without a promise, and needs the permission Mail-Advanced.ReadWrite.All.
	BetaImportMIME bool
	// Kinds are the kinds of item to be opened. Default: all, of which notes and journal entries are there only where the program may
	// export mailboxes. Mail, events, contacts and tasks for which it has no permission are an error, not an empty mailbox.
	Kinds []endpoint.Kind
	// Transport carries the requests. Default: a clone of http.DefaultTransport.
	Transport http.RoundTripper
}

// root checks the configuration and returns the parsed Root.
func (c Config) root() (*url.URL, error) {
	if strings.TrimSpace(c.User) == "" || strings.ContainsAny(c.User, "/\\?#\x00\r\n") {
		return nil, errors.New("Config.User must be a principal name, such as ann@new.example, or the object ID of a user")
	}
	return serviceRoot(c.Root, c.Credential)
}

// serviceRoot checks what mailboxes and directories have in common.
func serviceRoot(root string, credential azcore.TokenCredential) (*url.URL, error) {
	if credential == nil {
		return nil, errors.New("Config.Credential is missing: give one of package azidentity, or a Token")
	}
	if root == "" {
		root = defaultRoot
	}
	u, err := url.Parse(strings.TrimRight(root, "/"))
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Path == "" {
		return nil, fmt.Errorf("Config.Root must be the address of a service with its version, such as %s", defaultRoot)
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) {
		return nil, errors.New("Config.Root must begin with https://, for the token goes there; http:// is for loopback addresses only")
	}
	return u, nil
}

// kinds returns the kinds that are to be opened.
func (c Config) kinds() ([]endpoint.Kind, error) {
	if len(c.Kinds) == 0 {
		return endpoint.AllKinds(), nil
	}
	for _, k := range c.Kinds {
		if !slices.Contains(endpoint.AllKinds(), k) {
			return nil, fmt.Errorf("Config.Kinds: there are no items of kind %s", k)
		}
	}
	return c.Kinds, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
