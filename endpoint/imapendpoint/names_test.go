package imapendpoint

import (
	"slices"
	"strings"
	"testing"

	"github.com/dandyroll/dandyroll/endpoint"
)

func TestNamesOfServers(t *testing.T) {
	dots := newNames("INBOX.", ".")
	slashes := newNames("", "/")
	flat := newNames("", "")
	tests := []struct {
		names names
		wire  string
		path  []string
	}{
		{slashes, "INBOX", []string{"INBOX"}},
		{dots, "INBOX", []string{"INBOX"}},
		{slashes, "Work", []string{"Work"}},
		{dots, "INBOX.Work", []string{"Work"}},
		{dots, "INBOX.Work.2024", []string{"Work", "2024"}},
		{dots, "INBOX.INBOX.child", []string{"INBOX", "child"}},
		{slashes, "INBOX/child", []string{"INBOX", "child"}},
		{slashes, "Inbox/child", []string{"Inbox", "child"}},
		{slashes, "Entw&APw-rfe", []string{"Entwürfe"}},
		{slashes, "R&-D", []string{"R&D"}},
		{slashes, "&2D3eCg-", []string{"\U0001f60a"}},
		{dots, "INBOX.v1=x2E2", []string{"v1.2"}},
		{slashes, "v1.2", []string{"v1.2"}},
		{slashes, "a=x2Fb", []string{"a/b"}},
		{flat, "a/b", []string{"a", "b"}},
		{newNames("", `\`), `a\b/c`, []string{"a", "b/c"}},
		{newNames("", "A"), "AAA", []string{"AAA"}},
		{slashes, "=x7Eann", []string{"~ann"}},
		{slashes, "rate=25", []string{"rate=25"}},
		{slashes, " a ", []string{" a "}},
	}
	for _, tt := range tests {
		if got := tt.names.path(tt.wire); !slices.Equal(got, tt.path) {
			t.Errorf("%+v: path(%q) = %q, want %q", tt.names, tt.wire, got, tt.path)
		}
		if got, err := tt.names.wire(tt.path, false); err != nil || got != tt.wire {
			t.Errorf("%+v: wire(%q) = %q, %v, want %q", tt.names, tt.path, got, err, tt.wire)
		}
	}
}

// TestNamesThatAreNone decodes what no client should have created.
func TestNamesThatAreNone(t *testing.T) {
	slashes := newNames("", "/")
	dots := newNames("INBOX.", ".")
	tests := []struct {
		names names
		wire  string
		path  []string
	}{
		{slashes, "inbox", []string{"INBOX"}},
		{dots, "Inbox.Work", []string{"Work"}},
		{dots, "INBOX.INBOX", []string{"=x49NBOX"}},
		{dots, "elsewhere", []string{"elsewhere"}},
		{slashes, "A&B", []string{"A&B"}},
		{slashes, "a&AGE-", []string{"a&AGE-"}},     // ASCII in base64
		{slashes, "a&2AA-", []string{"a&2AA-"}},     // half a surrogate pair
		{slashes, "Entwürfe", []string{"Entwürfe"}}, // raw UTF-8
		{slashes, "a\xff", []string{"a\xff"}},
		{slashes, "a//b", []string{"a", "_", "b"}},
		{slashes, "a/", []string{"a"}},
		{slashes, "/", []string{"_"}},
	}
	for _, tt := range tests {
		if got := tt.names.path(tt.wire); !slices.Equal(got, tt.path) {
			t.Errorf("%+v: path(%q) = %q, want %q", tt.names, tt.wire, got, tt.path)
		}
	}
	if _, err := slashes.wire([]string{"a", ""}, false); endpoint.CodeOf(err) != endpoint.Invalid {
		t.Errorf("empty component: %v, want Invalid", err)
	}
}

// FuzzNames asserts that a path survives the way to a server and back, whatever the server's
// separator, and that its wire name is safe to send.
func FuzzNames(f *testing.F) {
	f.Add("Work", "2024", "/", "", false)
	f.Add("v1.2", "~", ".", "INBOX.", false)
	f.Add("INBOX", "a\r\nb", ".", "INBOX.", true)
	f.Add("..", "=x2E", "", "", true)
	f.Add("\xff\x00", "é=x", "&", "~/mail/", false)
	f.Add("=x=x=x20", "INBOX", "A", "INBOX", true)
	f.Fuzz(func(t *testing.T, a, b, separator, prefix string, strict bool) {
		if !quotable(prefix) {
			prefix = ""
		}
		n := newNames(prefix, separator)
		for _, path := range [][]string{{a}, {a, b}, {b, a, b}} {
			checkRoundTrip(t, n, path, strict)
		}
	})
}

func checkRoundTrip(t *testing.T, n names, path []string, strict bool) {
	t.Helper()
	wire, err := n.wire(path, strict)
	if slices.Contains(path, "") {
		if err == nil {
			t.Errorf("%q has an empty component and got a name", path)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if !quotable(wire) {
		t.Errorf("wire name %q of %q cannot be quoted", wire, path)
	}
	if len(path) == 1 && strings.EqualFold(path[0], inbox) {
		path = []string{inbox}
	}
	if got := n.path(wire); !slices.Equal(got, path) {
		t.Errorf("%+v: %q → %q → %q", n, path, wire, got)
	}
}

// quotable reports whether s consists of what a quoted string may hold (RFC 9051 section 9).
func quotable(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}
