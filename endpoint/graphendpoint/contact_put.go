package graphendpoint

import (
	"context"

	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/watermark"
)

// put writes a contact. One without a photo takes one request, in which its mark is set. One with a photo takes three: it has its mark
// elsewhere until the photo is there, so that a half of it never counts.
func (s contactShelf) put(ctx context.Context, folder string, item endpoint.Put) endpoint.PutResult {
	result := endpoint.PutResult{Dropped: item.Flags}
	card, err := contentBytes(item.Content)
	if err != nil {
		result.Err = err
		return result
	}
	contact, photo, err := contactFromVCard(card)
	if err != nil {
		result.Err = err
		return result
	}
	if err := s.clear(ctx, folder, item.Mark); err != nil {
		result.Err = err
		return result
	}
	result.Ref, result.Err = s.write(ctx, folder, contact, photo, item.Mark)
	return result
}

func (s contactShelf) write(ctx context.Context, folder string, contact models.Contactable, photo []byte, mark watermark.Mark) (string, error) {
	carrier := markProperty
	if len(photo) > 0 {
		carrier = partialProperty
	}
	addProperty(contact, carrier, mark.String())
	info, err := s.me().ContactFolders().ByContactFolderId(folder).Contacts().ToPostRequestInformation(ctx, contact, nil)
	if err != nil {
		return "", failed(err)
	}
	ref, err := madeID(send[models.Contactable](ctx, s.client, info, models.CreateContactFromDiscriminatorValue))
	if err != nil {
		return "", err
	}
	if len(photo) == 0 {
		return ref, nil
	}
	if err := s.complete(ctx, ref, photo, mark); err != nil {
		deleted := s.delete(ctx, ref)
		if deleted != nil {
			s.partials.add(folder, mark, ref)
		}
		return "", givenUp(ctx, err, deleted)
	}
	return ref, nil
}

// complete sets the photo, and then the mark. The property of what is not whole stays, for none can be taken away; it says nothing any
// more.
func (s contactShelf) complete(ctx context.Context, ref string, photo []byte, mark watermark.Mark) error {
	contact := s.me().Contacts().ByContactId(ref)
	if _, err := contact.Photo().Content().Put(ctx, photo, nil); err != nil {
		return failed(err)
	}
	change := models.NewContact()
	addProperty(change, markProperty, mark.String())
	_, err := contact.Patch(ctx, change, nil)
	return failed(err)
}

// clear deletes what an earlier put of the mark left unfinished, after another look at it.
func (s contactShelf) clear(ctx context.Context, folder string, mark watermark.Mark) error {
	return s.partials.clear(folder, mark, func() error {
		return exhaust(s.marks(ctx, folder, ""))
	}, func(id string) error {
		c, err := s.contact(ctx, folder, id, markProperty, partialProperty)
		if err != nil || partialMark(c) != mark.String() {
			return err
		}
		return s.delete(ctx, id)
	})
}

// remove deletes a contact. Exchange takes it to the trash, in which Graph does not show it.
func (s contactShelf) remove(ctx context.Context, folder, ref string) error {
	if _, err := s.contact(ctx, folder, ref); err != nil {
		return err
	}
	return s.delete(ctx, ref)
}

func (s contactShelf) delete(ctx context.Context, ref string) error {
	return failed(s.me().Contacts().ByContactId(ref).Delete(ctx, nil))
}
