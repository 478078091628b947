package graphendpoint

import (
	"context"
	"iter"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/watermark"
)

// contacts yields the contacts of a folder with some fields and extended properties, those only that meet the filter, if there is one.
func (s contactShelf) contacts(ctx context.Context, folder, filter string, fields []string, properties ...string) iter.Seq2[models.Contactable, error] {
	query := users.ItemContactFoldersItemContactsRequestBuilderGetQueryParameters{Select: append([]string{"id"}, fields...), Top: new(int32(mailPage))}
	if filter != "" {
		query.Filter = &filter
	}
	if len(properties) > 0 {
		query.Expand = []string{expandProperties(properties...)}
	}
	info, err := s.me().ContactFolders().ByContactFolderId(folder).Contacts().ToGetRequestInformation(ctx,
		&users.ItemContactFoldersItemContactsRequestBuilderGetRequestConfiguration{QueryParameters: &query})
	if err != nil {
		return func(yield func(models.Contactable, error) bool) { yield(nil, failed(err)) }
	}
	return pages[models.Contactable](ctx, s.client, info, models.CreateContactCollectionResponseFromDiscriminatorValue)
}

// state tells a contact that changed by its changeKey.
func (s contactShelf) state(ctx context.Context, folder, since string) (string, error) {
	var items []string
	for c, err := range s.contacts(ctx, folder, "", []string{"changeKey"}) {
		if err != nil {
			return "", err
		}
		items = append(items, text(c.GetId())+" "+text(c.GetChangeKey()))
	}
	return stateByDigest(since, items), nil
}

func (s contactShelf) list(ctx context.Context, folder, _ string) iter.Seq2[endpoint.Item, error] {
	return func(yield func(endpoint.Item, error) bool) {
		for c, err := range s.contacts(ctx, folder, "", []string{"createdDateTime", "changeKey"}, markProperty) {
			if err != nil {
				yield(endpoint.Item{}, err)
				return
			}
			id := text(c.GetId())
			it := endpoint.Item{
				Ref: id, Kind: endpoint.Contact, Identity: id, Marks: readingOf(propertyOf(c, markProperty)),
				Received: timeOf(c.GetCreatedDateTime()), Size: -1, Version: text(c.GetChangeKey()),
			}
			if !yield(it, nil) {
				return
			}
		}
	}
}

// readingOf reads a mark where it stands alone. Its value is one line of a header, whatever it contains.
func readingOf(value string) watermark.Reading {
	if value == "" {
		return watermark.Reading{}
	}
	return watermark.Read([]byte(watermark.Field + ": " + strings.NewReplacer("\r", " ", "\n", " ").Replace(value) + "\r\n"))
}

func (s contactShelf) refs(ctx context.Context, folder string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for c, err := range s.contacts(ctx, folder, "", nil) {
			if err != nil {
				yield("", err)
				return
			}
			if !yield(text(c.GetId()), nil) {
				return
			}
		}
	}
}

// marks yields the contacts that are marked and whole, and remembers those that are not whole. All are listed: changes since a state
// would not tell the property, and asking for each contact that changed costs more than a page of all.
func (s contactShelf) marks(ctx context.Context, folder, _ string) iter.Seq2[endpoint.Sighting, error] {
	return func(yield func(endpoint.Sighting, error) bool) {
		partial := map[string][]string{}
		for c, err := range s.contacts(ctx, folder, "", nil, markProperty, partialProperty) {
			if err != nil {
				yield(endpoint.Sighting{}, err)
				return
			}
			id := text(c.GetId())
			if mark := partialMark(c); mark != "" {
				partial[mark] = append(partial[mark], id)
			}
			reading := readingOf(propertyOf(c, markProperty))
			if reading.Fields() > 0 && !yield(endpoint.Sighting{Ref: id, Marks: reading}, nil) {
				return
			}
		}
		s.partials.replace(folder, partial)
	}
}

// partialMark is the mark of a contact that is not whole, or "".
func partialMark(c models.Contactable) string {
	if propertyOf(c, markProperty) != "" {
		return ""
	}
	return propertyOf(c, partialProperty)
}

// find yields the contacts with a UID: the one that was kept, or else that which is made of their ID. The service compares without regard
// to case, so its answers are compared again.
func (s contactShelf) find(ctx context.Context, folder, id string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if id == "" || !utf8.ValidString(id) || strings.ContainsFunc(id, unicode.IsControl) {
			return
		}
		if ref, own := strings.CutPrefix(id, ownUID("")); own {
			c, err := s.contact(ctx, folder, ref, uidProperty)
			if err != nil && !hasCode(err, endpoint.NotFound, endpoint.Rejected) {
				yield("", err)
				return
			}
			if err == nil && propertyOf(c, uidProperty) == "" && !yield(ref, nil) {
				return
			}
		}
		filter := "singleValueExtendedProperties/Any(ep: ep/id eq " + quoted(uidProperty) + " and ep/value eq " + quoted(uidKey(id)) + ")"
		for c, err := range s.contacts(ctx, folder, filter, nil, uidProperty) {
			if err != nil {
				yield("", err)
				return
			}
			if propertyOf(c, uidProperty) == uidKey(id) && !yield(text(c.GetId()), nil) {
				return
			}
		}
	}
}

// contact asks for one contact with some extended properties. One that is in another folder, as immutable IDs find it there too, is
// NotFound.
func (s contactShelf) contact(ctx context.Context, folder, ref string, properties ...string) (models.Contactable, error) {
	if ref == "" {
		return nil, endpoint.Errorf(endpoint.NotFound, "no contact has an empty ID")
	}
	info, err := s.me().Contacts().ByContactId(ref).ToGetRequestInformation(ctx, &users.ItemContactsContactItemRequestBuilderGetRequestConfiguration{
		QueryParameters: &users.ItemContactsContactItemRequestBuilderGetQueryParameters{Expand: []string{expandProperties(properties...)}},
	})
	if err != nil {
		return nil, failed(err)
	}
	c, err := send[models.Contactable](ctx, s.client, info, models.CreateContactFromDiscriminatorValue)
	if err != nil {
		return nil, err
	}
	if parent := c.GetParentFolderId(); parent != nil && *parent != folder {
		return nil, endpoint.Errorf(endpoint.NotFound, "the contact is in another folder")
	}
	return c, nil
}

// flags yields nothing: contacts have none.
func (s contactShelf) flags(context.Context, string, []string) iter.Seq2[endpoint.Flagging, error] {
	return func(func(endpoint.Flagging, error) bool) {}
}

// setFlags changes nothing.
func (s contactShelf) setFlags(context.Context, string, endpoint.FlagChange) error { return nil }
