package graphendpoint

import (
	"context"
	"iter"
	"strings"
	"time"

	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"github.com/dandyroll/dandyroll/endpoint"
)

// What takes more than one request to be made is made in a hidden folder of ours, and moved to its place when it is whole. There is one for
// each day. None of them is part of the mailbox.

// stagingName is the beginning of the names of these folders.
const stagingName = "Dandyroll import"

// isStaging reports whether a folder is one of these.
func isStaging(f models.MailFolderable) bool {
	return isTrue(f.GetIsHidden()) && strings.HasPrefix(text(f.GetDisplayName()), stagingName)
}

// stage returns the hidden folder of today, making it and deleting those of earlier days when it is first needed. Those of
// yesterday stay: another program may be at work, in another time zone.
func (t *transfer) stage(ctx context.Context) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.staging != "" {
		return t.staging, nil
	}
	today := time.Now().UTC()
	wanted := stagingName + today.Format(" 2006-01-02")
	oldest := stagingName + today.AddDate(0, 0, -1).Format(" 2006-01-02")
	found := ""
	for f, err := range t.topFolders(ctx) {
		switch {
		case err != nil:
			return "", err
		case text(f.GetDisplayName()) == wanted:
			found = idOf(f)
		case isStaging(f) && text(f.GetDisplayName()) < oldest:
			if err := t.raze(ctx, idOf(f)); err != nil {
				return "", err
			}
		}
	}
	var err error
	if found == "" {
		found, err = t.makeStaging(ctx, wanted)
	}
	t.staging = found
	return found, err
}

// topFolders yields the folders at the top of the mailbox, hidden ones too.
func (t *transfer) topFolders(ctx context.Context) iter.Seq2[models.MailFolderable, error] {
	hidden, size := "true", int32(100)
	info, err := t.me().MailFolders().ToGetRequestInformation(ctx, &users.ItemMailFoldersRequestBuilderGetRequestConfiguration{
		QueryParameters: &users.ItemMailFoldersRequestBuilderGetQueryParameters{
			IncludeHiddenFolders: &hidden, Select: []string{"id", "displayName", "isHidden"}, Top: &size,
		},
	})
	if err != nil {
		return fault[models.MailFolderable](failed(err))
	}
	return entries[models.MailFolderable](ctx, t.client, info, models.CreateMailFolderCollectionResponseFromDiscriminatorValue)
}

func (t *transfer) makeStaging(ctx context.Context, name string) (string, error) {
	folder, hidden := models.NewMailFolder(), true
	folder.SetDisplayName(&name)
	folder.SetIsHidden(&hidden)
	info, err := t.me().MailFolders().ToPostRequestInformation(ctx, folder, nil)
	if err != nil {
		return "", failed(err)
	}
	return madeID(send[models.MailFolderable](ctx, t.client, info, models.CreateMailFolderFromDiscriminatorValue))
}

// raze deletes a staging folder for good.
func (t *transfer) raze(ctx context.Context, folder string) error {
	err := t.me().MailFolders().ByMailFolderId(folder).PermanentDelete().Post(repeatable(ctx), nil)
	if err = failed(err); hasCode(err, endpoint.NotFound) {
		return nil
	}
	return err
}
