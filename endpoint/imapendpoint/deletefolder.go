package imapendpoint

import (
	"context"
	"slices"
	"sync"

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
	d.vacate(ctx, f.ID)
	return d.with(ctx, anyFolder, func(s *session) error {
		if s.current != nil && s.current.name == f.ID {
			if _, err := s.selectFolder(ctx, inbox, true); err != nil {
				return err
			}
		}
		return s.command(ctx, "DELETE "+quoted, nil)
	})
}

// vacate opens INBOX instead in the idle sessions that have a folder open: some servers do not delete such a
// folder, others cut its sessions off later, in the middle of something else.
func (d *driver) vacate(ctx context.Context, wireName string) {
	var leaving sync.WaitGroup
	for _, s := range d.pool.withdraw(wireName) {
		leaving.Go(func() {
			if _, err := s.selectFolder(ctx, inbox, true); err != nil {
				s.kill()
			}
			d.pool.release(s)
		})
	}
	leaving.Wait()
}

// withdraw hands out the idle sessions that have a folder open, for the caller to release.
func (p *pool) withdraw(wireName string) (out []*session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle = slices.DeleteFunc(p.idle, func(s idleSession) bool {
		there := s.current != nil && s.current.name == wireName
		if there {
			p.live[s.session] = true
			out = append(out, s.session)
		}
		return there
	})
	return out
}
