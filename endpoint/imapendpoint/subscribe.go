package imapendpoint

import (
	"context"

	"github.com/dandyroll/dandyroll/endpoint"
)

// Subscribe adds a folder to the user's subscriptions (RFC 9051 section 6.3.7).
func (d *driver) Subscribe(ctx context.Context, f endpoint.Folder) error {
	quoted, err := quoteString(f.ID)
	if err != nil {
		return err
	}
	return d.with(ctx, anyFolder, func(s *session) error { return s.command(ctx, "SUBSCRIBE "+quoted, nil) })
}
