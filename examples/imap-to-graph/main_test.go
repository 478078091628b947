package main

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/endpoint/graphendpoint"
	"github.com/dandyroll/dandyroll/endpoint/imapendpoint"
	"github.com/dandyroll/dandyroll/internal/graphserve"
	"github.com/dandyroll/dandyroll/internal/imapserve"
)

func TestMigrate(t *testing.T) {
	old, err := imapserve.Start(imapserve.Config{Username: "ann", Password: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = old.Close() })
	letter := imapserve.Message{Bytes: []byte("From: bob@old.example\r\nSubject: one\r\nMessage-ID: <1@old.example>\r\n\r\nHello.\r\n")}
	if err := old.Deliver(t.Context(), "INBOX", letter); err != nil {
		t.Fatal(err)
	}
	service := graphserve.New(graphserve.Config{})
	t.Cleanup(service.Close)
	ann := service.AddMailbox("ann@new.example", "Ann")

	dir := t.TempDir()
	m := migration{
		from: imapendpoint.Config{Addr: old.Addr(), Security: imapendpoint.Plaintext, Username: "ann", Password: "secret"},
		to: graphendpoint.Config{
			User: "ann@new.example", Root: service.URL(), Credential: graphendpoint.Token(graphserve.DefaultToken),
			Kinds: []endpoint.Kind{endpoint.Mail}, Transport: carrier(t),
		},
		state: filepath.Join(dir, "state"), key: filepath.Join(dir, "key"),
	}
	for _, want := range []string{"1  migrated", "1  already migrated"} {
		var out strings.Builder
		if err := m.run(t.Context(), &out); err != nil || !strings.Contains(out.String(), want) {
			t.Fatalf("no %q in %s\n%v", want, out.String(), err)
		}
	}
	if items, err := ann.Items("inbox"); err != nil || len(items) != 1 || items[0].Fields["subject"] != "one" {
		t.Errorf("inbox has %d items, %v", len(items), err)
	}
}

// carrier lets pass only what the published description of the service knows, where that is given.
func carrier(t *testing.T) http.RoundTripper {
	t.Helper()
	v, skip, err := graphserve.NewValidator(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if skip != "" {
		t.Log(skip)
		return nil
	}
	return v
}
