package memendpoint

import (
	"context"
	"iter"

	"github.com/dandyroll/dandyroll/endpoint"
)

func (s *session) Delete(ctx context.Context, f endpoint.Folder, refs []string) iter.Seq2[endpoint.Result, error] {
	if s.options.Quirks.NoDelete {
		return s.Unimplemented.Delete(ctx, f, refs)
	}
	return changes(ctx, s, f, refs, func(ref string) string { return ref }, s.discard)
}

// discard takes one item out of a folder.
func (s *session) discard(g *folder, it *item, _ string) error {
	if trash := s.server.trash(it.kind); trash != nil && g.role != endpoint.Trash {
		if trash.readOnly {
			return endpoint.Errorf(endpoint.Denied, "the trash is read-only")
		}
		s.server.add(trash, *it)
	}
	s.server.drop(g, it)
	s.server.counts.Deleted++
	return nil
}

// trash returns the folder that deleted items of a kind go to, or nil if there is none: a trash of
// mail takes no events.
func (s *Server) trash(k endpoint.Kind) *folder {
	for _, f := range s.sorted() {
		if f.role == endpoint.Trash && f.holds(k) {
			return f
		}
	}
	return nil
}

// changes makes changes of items, each of which ref names, and yields their results. The errors of
// do are those of one item.
func changes[T any](ctx context.Context, s *session, f endpoint.Folder, list []T, ref func(T) string,
	do func(*folder, *item, T) error,
) iter.Seq2[endpoint.Result, error] {
	return func(yield func(endpoint.Result, error) bool) {
		err := s.enter(ctx)
		if err == nil {
			err = s.writable()
		}
		for i := 0; err == nil && i < len(list); i++ {
			r := endpoint.Result{Ref: ref(list[i])}
			r.Err, err = s.changeItem(ctx, f, r.Ref, func(g *folder, it *item) error { return do(g, it, list[i]) })
			if err == nil && !yield(r, nil) {
				return
			}
		}
		if err != nil {
			yield(endpoint.Result{}, err)
		}
	}
}

// changeItem does something to one item, under the lock. The second error is one of the whole call.
func (s *session) changeItem(ctx context.Context, f endpoint.Folder, ref string, do func(*folder, *item) error) (failed, err error) {
	if err := s.alive(ctx); err != nil {
		return nil, err
	}
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	g, err := s.server.resolve(f)
	if err != nil {
		return nil, err
	}
	it, gone := g.item(ref)
	switch {
	case gone != nil:
		return gone, nil
	case g.readOnly:
		return endpoint.Errorf(endpoint.Denied, "the folder is read-only"), nil
	}
	return do(g, it), nil
}
