package graphendpoint

import (
	"context"
	"iter"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/users"
)

// find yields the messages with a Message-ID. The service compares without regard to case, and keeps the brackets that the field has
// by RFC 5322 section 3.6.4, or lacks: it is asked for both, and its answers are compared byte for byte.
func (s mailShelf) find(ctx context.Context, folder, id string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		id = bareID(id)
		if id == "" || !utf8.ValidString(id) || strings.ContainsFunc(id, unicode.IsControl) {
			return
		}
		for _, stored := range []string{"<" + id + ">", id} {
			for m, err := range s.withMessageID(ctx, folder, stored) {
				if err != nil {
					yield("", err)
					return
				}
				if found := m.GetInternetMessageId(); found == nil || *found != stored {
					continue
				}
				if !yield(idOf(m), nil) {
					return
				}
			}
		}
	}
}

func (s mailShelf) withMessageID(ctx context.Context, folder, stored string) iter.Seq2[models.Messageable, error] {
	filter, top := "internetMessageId eq "+quoted(stored), int32(mailPage)
	first, err := s.me().MailFolders().ByMailFolderId(folder).Messages().ToGetRequestInformation(ctx,
		&users.ItemMailFoldersItemMessagesRequestBuilderGetRequestConfiguration{
			QueryParameters: &users.ItemMailFoldersItemMessagesRequestBuilderGetQueryParameters{
				Filter: &filter, Select: []string{"id", "internetMessageId"}, Top: &top,
			},
		})
	if err != nil {
		return fault[models.Messageable](failed(err))
	}
	return entries[models.Messageable](ctx, s.client, first, models.CreateMessageCollectionResponseFromDiscriminatorValue)
}

// bareID returns a message identifier without angle brackets, blanks and folding.
func bareID(id string) string {
	id = strings.NewReplacer(" ", "", "\t", "", "\r", "", "\n", "").Replace(id)
	return strings.TrimSuffix(strings.TrimPrefix(id, "<"), ">")
}
