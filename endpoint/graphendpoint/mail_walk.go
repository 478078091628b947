package graphendpoint

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"
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
	// fewMessages are so few that each is asked for by itself, instead of their whole folder.
	fewMessages = 50
)

// mailView is what is asked for of messages, besides their IDs.
type mailView struct {
	fields     []string
	properties []string // extended ones
}

func (v mailView) selected() []string { return append([]string{"id"}, v.fields...) }

// expanded names the extended properties, which show only where they are named.
func (v mailView) expanded() []string {
	if len(v.properties) == 0 {
		return nil
	}
	ids := make([]string, len(v.properties))
	for i, p := range v.properties {
		ids[i] = "id eq '" + p + "'"
	}
	return []string{"singleValueExtendedProperties($filter=" + strings.Join(ids, " or ") + ")"}
}

// whole yields every message that is in a folder all the time, each once, in the order of receipt.
//
// The service finds the pages of a list by counting from its beginning: when a message goes meanwhile, another one slips through
// between two pages. A round of changes has no such gap, but not every view can be had of it. So a list of several pages is followed
// by a round from the beginning, and what the list did not show is asked for by itself.
func (s mailShelf) whole(ctx context.Context, folder string, v mailView) iter.Seq2[models.Messageable, error] {
	return func(yield func(models.Messageable, error) bool) {
		seen := map[string]struct{}{}
		several := false
		for m, err := range s.listed(ctx, folder, v, &several) {
			if _, twice := seen[idOf(m)]; twice && err == nil {
				continue
			}
			if !yield(m, err) || err != nil {
				return
			}
			seen[idOf(m)] = struct{}{}
		}
		if several {
			s.missed(ctx, folder, v, seen)(yield)
		}
	}
}

// listed yields the pages of the list of a folder, and says whether there were several.
func (s mailShelf) listed(ctx context.Context, folder string, v mailView, several *bool) iter.Seq2[models.Messageable, error] {
	return func(yield func(models.Messageable, error) bool) {
		top := int32(mailPage)
		first, err := s.me().MailFolders().ByMailFolderId(folder).Messages().ToGetRequestInformation(ctx,
			&users.ItemMailFoldersItemMessagesRequestBuilderGetRequestConfiguration{
				QueryParameters: &users.ItemMailFoldersItemMessagesRequestBuilderGetQueryParameters{
					Select: v.selected(), Expand: v.expanded(), Orderby: []string{"receivedDateTime"}, Top: &top,
				},
			})
		if err != nil {
			yield(nil, failed(err))
			return
		}
		for info := first; info != nil; {
			page, err := send[models.MessageCollectionResponseable](ctx, s.client, info, models.CreateMessageCollectionResponseFromDiscriminatorValue)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, m := range page.GetValue() {
				if !yield(m, nil) {
					return
				}
			}
			if info, err = s.follow(first, page.GetOdataNextLink()); err != nil {
				yield(nil, err)
				return
			}
			*several = *several || info != nil
		}
	}
}

// missed yields the messages of a folder that were not seen.
func (s mailShelf) missed(ctx context.Context, folder string, v mailView, seen map[string]struct{}) iter.Seq2[models.Messageable, error] {
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
func (s mailShelf) singly(ctx context.Context, folder string, ids []string, v mailView) iter.Seq2[models.Messageable, error] {
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

// named yields those of the named messages that are in the folder, in any order.
func (s mailShelf) named(ctx context.Context, folder string, ids []string, v mailView) iter.Seq2[models.Messageable, error] {
	if len(ids) <= fewMessages {
		return s.singly(ctx, folder, ids, v)
	}
	wanted := make(map[string]struct{}, len(ids))
	for _, id := range ids {
		wanted[id] = struct{}{}
	}
	return func(yield func(models.Messageable, error) bool) {
		for m, err := range s.whole(ctx, folder, v) {
			if err == nil {
				if _, ok := wanted[idOf(m)]; !ok {
					continue
				}
			}
			if !yield(m, err) || err != nil {
				return
			}
		}
	}
}

// since yields the messages that came or changed since a state, in the order of whole. With no state, or one that the service has
// forgotten, it yields all.
func (s mailShelf) since(ctx context.Context, folder, state string, v mailView) iter.Seq2[models.Messageable, error] {
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
		id := idOf(m)
		if _, known := received[id]; !known {
			ids = append(ids, id)
		}
		received[id] = timeOf(m.GetReceivedDateTime())
	}
	slices.SortStableFunc(ids, func(a, b string) int { return cmp.Or(received[a].Compare(received[b])) })
	return ids, nil
}

// round yields the messages that came, changed or went since a position in the changes of a folder, some of them perhaps twice; from
// the beginning without one. It sets end to the position after them.
//
// It asks for documented fields only. $expand is said to be kept by the links of a round, but nobody confirms it.
func (s mailShelf) round(ctx context.Context, folder, position string, end *string) iter.Seq2[models.Messageable, error] {
	first, err := s.firstOfRound(ctx, folder, position)
	if err != nil {
		return func(yield func(models.Messageable, error) bool) { yield(nil, err) }
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
func (s mailShelf) message(ctx context.Context, folder, ref string, v mailView) (models.Messageable, error) {
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
		return nil, err
	}
	if parent := m.GetParentFolderId(); parent != nil && *parent != folder {
		return nil, endpoint.Errorf(endpoint.NotFound, "the message is in another folder")
	}
	return m, nil
}

// isRemoved reports whether an entry of a round stands for a message that went. The SDK has no field for it.
func isRemoved(m models.Messageable) bool { return m.GetAdditionalData()["@removed"] != nil }

func idOf(m models.Messageable) string {
	if m == nil || m.GetId() == nil {
		return ""
	}
	return *m.GetId()
}

func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// mailProperty returns an extended property of a message, or "". The service echoes IDs of properties in a spelling of its own: the
// letters of GUID and type in another case, and tags without leading zeros.
func mailProperty(m models.Messageable, id string) string {
	for _, p := range m.GetSingleValueExtendedProperties() {
		if p.GetId() != nil && p.GetValue() != nil && strings.EqualFold(shortTag(*p.GetId()), shortTag(id)) {
			return *p.GetValue()
		}
	}
	return ""
}

// shortTag removes the leading zeros from the number at the end of a property's ID.
func shortTag(id string) string {
	head, number, found := strings.Cut(id, " 0x")
	if !found {
		return id
	}
	return head + " 0x" + strings.TrimLeft(number, "0")
}
