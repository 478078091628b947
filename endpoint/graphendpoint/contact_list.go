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
)

// contacts yields the contacts that are in a folder all the time.
func (s contactShelf) contacts(ctx context.Context, folder string, v view) iter.Seq2[models.Contactable, error] {
	return whole(func(onlyIDs bool) iter.Seq2[[]models.Contactable, error] {
		if onlyIDs {
			return s.pages(ctx, folder, "", view{})
		}
		return s.pages(ctx, folder, "", v)
	}, func(id string) (models.Contactable, error) { return s.contact(ctx, folder, id, v.properties...) })
}

// pages yields the pages of the list of a folder: of all its contacts, or of those that meet a filter.
func (s contactShelf) pages(ctx context.Context, folder, filter string, v view) iter.Seq2[[]models.Contactable, error] {
	query := users.ItemContactFoldersItemContactsRequestBuilderGetQueryParameters{
		Select: v.selected(), Expand: v.expanded(), Top: new(int32(mailPage)),
	}
	if filter != "" {
		query.Filter = &filter
	}
	info, err := s.me().ContactFolders().ByContactFolderId(folder).Contacts().ToGetRequestInformation(ctx,
		&users.ItemContactFoldersItemContactsRequestBuilderGetRequestConfiguration{QueryParameters: &query})
	if err != nil {
		return fault[[]models.Contactable](failed(err))
	}
	return pages[models.Contactable](ctx, s.client, info, models.CreateContactCollectionResponseFromDiscriminatorValue)
}

// state tells a contact that changed by its changeKey.
func (s contactShelf) state(ctx context.Context, folder, since string) (string, error) {
	return stateByDigest(since, flat(s.pages(ctx, folder, "", view{fields: []string{"changeKey"}})), func(c models.Contactable) string {
		return idOf(c) + " " + text(c.GetChangeKey())
	})
}

func (s contactShelf) list(ctx context.Context, folder, _ string) iter.Seq2[endpoint.Item, error] {
	v := view{fields: []string{"createdDateTime", "changeKey"}, properties: []string{markProperty}}
	return mapped(s.contacts(ctx, folder, v), func(c models.Contactable) (endpoint.Item, bool) {
		return endpoint.Item{
			Ref: idOf(c), Kind: endpoint.Contact, Identity: idOf(c), Marks: markOf(c),
			Received: timeOf(c.GetCreatedDateTime()), Size: -1, Version: text(c.GetChangeKey()),
		}, true
	})
}

func (s contactShelf) refs(ctx context.Context, folder string) iter.Seq2[string, error] {
	return refsOf(s.contacts(ctx, folder, view{}))
}

// marks yields the contacts that are marked and whole, and remembers those that are not whole. All are listed: changes since a state
// would not tell the property, and asking for each contact that changed costs more than a page of all.
func (s contactShelf) marks(ctx context.Context, folder, _ string) iter.Seq2[endpoint.Sighting, error] {
	all := s.contacts(ctx, folder, view{properties: []string{markProperty, partialProperty}})
	return wholeSightings(s.partials, folder, all, markOf[models.Contactable], partialMark)
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
		filter := withProperty(uidProperty, uidKey(id))
		for c, err := range flat(s.pages(ctx, folder, filter, view{properties: []string{uidProperty}})) {
			if err != nil {
				yield("", err)
				return
			}
			if propertyOf(c, uidProperty) == uidKey(id) && !yield(idOf(c), nil) {
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
		QueryParameters: &users.ItemContactsContactItemRequestBuilderGetQueryParameters{Expand: expandProperties(properties...)},
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
