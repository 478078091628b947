package memendpoint

import (
	"context"
	"iter"
	"slices"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
)

func (s *session) Folders(ctx context.Context) iter.Seq2[endpoint.Folder, error] {
	return sequence(ctx, s, func() ([]endpoint.Folder, error) {
		s.server.counts.FoldersListed++
		var list []endpoint.Folder
		for _, f := range s.server.sorted() {
			list = append(list, s.describe(f))
		}
		return list, nil
	})
}

func (s *session) CreateFolder(ctx context.Context, f endpoint.Folder) (endpoint.Folder, error) {
	if err := s.enter(ctx); err != nil {
		return endpoint.Folder{}, err
	}
	if s.options.Quirks.NoCreateFolder {
		return s.Unimplemented.CreateFolder(ctx, f)
	}
	if err := s.writable(); err != nil {
		return endpoint.Folder{}, err
	}
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	before := len(s.server.folders)
	made := s.server.create(f.Path)
	if len(s.server.folders) > before {
		s.server.counts.FoldersCreated += len(s.server.folders) - before
		made.kinds = slices.Clone(f.Kinds)
	}
	return s.describe(made), nil
}

func (s *session) DeleteFolder(ctx context.Context, f endpoint.Folder) error {
	return s.change(ctx, f, func(g *folder) error {
		if g.readOnly {
			return endpoint.Errorf(endpoint.Denied, "the folder is read-only")
		}
		err := s.server.remove(g)
		if err == nil {
			s.server.counts.FoldersDeleted++
		}
		return err
	})
}

func (s *session) Subscribe(ctx context.Context, f endpoint.Folder) error {
	return s.change(ctx, f, func(g *folder) error {
		s.server.counts.Subscribed++
		g.subscribed = true
		return nil
	})
}

// change does something to a folder, under the lock.
func (s *session) change(ctx context.Context, f endpoint.Folder, do func(*folder) error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	if err := s.writable(); err != nil {
		return err
	}
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	g, err := s.server.resolve(f)
	if err != nil {
		return err
	}
	return do(g)
}

// describe returns a folder as a listing shows it.
func (s *session) describe(f *folder) endpoint.Folder {
	now := time.Now()
	out := endpoint.Folder{
		ID: f.id, Path: slices.Clone(f.path), Role: f.role,
		Validity: decimal(f.validity), Items: len(f.visible(now, position{})), Subscribed: f.subscribed,
	}
	if out.Kinds = slices.Clone(f.kinds); len(out.Kinds) == 0 {
		out.Kinds = s.options.Quirks.kinds()
	}
	if q := s.options.Quirks; !q.NoStates && !q.StateSince {
		out.State = q.state(f, now)
	}
	return out
}
