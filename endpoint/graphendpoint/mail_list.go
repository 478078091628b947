package graphendpoint

import (
	"context"
	"iter"
	"strconv"

	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"github.com/dandyroll/dandyroll/endpoint"
)

// sizeProperty is PidTagMessageSize (MS-OXCMSG section 2.2.1.7): that of the item in the store.
const sizeProperty = "Integer 0x0E08"

// list yields messages in the order in which they were received; those of the same second come as the service has them. Meeting
// requests and the like are mail too.
//
// Marks are read from the named property alone. A mark that stands only in the header, as transport leaves it where Exchange does not
// promote it to a property, would cost the whole header of every message.
func (s mailShelf) list(ctx context.Context, folder, since string) iter.Seq2[endpoint.Item, error] {
	wanted := view{fields: []string{"receivedDateTime", "sentDateTime"}, properties: []string{markProperty, sizeProperty}}
	return mapped(s.since(ctx, folder, since, wanted), func(m models.Messageable) (endpoint.Item, bool) { return mailItem(m), true })
}

func mailItem(m models.Messageable) endpoint.Item {
	size, err := strconv.ParseInt(propertyOf(m, sizeProperty), 10, 64)
	if err != nil || size < 0 {
		size = -1
	}
	return endpoint.Item{
		Ref: idOf(m), Kind: endpoint.Mail, Identity: idOf(m), Marks: markOf(m),
		Received: timeOf(m.GetReceivedDateTime()), Sent: timeOf(m.GetSentDateTime()), Size: size,
	}
}

// refs yields the immutable IDs of messages, in the order of list.
func (s mailShelf) refs(ctx context.Context, folder string) iter.Seq2[string, error] {
	return refsOf(s.whole(ctx, folder, view{}))
}

// marks yields the messages that have the property of the mark.
//
// The service could look for the property itself ($filter with Any), but walks the folder for it as we do, and is given up by its
// gateway where that takes long.
func (s mailShelf) marks(ctx context.Context, folder, since string) iter.Seq2[endpoint.Sighting, error] {
	return sightings(s.since(ctx, folder, since, view{properties: []string{markProperty}}), markOf[models.Messageable])
}
