package graphendpoint

import (
	"context"
	"iter"
	"slices"

	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"github.com/dandyroll/dandyroll/endpoint"
)

func flagView() view {
	return view{fields: []string{"isRead", "isDraft", "flag", "categories"}, properties: []string{verbProperty, deletedProperty}}
}

// flags yields the flags of the named messages, or of all with nil.
func (s mailShelf) flags(ctx context.Context, folder string, refs []string) iter.Seq2[endpoint.Flagging, error] {
	messages := s.whole(ctx, folder, flagView())
	if refs != nil {
		messages = s.named(ctx, folder, refs, flagView())
	}
	return mapped(messages, func(m models.Messageable) (endpoint.Flagging, bool) {
		return endpoint.Flagging{Ref: idOf(m), Flags: mailFlags(m)}, true
	})
}

// setFlags changes what the flags of a message are in Graph. \Draft cannot be changed: a message that was made as a draft stays one,
// and no other becomes one.
func (s mailShelf) setFlags(ctx context.Context, folder string, change endpoint.FlagChange) error {
	m, err := s.message(ctx, folder, change.Ref, flagView())
	if err != nil {
		return err
	}
	now := mailFlags(m)
	wanted := slices.DeleteFunc(slices.Clone(now), func(f endpoint.Flag) bool { return hasFlag(change.Remove, f) })
	for _, f := range change.Add {
		if !hasFlag(wanted, f) {
			wanted = append(wanted, f)
		}
	}
	patch := flagPatch(m, now, wanted)
	if patch == nil {
		return nil
	}
	_, err = s.me().Messages().ByMessageId(change.Ref).Patch(ctx, patch, nil)
	return failed(err)
}
