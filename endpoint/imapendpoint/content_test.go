package imapendpoint

import (
	"io"
	"testing"

	"github.com/dandyroll/dandyroll/endpoint"
)

// contentText returns what a content holds, and closes it.
func contentText(t *testing.T, c endpoint.Content) string {
	t.Helper()
	if c == nil {
		return ""
	}
	r, err := c.Open()
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	return string(b)
}
