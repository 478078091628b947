package graphendpoint

import (
	"context"

	"github.com/microsoftgraph/msgraph-sdk-go/users"
)

// trashName is the well-known name of the folder with role Trash.
const trashName = "deleteditems"

// remove moves a message to the trash, where it keeps its immutable ID. From the trash it is deleted, which leaves it to its owner for
// as long as the organisation keeps deleted items.
func (s mailShelf) remove(ctx context.Context, folder, ref string) error {
	if _, err := s.message(ctx, folder, ref, view{}); err != nil {
		return err
	}
	trash, err := s.folder(ctx, trashName)
	if err != nil {
		return err
	}
	message := s.me().Messages().ByMessageId(ref)
	if folder == idOf(trash) {
		return failed(message.Delete(ctx, nil))
	}
	to := users.NewItemMessagesItemMovePostRequestBody()
	to.SetDestinationId(trash.GetId())
	_, err = message.Move().Post(repeatable(ctx), to, nil) // moving it again leaves it where it is
	return failed(err)
}
