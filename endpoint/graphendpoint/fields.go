package graphendpoint

import (
	"time"

	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"github.com/dandyroll/dandyroll/endpoint"
)

// The SDK has a pointer for every field, which is nil where the service did not tell it.

// text returns what a field holds, or "".
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func isTrue(b *bool) bool { return b != nil && *b }

// timeOf returns what a field holds, or the zero time.
func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// idOf returns the ID of an item, folder or user, or "" for none.
func idOf(e models.Entityable) string {
	if e == nil {
		return ""
	}
	return text(e.GetId())
}

// madeID returns the ID of what the service answered to the request that makes it.
func madeID(made models.Entityable, err error) (string, error) {
	if err != nil {
		return "", err
	}
	if id := idOf(made); id != "" {
		return id, nil
	}
	return "", endpoint.Errorf(endpoint.InDoubt, "the service did not name what it made")
}
