package graphendpoint

import (
	"context"
	"iter"
	"strconv"
	"strings"

	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"github.com/dandyroll/dandyroll/endpoint"
	"github.com/dandyroll/dandyroll/watermark"
)

// sizeProperty is PidTagMessageSize (MS-OXCMSG section 2.2.1.7): that of the item in the store.
const sizeProperty = "Integer 0x0E08"

// list yields messages in the order in which they were received; those of the same second come as the service has them. Meeting
// requests and the like are mail too.
//
// Marks are read from the named property alone. A mark that stands only in the header, as transport leaves it where Exchange does not
// promote it to a property, would cost the whole header of every message.
func (s mailShelf) list(ctx context.Context, folder, since string) iter.Seq2[endpoint.Item, error] {
	view := mailView{fields: []string{"receivedDateTime", "sentDateTime"}, properties: []string{markProperty, sizeProperty}}
	return func(yield func(endpoint.Item, error) bool) {
		for m, err := range s.since(ctx, folder, since, view) {
			if err != nil {
				yield(endpoint.Item{}, err)
				return
			}
			if !yield(mailItem(m), nil) {
				return
			}
		}
	}
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

// markOf reads the property that holds the mark. Its value is one line of a header, whatever it contains.
func markOf(m models.Messageable) watermark.Reading {
	value := propertyOf(m, markProperty)
	if value == "" {
		return watermark.Reading{}
	}
	return watermark.Read([]byte(watermark.Field + ": " + strings.NewReplacer("\r", " ", "\n", " ").Replace(value) + "\r\n"))
}

// refs yields the immutable IDs of messages, in the order of list.
func (s mailShelf) refs(ctx context.Context, folder string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for m, err := range s.whole(ctx, folder, mailView{}) {
			if err != nil {
				yield("", err)
				return
			}
			if !yield(idOf(m), nil) {
				return
			}
		}
	}
}
