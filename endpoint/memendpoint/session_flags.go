package memendpoint

import (
	"context"
	"iter"
	"slices"
	"time"

	"github.com/dandyroll/dandyroll/endpoint"
)

func (s *session) Flags(ctx context.Context, f endpoint.Folder, refs []string) iter.Seq2[endpoint.Flagging, error] {
	if s.options.Quirks.NoFlags {
		return s.Unimplemented.Flags(ctx, f, refs)
	}
	return sequence(ctx, s, func() ([]endpoint.Flagging, error) {
		g, err := s.server.resolve(f)
		if err != nil {
			return nil, err
		}
		var list []endpoint.Flagging
		for _, it := range g.named(refs) {
			list = append(list, endpoint.Flagging{Ref: decimal(it.ref), Flags: slices.Clone(it.flags)})
		}
		return list, nil
	})
}

// named returns those of the named items that are there, or all that show with nil.
func (f *folder) named(refs []string) []*item {
	if refs == nil {
		return f.visible(time.Now(), position{})
	}
	var list []*item
	for _, ref := range refs {
		if it, err := f.item(ref); err == nil {
			list = append(list, it)
		}
	}
	return list
}

func (s *session) SetFlags(ctx context.Context, f endpoint.Folder, list []endpoint.FlagChange) iter.Seq2[endpoint.Result, error] {
	if s.options.Quirks.NoFlags {
		return s.Unimplemented.SetFlags(ctx, f, list)
	}
	return changes(ctx, s, f, list, func(c endpoint.FlagChange) string { return c.Ref }, s.reflag)
}

// reflag changes the flags of one item. A flag that is to be both added and removed is added.
func (s *session) reflag(g *folder, it *item, c endpoint.FlagChange) error {
	remove, _ := keepFlags(c.Remove, true)
	add, _ := s.options.Quirks.keep(c.Add)
	left := slices.DeleteFunc(slices.Clone(it.flags), func(flag endpoint.Flag) bool { return slices.Contains(remove, flag) })
	flags, _ := keepFlags(append(left, add...), true)
	g.setFlags(it, flags)
	s.server.counts.FlagsSet++
	return nil
}
