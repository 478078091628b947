package imapendpoint

import (
	"context"

	"github.com/dandyroll/dandyroll/endpoint"
)

// DeleteFolder deletes a folder with its messages. Folders below it stay (RFC 9051 section 6.3.5).
func (d *driver) DeleteFolder(ctx context.Context, f endpoint.Folder) error {
	if f.ID == inbox {
		return endpoint.Errorf(endpoint.Invalid, "INBOX cannot be deleted")
	}
	quoted, err := quoteString(f.ID)
	if err != nil {
		return err
	}
	d.pool.leave(f.ID)
	return d.with(ctx, func(s *session) error {
		if s.current != nil && s.current.name == f.ID {
			if _, err := s.selectFolder(ctx, inbox, true); err != nil {
				return err
			}
		}
		return s.command(ctx, "DELETE "+quoted, nil)
	})
}

// leave ends the idle sessions that have a folder open: some servers do not delete such a folder,
// others cut its sessions off later, in the middle of something else.
func (p *pool) leave(wireName string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	kept := p.idle[:0]
	for _, s := range p.idle {
		if s.current != nil && s.current.name == wireName {
			s.kill()
		} else {
			kept = append(kept, s)
		}
	}
	p.idle = kept
	p.announce()
}
