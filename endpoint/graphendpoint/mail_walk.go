package graphendpoint

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"github.com/dandyroll/dandyroll/endpoint"
)

const (
	// mailPage is how many messages are asked for at a time. The service allows 1000, and times out at times with more than 500 that
	// have extended properties.
	mailPage = 500
	// fewMessages are so few that each is asked for by itself, however small their folder.
	fewMessages = 4
)

// whole yields every message that is in a folder all the time, each once, in the order of receipt.
//
// The service finds the pages of a list by counting from its beginning: when a message goes meanwhile, another one slips through
// between two pages. A round of changes has no such gap, but not every view can be had of it. So a list of several pages is followed
// by a round from the beginning, and what the list did not show is asked for by itself.
func (s mailShelf) whole(ctx context.Context, folder string, v view) iter.Seq2[models.Messageable, error] {
	return func(yield func(models.Messageable, error) bool) {
		seen, pages := map[string]struct{}{}, 0
		for page, err := range s.pages(ctx, folder, v) {
			if err != nil {
				yield(nil, err)
				return
			}
			pages++
			for _, m := range unseen(page, seen, seen) {
				if !yield(m, nil) {
					return
				}
			}
		}
		if pages > 1 {
			s.missed(ctx, folder, v, seen)(yield)
		}
	}
}

// pages yields the pages of the list of a folder.
func (s mailShelf) pages(ctx context.Context, folder string, v view) iter.Seq2[[]models.Messageable, error] {
	first, err := s.me().MailFolders().ByMailFolderId(folder).Messages().ToGetRequestInformation(ctx,
		&users.ItemMailFoldersItemMessagesRequestBuilderGetRequestConfiguration{
			QueryParameters: &users.ItemMailFoldersItemMessagesRequestBuilderGetQueryParameters{
				Select: v.selected(), Expand: v.expanded(), Orderby: []string{"receivedDateTime"}, Top: new(int32(mailPage)),
			},
		})
	if err != nil {
		return fault[[]models.Messageable](failed(err))
	}
	return pages[models.Messageable](ctx, s.client, first, models.CreateMessageCollectionResponseFromDiscriminatorValue)
}

// missed yields the messages of a folder that were not seen.
func (s mailShelf) missed(ctx context.Context, folder string, v view, seen map[string]struct{}) iter.Seq2[models.Messageable, error] {
	return func(yield func(models.Messageable, error) bool) {
		var ids []string
		var end string
		for m, err := range s.round(ctx, folder, "", &end) {
			if err != nil {
				yield(nil, err)
				return
			}
			if _, ok := seen[idOf(m)]; !ok && !isRemoved(m) {
				seen[idOf(m)] = struct{}{}
				ids = append(ids, idOf(m))
			}
		}
		s.singly(ctx, folder, ids, v)(yield)
	}
}

// singly asks for messages one by one. Those that are gone are left out.
func (s mailShelf) singly(ctx context.Context, folder string, ids []string, v view) iter.Seq2[models.Messageable, error] {
	return func(yield func(models.Messageable, error) bool) {
		for _, id := range ids {
			m, err := s.message(ctx, folder, id, v)
			if hasCode(err, endpoint.NotFound) {
				continue
			}
			if !yield(m, err) || err != nil {
				return
			}
		}
	}
}

// named yields those of the named messages that are in the folder: in the order of ids, or of whole where it is cheaper to list the
// folder than to ask for each.
func (s mailShelf) named(ctx context.Context, folder string, ids []string, v view) iter.Seq2[models.Messageable, error] {
	return func(yield func(models.Messageable, error) bool) {
		few, err := s.areFew(ctx, folder, len(ids))
		if err != nil {
			yield(nil, err)
			return
		}
		if few {
			s.singly(ctx, folder, ids, v)(yield)
			return
		}
		wanted := make(map[string]struct{}, len(ids))
		for _, id := range ids {
			wanted[id] = struct{}{}
		}
		for m, err := range s.whole(ctx, folder, v) {
			if _, ok := wanted[idOf(m)]; err == nil && !ok {
				continue
			}
			if !yield(m, err) || err != nil {
				return
			}
		}
	}
}

// areFew reports whether asking for n messages one by one takes fewer requests than to list their folder, with the round after it.
func (s mailShelf) areFew(ctx context.Context, folder string, n int) (bool, error) {
	if n <= fewMessages {
		return true, nil
	}
	f, err := s.folder(ctx, folder)
	if err != nil || f.GetTotalItemCount() == nil {
		return false, err
	}
	return n <= 2*int(*f.GetTotalItemCount())/mailPage, nil
}

// since yields the messages that came or changed since a state, in the order of whole. With no state, or one that the service has
// forgotten, it yields all.
func (s mailShelf) since(ctx context.Context, folder, state string, v view) iter.Seq2[models.Messageable, error] {
	return func(yield func(models.Messageable, error) bool) {
		ids, err := s.changedSince(ctx, folder, state)
		switch {
		case hasCode(err, endpoint.Stale):
			s.whole(ctx, folder, v)(yield)
		case err != nil:
			yield(nil, err)
		default:
			s.named(ctx, folder, ids, v)(yield)
		}
	}
}

// changedSince returns the IDs of the messages that came or changed since a state, in the order of receipt.
func (s mailShelf) changedSince(ctx context.Context, folder, state string) ([]string, error) {
	position, ok := positionOf(folder, state)
	if !ok {
		return nil, endpoint.Errorf(endpoint.Stale, "no state of the folder")
	}
	received := map[string]time.Time{}
	var ids []string // in the order of the service, which decides where the time does not
	var end string
	for m, err := range s.round(ctx, folder, position, &end) {
		if err != nil {
			return nil, err
		}
		if isRemoved(m) {
			continue
		}
		id := idOf(m)
		if _, known := received[id]; !known {
			ids = append(ids, id)
		}
		received[id] = timeOf(m.GetReceivedDateTime())
	}
	slices.SortStableFunc(ids, func(a, b string) int { return received[a].Compare(received[b]) })
	return ids, nil
}

// round yields the messages that came, changed or went since a position in the changes of a folder, some of them perhaps twice; from
// the beginning without one. It sets end to the position after them.
//
// It asks for documented fields only. $expand is said to be kept by the links of a round, but nobody confirms it.
func (s mailShelf) round(ctx context.Context, folder, position string, end *string) iter.Seq2[models.Messageable, error] {
	first, err := s.firstOfRound(ctx, folder, position)
	if err != nil {
		return fault[models.Messageable](err)
	}
	return changes[models.Messageable](ctx, s.client, first, users.CreateItemMailFoldersItemMessagesDeltaGetResponseFromDiscriminatorValue, end)
}

func (s mailShelf) firstOfRound(ctx context.Context, folder, position string) (*abstractions.RequestInformation, error) {
	var first *abstractions.RequestInformation
	var err error
	if position != "" {
		first, err = s.changesSince(position)
	} else {
		first, err = s.me().MailFolders().ByMailFolderId(folder).Messages().Delta().ToGetRequestInformation(ctx,
			&users.ItemMailFoldersItemMessagesDeltaRequestBuilderGetRequestConfiguration{
				QueryParameters: &users.ItemMailFoldersItemMessagesDeltaRequestBuilderGetQueryParameters{
					// The service reports changes of what is selected, so flags are.
					Select: []string{"id", "receivedDateTime", "isRead", "flag", "categories", "changeKey"},
				},
			})
	}
	if err != nil {
		return nil, failed(err)
	}
	// $top would limit the whole round.
	first.Headers.Add("Prefer", "odata.maxpagesize=500")
	return first, nil
}

// message asks for one message. One that is in another folder, as immutable IDs find it there too, is NotFound.
func (s mailShelf) message(ctx context.Context, folder, ref string, v view) (models.Messageable, error) {
	if ref == "" {
		return nil, endpoint.Errorf(endpoint.NotFound, "no message has an empty ID")
	}
	info, err := s.me().Messages().ByMessageId(ref).ToGetRequestInformation(ctx, &users.ItemMessagesMessageItemRequestBuilderGetRequestConfiguration{
		QueryParameters: &users.ItemMessagesMessageItemRequestBuilderGetQueryParameters{
			Select: append(v.selected(), "parentFolderId"), Expand: v.expanded(),
		},
	})
	if err != nil {
		return nil, failed(err)
	}
	m, err := send[models.Messageable](ctx, s.client, info, models.CreateMessageFromDiscriminatorValue)
	if err != nil {
		return nil, notGone(err)
	}
	return m, s.isIn(ctx, m, folder)
}

// isIn fails with NotFound for a message that is in another folder. Nobody says that a message names its folder by the very ID by which
// the folder is listed, so another ID is looked up before it is believed.
func (s mailShelf) isIn(ctx context.Context, m models.Messageable, folder string) error {
	parent := text(m.GetParentFolderId())
	if parent == folder || parent == "" {
		return nil
	}
	found, err := s.folder(ctx, parent)
	if err == nil && idOf(found) != folder {
		err = endpoint.Errorf(endpoint.NotFound, "the message is in another folder")
	}
	return err
}

// notGone keeps a mailbox that is not there (any more) from being taken for a message or folder that is gone.
func notGone(err error) error {
	if errors.Is(err, ErrNoMailbox) || errors.Is(err, ErrUnknownUser) {
		return endpoint.Errorf(endpoint.Unavailable, "%w", err)
	}
	return err
}

// isRemoved reports whether an entry of a round stands for a message that went. The SDK has no field for it.
func isRemoved(m models.Messageable) bool { return m.GetAdditionalData()["@removed"] != nil }
