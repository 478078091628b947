package graphendpoint

import (
	"context"

	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"github.com/dandyroll/dandyroll/endpoint"
)

// put writes a message: by the import of mailboxes if it was exported from one, by importMime where that is asked for and possible, else
// as JSON.
//
// What the service refuses of a message is left out and goes as a file; at last, all of the message does.
func (s mailShelf) put(ctx context.Context, folder string, item endpoint.Put) endpoint.PutResult {
	if item.Content.Format() == FastTransfer {
		return s.transfer.put(ctx, folder, item)
	}
	state := stateOf(item.Flags)
	m, err := readMessage(item.Content)
	if err != nil {
		return endpoint.PutResult{Err: err}
	}
	ref, done := "", false
	if s.importMIME && !state.draft {
		ref, done, err = s.importMessage(ctx, folder, item, state)
	}
	for _, form := range []*mimeMessage{m, m.unaddressed(), m.bare()} {
		if done {
			break
		}
		ref, err = s.write(ctx, folder, item, state, form)
		done = !hasCode(err, endpoint.Rejected)
	}
	return endpoint.PutResult{Ref: ref, Dropped: state.dropped, Err: err}
}

// write makes a message of one form. It goes where it belongs in the request that makes it, with its mark, if all of it fits there.
// Otherwise it is made in a hidden folder of ours, gets its attachments, and is moved: nobody sees half of a message, and what a crash
// leaves there counts for nothing.
func (s mailShelf) write(ctx context.Context, folder string, item endpoint.Put, state messageState, form *mimeMessage) (string, error) {
	message := form.json(item, state)
	rest, err := form.include(message)
	if err != nil {
		return "", err
	}
	if len(rest) == 0 {
		return s.createMessage(ctx, folder, message, state.draft)
	}
	staging, err := s.transfer.stage(ctx)
	if err != nil {
		return "", certainlyNot(err)
	}
	id, err := s.createMessage(ctx, staging, message, state.draft)
	if err != nil {
		return "", certainlyNot(err)
	}
	message.SetAttachments(nil) // they take memory
	if err := s.attachAll(ctx, &attachable{path: path("users", s.user, "messages", id), has: len(form.attachments) - len(rest)}, rest); err != nil {
		s.discard(ctx, id)
		return "", certainlyNot(err)
	}
	ref := ""
	err = patiently(ctx, func() (err error) {
		ref, err = s.transfer.move(ctx, id, folder)
		return err
	})
	return ref, err
}

// include puts attachments into the request that makes a message, as many as fit, and returns the others.
func (m *mimeMessage) include(message *models.Message) (rest []attachment, err error) {
	room := maxRequest - m.weight()
	var included []models.Attachmentable
	for _, a := range m.attachments {
		if room < a.weight() {
			rest = append(rest, a)
			continue
		}
		room -= a.weight()
		file, err := a.file()
		if err != nil {
			return nil, err
		}
		included = append(included, file)
	}
	if len(included) > 0 {
		message.SetAttachments(included)
	}
	return rest, nil
}

// createMessage makes a message in a folder. Whether it is a draft is decided here for ever, so it is looked at.
func (s mailShelf) createMessage(ctx context.Context, folder string, message *models.Message, draft bool) (string, error) {
	info, err := s.me().MailFolders().ByMailFolderId(folder).Messages().ToPostRequestInformation(ctx, message, nil)
	if err != nil {
		return "", failed(err)
	}
	made, err := send[models.Messageable](ctx, s.client, info, models.CreateMessageFromDiscriminatorValue)
	id, err := madeID(made, err)
	if err != nil {
		return "", err
	}
	if is := made.GetIsDraft(); is != nil && *is != draft {
		if err := s.deleteForGood(ctx, id); err != nil {
			return "", endpoint.Errorf(endpoint.InDoubt, "the service made a draft, or none, against our will, and does not delete it: %w", err)
		}
		return "", endpoint.Errorf(endpoint.Unsupported, "the service makes a draft of what is none, or the other way round")
	}
	return id, nil
}

// discard deletes a message that is not whole, if that can be done. If not, it goes with the folder in which it is.
func (s mailShelf) discard(ctx context.Context, id string) { _ = s.deleteForGood(ctx, id) }

// deleteForGood deletes a message of ours for good.
func (s mailShelf) deleteForGood(ctx context.Context, id string) error {
	err := failed(s.me().Messages().ByMessageId(id).PermanentDelete().Post(repeatable(ctx), nil))
	if hasCode(err, endpoint.NotFound) {
		return nil
	}
	return err
}
