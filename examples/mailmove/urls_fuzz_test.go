package main

import (
	"net"
	"strings"
	"testing"
)

// FuzzParseAddress reads addresses: never a password, always a host and a port.
func FuzzParseAddress(f *testing.F) {
	for _, seed := range []string{
		"imaps://ann@old.example", "imap://ann%40old.example@[::1]:1143", "imap+plain://a:b@c", "imaps://", "x://\n@", "imaps://a@b:99999", "imap://a@]", "imap://a@[", "imap://a@[]", "imap://a@[b", "graph://ann@new.example", "graph://ann%40new.example@tenant",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := parseAddress(text)
		if err != nil {
			return
		}
		if a.graph {
			if strings.Count(a.user, "@") == 0 || strings.ContainsAny(a.user, "/\\?#\r\n") {
				t.Errorf("%q is %+v", text, a)
			}
			return
		}
		host, port, err := net.SplitHostPort(a.addr())
		if err != nil || host == "" || port == "" || a.user == "" {
			t.Errorf("%q is %+v: %v", text, a, err)
		}
		if _, rest, _ := strings.Cut(text, "://"); strings.Contains(strings.Split(rest, "@")[0], ":") {
			t.Errorf("%q has a password", text)
		}
	})
}
