package memendpoint

import (
	"context"
	"iter"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
)

func (s *session) State(ctx context.Context, f endpoint.Folder, since string) (string, error) {
	if err := s.enter(ctx); err != nil {
		return "", err
	}
	if !s.options.Quirks.StateSince {
		return s.Unimplemented.State(ctx, f, since)
	}
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	s.server.counts.StatesTold++
	g, err := s.server.resolve(f)
	if err != nil {
		return "", err
	}
	if _, err := s.server.position(g, since); err != nil {
		return "", err
	}
	return s.server.tell(s.options.Quirks.state(g, time.Now()), since), nil
}

func (s *session) List(ctx context.Context, f endpoint.Folder, since string) iter.Seq2[endpoint.Item, error] {
	return sequence(ctx, s, func() ([]endpoint.Item, error) {
		s.server.counts.Lists++
		items, err := s.items(f, since)
		var list []endpoint.Item
		for _, it := range items {
			list = append(list, endpoint.Item{
				Ref: decimal(it.ref), Kind: it.kind, Identity: s.options.Quirks.identity(it), Marks: it.marks,
				Received: it.received, Sent: it.sent, Size: int64(len(it.body)),
				Version: s.options.Quirks.version(it),
			})
		}
		return list, err
	})
}

func (s *session) Outline(ctx context.Context, f endpoint.Folder, since string) iter.Seq2[endpoint.Item, error] {
	if !s.options.Quirks.Outlines {
		return s.Unimplemented.Outline(ctx, f, since)
	}
	return sequence(ctx, s, func() ([]endpoint.Item, error) {
		s.server.counts.Outlines++
		items, err := s.items(f, since)
		var list []endpoint.Item
		for _, it := range items {
			list = append(list, endpoint.Item{
				Ref: decimal(it.ref), Kind: it.kind, Received: it.received, Size: int64(len(it.body)),
			})
		}
		return list, err
	})
}

func (s *session) Refs(ctx context.Context, f endpoint.Folder) iter.Seq2[string, error] {
	return sequence(ctx, s, func() ([]string, error) {
		s.server.counts.RefLists++
		items, err := s.items(f, "")
		var list []string
		for _, it := range items {
			list = append(list, decimal(it.ref))
		}
		return list, err
	})
}

func (s *session) Marks(ctx context.Context, f endpoint.Folder, since string) iter.Seq2[endpoint.Sighting, error] {
	return sequence(ctx, s, func() ([]endpoint.Sighting, error) {
		s.server.counts.MarkScans++
		items, err := s.items(f, since)
		var list []endpoint.Sighting
		for _, it := range items {
			if it.marks.Fields() > 0 {
				list = append(list, endpoint.Sighting{Ref: decimal(it.ref), Marks: it.marks})
			}
		}
		return list, err
	})
}

// items returns what a session sees of a folder since a state.
func (s *session) items(f endpoint.Folder, since string) ([]*item, error) {
	g, err := s.server.resolve(f)
	if err != nil {
		return nil, err
	}
	from, err := s.server.position(g, since)
	if err != nil {
		return nil, err
	}
	if s.options.Quirks.NoVersions {
		from.updates = g.updates
	}
	return g.visible(time.Now(), from), nil
}
